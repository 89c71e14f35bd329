"""The NumPy executor: equal to the interpreters on random graphs, and each of its parts to what it promises."""

from __future__ import annotations

import itertools
import random
import re
import threading
from typing import Any

import numpy as np
import pytest
from support.compiler_checks import SPECIAL, WAYS, bound, check, gradient, meaning, same
from support.compiler_graphs import attend, build, convolve, dense, flat, leaves

import autograd as ag
from autograd import Value
from autograd.compiler.interpret import partials_on_rows, run_tape
from autograd.compiler.numpy import NumpyPlan, blas, emit, functions
from autograd.compiler.numpy.adjoints import Rows
from autograd.compiler.numpy.emit import FUNCTIONS, steps
from autograd.compiler.numpy.order import Order
from autograd.compiler.numpy.sequences import SEQUENCES
from autograd.compiler.numpy.short import SHORT
from autograd.compiler.raising import raise_tape
from autograd.compiler.schedule import (
    Elementwise,
    Gather,
    MatMul,
    Product,
    Schedule,
    Sum,
    Terms,
    elementwise_schedule,
)
from autograd.compiler.tape import record_tape
from autograd.op import Op
from autograd.ops import TABLE

# -- whole programs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_several_outputs_leaves_and_constants(way: str) -> None:
    w, x, y = Value(0.5), Value(1.0), Value(2.0)
    outputs = [w * x + y, x, w, 2.5, w * w, x]
    tape = record_tape(outputs, [x, y])
    batch = np.random.default_rng(0).normal(size=(4, 2))
    run = bound(WAYS[way](tape), 4)
    expected = run_tape(tape, batch, np.array([0.5]))[tape.outputs].T
    first = run.forward(batch)
    np.testing.assert_allclose(first, expected, rtol=1e-15)
    run.forward(batch + 1.0)
    np.testing.assert_allclose(first, expected, rtol=1e-15)  # it was a new array
    for method in (run.backward, run.input_gradients):
        with pytest.raises(ValueError, match="a gradient is that of one output; this program has 6"):
            method(batch)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rows", [1, 4])
def test_an_output_that_is_a_leaf_or_fixed(way: str, rows: int) -> None:
    w, x, unused = Value(0.5), Value(1.0), Value(3.0)
    for output in (w, x, w * w + w, ag.exp(w) * 2.0):
        tape = record_tape([output], [x], [w, unused])
        check(WAYS[way](tape), np.linspace(1.0, 2.0, rows)[:, None])


def test_a_graph_without_parameters_or_without_inputs() -> None:
    x, w = Value(1.0), Value(2.0)
    check(raise_tape(record_tape([ag.sin(x) * x], [x])), np.array([[1.0], [2.0]]))
    check(raise_tape(record_tape([ag.sin(w) * w], [])), np.zeros((2, 0)))


def networks() -> dict[str, tuple[Any, list[Value]]]:
    """Layers, attention, a convolution, an embedding: what raising makes products of."""
    chance = random.Random(0)
    x = leaves(chance, 3)
    w1, b1, w2, b2 = leaves(chance, 5, 3), leaves(chance, 5), leaves(chance, 2, 5), leaves(chance, 2)
    hidden = [ag.relu(v) for v in dense(w1, b1, x)]
    scores = dense(w2, b2, hidden)
    perceptron = ag.logsumexp(scores) - scores[0] + 1e-2 * ag.sum([p * p for p in flat([w1, b1, w2, b2])])
    sequence = leaves(chance, 4, 3)
    q, k, v = ([dense(m, None, row) for row in sequence] for m in (leaves(chance, 2, 3) for _ in range(3)))
    attention = {c: ag.sum([ag.sin(z) for row in attend(q, k, v, c) for z in row]) for c in (True, False)}
    image = leaves(chance, 4, 4)
    features = convolve(leaves(chance, 2, 3, 3), leaves(chance, 2), image, True)
    mixed = [ag.maximum(a, b) for a, b in itertools.pairwise(flat(features))]
    table = leaves(chance, 6, 3)
    letters = [Value(0.0), Value(2.0)]
    rows = [[ag.take(column, letter) for column in table] for letter in letters]
    embedded = ag.sum([ag.tanh(z) for row in rows for z in dense(leaves(chance, 4, 6), leaves(chance, 4), row)])
    fixed = [ag.exp(v) for v in leaves(chance, 3)]
    folded = dense(leaves(chance, 4, 3), leaves(chance, 4), [ag.tanh(v) for v in dense(w1[:3], b1[:3], fixed)])
    return {
        "perceptron": (perceptron, x),
        "fixed layers": (ag.sum([f * ag.tanh(v) for f, v in zip(folded, hidden, strict=False)]), x),
        "attention": (attention[False], flat(sequence)),
        "causal attention": (attention[True], flat(sequence)),
        "convolution": (ag.sum([a * b for a, b in itertools.pairwise(mixed)]), flat(image)),
        "embedding": (embedded, letters),
    }


KINDS = {
    "perceptron": MatMul,
    "fixed layers": MatMul,
    "attention": Product,
    "causal attention": Product,
    "convolution": MatMul,
    "embedding": Gather,
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_networks(name: str, dtype: Any) -> None:
    output, inputs = networks()[name]
    schedule = raise_tape(record_tape([output], inputs))
    assert any(isinstance(group, KINDS[name]) for group in schedule.groups)
    chance = np.random.default_rng(1)
    for rows in (1, 2, 70):
        batch = chance.integers(0, 3, (rows, 2)) if name == "embedding" else chance.normal(size=(rows, len(inputs)))
        run = check(schedule, batch.astype(float), dtype)
        assert {run.stores[store].dtype for store in "TGSV"} == {np.dtype(dtype)}


def test_ordinary_numbers_raise_no_flags() -> None:
    for name, (output, inputs) in networks().items():
        schedule = raise_tape(record_tape([output], inputs))
        batch = np.random.default_rng(1).normal(size=(5, len(inputs)))
        run = bound(schedule, 5)
        with np.errstate(divide="raise", invalid="raise", over="raise"):
            run.backward(np.abs(np.rint(batch)) % 3 if name == "embedding" else batch)


def by_hand(kind: str) -> Schedule:
    """Schedules that raising makes seldom: stacks of products, padding, fixed operands, terms of every kind."""
    p = [Value(v) for v in np.random.default_rng(3).normal(size=12)]
    x = [Value(1.0) for _ in range(6)]
    q = [ag.exp(v) for v in p[:2]]
    s = [ag.sin(v) for v in x[:2]]
    tape = record_tape([*q, *s, *x, *p], x, p)
    base = elementwise_schedule(tape)
    n, zero, one = base.size, base.zero, base.one
    inputs, weights = tape.inputs, tape.parameters
    fixed, varying = tape.outputs[:2], tape.outputs[2:4]
    if kind == "stack":
        w = np.array([[[weights[0], weights[1]], [weights[2], zero]], [[weights[4], weights[5]], [zero, fixed[0]]]])
        columns = [[[inputs[0], inputs[1]], [one, one]], [[inputs[2], varying[0]], [inputs[3], one]]]
        group: Any = MatMul(np.arange(n, n + 8).reshape(2, 2, 2), 2, True, w, np.array(columns))
    elif kind == "in place":
        w = weights[:8].reshape(2, 2, 2)
        columns = [[[inputs[0]], [inputs[1]]], [[inputs[3]], [inputs[2]]]]
        group = MatMul(np.arange(n, n + 4).reshape(2, 2, 1), 1, True, w, np.array(columns))
    elif kind == "product":
        left = np.array([[[inputs[0], inputs[1]]], [[inputs[2], zero]]])
        right = np.array([[[inputs[3], inputs[4]], [varying[0], inputs[1]]], [[inputs[5], inputs[5]], [zero, zero]]])
        group = Product(np.arange(n, n + 4).reshape(2, 1, 2), 2, True, left, right)
    elif kind == "fixed product":
        w, right = weights[:4].reshape(1, 2, 2), np.array([[[weights[4]], [fixed[0]]]])
        group = MatMul(np.arange(n, n + 2).reshape(1, 2, 1), 2, False, w, right)
    else:
        parts = [
            Terms(np.array([weights[:2], [fixed[0], weights[3]]]), None, np.array([[1.0, -1.0], [1.0, 0.5]])),
            Terms(np.array([inputs[:2], inputs[1:3]]), None, np.array([[-1.0, -1.0], [-1.0, -1.0]])),
            Terms(weights[None, 4:6], weights[None, 6:8], np.array([[2.0, 2.0]])),
            Terms(np.array([weights[4:6], fixed]), np.array([inputs[:2], varying]), np.array([[1.0, 2.0], [3.0, 4.0]])),
            Terms(weights[None, 8:10], inputs[None, 2:4], np.array([[-1.0, -1.0]])),
            Terms(inputs[None, :2], inputs[None, 3:5], np.array([[0.5, -2.0]])),
            Terms(inputs[None, 4:6], inputs[None, 4:6], np.array([[0.5, 0.5]])),
        ]
        group = Sum(np.arange(n, n + 2), 2, True, parts, np.array([0.0, 0.25]), np.array([1.0, 0.7]))
    out = group.out.ravel()
    squares = np.arange(n + len(out), n + 2 * len(out))
    total = squares[-1] + 1
    added = Terms(squares[:, None], None, np.ones((len(out), 1)))
    groups = [
        *base.groups,
        group,
        Elementwise(squares, 3, group.batched, TABLE["square"], out[None]),
        Sum(np.array([total]), 4, group.batched, [added], np.zeros(1), np.ones(1)),
    ]
    tape.outputs = np.array([total])
    return base.changed(groups, np.full(2 * len(out) + 1, group.batched))


@pytest.mark.parametrize("kind", ["stack", "in place", "product", "fixed product", "sum"])
@pytest.mark.parametrize("rows", [1, 5])
def test_groups_by_hand(kind: str, rows: int) -> None:
    """Against the slow reading of schedules, the gradient by differences along random directions."""
    from autograd.compiler.interpret import run_schedule

    schedule = by_hand(kind)
    tape = schedule.tape
    chance = np.random.default_rng(0)
    batch, theta = chance.normal(size=(rows, len(tape.inputs))), tape.data[tape.parameters]
    run = bound(schedule, rows)

    def outputs(batch: Any, theta: Any) -> Any:
        return run_schedule(schedule, batch, theta)[tape.outputs[0]]

    np.testing.assert_allclose(run.forward(batch)[:, 0], outputs(batch, theta), rtol=1e-13)
    assert run.backward(batch) == pytest.approx(outputs(batch, theta).mean(), rel=1e-13)
    slopes = run.input_gradients(batch)
    h = 1e-6
    for _ in range(3):
        along, across = chance.normal(size=theta.shape), chance.normal(size=batch.shape)
        rise = (outputs(batch, theta + h * along) - outputs(batch, theta - h * along)).mean() / (2 * h)
        assert gradient(run) @ along == pytest.approx(rise, rel=1e-6, abs=1e-6)
        rises = (outputs(batch + h * across, theta) - outputs(batch - h * across, theta)) / (2 * h)
        np.testing.assert_allclose((slopes * across).sum(1), rises, rtol=1e-6, atol=1e-6)


# -- operations --------------------------------------------------------------------------------------------------------

CONSTANTS: dict[str, list[float]] = {
    "pow": [2.0, 3.0, -1.0, 0.5, 1.0, -0.5, 1.5, 0.0],
    "leaky_relu": [0.01, 1.0, 0.0, 2.0],
}


def special_rows(op: Op) -> Any:
    count = op.arity or 3
    rows = list(itertools.product(SPECIAL, repeat=count))
    return np.array(random.Random(0).sample(rows, 1500) if len(rows) > 1500 else rows)


def check_op(op: Op, rows: Any, last: float | None = None) -> None:
    """Value and slopes of one operation as a program, at every row, against its declaration over arrays."""
    inputs = [Value(0.5) for _ in range(rows.shape[1])]
    with ag.ieee():
        root = op.apply((*inputs, *([] if last is None else [last])))
    run = bound(elementwise_schedule(record_tape([root], inputs)), len(rows))
    columns = [*rows.T, *([] if last is None else [np.full(len(rows), last)])]
    with np.errstate(all="ignore"):
        z = op.array(*columns) if op.arity is not None else op.array(np.stack(columns, -1))
        found = run.forward(rows)[:, 0]
        assert same(found, z)
        slopes = run.input_gradients(rows)
        partials = partials_on_rows(op, z, np.array(columns))[: len(inputs)]
        for k, local in enumerate(partials):
            usual, condition = np.ones(len(rows), bool), np.ones(len(rows))
            if op.name == "logsumexp":  # an infinite operand has a share of 1 and not of nan
                usual, condition = np.isfinite(rows).all(1), 1.0 + np.abs(rows).max(1)
            expected = np.broadcast_to(local, z.shape)
            assert same(slopes[usual, k], expected[usual], condition[usual]), k


@pytest.mark.parametrize("op", [*SHORT, *SEQUENCES], ids=lambda op: op.name)
def test_short_ways_are_the_declarations(op: Op) -> None:
    """At kinks and ties, for 0, inf, nan and where functions saturate."""
    rows = special_rows(op)
    if op.name == "take":
        rows = rows[np.isin(rows[:, 0], [0.0, 1.0])]
    if op.name not in CONSTANTS:
        check_op(op, rows)
    for last in CONSTANTS.get(op.name, []):
        # NumPy's x ** 0.5 is sqrt(x), which is nan at -inf, where C's pow is inf
        rows = np.array([x for x in SPECIAL if x != -np.inf or op.name != "pow"])
        check_op(op, rows[:, None], last)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus", "logsigmoid"])
def test_slopes_keep_their_digits_where_functions_saturate(name: str) -> None:
    x = np.linspace(-350.0, 350.0, 1401)
    check_op(TABLE[name], x[:, None])


def test_the_sigmoid_to_both_ends_and_beyond_in_both_precisions() -> None:
    """Value and slope to a few last places, where they are denormal too; 0 and 1 beyond; and no flag of NumPy's."""
    ends = [-1e5, 1e5, -3e38, 3e38, -np.inf, np.inf]
    leaf = Value(0.5)
    for dtype in (np.float64, np.float32):
        rows = np.concatenate([np.linspace(-760.0, 760.0, 3041), ends])[:, None].astype(dtype)
        run = bound(raise_tape(record_tape([ag.sigmoid(leaf)], [leaf])), len(rows), dtype)
        exact = rows[:, 0].astype(np.longdouble)
        u = np.exp(-np.abs(exact))
        expected = {"forward": np.where(exact < 0, u, 1) / (1 + u), "input_gradients": u / (1 + u) ** 2}
        precision = np.finfo(dtype)
        for what, true in expected.items():
            with np.errstate(divide="raise", invalid="raise", over="raise"):
                found = getattr(run, what)(rows)[:, 0]
            allowed = 4 * precision.eps * true + 2 * precision.smallest_subnormal
            assert (np.abs(found - true) <= allowed).all(), what
            assert (found[-len(ends) :] == true[-len(ends) :].round()).all(), what


def test_an_operation_of_a_users_own() -> None:
    op = ag.custom("exp_numpy_test", lambda x: 2.0 * x, [lambda z, x: 2.0])
    x, w = Value(1.0), Value(3.0)
    check(raise_tape(record_tape([op(x * w) * op(w)], [x])), np.array([[1.0], [2.0], [-1.0]]))


@pytest.mark.parametrize("rows", [1, 6])
def test_a_wrong_index_is_reported_and_gives_nan(rows: int) -> None:
    table, columns = leaves(random.Random(0), 4), leaves(random.Random(0), 2, 3)
    index = Value(0.0)
    for output in (ag.take(table, index), ag.sum([ag.take(column, index) for column in columns])):
        run = bound(raise_tape(record_tape([output], [index])), rows)
        for wrong in (-1.0, 4.0, 1.5, np.nan, np.inf, 1e30):
            batch = np.zeros((rows, 1))
            batch[-1] = wrong
            with np.errstate(all="ignore"):
                found = run.forward(batch)[:, 0]
            assert np.isnan(found[-1])
            assert np.isfinite(found[:-1]).all()
            with np.errstate(invalid="raise"), pytest.raises(FloatingPointError):
                run.forward(batch)
        with np.errstate(all="raise"):
            assert np.isfinite(run.forward(np.zeros((rows, 1)))).all()


@pytest.mark.parametrize("rows", [1, 6])
def test_an_index_may_be_fixed_or_minus_zero(rows: int) -> None:
    """It has one number for all rows then, or other bytes than the row it stands for."""
    x, index, weight = leaves(random.Random(0), 3), Value(0.0), Value(2.0)
    batch = np.random.default_rng(0).normal(size=(rows, 4))
    batch[:, 3] = np.arange(rows) % 3
    batch[-1, 3] = -0.0
    for where in (index, weight, 1.0):
        tape = record_tape([ag.take([ag.sin(v) for v in x], where) * x[0]], [*x, index])
        for way in WAYS.values():
            check(way(tape), batch)


def test_what_is_not_defined_is_reported() -> None:
    x = Value(0.5)
    for output, wrong in ((ag.log(x), -1.0), (1.0 / x, 0.0), (ag.exp(x), 1000.0), (ag.acosh(x + 1.0), -1.0)):
        run = bound(raise_tape(record_tape([output], [x])), 3)
        run.forward(np.full((3, 1), 0.5))
        with np.errstate(divide="raise", invalid="raise", over="raise"), pytest.raises(FloatingPointError):
            run.forward(np.array([[0.5], [wrong], [0.5]]))


# -- parts -------------------------------------------------------------------------------------------------------------


def test_the_order_is_a_permutation_and_keeps_the_groups() -> None:
    """What is permuted is the same group: out by out the same operands, term by term."""
    for seed in range(60):
        graph = build(seed)
        schedule = raise_tape(graph.tape())
        order = Order(schedule)
        assert sorted(order.parameters) == sorted(schedule.tape.parameters)
        assert sorted(order.inputs) == sorted(schedule.tape.inputs)
        for old, new in zip(schedule.groups, order.groups, strict=True):
            assert meaning(old) == meaning(new)


def test_parameters_added_to_what_varies_lie_in_its_order_and_their_gradient_too() -> None:
    """However the sums read them: a table of positions is added as it lies, its gradient is a copy of the totals."""
    chance = random.Random(0)
    inputs, positions = leaves(chance, 6), leaves(chance, 6)
    mixed = [3, 1, 5, 0, 2, 4]
    output = ag.sum([ag.sin(inputs[k] + positions[mixed[k]]) for k in mixed])
    schedule = raise_tape(record_tape([output], inputs, positions))
    for rows in (2, 70):
        check(schedule, np.random.default_rng(0).normal(size=(rows, 6)))
    run = bound(schedule, 3)
    run.backward(np.ones((3, 6)))
    assert "bincount" not in run.plan.source
    assert '"clip"' not in run.plan.source
    env = run.backward_function.__globals__
    totals = [line.strip()[4:-1].split(",") for line in run.plan.source.splitlines() if line.strip().startswith("dot(")]
    assert [(env[y] == 1.0).all() for _, y, _ in totals] == [True]  # over the batch: a product with ones


def test_contributions_that_lie_as_a_table_are_added_where_they_are() -> None:
    """What is read once by each of many, one after the other: no row is copied to be added up."""
    inputs = leaves(random.Random(0), 10)
    shared = [ag.sin(x) for x in inputs[:2]]
    output = ag.sum([ag.cos(shared[i % 2] * x) for i, x in enumerate(inputs[2:])])
    schedule = raise_tape(record_tape([output], inputs))
    check(schedule, np.random.default_rng(0).normal(size=(4, 10)))
    run = bound(schedule, 4)
    run.input_gradients(np.ones((4, 10)))
    env = run.input_function.__globals__
    tables = [env[name] for name in re.findall(r"addreduce\((\w+),0", run.plan.source)]
    assert [np.shares_memory(table, env["EV"]) for table in tables if table.shape == (4, 2, 4)] == [True]


def test_weights_are_matrices_in_memory_and_their_gradient_is_written_in_place() -> None:
    chance = random.Random(0)
    inputs = leaves(chance, 4)  # the last one is no input of the first layer
    hidden = [ag.relu(v) for v in dense(leaves(chance, 5, 3), leaves(chance, 5), inputs[:3])]
    output = ag.sum([ag.square(v - inputs[3]) for v in dense(leaves(chance, 2, 5), leaves(chance, 2), hidden)])
    run = check(raise_tape(record_tape([output], inputs)), np.random.default_rng(0).normal(size=(4, 4)))
    run = bound(raise_tape(record_tape([output], inputs)), 4)
    run.backward(np.ones((4, 4)))
    lines = [line.strip() for line in run.plan.source.splitlines()]
    env = run.backward_function.__globals__
    weights = [env[line[4:].split(",")[0]] for line in lines if line.startswith("dot(")]
    assert any(np.shares_memory(w, run.stores["T"]) for w in weights)
    targets = [env[line[:-1].split(",")[-1]] for line in lines if line.startswith("dot(")]
    assert sum(np.shares_memory(target, run.stores["G"]) for target in targets) == 2  # both layers
    assert not any('"clip"' in line or "bincount" in line for line in lines)  # nothing is gathered


def test_contributions_that_come_apart_are_written_in_place() -> None:
    """A max pool reads every number once, half of them as its first operand: their adjoints need no gathering."""
    chance = random.Random(0)
    x = leaves(chance, 3)
    features = [ag.tanh(v) for v in dense(leaves(chance, 8, 3), leaves(chance, 8), x)]
    pooled = [ag.maximum(a, b) for a, b in zip(features[::2], features[1::2], strict=True)]
    run = check(raise_tape(record_tape([ag.sum(pooled)], x)), np.random.default_rng(0).normal(size=(4, 3)))
    run.backward(np.ones((4, 3)))
    assert '"clip"' not in run.plan.source


@pytest.mark.parametrize("seed", [62, 87])
def test_a_products_contributions_that_come_apart_go_to_a_block_of_their_own(seed: int) -> None:
    """Of these graphs a product reads rows in steps: BLAS takes such an operand, but writes no such result."""
    graph = build(seed)
    chosen = [w for i, w in enumerate(graph.weights) if (seed + i) % 4] if seed % 3 == 0 else None
    loss = ag.sum([v for v in graph.outputs if isinstance(v, Value)])
    check(raise_tape(record_tape([loss], graph.inputs, chosen)), graph.batch(3, seed))


def test_the_source_holds_made_names_and_numbers_alone() -> None:
    evil = ag.custom("__import__", lambda x: x * 1.0, [lambda z, x: 1.0])
    x, w = Value(1.0, name="x'); import os; ('"), Value(2.0, name='"""\nraise SystemExit')
    run = bound(raise_tape(record_tape([evil(x * w) + 0.1], [x])), 3)
    run.backward(np.ones((3, 1)))
    words = set(re.findall(r"[A-Za-z_]\w*", run.plan.source))
    allowed = set(FUNCTIONS) | {
        "def",
        "backward",
        "X",
        "return",
        "out",
        "fill",
        "float",
        "loss_row",
        "item",
        "clip",
        "no",
        "None",
        "True",
    }
    assert {word for word in words if not re.fullmatch(r"v\d+", word)} <= allowed


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 3])
def test_long_programs_are_tables_of_calls(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def bare(line: str) -> str:  # the source shows numbers where the calls have names for them
        return re.sub(r"(?<=[(,=])[^(),=]+", "_", line)

    entry, entered = functions.entry, []

    def seen(line: str, env: dict[str, Any]) -> Any:
        entered.append(line)
        return entry(line, env)

    monkeypatch.setattr(functions, "LONG", 3)
    monkeypatch.setattr(functions, "entry", seen)
    for name, (output, inputs) in networks().items():
        entered.clear()
        batch = np.random.default_rng(0).normal(size=(rows, len(inputs)))
        run = check(raise_tape(record_tape([output], inputs)), np.rint(batch) % 3 if name == "embedding" else batch)
        lines = [line for line in run.plan.source.split("\n    ")[1:-1] if "X" not in line]  # it ends with "return"
        assert [*map(bare, entered[-len(lines) :])] == [*map(bare, lines)]
    for seed in range(20):
        graph = build(seed)
        if isinstance(graph.outputs[0], Value):
            tape = record_tape([ag.tanh(graph.outputs[0] * 1e-3)], graph.inputs)
            batch = graph.batch(rows, seed)
            if np.isfinite(run_tape(tape, batch, tape.data[tape.parameters])).all():
                check(raise_tape(tape), batch)


def test_even_rows_are_views() -> None:
    assert steps(np.array([[3, 5], [4, 6]])) == [1, 2]
    assert steps(np.array([[3, 5], [4, 7]])) is None
    assert steps(np.array([7])) == [0]
    store = np.arange(40.0).reshape(20, 2)
    for rows in ([3, 4, 5], [3, 5, 7], [4, 4, 4], [9, 6, 3], [[0, 2], [1, 3]], [[1, 2, 3], [11, 12, 13]]):
        for form in ("rows", "mat"):
            asked = np.array(rows)
            if asked.ndim == 1 and form == "mat":
                continue
            maker = emit.Emitter({"V": 2}, np.float64)
            name = maker.take("V", asked, form)
            env = maker.environment({"V": store})
            for line in maker.lines:
                exec(line, env)
            expected = store[asked] if form == "rows" else store[asked].reshape(*asked.shape[:-1], -1)
            assert np.array_equal(env[name], expected)
            assert np.shares_memory(env[name], store) or maker.lines


def test_rows_are_never_given_out_twice() -> None:
    chance = random.Random(0)
    rows, taken = Rows(), {}
    for _ in range(3000):
        if taken and chance.random() < 0.5:
            start = chance.choice(list(taken))
            rows.give(start, taken.pop(start))
        else:
            size = chance.randint(1, 9)
            start = rows.take(size)
            assert all(start + size <= other or other + many <= start for other, many in taken.items())
            assert start + size <= rows.high
            taken[start] = size
    for start, size in taken.items():
        rows.give(start, size)
    assert rows.free == {0: rows.high}


def test_contribution_rows_are_used_again() -> None:
    """A chain of layers needs the rows of a few layers and not of all."""
    chance = random.Random(0)
    inputs: list[Any] = leaves(chance, 8)
    x = inputs
    for _ in range(30):
        x = [ag.tanh(v) for v in dense(leaves(chance, 8, 8), leaves(chance, 8), x)]
    run = check(raise_tape(record_tape([ag.sum(x)], inputs)), np.random.default_rng(0).normal(size=(5, 8)))
    rows = {len(v.base) for k, v in run.backward_function.__globals__.items() if k == "EV" for v in [v[:1]]}
    assert max(rows) < 80 < run.stores["V"].shape[0]


def test_vectors_of_a_wrong_kind_are_refused() -> None:
    x, w = Value(1.0), Value(2.0)
    plan = NumpyPlan(raise_tape(record_tape([x * w], [x])))
    good = np.zeros(1)
    with pytest.raises(ValueError, match="theta must be a float64 vector of 1 parameters; got float32 of shape"):
        plan.bind(2, np.zeros(1, np.float32), good)
    with pytest.raises(ValueError, match="gradient must be a float64 vector of 1 parameters; got float64 of shape"):
        plan.bind(2, good, np.zeros(2))
    with pytest.raises(ValueError, match="a batch has at least one row; got a batch size of 0"):
        plan.bind(0, good, good)


def test_runs_share_the_parameters() -> None:
    x, w = Value(1.0), Value(2.0)
    plan = NumpyPlan(raise_tape(record_tape([x * w], [x])))
    theta, found = np.array([3.0]), np.zeros(1)
    one, two = plan.bind(1, theta, found), plan.bind(2, theta, found)
    assert one.backward(np.array([[5.0]])) == 15.0
    assert found == 5.0
    theta[0] = 4.0
    assert two.backward(np.array([[5.0], [7.0]])) == 24.0
    assert found == 6.0


# -- BLAS --------------------------------------------------------------------------------------------------------------


def test_products_of_moderate_size_run_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    threads = [4]

    def put(n: int) -> None:
        told.append(n)
        threads[0] = n

    monkeypatch.setattr(blas, "controls", lambda: (lambda: threads[0], put))
    assert blas.guard(1000) is None
    assert blas.guard(2**30) is None
    context = blas.guard(2**20)
    assert context is not None
    with context, context:
        assert threads == [1]
    assert told == [1, 4]
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with context:
            inside.set()
            leave.wait()

    other = threading.Thread(target=hold)
    other.start()
    inside.wait()
    with context:
        pass
    assert threads == [1]  # the other one is still inside
    leave.set()
    other.join()
    assert threads == [4]


def test_the_threads_of_the_real_library_are_put_back() -> None:
    found = blas.controls()
    if found is None:
        pytest.skip("NumPy's BLAS is not an OpenBLAS that lies beside it")
    get, put = found
    before = get()
    try:
        put(2)
        with blas.OneThread():
            assert get() == 1
        assert get() == 2
    finally:
        put(before)


def test_a_large_layer_is_guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes_seen: list[int] = []
    monkeypatch.setattr("autograd.compiler.numpy.plan.guard", lambda size: sizes_seen.append(size))
    chance = random.Random(0)
    x = leaves(chance, 10)
    output = ag.sum([ag.tanh(v) for v in dense(leaves(chance, 20, 10), None, x)])
    bound(raise_tape(record_tape([output], x)), 30).backward(np.zeros((30, 10)))
    assert sizes_seen == [20 * 10 * 30]
