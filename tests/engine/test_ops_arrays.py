"""The array reading: as exact as the float reading, quiet outside the domain, broadcasting; arrays of Values."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from support.mp_reference import LANDMARKS, PAIRED, Point, condition, error, points, truth, within
from support.operations import CONDITIONED, DECLARED, each_op

import autograd as ag
from autograd import Value
from autograd.op import Op


def on_arrays(op: Op, chosen: list[Point]) -> Any:
    """The operation over arrays whose rows are the points."""
    table = np.array(chosen)
    if op.name == "dot":
        n = table.shape[1] // 2
        return ag.dot(table[:, :n], table[:, n : 2 * n])
    return op.array(table) if op.arity is None else op.array(*table.T)


def allowed(op: Op, p: Point) -> float:
    """NumPy adds in an order of its own and rounds every sum, so sums need their condition number here."""
    if op.name in ("sum", "mean", "dot"):
        return 4.0 * max(1.0, condition(op, None, p))
    return op.ulps * (max(1.0, condition(op, None, p)) if (op.name, None) in CONDITIONED else 1.0)


@each_op
def test_arrays_are_as_exact_as_floats(op: Op) -> None:
    by_length = itertools.groupby(sorted(points(op), key=len), key=len)
    for length, group in by_length:
        if op.name == "dot" and length % 2:
            continue
        chosen = list(group)
        for p, z in zip(chosen, on_arrays(op, chosen), strict=True):
            true = truth(op, None, p)
            assert error(z, true) <= op.ulps or error(z, true) <= allowed(op, p), f"{op.name}{p}: {z}, truly {true}"


@each_op
def test_outside_the_domain_arrays_hold_inf_or_nan_and_warn_of_nothing(op: Op) -> None:
    if op.arity is None or op.arity == 4:
        return
    numbers = [*LANDMARKS, math.inf, -math.inf, math.nan] if op.arity == 1 else [*PAIRED, math.inf, -math.inf, math.nan]
    chosen = list(itertools.product(numbers if op.arity < 3 else numbers[::4], repeat=op.arity))
    for p, z in zip(chosen, on_arrays(op, chosen), strict=True):
        if not within(op, p):
            finite = all(map(math.isfinite, p))
            assert not math.isfinite(z) or not finite or op.name == "clip", f"{op.name}{p} is {z}"
        quiet = op.quiet(*p)
        same = quiet == pytest.approx(z, rel=1e-13, abs=1e-320, nan_ok=True)
        assert same or op.name in ("logaddexp", "normal_cdf", "gelu", "silu"), f"{op.name}{p}: {z}, alone {quiet}"


SEQUENCES = {
    "sum": lambda stacked: stacked.sum(0),
    "mean": lambda stacked: stacked.mean(0),
    "product": lambda stacked: stacked.prod(0),
    "logsumexp": lambda stacked: np.log(np.exp(stacked).sum(0)),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_sequence_of_arrays_is_read_element_by_element(name: str) -> None:
    xs = [np.array([0.5, 1.5, 2.5]), np.array([[3.5], [0.25]]), np.array(1.25), np.array([[1.0, 2.0, 0.5]] * 2)]
    together = np.stack(np.broadcast_arrays(*xs))
    assert together.shape == (4, 2, 3)
    result = getattr(ag, name)(xs)
    assert result.shape == (2, 3)
    np.testing.assert_allclose(result, SEQUENCES[name](together), rtol=1e-14)


@each_op
def test_broadcasting(op: Op) -> None:
    if op.arity is None:
        assert op.name == "dot" or op.array(np.full((2, 3), 0.5)).shape == (2,)
        return
    shapes = [(3, 1), (1, 4), (), (4,)]
    assert op.array(*(np.full(shape, 0.5) for shape in shapes[: op.arity])).shape == ((3, 1), (3, 4))[op.arity > 1]


@pytest.mark.parametrize("op", [op for op in DECLARED if op.public and op.arity], ids=lambda op: op.name)
def test_an_array_of_values_goes_element_by_element(op: Op) -> None:
    start = 1.25 if op.name == "acosh" else 0.25
    columns = [np.array([Value(start + 0.25 * i + 0.125 * j) for i in range(3)]) for j in range(op.arity or 0)]
    result = op(*columns)
    assert result.dtype == object
    for row in range(3):
        assert result[row].op is op
        assert all(given[row] is used for given, used in zip(columns, result[row].operands, strict=True))


def test_sequences_of_arrays() -> None:
    rows = np.array([[1.0, 2.0, 3.5], [0.25, -4.0, 1e3]])
    assert list(ag.sum(rows)) == [6.5, 996.25]
    assert list(ag.mean(rows)) == pytest.approx([6.5 / 3, 996.25 / 3])
    assert list(ag.product(rows)) == [7.0, -1000.0]
    assert list(ag.logsumexp(rows)) == pytest.approx([ag.logsumexp(row) for row in rows.tolist()])
    assert ag.softmax(rows).tolist() == [pytest.approx(ag.softmax(row)) for row in rows.tolist()]
    assert list(ag.dot(rows, rows)) == pytest.approx([17.25, 1000016.0625])


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_other_kinds_of_arrays(dtype: type) -> None:
    xs = np.array([1, 2, 3], dtype=dtype)
    assert ag.exp(xs) == pytest.approx(np.exp([1.0, 2.0, 3.0]))
    assert list(ag.reciprocal(xs)) == pytest.approx([1.0, 0.5, 1 / 3])
    assert list(ag.pow(xs, -1)) == pytest.approx([1.0, 0.5, 1 / 3])
    assert list(ag.relu(-xs)) == [0, 0, 0]
    assert list(ag.gelu(xs)) == pytest.approx([ag.gelu(float(x)) for x in xs])


OTHER_ZEROS = {"sign", "floor", "clip"}
"""Of these NumPy's zeros have another sign than Python's: sign(-0.0), floor(-0.0), a clip between zeros."""


@pytest.mark.parametrize("op", [op for op in DECLARED if op.public and op.arity], ids=lambda op: op.name)
def test_zeros_of_arrays_have_the_sign_of_those_of_floats(op: Op) -> None:
    for point in itertools.product((0.0, -0.0, 1.0, -1.0), repeat=op.arity or 0):
        if within(op, point):
            alone, among = op.quiet(*point), float(op.array(*map(np.array, point)))
            if alone == 0.0 and op.name not in OTHER_ZEROS:
                assert math.copysign(1.0, alone) == math.copysign(1.0, among), point
