"""Softmaxes as groups: found where they are, left alone where they are not, equal to what was recorded."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from support.compiler_graphs import EPS, attend, dense, flat, leaves

import autograd as ag
from autograd import Value
from autograd.compiler.interpret import run_schedule, run_tape, tape_gradients
from autograd.compiler.numpy import NumpyPlan
from autograd.compiler.numpy.order import Order
from autograd.compiler.numpy.turned import Turned
from autograd.compiler.raising import raise_tape
from autograd.compiler.schedule import Product, Schedule, Softmax, operands
from autograd.compiler.softmaxes import find_softmaxes
from autograd.compiler.tape import Tape, record_tape


def softmaxes(schedule: Schedule) -> list[Softmax]:
    return [group for group in schedule.groups if isinstance(group, Softmax)]


def check(tape: Tape, batch: Any) -> Schedule:
    """The schedule is in order, its numbers are the tape's, and so are loss and gradients of the NumPy executor."""
    plain = raise_tape(tape)
    found = find_softmaxes(plain)
    with np.errstate(all="ignore"):
        rows = run_tape(tape, batch, tape.data[tape.parameters])
        again = run_schedule(found, batch, tape.data[tape.parameters])
    known = set(np.flatnonzero(found.known)) | set(tape.inputs) | set(tape.parameters)
    assert len(found.constant) == len(found.batched) == len(found.needed) == found.size
    for group in found.groups:
        assert known.issuperset(i for ids in operands(group) for i in ids.ravel().tolist())
        made = group.out.ravel().tolist()
        assert known.isdisjoint(made)
        known.update(made)
        scale = np.abs(rows[np.isfinite(rows)]).max(initial=1.0)
        there = group.out[group.out < len(tape)]
        np.testing.assert_allclose(again[there], rows[there], rtol=256 * EPS, atol=256 * EPS * scale)
    assert known.issuperset(tape.outputs)
    for group in softmaxes(found):
        assert (again[group.out[~group.live]] == 0.0).all()
        assert (group.out[group.live] < len(tape)).all()
    for _ in range(2):
        gradients(tape, plain, rows, batch)
    return found


def gradients(tape: Tape, schedule: Schedule, rows: Any, batch: Any) -> None:
    """The NumPy executor gives the gradients that the tape has."""
    plan = NumpyPlan(schedule)
    run = plan.bind(len(batch), tape.data[tape.parameters][plan.order], np.full(len(plan.order), np.nan))
    with np.errstate(all="ignore"):
        adjoints = tape_gradients(tape, rows, np.ones(len(batch)))
        for _ in range(2):
            assert run.backward(batch) == pytest.approx(rows[tape.outputs[0]].mean(), rel=1e-13, nan_ok=True)
            theta = np.full(len(plan.order), np.nan)
            theta[plan.order] = run.stores["G"][:, 0]
            size = max(1.0, np.abs(adjoints[tape.parameters]).max(initial=1.0))
            expected = adjoints[tape.parameters].mean(1)
            np.testing.assert_allclose(theta, expected, rtol=1e-12, atol=1e-13 * size)
            expected = adjoints[tape.inputs].T
            np.testing.assert_allclose(run.input_gradients(batch), expected, rtol=1e-12, atol=1e-13)


def attention(length: int, causal: bool, heads: int = 2, size: int = 3) -> tuple[list[Value], list[Value]]:
    """Outputs and inputs of heads over one sequence."""
    chance = random.Random(length)
    x = leaves(chance, length, heads * size)
    q, k, v = ([dense(w, None, row) for row in x] for w in (leaves(chance, heads * size, heads * size) for _ in "qkv"))
    results: list[list[Value]] = [[] for _ in x]
    for h in range(0, heads * size, size):
        cut = slice(h, h + size)
        found = attend([r[cut] for r in q], [r[cut] for r in k], [r[cut] for r in v], causal)
        results = [[*row, *more] for row, more in zip(results, found, strict=True)]
    mixed = leaves(chance, 4, heads * size)
    return [value for row in results for value in dense(mixed, None, row)], flat(x)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("rows", [1, 5, 70])
def test_attention_is_two_products_and_a_softmax(causal: bool, rows: int) -> None:
    outputs, inputs = attention(5, causal)
    tape = record_tape([ag.sum([ag.sin(value) for value in outputs])], inputs)
    found = check(tape, np.random.default_rng(0).normal(size=(rows, len(inputs))))
    kinds = [type(group).__name__ for group in found.groups]
    assert kinds == ["MatMul", "Product", "Softmax", "Product", "MatMul", "Elementwise", "Sum"]
    scores, values = (group for group in found.groups if isinstance(group, Product))
    (group,) = softmaxes(found)
    assert (scores.scale, values.scale) == (0.5, 1.0)
    assert group.live.sum() == (2 * 15 if causal else 2 * 25)
    assert sorted(group.x.ravel()) == sorted(scores.out.ravel())
    assert sorted(group.out.ravel()) == sorted(values.x.ravel())


def test_attention_takes_one_exponential_of_what_is_there_and_copies_no_rows() -> None:
    """The results of both products lie as they are read, cells that nobody reads among them."""
    outputs, inputs = attention(5, causal=True)
    tape = record_tape([ag.sum([ag.sin(value) for value in outputs])], inputs)
    plan = NumpyPlan(raise_tape(tape))
    assert [type(group) for group in plan.arranged.groups if isinstance(group, Product)] == [Turned, Turned]
    run = plan.bind(3, tape.data[tape.parameters][plan.order], np.zeros(len(plan.order)))
    run.backward(np.ones((3, len(inputs))))
    lines = [line.strip() for line in plan.source.splitlines()]
    assert [line.count("where=") for line in lines if line.startswith("exp(")] == [1]
    assert not [line for line in lines if '"clip"' in line]
    assert not [line for line in lines if line.startswith(("log1p(", "floor("))]


@pytest.mark.parametrize("lengths", [(3,), (1,), (1, 2, 3, 4), (4, 4), (2, 9)])
def test_softmaxes_of_any_lengths(lengths: tuple[int, ...]) -> None:
    """Of scores that no product makes; shorter ones are padded."""
    inputs = leaves(random.Random(0), sum(lengths))
    w = Value(0.7)
    total, start = [], 0
    for length in lengths:
        shares = ag.softmax([ag.sin(x) * w for x in inputs[start : start + length]])
        total += [ag.square(share - 0.1 * k) for k, share in enumerate(shares)]
        start += length
    found = check(record_tape([ag.sum(total)], inputs), np.random.default_rng(0).normal(size=(4, len(inputs))))
    assert sum(int(group.live.sum()) for group in softmaxes(found)) == sum(lengths)


def test_the_same_score_twice() -> None:
    x, y = Value(0.3), Value(-0.2)
    a, b, c = ag.softmax([ag.sin(x), ag.cos(y), ag.sin(x)])
    found = check(record_tape([a * 2.0 + b * 3.0 + ag.square(c)], [x, y]), np.array([[0.1, 0.2], [-3.0, 1.0]]))
    assert len(softmaxes(found)) == 1
    score = ag.sin(x)
    a, b, c = ag.softmax([score, ag.cos(y), score])
    found = check(record_tape([a * 2.0 + b * 3.0 + ag.square(c)], [x, y]), np.array([[0.1, 0.2], [-3.0, 1.0]]))
    assert len(softmaxes(found)) == 1


def test_what_somebody_else_reads_is_no_softmax() -> None:
    """Nor what only looks like one."""
    x, y, w = Value(0.3), Value(-0.2), Value(0.5)
    scores = [ag.sin(x), ag.cos(y)]
    top = ag.logsumexp(scores)
    powers = [ag.exp(score - top) for score in scores]
    total = powers[0] + powers[1]
    shares = [power / total for power in powers]
    other = ag.logsumexp([*scores, ag.sin(y)])
    cases = [
        shares[0] * 2.0 + shares[1] + top,
        shares[0] * 2.0 + shares[1] + powers[0],
        shares[0] * 2.0 + shares[1] + ag.log(total),
        shares[0] * 2.0,  # the other share is not asked for
        shares[0] * 2.0 + shares[1] + powers[0] / (total + 1.0),
        ag.square(powers[0]) + powers[1],
    ]
    for others in (
        [ag.exp(score - other) for score in scores],  # of three, two are here
        [ag.exp(score - w) for score in scores],
        [ag.exp(score * 2.0 - ag.logsumexp(scores)) for score in scores],
        [ag.exp(ag.logsumexp(scores) - score) for score in scores],
    ):
        added = others[0] + others[1]
        cases.append(others[0] / added * 2.0 + ag.square(others[1] / added))
    batch = np.array([[0.1, 0.2], [-3.0, 1.0]])
    for case in cases:
        assert not softmaxes(check(record_tape([case], [x, y]), batch))
    tape = record_tape([*shares, total], [x, y])
    assert not softmaxes(find_softmaxes(raise_tape(tape)))


def test_parameters_and_constants_among_the_scores() -> None:
    x, w = Value(0.3), Value(0.5)
    batch = np.array([[0.1], [-3.0]])
    for scores in ([w, w * w], [ag.sin(x), w], [ag.sin(x), Value(2.0).detach()], [x, ag.sin(x)], [x]):
        shares = ag.softmax(scores)
        check(record_tape([ag.sum([ag.square(s + 0.1 * k) for k, s in enumerate(shares)]) + x * w], [x], [w]), batch)


SPECIAL = (0.0, 1.0, -800.0, 800.0, 1e308, -1e308, math.inf, -math.inf, math.nan)


@pytest.mark.parametrize("lengths", [(3,), (3, 1, 2)])
def test_infinite_scores_and_nan_give_what_the_engine_gives(lengths: tuple[int, ...]) -> None:
    """Masked scores have no share; of all -inf, and where one is inf or nan, all are nan; then the next batch."""
    inputs = leaves(random.Random(0), sum(lengths))
    shares, start = [], 0
    for length in lengths:
        shares += ag.softmax(inputs[start : start + length])
        start += length
    tape = record_tape(shares, inputs)
    plan = NumpyPlan(raise_tape(tape))
    assert len(softmaxes(plan.arranged.schedule)) == 1
    batch = np.array([[a, b, c, *[c, a, b][: len(inputs) - 3]] for a in SPECIAL for b in SPECIAL for c in SPECIAL])
    run = plan.bind(len(batch), np.zeros(0), np.zeros(0))
    for rows in (batch, np.random.default_rng(0).normal(size=batch.shape), batch[::-1]):
        with np.errstate(all="ignore"):
            expected = run_tape(tape, rows, np.zeros(0))[tape.outputs].T
            np.testing.assert_allclose(run.forward(rows), expected, rtol=1e-13, atol=0.0)


def test_gradients_are_nan_where_the_engine_has_nan() -> None:
    inputs = leaves(random.Random(0), 3)
    shares = ag.softmax(inputs)
    tape = record_tape([shares[0] * 2.0 + shares[1] * 3.0 + ag.square(shares[2])], inputs)
    run = NumpyPlan(raise_tape(tape)).bind(9**3, np.zeros(0), np.zeros(0))
    batch = np.array([[a, b, c] for a in SPECIAL for b in SPECIAL for c in SPECIAL])
    with np.errstate(all="ignore"):
        expected = tape_gradients(tape, run_tape(tape, batch, np.zeros(0)), np.ones(len(batch)))[tape.inputs].T
        found = run.input_gradients(batch)
    assert (np.isnan(found) == np.isnan(expected)).all()
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


def test_an_undefined_softmax_is_reported() -> None:
    inputs = leaves(random.Random(0), 3)
    program = ag.compile(ag.softmax(inputs), inputs=inputs, backend="numpy")
    assert program([[-math.inf, 1.0, 1.0]]).tolist() == [[0.0, 0.5, 0.5]]
    for wrong in ([-math.inf] * 3, [math.inf, 0.0, 1.0]):
        for value, number in zip(inputs, wrong, strict=True):
            value.data = number
        eager = [share.data for share in ag.softmax(inputs)]
        np.testing.assert_array_equal(program([wrong])[0], eager)


def test_one_adds_up_though_a_power_is_tiny() -> None:
    """Shares have all their digits, however small."""
    inputs = leaves(random.Random(0), 3)
    tape = record_tape(ag.softmax(inputs), inputs)
    run = NumpyPlan(raise_tape(tape)).bind(1, np.zeros(0), np.zeros(0))
    found = run.forward(np.array([[0.0, -40.0, -700.0]]))[0]
    np.testing.assert_allclose(found, [1.0, math.exp(-40.0), math.exp(-700.0)], rtol=4 * EPS)


def test_a_turned_product_has_the_cells_it_had() -> None:
    outputs, inputs = attention(4, causal=True)
    schedule = find_softmaxes(raise_tape(record_tape([ag.sum(outputs)], inputs)))
    for old, new in zip(schedule.groups, Order(schedule).groups, strict=True):
        if isinstance(new, Turned):
            assert (new.out.transpose(new.axes) == old.out).all()
            assert (new.x == old.x).all()
