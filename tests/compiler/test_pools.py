"""Pools in the NumPy executor: a convolution's columns lie in slabs, one for each corner; one relu is left of four."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.compiler_checks import SPECIAL, bound, check, check_kinds, check_order, meaning, same
from support.compiler_graphs import convolve, dense, flat, leaves

import autograd as ag
from autograd import Value
from autograd.compiler.interpret import on_rows, partials_on_rows, run_schedule, run_tape, tape_gradients
from autograd.compiler.numpy.order import Order
from autograd.compiler.numpy.plan import NumpyRun
from autograd.compiler.numpy.relus import relus_last
from autograd.compiler.raising import raise_tape
from autograd.compiler.schedule import MatMul, Schedule
from autograd.compiler.tape import record_tape
from autograd.ops import TABLE

Pool = Callable[[Any, Any, Any, Any], Any]

POOLS: dict[str, tuple[Pool, int]] = {
    "rows": (lambda a, b, c, d: ag.maximum(ag.maximum(a, b), ag.maximum(c, d)), 4),
    "columns": (lambda a, b, c, d: ag.maximum(ag.maximum(a, c), ag.maximum(b, d)), 4),
    "least": (lambda a, b, c, d: ag.minimum(ag.minimum(a, b), ag.minimum(c, d)), 4),
    "of other numbers": (lambda a, b, c, d: ag.maximum(ag.sin(a), ag.sin(b)) / (2.0 + ag.cos(ag.maximum(c, d))), 1),
    "one by one": (lambda a, b, c, d: ag.maximum(ag.maximum(ag.maximum(a, b), c), d), 1),
    "mean": (lambda a, b, c, d: (a + b + c + d) * 0.25, 1),
    "twice": (lambda a, b, c, d: ag.maximum(a, b) + ag.maximum(b, c) + ag.maximum(c, d), 1),
}
"""Pools of the corners of 2 x 2 places, and into how many slabs they cut the columns."""


def pooled(maps: Any, pool: Pool) -> list[Value]:
    """Every map pooled, 2 x 2 places to one."""
    corners = [(i, j) for i in range(0, len(maps[0]) - 1, 2) for j in range(0, len(maps[0][0]) - 1, 2)]
    return [pool(m[i][j], m[i][j + 1], m[i + 1][j], m[i + 1][j + 1]) for m in maps for i, j in corners]


def network(pool: Pool, same: bool = False) -> tuple[Schedule, Any]:
    """3x3 filters over a 6x6 image, relu, the pool, one neuron; and rows with ties, blank images among them."""
    chance = random.Random(0)
    image = leaves(chance, 6, 6)
    found = pooled(convolve(leaves(chance, 2, 3, 3), leaves(chance, 2), image, same), pool)
    (output,) = dense(leaves(chance, 1, len(found)), leaves(chance, 1), found)
    batch = np.random.default_rng(0).normal(size=(5, 36))
    batch[:2], batch[2, ::2] = [[0.0], [-0.0]], 0.0
    return raise_tape(record_tape([ag.tanh(output * 0.1)], flat(image))), batch


def products(schedule: Schedule) -> list[MatMul]:
    return [group for group in Order(schedule).groups if isinstance(group, MatMul)]


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("same", [False, True])
def test_the_columns_that_are_combined_lie_in_slabs(name: str, same: bool) -> None:
    pool, count = POOLS[name]
    schedule, batch = network(pool, same)
    for old, new in zip(schedule.groups, Order(schedule).groups, strict=True):
        assert meaning(old) == meaning(new)
    first = products(schedule)[0]
    assert first.w.shape == (count, 2, 10)
    assert first.x.shape == (count, 10, (36 if same else 16) // count)
    for rows in (1, 5):
        for dtype in (np.float64, np.float32):
            check(schedule, batch[:rows], dtype)


@pytest.mark.parametrize("name", ["rows", "columns", "least"])
def test_operands_that_meet_follow_one_another_in_memory(name: str) -> None:
    schedule, batch = network(POOLS[name][0])
    run = bound(schedule, 5)
    run.backward(batch)
    env = run.backward_function.__globals__
    lines = [line.strip().split("(") for line in run.plan.source.splitlines()]
    pools = [rest for function, rest in lines[1:-1] if function in ("maximum", "minimum") and ",0.0," not in rest]
    assert len(pools) == 2
    for rest in pools:
        assert all(env[word].flags.c_contiguous for word in rest.replace("out=", "").strip(")").split(","))


def test_the_gradient_of_slabs_is_added_up_where_it_belongs() -> None:
    schedule, batch = network(POOLS["rows"][0])
    run = bound(schedule, 5)
    run.backward(batch)
    env = run.backward_function.__globals__
    last = [line.strip() for line in run.plan.source.splitlines() if "addreduce" in line][-2]
    target = env[last.strip(")").split(",")[-1]]
    assert np.shares_memory(target, run.stores["G"])
    assert "bincount" not in run.plan.source


def test_columns_that_are_no_copies_stay_where_they_are() -> None:
    """A layer over samples unrolled by hand reads its columns in place: in slabs they would have to be copied."""
    chance = random.Random(0)
    w, b, samples = leaves(chance, 3, 4), leaves(chance, 3), leaves(chance, 8, 4)
    scores = [dense(w, b, x) for x in samples]
    best = [ag.maximum(p, q) for one, other in zip(scores[::2], scores[1::2], strict=True)
            for p, q in zip(one, other, strict=True)]  # fmt: skip
    schedule = raise_tape(record_tape([ag.sum(best)], flat(samples)))
    assert products(schedule)[0].x.shape == (1, 5, 8)
    check(schedule, np.random.default_rng(0).normal(size=(3, 32)))


def test_many_slabs_are_too_many() -> None:
    """Each is a product of its own: a tree of maxima over 16 places stays at 8 slabs."""
    chance = random.Random(0)
    signal, taps, offset = leaves(chance, 34), leaves(chance, 3), Value(0.5)
    found = [ag.dot(taps, signal[i : i + 3], offset) for i in range(32)]
    while len(found) > 2:
        found = [ag.maximum(a, b) for a, b in zip(found[::2], found[1::2], strict=True)]
    schedule = raise_tape(record_tape([found[0] * found[1]], signal))
    assert products(schedule)[0].x.shape == (8, 4, 4)
    check(schedule, np.random.default_rng(0).normal(size=(3, 34)))


# -- relus behind maxima -----------------------------------------------------------------------------------------------

PAIRS = np.array(list(itertools.product(SPECIAL, repeat=2)))


def relu_pool(choose: Any, a: Value, b: Value) -> Any:
    return choose(ag.relu(a), ag.relu(b))


def relus(run: NumpyRun) -> list[int]:
    """The sizes of the groups of relus that are run."""
    return [len(group.out) for group in run.layout.order.groups if getattr(group, "op", None) is TABLE["relu"]]


READERS: dict[str, Callable[[Any, Value, Value], Any]] = {
    "itself": lambda z, x, y: z,
    "its root": lambda z, x, y: ag.sqrt(z),
    "its reciprocal": lambda z, x, y: 1.0 / z,
    "hidden": lambda z, x, y: ag.where(y, y * y, ag.tanh(z)),
    "compared": lambda z, x, y: ag.where(z, 2.0 * x, 3.0 * y) + ag.sign(z),
}
"""What is made of a pool: adjoints that are inf; a nan that the output does not show."""


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("choose", [ag.maximum, ag.minimum])
def test_a_relu_behind_a_maximum_is_the_same(reader: str, choose: Any) -> None:
    """To the last digit, at ties, for -0.0, inf and nan, row by row: as each stands alone, and all together."""
    x, y, p = Value(1.0), Value(1.0), Value(1.0)
    with ag.ieee():
        root = READERS[reader](relu_pool(choose, p * x, y), x, y)
    tape, program = record_tape([root], [x, y], [p]), ag.compile(root, [x, y], [p], backend="numpy")
    assert relus(bound(raise_tape(tape), 1)) == [1]
    with np.errstate(all="ignore"), ag.ieee():
        rows = run_tape(tape, PAIRS, np.array([1.0]))
        adjoints = tape_gradients(tape, rows, np.ones(len(PAIRS)))
        assert same(program(PAIRS), rows[tape.outputs[0]])
        assert same(program.input_gradients(PAIRS), adjoints[tape.inputs].T)
        for k, row in enumerate(PAIRS):
            loss, slopes = program.value_and_grad(row[None])
            assert same(loss, rows[tape.outputs[0], k])
            assert same(slopes, adjoints[tape.parameters, k]), row
            assert same(program.input_gradients(row[None])[0], adjoints[tape.inputs, k]), row


def test_no_operation_makes_a_number_of_a_nan_and_has_a_slope_there() -> None:
    """What ``relus`` builds on: else the output could hide a nan that the gradient depends on."""
    chance = random.Random(0)
    for op in TABLE.values():
        if op.name == "power_derivative":  # its order is a whole number
            continue
        for count in [op.arity] if op.arity is not None else [2, 3, 4]:
            every = list(itertools.product(SPECIAL, repeat=count))
            numbers = np.array(chance.sample(every, 2000) if len(every) > 2000 else every).T
            with np.errstate(all="ignore"):
                z = on_rows(op, numbers)
                for x, slope in zip(numbers, partials_on_rows(op, z, numbers), strict=True):
                    hidden = np.broadcast_to(slope, z.shape)[np.isnan(x) & ~np.isnan(z)]
                    assert (np.isnan(hidden) | (hidden == 0.0)).all(), op.name


def test_the_relus_of_a_pool_become_one() -> None:
    for name, sizes in (("rows", [8]), ("columns", [8]), ("least", [8]), ("one by one", [32]), ("mean", [32]),
                        ("twice", [32]), ("of other numbers", [32])):  # fmt: skip
        assert relus(bound(network(POOLS[name][0])[0], 5)) == sizes, name


def test_a_schedule_with_moved_relus_is_a_schedule() -> None:
    """As raising gives them: each node made once, before it is read, in a group of its kind, level by level."""
    for name, (pool, _) in POOLS.items():
        schedule, batch = network(pool)
        moved = relus_last(schedule)
        assert (moved is schedule) == (name in ("of other numbers", "one by one", "mean", "twice"))
        check_order(moved)
        check_kinds(moved)
        theta = schedule.tape.data[schedule.tape.parameters]
        found, wanted = (run_schedule(each, batch, theta) for each in (moved, schedule))
        assert same(found[schedule.tape.outputs], wanted[schedule.tape.outputs])


def test_a_relu_that_something_else_reads_stays() -> None:
    a, b, c = leaves(random.Random(0), 3)
    high = ag.maximum(ag.relu(a), ag.relu(b))
    for outputs, sizes in (
        ([high], [1]),
        ([high, ag.sin(high)], [1]),
        ([high, ag.relu(a)], [3]),
        ([ag.maximum(h := ag.relu(a), ag.sin(h))], [1]),
        ([ag.maximum(h := ag.relu(a), ag.relu(b)) * h], [2]),
        ([high, ag.sin(ag.relu(c))], [3]),  # a group of relus stays one
        ([ag.maximum(ag.relu(a), b)], [1]),
        ([ag.maximum(ag.relu(ag.sin(a)), ag.relu(b))], [1]),
    ):
        tape = record_tape(outputs, [a, b, c])
        run = bound(raise_tape(tape), 4)
        assert relus(run) == sizes
        batch = np.random.default_rng(0).normal(size=(4, 3))
        assert same(run.forward(batch), run_tape(tape, batch, np.zeros(0))[tape.outputs].T)


def test_relus_stay_beside_an_operation_of_a_users_own() -> None:
    a, b = Value(1.0), Value(2.0)
    forgive = ag.custom("forgive_nan", lambda x: 0.0 if x != x else x, lambda z, x: 1.0)
    tape = record_tape([forgive(relu_pool(ag.maximum, a, b))], [a, b])
    assert relus(bound(raise_tape(tape), 3)) == [2]


def test_explain_tells_of_moved_relus() -> None:
    chance = random.Random(0)
    image = leaves(chance, 6, 6)
    found = pooled(convolve(leaves(chance, 2, 3, 3), leaves(chance, 2), image, False), POOLS["rows"][0])
    told = ag.compile(ag.sum(found), inputs=flat(image), backend="numpy").explain(8)
    assert told.data["remarks"] == ["32 relus become 8: they run behind the maxima or minima that read them"]
    assert "\n  32 relus become 8: they run behind the maxima" in str(told)
    assert ag.compile(ag.sum(found), inputs=flat(image), backend="python").explain(8).data["remarks"] == []
