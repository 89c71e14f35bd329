"""The jax extra: the same schedule by XLA, equal to the eager engine and the NumPy executor, on one device or eight."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from itertools import product
from typing import Any

import numpy as np
import pytest
from support import ROOT, TESTS
from support.compiler_graphs import EPS, attend, convolve, dense, error_bounds, flat, leaves
from support.small_networks import network

import autograd as ag
from autograd import Value
from autograd.compiler.interpret import run_tape, tape_gradients
from autograd.compiler.raising import raise_tape
from autograd.compiler.tape import record_tape
from autograd.op import Op
from autograd.ops import TABLE

jax = pytest.importorskip("jax", reason="JAX is not installed: pip install 'glassgrad[jax]'")

from autograd.compiler.accelerated import JaxPlan  # noqa: E402
from autograd.compiler.accelerated.gathers import gather, readers  # noqa: E402
from autograd.compiler.accelerated.operations import operation  # noqa: E402


def close(a: Any, b: Any, rtol: float, size: Any = 0.0) -> None:
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.max(size, initial=1e-300), equal_nan=True)


def check(tape: Any, schedule: Any, batch: Any, dtype: Any = np.float64) -> None:
    """Outputs, the gradient and, in float64, those of the inputs are the interpreter's."""
    plan = JaxPlan(schedule, dtype)
    theta = tape.data[tape.parameters]
    gradient = np.full(len(theta), np.nan, dtype)
    run = plan.bind(len(batch), theta[plan.order].astype(dtype), gradient)
    rows = run_tape(tape, batch, theta)
    with np.errstate(all="ignore"):
        allowed = 1e3 if dtype == np.float64 else 1e3 * 2.0**29
        bounds = error_bounds(tape, rows)[tape.outputs].T
        assert (np.abs(run.forward(batch.astype(dtype)) - rows[tape.outputs].T) <= allowed * bounds).all()
        if plan.single:
            adjoints = tape_gradients(tape, rows, np.ones(len(batch)))
            rtol = 1e-9 if dtype == np.float64 else 1e-3
            mean = run.backward(batch.astype(dtype))
            assert abs(mean - rows[tape.outputs[0]].mean()) <= allowed * bounds.mean()
            found = np.empty_like(gradient)
            found[plan.order] = gradient
            expected = adjoints[tape.parameters].mean(axis=1)
            close(found, expected, rtol, np.abs(expected))
            if dtype != np.float64:
                return  # XLA takes a second for every function of a graph
            expected = adjoints[tape.inputs].T
            close(run.input_gradients(batch.astype(dtype)), expected, rtol, np.abs(expected))


# -- equal to the others -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_products_convolutions_attention_and_tables() -> None:
    import random

    chance = random.Random(0)
    x, image = leaves(chance, 2, 2), leaves(chance, 2, 3)
    index = [Value(1.0), Value(2.0)]
    w, b, table = leaves(chance, 2, 2), leaves(chance, 2), leaves(chance, 3, 2)
    q = [dense(w, b, row) for row in x]
    seen = flat(attend(q, x, x, causal=True)) + flat(convolve(leaves(chance, 1, 3, 3), leaves(chance, 1), image, True))
    looked_up = [ag.take([row[d] for row in table], i) for i in index for d in range(2)]
    tape = record_tape([ag.logsumexp(seen) + ag.sum([v * v for v in looked_up])], [*flat(x), *flat(image), *index])
    batch = np.random.default_rng(0).normal(size=(6, len(tape.inputs)))
    batch[:, -2:] = [[0, 1], [2, 2], [1, 0], [0, 0], [2, 1], [1, 1]]
    schedule = raise_tape(tape)
    assert {"MatMul", "Product", "Gather", "Sum", "Elementwise"} <= {type(g).__name__ for g in schedule.groups}
    check(tape, schedule, batch)
    check(tape, schedule, batch, np.float32)


SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 3.0, -7.3, 18.0, -40.0, 700.0, -1000.0, 1e-8, 1e150, -1e150, np.inf,
           -np.inf, np.nan]  # fmt: skip
"""No subnormal numbers: XLA takes them for 0."""

MEASURED = {"pow": 500.0, "atan2": 1e100, "unit_component": 1e100, "angle_slope": 1e100}
"""Beyond this, slopes leave the range of floats on XLA's way (which takes a / b / b for a / (b * b))."""


def columns_of(op: Op) -> list[tuple[float, ...]]:
    """Special operands, row by row."""
    points = [x for x in SPECIAL if not np.isfinite(x) or abs(x) < MEASURED.get(op.name, np.inf)]
    if op.name == "clip":
        return [(x, -1.0, 2.0) for x in points]
    return [(*pair, *[0.5] * (op.arity - 2)) for pair in product(points, repeat=min(op.arity, 2))]


def by_xla(rows: dict[str, Any]) -> dict[str, Any]:
    """Each operation's values and slopes at its rows: all of them compiled together, which XLA is quicker at."""

    def every(columns: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for name, xs in columns.items():
            function = operation(TABLE[name])
            slopes = jax.grad(lambda *xs, f=function: f(*xs).sum(), argnums=tuple(range(len(xs))))
            found[name] = [function(*xs), *slopes(*xs)]
        return found

    with jax_wide():
        return jax.device_get(jax.jit(every)({name: [*np.array(table).T] for name, table in rows.items()}))


@pytest.mark.slow
def test_values_and_slopes_at_special_points() -> None:
    ops = [op for op in TABLE.values() if op.arity and op.name != "power_derivative"]
    rows = {op.name: columns_of(op) for op in ops}
    found = by_xla(rows)
    for op in ops:
        values = [op.quiet(*row) for row in rows[op.name]]
        pairs = list(zip(values, rows[op.name], strict=True))
        slopes = [[op.partial_on_floats(k, z, row) for z, row in pairs] for k in range(op.arity)]
        for got, expected in zip(found[op.name], [values, *slopes], strict=True):
            # XLA's exp loses digits in proportion to its argument: 700 eps at 700
            full = np.broadcast_to(got, len(values))
            np.testing.assert_allclose(full, expected, rtol=2e-13, atol=1e-300, err_msg=op.name)


def jax_wide() -> Any:
    from autograd.compiler.accelerated.plan import _enable_x64

    return _enable_x64(True)


@pytest.mark.slow
def test_sequences_at_special_points() -> None:
    rows = np.array([*product([0.0, 1.0, -2.0, 1000.0], repeat=4), [np.inf, 1.0, 0.0, 1.0], [np.nan, 1.0, 1.0, 1.0],
                     [-np.inf, -np.inf, -np.inf, -np.inf], [2.0, 2.0, 2.0, 2.0], [-1.0, 0.5, 0.5, 1.0]])  # fmt: skip
    names = ["sum", "product", "mean", "logsumexp", "dot", "take"]
    for name, (found, *gradient) in by_xla(dict.fromkeys(names, rows)).items():
        op = TABLE[name]
        values = [op.quiet(*row) for row in rows.tolist()]
        with np.errstate(all="ignore"):
            slopes = [[float(s) for s in op.partials(np.float64(z), *row)] for z, row in zip(values, rows, strict=True)]
        np.testing.assert_allclose(found, values, rtol=1e-14, err_msg=name)
        np.testing.assert_allclose(np.array(gradient).T, slopes, rtol=1e-12, atol=1e-300, err_msg=name)


def test_a_normal_cdf_in_32_bits_and_a_table_of_nothing() -> None:
    x = np.linspace(-5, 5, 11, dtype=np.float32)
    found = operation(TABLE["normal_cdf"])(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [TABLE["normal_cdf"].quiet(float(number)) for number in x], rtol=1e-5)
    assert np.isnan(operation(TABLE["take"])(np.zeros(2))).all()


@pytest.mark.slow
def test_a_gather_and_its_transpose() -> None:
    x = np.arange(12.0, dtype=np.float32).reshape(6, 2)
    for places in ([0, 2, 4], [5, 5, 1, 0, 5], [3] * 40, [1, 0]):
        index = np.array(places)
        adjoint = np.random.default_rng(0).normal(size=(len(index), 2)).astype(np.float32)
        found, back = jax.vjp(lambda x, index=index: gather(x, index), x)
        expected = np.zeros_like(x)
        np.add.at(expected, index, adjoint)
        assert (np.asarray(found) == x[index]).all()
        np.testing.assert_allclose(back(adjoint)[0], expected, rtol=1e-5, atol=1e-6)
    assert readers(np.array([3] * 40), 6) is None  # read by all: a table would be mostly empty
    assert readers(np.array([0, 2]), 3).tolist() == [[0, 2, 1]]


# -- programs ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.full)])
def test_a_program_and_its_training(dtype: str) -> None:
    (ours, batch), (other, _) = network("jax", dtype=dtype), network("numpy", dtype=dtype)
    rtol = 1e-12 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(ours(batch), other(batch), rtol=rtol)
    assert ours(batch).dtype == dtype
    assert ours.backend == "jax"
    np.testing.assert_allclose(ours.input_gradients(batch), other.input_gradients(batch), rtol=rtol, atol=rtol)
    np.testing.assert_allclose(ours.value_and_grad(batch, "sum")[1], other.value_and_grad(batch, "sum")[1], rtol=rtol,
                               atol=rtol)  # fmt: skip
    steps = [lambda s: s.adam(batch, 0.01), lambda s: s.sgd(batch, 0.01, momentum=0.9, nesterov=True),
             lambda s: s.sgd(batch, 0.01)]  # fmt: skip
    for step in steps if dtype == "float64" else steps[:2]:
        losses = []
        for program in (ours, other):
            with program.session() as session:
                losses.append([step(session) for _ in range(10)])
                assert program is other or isinstance(session.state.numbers, jax.Array)
                losses.append(program(batch).tolist())  # the session's numbers
                session.write_gradients()
        np.testing.assert_allclose(losses[0], losses[2], rtol=10 * rtol)
        np.testing.assert_allclose(losses[1], losses[3], rtol=100 * rtol, atol=rtol)
        for a, b in zip(ours.parameters, other.parameters, strict=True):
            np.testing.assert_allclose([a.data, a.grad], [b.data, b.grad], rtol=100 * rtol, atol=10 * rtol)
    assert str(jax.numpy.zeros(1).dtype) == "float32"  # the user's own setting is as it was


def test_a_batch_size_is_its_own_and_explained() -> None:
    program, batch = network("jax")
    other, _ = network("numpy")
    for rows in (1, 7, 16):
        np.testing.assert_allclose(program(batch[:rows]), other(batch[:rows]), rtol=1e-12)
    text = str(program.explain())
    assert "16 rows by jax (float64): it was asked for" in text
    assert "operations, fused by XLA, a step" in text
    assert re.search(r"f64\[\d+,16\] = tanh", program.bound(16).plan.source)


@pytest.mark.slow
def test_domains_nan_and_anomalies() -> None:
    w, x = Value(1.0, name="w"), Value(1.0, name="x")
    program = ag.compile(1.0 / ag.exp(w * x), inputs=[x], backend="jax")
    with pytest.raises(ag.DomainError, match="exp") as found:
        program([[1.0], [1000.0]])  # 1 / inf would pass for 0
    assert "in row 1 of the batch" in found.value.__notes__[0]
    with program.session() as session, pytest.raises(ag.DomainError):
        session.sgd([[1.0], [1000.0]], 0.1)
    with ag.ieee():
        assert program([[1.0], [1000.0]])[1] == 0.0
    with ag.detect_anomaly(), pytest.raises(ag.DomainError):
        program.value_and_grad([[1000.0]])
    line = ag.compile(w * x, inputs=[x], backend="jax")
    assert np.isnan(line([[np.nan]])[0])
    with line.session() as session:
        session.adam([[1.0]], 0.1)
        with pytest.raises(FloatingPointError, match="the loss is nan: no parameter was changed"):
            session.adam([[np.nan]], 0.1)
        session.adam([[1.0]], 0.1)  # the optimiser remembers its steps
        assert session.memory_in_order()[0] == 2
    assert w.data == pytest.approx(0.8)


def test_a_table_looked_up_outside() -> None:
    table, index = [Value(1.0), Value(2.0), Value(3.0)], Value(0.0)
    program = ag.compile(ag.take(table, index).square(), inputs=[index], backend="jax")
    with program.session() as session:
        assert session.sgd([[1.0], [2.0]], 0.1) == 6.5
        with pytest.raises(ag.DomainError, match="take"):
            session.sgd([[1.0], [3.0]], 0.1)
    assert [v.data for v in table] == pytest.approx([1.0, 1.8, 2.7])


def test_what_cannot_be_run() -> None:
    x = Value(1.0)
    cube = ag.custom("cube_for_jax", lambda x: x**3, lambda z, x: 3 * x**2)
    with pytest.raises(ag.CompileError, match="cube_for_jax is an operation of your own"):
        ag.compile(cube(x), inputs=[x], backend="jax")([[1.0]])
    program, _ = network("jax")
    wrong = [(99, ValueError, "devices=99, but JAX has"), ("all", TypeError, "a number of devices"),
             ([], TypeError, "some of jax.devices"), (0, ValueError, "devices=0")]  # fmt: skip
    for devices, error, message in wrong:
        with pytest.raises(error, match=message):
            program.session(devices=devices)
    with pytest.raises(ValueError, match='devices are those of JAX: compile the program with backend="jax"'):
        network("numpy")[0].session(devices=1)


# -- several devices ---------------------------------------------------------------------------------------------------

EIGHT = """
import json, sys
import jax
import numpy as np
sys.path.insert(0, sys.argv[1])
from support.small_networks import network
found = {"devices": len(jax.devices())}
for count in (1, 8):
    program, batch = network("jax")
    with program.session(devices=count) as session:
        losses = [session.adam(batch, 0.05) for _ in range(20)]
        found[f"on {count}"] = len(session.state.numbers.sharding.device_set)
        shares = session.placement.shared(batch).addressable_shards
        found[f"rows on {count}"] = [len(share.data) for share in shares]
        if count == 8:
            try:
                session.adam(batch[:15], 0.05)
            except ValueError as error:
                found["error"] = str(error)
    found[f"losses {count}"] = losses
    found[f"numbers {count}"] = [p.data for p in program.parameters]
print(json.dumps(found))
"""


@pytest.mark.slow
def test_eight_devices_train_as_one() -> None:
    """Data-parallel over eight host devices: the rows are shared, the gradients added up, the numbers the same."""
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, "-c", EIGHT, str(TESTS)], capture_output=True, text=True, timeout=300,
                          env={**os.environ, **flags, "PYTHONPATH": path})  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert [found["devices"], found["on 1"], found["on 8"]] == [8, 1, 8]
    assert [found["rows on 8"], found["rows on 1"]] == [[2] * 8, [16]]
    assert found["losses 8"][-1] < 0.7 * found["losses 8"][0]
    np.testing.assert_allclose(found["losses 8"], found["losses 1"], rtol=1e-12)
    np.testing.assert_allclose(found["numbers 8"], found["numbers 1"], rtol=0, atol=1000 * EPS)
    assert found["error"] == "a batch of 15 rows cannot be shared equally among 8 devices: give it a multiple of 8 rows"
