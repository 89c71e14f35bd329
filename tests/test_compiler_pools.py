"""Pools behind a convolution, in the NumPy executor: the columns of its product lie in slabs, one for each corner."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiler_graphs import convolve, dense, flat, leaves
from test_compiler_numpy import bound, check, meaning

import autograd as ag
from autograd import Value
from autograd.compiler.numpy.order import Order
from autograd.compiler.raising import raise_tape
from autograd.compiler.schedule import MatMul, Schedule
from autograd.compiler.tape import record_tape

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
