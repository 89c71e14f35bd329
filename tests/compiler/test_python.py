"""The straight-line executor against the plain interpreter of tapes, and its texts against the declarations."""

import itertools
import math
import random
import re
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from support.compiler_graphs import build, close, sizes
from support.mp_reference import points, within

import autograd as ag
import nn
from autograd import Value
from autograd.compiler import plans
from autograd.compiler.interpret import run_tape, tape_gradients
from autograd.compiler.straightline import PythonPlan, blocks, plan, registers
from autograd.compiler.straightline.sweep import Nodes
from autograd.compiler.tape import Tape, record_tape
from autograd.errors import DomainError
from autograd.op import Op
from autograd.ops import TABLE

EPS = 2.0**-52
PUBLIC = [op for op in TABLE.values() if op.public]


@pytest.fixture(params=["whole", "blocks", "blocks of one"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every graph as one function, as blocks, and as a block for nearly every operation."""
    if request.param != "whole":
        monkeypatch.setattr(plan, "SMALL", -1)
        monkeypatch.setattr(blocks, "SIZE", 12 if request.param == "blocks" else 0)
    return request.param


def bound(tape: Tape, rows: int) -> Any:
    theta = tape.data[tape.parameters].copy()
    return PythonPlan(tape).bind(rows, theta, np.full(len(theta), np.nan))


def check(tape: Tape, batch: Any) -> None:
    """Outputs, gradient, input gradients and a step of SGD are the interpreter's."""
    run = bound(tape, len(batch))
    theta = run.parameters.theta
    rows = run_tape(tape, batch, theta)
    outputs = rows[tape.outputs].T
    slack = 64 * EPS * len(tape)
    magnitude = np.abs(rows[:, :]).max(axis=0)[:, None]
    np.testing.assert_allclose(run.forward(batch), outputs, rtol=slack, atol=slack * magnitude.max())
    adjoints, size = tape_gradients(tape, rows, np.ones(len(batch))), sizes(tape, rows)
    slopes = run.input_gradients(batch)
    assert slopes.shape == batch.shape
    assert close(slopes, adjoints[tape.inputs].T, slack * size[tape.inputs].T)
    mean = run.backward(batch)
    assert mean == pytest.approx(outputs.mean(), rel=slack, abs=slack * magnitude.max())
    expected = adjoints[tape.parameters].mean(axis=1)
    assert close(run.gradient, expected, slack * size[tape.parameters].mean(axis=1))
    gradient = run.gradient.copy()
    assert run.sgd(batch, 0.25) == pytest.approx(mean, rel=1e-13)
    np.testing.assert_allclose(run.parameters.numbers, theta - 0.25 * gradient, rtol=1e-12, atol=1e-300)
    assert [*theta] == [*tape.data[tape.parameters]]  # until it is pushed
    run.parameters.push()
    assert [*theta] == run.parameters.numbers


# one operation at a time ----------------------------------------------------------------------------------------------

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, -2.5, 18.5, -40.0, 1000.0, -1000.0, 1e-310, 1e200, math.inf, -math.inf,
           math.nan]  # fmt: skip


def bits(x: float) -> bytes:
    return struct.pack("d", math.nan if x != x else x)


def operands_of(op: Op) -> list[tuple[float, ...]]:
    """Special points, and ordinary ones."""
    count = op.arity or 3
    special = [*itertools.product(SPECIAL, repeat=count)]
    if len(special) > 300:
        special = random.Random(op.name).sample(special, 300)
    ordinary = [p for p in points(op) if len(p) == count and within(op, p)] if op.name != "take" else []
    return special + random.Random(op.name).sample(ordinary, min(len(ordinary), 40))


def slopes_in_ieee(op: Op, z: float, p: Sequence[float]) -> list[float]:
    if op.arity is not None:
        return [op.partial_on_floats(i, z, p) for i in range(op.arity)]
    with np.errstate(all="ignore"):
        return [float(s) for s in op.partials(np.float64(z), *map(np.float64, p))]  # type: ignore[operator]


BY_HAND = {"tanh", "sigmoid", "pow", "sum", "mean", "product", "dot", "logsumexp"}
"""Where a slope is written otherwise than declared, or a sum is rounded otherwise: equal to a few last places."""


@pytest.mark.parametrize("op", [op for op in TABLE.values() if op.name != "power_derivative"], ids=lambda op: op.name)
@pytest.mark.parametrize("known", [False, True], ids=["variable", "last operand known"])
def test_the_texts_are_the_declarations(op: Op, known: bool) -> None:
    """Bit for bit, errors too: value and slopes of an operation, as generated and as declared."""
    tried = 0
    programs: dict[Any, Any] = {}
    for p in operands_of(op):
        last = p[-1] if known and len(p) > 1 else None
        key = None if last is None else bits(last)
        if key not in programs:
            leaves = [Value(1.0) for _ in (p if last is None else p[:-1])]
            with ag.ieee():
                root = op.apply((*leaves, *([] if last is None else [last])))
            tape = record_tape([root], leaves)
            programs[key] = bound(tape, 1).plan.whole
        whole = programs[key]
        row = p if last is None else p[:-1]
        try:
            z = op.forward(*p)
        except (ValueError, ArithmeticError):
            with pytest.raises((ValueError, ArithmeticError)):
                whole.function("outputs")([], [row])
            continue
        if op.name == "atan2" and p[0] == 0.0 and not p[1] > 0.0:  # it is left to the declarations
            with pytest.raises(ArithmeticError):
                whole.function("outputs")([], [row])
            continue
        ((found,),) = whole.function("outputs")([], [row])
        size = abs(z) if op.name not in ("sum", "mean", "dot") else sum(map(abs, p)) * max(map(abs, p))
        assert near(found, z, size) if op.name in BY_HAND else bits(found) == bits(z), (p, found, z)
        with np.errstate(all="ignore"):
            expected = slopes_in_ieee(op, z, p)[: len(row)]
        try:
            (slopes,) = whole.function("inputs")([], [row])
        except (ValueError, ArithmeticError):
            assert not all(map(math.isfinite, expected)) or any(map(math.isinf, p)), (p, expected)
            continue
        tried += 1
        for slope, true in zip(slopes, expected, strict=True):
            same = near(slope, true, abs(true)) if op.name in BY_HAND else bits(slope) == bits(true)
            assert same, (p, slopes, expected)
    assert tried >= 5


def near(a: float, b: float, size: float) -> bool:
    return a == b or (a != a and b != b) or abs(a - b) <= 4 * EPS * size + 1e-307


# what is no ordinary graph --------------------------------------------------------------------------------------------


def test_outputs_that_are_leaves_or_constants(way: str) -> None:
    w, x = Value(3.0), Value(2.0)
    tape = record_tape([x, w, 1.5, w * x, w * x], [x])
    assert bound(tape, 2).forward(np.array([[4.0], [5.0]])).tolist() == [[4, 3, 1.5, 12, 12], [5, 3, 1.5, 15, 15]]
    for output, slope, to_input in ((x, [], 1.0), (w, [1.0], 0.0), (Value(7.0), [1.0], 0.0), (2.0, [], 0.0)):
        run = bound(record_tape([output], [x]), 1)
        assert run.backward(np.array([[9.0]])) == run.forward(np.array([[9.0]])).item()
        assert run.gradient.tolist() == slope
        assert run.input_gradients(np.array([[9.0]])).tolist() == [[to_input]]
        assert run.sgd([(9.0,)], 0.5) == run.forward([(9.0,)]).item()
    run = bound(record_tape([w * x + w], [x, Value(0.0)], [Value(5.0), w]), 1)  # one input, one parameter not used
    run.backward(np.array([[2.0, 1.0]]))
    assert run.gradient.tolist() == [0.0, 3.0]
    assert run.input_gradients(np.array([[2.0, 1.0]])).tolist() == [[3.0, 0.0]]


def test_no_inputs_no_parameters_no_rows(way: str) -> None:
    w, x = Value(3.0), Value(2.0)
    run = bound(record_tape([w * w], []), 1)
    assert run.backward(np.zeros((1, 0))) == 9.0
    assert run.gradient.tolist() == [6.0]
    assert run.sgd(np.zeros((1, 0)), 0.5) == 9.0
    assert run.parameters.numbers == [0.0]
    run = bound(record_tape([x * x], [x]), 1)
    assert run.backward(np.array([[3.0]])) == 9.0
    assert run.sgd(np.array([[3.0]]), 0.1) == 9.0
    run = bound(record_tape([w * x], [x]), 0)
    assert run.forward(np.zeros((0, 1))).shape == (0, 1)
    assert run.input_gradients(np.zeros((0, 1))).shape == (0, 1)
    for step in (run.backward, lambda batch: run.sgd(batch, 0.1)):
        with pytest.raises(ValueError, match="a batch of no rows is not defined: give at least one row"):
            step(np.zeros((0, 1)))


def test_a_gradient_needs_one_output(way: str) -> None:
    w, x = Value(3.0), Value(2.0)
    run = bound(record_tape([w * x, w + x], [x]), 1)
    assert run.forward(np.array([[5.0]])).tolist() == [[15.0, 8.0]]
    for f in (run.backward, run.input_gradients, lambda batch: run.sgd(batch, 0.1)):
        with pytest.raises(ValueError, match="a gradient needs a program of one output; this one has 2: compile their"):
            f(np.array([[5.0]]))


def test_a_run_bound_to_one_row_is_right_for_more() -> None:
    w, x = Value(3.0), Value(2.0)
    run = bound(record_tape([w * x], [x]), 1)
    assert run.sgd(np.array([[1.0], [3.0]]), 0.5) == 6.0
    assert run.parameters.numbers == [2.0]


def test_another_dtype_is_refused() -> None:
    tape = record_tape([Value(3.0) * 2.0], [])
    with pytest.raises(TypeError, match="theta must be a float64 vector of 1 parameters; got float32"):
        PythonPlan(tape).bind(1, np.zeros(1, np.float32), np.zeros(1, np.float32))


def test_a_long_chain_and_a_sum_of_many_terms(way: str) -> None:
    w, x = Value(1.0), Value(0.5)
    y: Any = x
    for _ in range(1000):
        y = y * w + 1e-4
    run = bound(record_tape([ag.sum([y] + [x * w] * 1000 + [w * 1.0] * 700)], [x]), 1)
    assert run.backward(np.array([[0.5]])) == pytest.approx(0.5 + 0.1 + 500 + 700)
    assert run.gradient.item() == pytest.approx(1000 * 0.5 + 1e-4 * 999 * 1000 / 2 + 500 + 700)


# domains -------------------------------------------------------------------------------------------------------------


def test_a_domain_error_names_the_node_and_the_row(way: str) -> None:
    w, x = Value(1.0, name="w"), Value(2.0, name="x")
    root = ag.log(w * x)
    root.name = "score"
    run = bound(record_tape([root], [x]), 3)
    batch = np.array([[1.0], [-2.0], [3.0]])
    for step in (run.forward, run.backward, run.input_gradients, lambda b: run.sgd(b, 0.1)):
        with pytest.raises(DomainError, match=r"log\(-2.0\) is not defined: its domain is x > 0") as caught:
            step(batch)
        assert caught.value.__notes__ == ["in row 1 of the batch, at 'score' (log)"]
    assert run.parameters.numbers == [1.0]
    plans.forget()
    with ag.compile(root, [x], backend="python").session() as session:
        for good in (batch[::2], batch[::2]):  # a careful step and a quick one
            with pytest.raises(DomainError, match=r"is not defined: its domain is x > 0") as caught:
                session.adam(batch, 0.1)
            assert caught.value.__notes__ == ["in row 1 of the batch, at 'score' (log)"]
            session.adam(good, 1e-3)
    with ag.ieee():
        found = run.forward(batch)
        assert found[0, 0] == 0.0
        assert math.isnan(found[1, 0])
        assert math.isnan(run.backward(batch))
        assert run.gradient.item() == 1.0  # 1 / (w x) times x, in every row


def test_what_the_slopes_do_not_need_is_computed_too(way: str) -> None:
    w, x = Value(-1.0), Value(2.0)
    with ag.ieee():
        tape = record_tape([x + ag.sqrt(w) + ag.where(x, x, ag.log(w))], [x])
    run = bound(tape, 1)
    for step in (run.forward, run.backward, run.input_gradients):
        with pytest.raises(DomainError, match="sqrt"):
            step(np.array([[2.0]]))
    with ag.ieee():
        tape = record_tape([ag.where(x, x, ag.log(w))], [x])
    with pytest.raises(DomainError, match="log"):  # though where does not choose it
        bound(tape, 1).backward(np.array([[2.0]]))


def test_an_infinite_slope_is_no_error(way: str) -> None:
    w, x = Value(1.0), Value(0.0)
    run = bound(record_tape([ag.sqrt(w * x) + w], [x]), 2)
    batch = np.array([[0.0], [4.0]])
    assert run.backward(batch) == 2.0
    assert math.isnan(run.gradient.item())  # inf * 0, as in the eager engine
    assert run.input_gradients(batch).tolist() == [[math.inf], [0.25]]
    power = bound(record_tape([(w * x) ** 0.5], [x]), 1)
    assert power.input_gradients(np.array([[0.0]])).tolist() == [[math.inf]]


def test_overflow_raises_where_the_eager_engine_does(way: str) -> None:
    x = Value(1.0)
    huge = np.array([[1e200]])
    assert bound(record_tape([x * x], [x]), 1).forward(huge).item() == math.inf
    for f in (lambda v: v**2, lambda v: v**2.5, ag.exp):
        with pytest.raises(DomainError):
            f(Value(1e200))
        with pytest.raises(DomainError, match="not defined"):
            bound(record_tape([ag.tanh(f(x))], [x]), 1).forward(huge)


def test_nan_and_inf_as_the_eager_engine(way: str) -> None:
    for f in (ag.relu, ag.tanh, ag.sigmoid, abs, lambda v: ag.maximum(v, 0.0), lambda v: v * 0.0, lambda v: v - v):
        for number in (math.nan, math.inf, -math.inf, -0.0):
            leaf, x = Value(number), Value(1.0)
            root = f(leaf)
            root.backward()
            run = bound(record_tape([f(x)], [x]), 1)
            assert bits(run.forward([(number,)]).item()) == bits(root.data)
            assert bits(run.input_gradients([(number,)]).item() + 0.0) == bits(leaf.grad)  # -0.0 + 0.0 is 0.0


# custom operations, source, steps -------------------------------------------------------------------------------------

EVIL = "x'); import os; ("


def test_operations_of_a_users_own_are_called_as_objects(way: str) -> None:
    cube = ag.custom("cube_of_test", lambda x: x**3, lambda z, x: 3 * x**2)
    choosy = ag.custom("choosy", lambda x, y: int(x) if x > 0 else y, [lambda z, x, y: 1 if x > 0 else 0,
                                                                       lambda z, x, y: 0 if x > 0 else 1])  # fmt: skip
    w, x = Value(2.0), Value(3.0)
    run = bound(record_tape([cube(w) * cube(x) + choosy(x, w)], [x]), 2)
    batch = np.array([[3.0], [-1.0]])
    assert run.forward(batch).tolist() == [[8 * 27 + 3.0], [-8.0 + 2.0]]
    assert run.input_gradients(batch).tolist() == [[8 * 27 + 1.0], [24.0]]
    run.backward(batch)
    assert run.gradient.item() == (12 * 27 - 12 + 1) / 2
    assert "cube" not in run.plan.source
    assert "choosy" not in run.plan.source


def test_no_text_of_a_users_is_in_the_source(way: str) -> None:
    w, x = Value(2.0, name=EVIL), Value(3.0, name="__import__")
    run = bound(record_tape([ag.tanh(w * x) + 0.1], [x]), 1)
    run.backward(np.array([[3.0]]))
    assert "import" not in run.plan.source
    assert "tanh(n3)" in run.plan.source or way != "whole"


def test_the_source_is_the_same_every_time(way: str) -> None:
    graph = build(3)
    tape = record_tape([ag.sum([v for v in graph.outputs if isinstance(v, Value)])], graph.inputs)
    assert PythonPlan(tape).source == PythonPlan(tape).source


def test_the_source_reads_as_one_would_write_it() -> None:
    w, b, x, y = (Value(0.5, name=n) for n in "wbxy")
    run = bound(record_tape([(ag.tanh(w * x + b) - y) ** 2], [x, y]), 1)
    run.sgd([(1.0, 2.0)], 0.1)
    assert (
        run.plan.whole.sources["sgd", True]
        == """\
def sgd(theta, rows, rate):
    w0, w1, = theta
    (x0, x1,), = rows
    n6 = w0*x0 + w1
    n7 = tanh(n6)
    n8 = n7 - x1
    t12 = n7*n7
    g6 = 2.0*n8*(1.0 - t12 if t12 < 0.5 else tanh_slope(n6))
    return n8**2.0, [w0 - rate*(g6*x0), w1 - rate*g6]
"""
    )


def test_what_depends_on_parameters_alone_is_computed_before_the_loop() -> None:
    w, b, x, y = (Value(0.5, name=n) for n in "wbxy")
    error = ag.exp(w) * x + ag.tanh(b * ag.exp(w)) - y
    tape = record_tape([error * error + 0.01 * (w * w + b * b)], [x, y])
    batch = np.random.default_rng(0).normal(size=(5, 2))
    check(tape, batch)
    run = bound(tape, 5)
    for kind in ("outputs", "inputs", "gradient", "sgd", "adam"):
        run.plan.whole.function(kind)
        before, inside = run.plan.whole.sources[kind, False].split("in rows:")
        assert "exp(" in before, kind
        assert "tanh(" in before, kind
        assert "x0" in inside, kind
        assert not {"exp(", "tanh(", "tanh_slope(", "0.01"} & set(re.findall(r"[\w.]+\(?", inside)), kind


def test_steps_of_sgd_and_adam_are_those_of_nn(way: str) -> None:
    plans.forget()
    for one_row in (True, False):
        w, b, x = Value(0.5), Value(-0.25), Value(1.0)
        root = (ag.tanh(w * x + b) - 2.0 * x) ** 2
        tape = record_tape([root], [x])
        rows = [(0.75,)] if one_row else [(0.75,), (-0.5,)]
        for name in ("sgd", "adam"):
            w.data, b.data = 0.5, -0.25
            run = bound(tape, len(rows))
            optimizer: Any = nn.SGD([w, b], 0.1) if name == "sgd" else nn.Adam([w, b], 0.1)
            own = Value(0.5), Value(-0.25)
            program = ag.compile((ag.tanh(own[0] * x + own[1]) - 2.0 * x) ** 2, [x], backend="python")
            with program.session() as session:
                for _ in range(5):
                    loss = ag.mean([(ag.tanh(w * r + b) - 2.0 * r) ** 2 for (r,) in rows])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    assert getattr(session, name)(rows, 0.1) == pytest.approx(loss.data, rel=1e-12)
                    assert [*session.state.numbers] == pytest.approx([w.data, b.data], rel=1e-12)
                    if name == "sgd":
                        assert run.sgd(rows, 0.1) == pytest.approx(loss.data, rel=1e-12)
                        assert run.parameters.numbers == pytest.approx([w.data, b.data], rel=1e-12)


def test_blocks_use_few_variables_again_and_again() -> None:
    x = Value(0.5)
    chain = [x]
    for k in range(3000):
        chain.append(ag.tanh(chain[-1]) * 0.9 + chain[max(0, k - 20)])
    found = blocks.Blocks(Nodes(record_tape([chain[-1]], [])))
    functions, _ = found.sweep("gradient")
    assert len(found.forwards) > 1
    assert all(function.__code__.co_nlocals < 100 for function in (*found.forwards, *functions))


def test_variables_are_given_out_again_after_the_last_use() -> None:
    lines = [("n1", "s0*s1"), ("n2", "sin(n1)"), ("d[3] += ", "n2 + s40*n1")]
    low, high = 0, registers.CHUNK + 11
    *_, first, second, third = registers.as_statements(lines, {"s40": "v[7][9]"}, low, high, 5)
    assert registers.as_statements(lines, {"s40": "v[7][9]"}, low, high, 5)[0].endswith(", = v[5]")
    assert (first, second, third) == ("r1 = sin(r0)", "r2 = v[7][9]", "d[3] += r1 + r2*r0")
    assert registers.as_list(lines[:2], {"s0": "v[0]", "s1": "v[1]"}) == [
        "r0 = v[0]", "r1 = v[1]", "return [(r0 := r0*r1, sin(r0),)]",
    ]  # fmt: skip


def test_the_numbers_and_the_array(way: str) -> None:
    w, x = Value(3.0), Value(2.0)
    theta, gradient = np.array([3.0]), np.zeros(1)
    bound_plan = PythonPlan(record_tape([w * x], [x]))
    one, two = bound_plan.bind(1, theta, gradient), bound_plan.bind(2, theta, gradient)
    assert one.parameters is two.parameters
    assert one.sgd([(2.0,)], 0.5) == 6.0
    assert two.sgd([(1.0,), (3.0,)], 0.5) == 4.0
    assert (two.parameters.numbers, theta.tolist()) == ([1.0], [3.0])
    two.parameters.push()
    assert theta.tolist() == [1.0]
    theta[0] = 8.0
    assert one.backward(np.array([[2.0]])) == 16.0
    assert one.sgd([(2.0,)], 0.5) == 2.0  # of the numbers, not yet pulled
    one.parameters.pull()
    assert one.sgd([(2.0,)], 0.5) == 16.0
    assert bound_plan.bind(1, theta.copy(), gradient).parameters is not one.parameters
