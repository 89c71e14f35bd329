"""One rule for arrays: what takes a sequence goes along the last axis, or ``axis``, of floats and Values alike."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Value
from autograd.number import Number

CHANCE = np.random.default_rng(5)
REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "mean": np.mean,
    "product": np.prod,
    "logsumexp": lambda x, **where: np.log(np.sum(np.exp(x), **where)),
}
SHAPES = [(3,), (1,), (2, 3), (3, 1), (1, 3), (2, 1, 3), (2, 3, 4)]


def values(x: Any) -> Any:
    """An array of Values of the same numbers."""
    return np.frompyfunc(Value, 1, 1)(x) if np.ndim(x) else Value(float(x))


def mixed(x: Any) -> Any:
    """Every other number of an array as a Value, the rest as floats."""
    out = x.astype(object)
    out.flat[::2] = [Value(float(each)) for each in out.flat[::2]]
    return out


def data(x: Any) -> Any:
    """The numbers behind an array, a list or a number."""
    if isinstance(x, np.ndarray):
        return np.array([data(each) for each in x.flat], dtype=float).reshape(x.shape)
    return [data(each) for each in x] if isinstance(x, list) else x.data if isinstance(x, Number) else float(x)


def axes_of(shape: tuple[int, ...]) -> list[Any]:
    n = len(shape)
    several = [axes for k in (1, 2, 3) if k <= n for axes in itertools.combinations(range(n), k)]
    return [None, *range(-n, n), *several, tuple(reversed(range(n)))]


@pytest.mark.parametrize("kind", [values, mixed])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_are_numpys_along_every_axis(name: str, kind: Callable[..., Any]) -> None:
    op, truth = getattr(ag, name), REDUCTIONS[name]
    for shape in SHAPES:
        x = CHANCE.uniform(-1.5, 1.5, shape)
        for axis, keepdims in itertools.product(axes_of(shape), (False, True)):
            expected = truth(x, axis=axis, keepdims=keepdims)
            of_floats, of_values = op(x, axis=axis, keepdims=keepdims), op(kind(x), axis=axis, keepdims=keepdims)
            assert isinstance(of_floats, np.ndarray) == isinstance(of_values, np.ndarray) == bool(np.ndim(expected))
            assert np.shape(of_floats) == np.shape(data(of_values)) == np.shape(expected)
            np.testing.assert_allclose(of_floats, expected, rtol=1e-13, atol=1e-15)
            np.testing.assert_allclose(data(of_values), expected, rtol=1e-13, atol=1e-15)
        assert np.array_equal(op(x), op(x, axis=-1))
        assert np.array_equal(data(op(kind(x))), data(op(kind(x), axis=-1)))


@pytest.mark.parametrize("kind", [lambda x: x, values, mixed])
def test_softmax_keeps_the_shape_and_adds_to_one(kind: Callable[..., Any]) -> None:
    for shape in SHAPES:
        x = CHANCE.uniform(-3, 3, shape)
        for axis in axes_of(shape):
            shares = ag.softmax(kind(x), axis=axis)
            powers = np.exp(x)
            assert isinstance(shares, np.ndarray)
            np.testing.assert_allclose(data(shares), powers / np.sum(powers, axis=axis, keepdims=True), rtol=1e-13)


@pytest.mark.parametrize("kinds", [*itertools.product([lambda x: x, values, mixed], repeat=2)])
def test_dot_contracts_the_last_axis_and_broadcasts_the_others(kinds: Any) -> None:
    for left, right in [
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3,), (2, 3)),
        ((2, 3), (2, 3)),
        ((4, 1, 3), (2, 3)),
        ((1,), (1,)),
    ]:
        w, x = CHANCE.uniform(-2, 2, left), CHANCE.uniform(-2, 2, right)
        expected = np.sum(w * x, axis=-1)
        bias = CHANCE.uniform(-2, 2, expected.shape)
        for found, truth in (
            (ag.dot(kinds[0](w), kinds[1](x)), expected),
            (ag.dot(kinds[0](w), kinds[1](x), bias if bias.ndim else float(bias)), expected + bias),
            (ag.dot(kinds[0](w), kinds[1](x), Value(2.0)), expected + 2.0),
            (ag.dot(kinds[0](w), kinds[1](x), keepdims=True), expected[..., None]),
            (ag.dot(kinds[0](np.moveaxis(w, -1, 0)), kinds[1](np.moveaxis(x, -1, 0)), axis=0), expected),
            (ag.dot(kinds[0](w), x.tolist() if x.ndim == 1 else x), expected),
        ):
            assert isinstance(found, np.ndarray) == bool(np.ndim(truth))
            np.testing.assert_allclose(data(found), truth, rtol=1e-13, atol=1e-14)
    with pytest.raises(ValueError, match=r"one length"):
        ag.dot(kinds[0](np.ones((2, 1))), kinds[1](np.ones(3)))


@pytest.mark.parametrize("kind", [lambda x: x, values, mixed])
def test_take_goes_along_an_axis_with_an_index_for_each_row(kind: Callable[..., Any]) -> None:
    x = CHANCE.uniform(-2, 2, (2, 3))
    for index in (1, np.array(1), np.array([2, 0]), [2, 0], np.array([2.0, 0.0])):
        rows = np.broadcast_to(np.asarray(index, dtype=int), (2,))
        np.testing.assert_array_equal(data(ag.take(kind(x), index)), x[np.arange(2), rows])
    np.testing.assert_array_equal(data(ag.take(kind(x), [1, 0, 1], axis=0)), x[[1, 0, 1], np.arange(3)])
    np.testing.assert_array_equal(data(ag.take(kind(x[0]), np.array([[1, 2], [0, 0]]))), x[0][[[1, 2], [0, 0]]])
    np.testing.assert_array_equal(data(ag.take(list(kind(x[0])), np.array([1, 2]))), x[0][[1, 2]])
    np.testing.assert_array_equal(data(ag.take(kind(x), Value(1.0))), x[:, 1])


def test_the_gradient_of_a_reduced_array_is_that_of_its_last_axis() -> None:
    M, scale = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([1.0, 10.0])
    value, gradient = ag.value_and_grad(lambda W: ag.sum(ag.sum(W) * scale))(M)
    assert (value, gradient.tolist()) == (83.0, [[1.0, 1.0], [10.0, 10.0]])
    J = ag.jacobian(lambda W: ag.dot(W, np.array([10.0, 1.0])))(M)
    np.testing.assert_array_equal(J, np.einsum("ij,k->ijk", np.eye(2), [10.0, 1.0]))


def test_an_axis_that_is_none_is_refused() -> None:
    for x in (np.ones((2, 3)), values(np.ones((2, 3)))):
        for reduce in (ag.sum, ag.softmax):
            for axis in (2, -3, (0, 5)):
                with pytest.raises(ValueError, match=r"out of range: the array has 2 dimensions"):
                    reduce(x, axis=axis)
            with pytest.raises(ValueError, match=r"comes twice"):
                reduce(x, axis=(0, -2))
            for axis in (1.5, "0", True, [0]):
                with pytest.raises(TypeError, match=r"axis is a whole number"):
                    reduce(x, axis=axis)
        for one in (lambda axis, x=x: ag.dot(x, x, axis=axis), lambda axis, x=x: ag.take(x, 0, axis=axis)):
            with pytest.raises(ValueError, match=r"out of range"):
                one(2)
            with pytest.raises(TypeError, match=r"one whole number"):
                one((0, 1))


def test_a_list_is_one_sequence() -> None:
    assert ag.sum([1, 2.5]) == 3.5
    with pytest.raises(TypeError, match=r"cannot take list \[1.0, 2.0\].*numpy.array"):
        ag.sum([[1.0, 2.0], [3.0, 4.0]])
    for call in (
        lambda: ag.mean([1.0], axis=0),
        lambda: ag.sum([1.0], keepdims=True),
        lambda: ag.softmax([1.0], axis=0),
        lambda: ag.dot([1.0], [1.0], axis=0),
        lambda: ag.take([1.0], 0, axis=0),
    ):
        with pytest.raises(TypeError, match=r"axis= and keepdims= are of arrays.*one sequence"):
            call()
    assert [x.data for x in ag.softmax([Value(0.0), 0.0])] == [0.5, 0.5]
    assert isinstance(ag.softmax([0.0, 1.0]), list)
    rows = [values(np.array([1.0, 2.0])), np.array([3.0, 4.0])]  # arrays in a list are added up element by element
    assert data(ag.sum(rows)).tolist() == [4.0, 6.0]
    assert data(ag.sum([rows[0]] * 100)).tolist() == [100.0, 200.0]


@pytest.mark.parametrize("kind", [np.zeros, lambda shape: np.zeros(shape, dtype=object)])
def test_nothing_is_a_stated_result_or_an_error(kind: Callable[..., Any]) -> None:
    assert data(ag.sum(kind((2, 0)))).tolist() == [0.0, 0.0]
    assert data(ag.product(kind((2, 0)))).tolist() == [1.0, 1.0]
    assert ag.softmax(kind((2, 0))).shape == (2, 0)
    assert ag.mean(kind((0, 2))).shape == (0,)
    for call in (ag.mean, ag.logsumexp, lambda x: ag.dot(x, x)):
        with pytest.raises(ValueError, match=r"empty|is not defined"):
            call(kind((2, 0)))
        with pytest.raises(ValueError, match=r"empty|is not defined"):
            call(kind((0,)))
    with ag.ieee():
        assert np.isnan(data(ag.mean(kind((2, 0))))).all()
        assert data(ag.logsumexp(kind((2, 0)))).tolist() == [-np.inf, -np.inf]


DTYPES = [np.bool_, np.uint8, np.int8, np.int64, np.float16, np.float32, np.longdouble]


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)
def test_numbers_of_every_kind_are_computed_as_float64(dtype: type) -> None:
    x = np.array([[1, 0, 1], [1, 1, 1]], dtype=dtype) * (dtype(1) if dtype is np.bool_ else dtype(120))
    full = x.astype(np.float64)
    for call in (ag.add, ag.mul, ag.sub, ag.maximum, ag.hypot):
        found = call(x, x)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, call(full, full))
        np.testing.assert_array_equal(found, data(call(values(x), values(x))))
    for call in (ag.neg, ag.exp, ag.sum, ag.mean, ag.product, ag.softmax, ag.square, ag.sigmoid):
        with ag.ieee():
            np.testing.assert_array_equal(call(x), call(full))
            assert call(x).dtype == np.float64
            assert type(ag.neg(x[0, 0])) in (float, np.float64)
    assert type(ag.add(dtype(1), dtype(1))) in (float, np.float64)
    assert ag.add(dtype(1), dtype(1)) == 2.0
    assert (Value(1.0) + x[0, 0]).data == 1.0 + float(x[0, 0])


def test_whole_numbers_of_python_are_floats_too() -> None:
    for result in (ag.add(2, 3), ag.maximum(1.5, 2), ag.neg(True), ag.sum([1, 2]), ag.take([1, 2], 1)):
        assert type(result) is float


@pytest.mark.parametrize("wrong", [
    np.array([1j]), np.array(["a"]), np.array([1], dtype="M8[s]"), np.zeros(2, dtype=[("a", float)]),
    np.ma.array([1.0, 2.0], mask=[0, 1]),
], ids=lambda x: str(x.dtype))  # fmt: skip
def test_arrays_of_anything_else_are_refused(wrong: Any) -> None:
    for call in (ag.exp, ag.sum, ag.softmax, lambda x: ag.dot(x, x), lambda x: ag.add(x, 1.0)):
        with pytest.raises(TypeError, match=r"no real numbers|masked"):
            call(wrong)


def test_an_array_of_no_dimensions_is_the_number_in_it() -> None:
    assert ag.exp(np.array(0.0)) == 1.0
    assert not isinstance(ag.exp(np.array(0.0)), np.ndarray)
    v = Value(2.0)
    box = np.array(v, dtype=object)
    assert ag.exp(box).operands == (v,)
    assert ag.mul(box, np.array(3.0)).operands == (v, 3.0)
    assert ag.sum([box, 1.0]).operands == (v, 1.0)
    assert ag.dot([box], [np.array(2)], np.array(1.0)).data == 5.0
    assert ag.where(np.array(True), box, 0.0).data == 2.0
    assert ag.take(np.array([1.0, 2.0]), np.array(1)) == 2.0
    with pytest.raises(TypeError, match=r"takes one sequence"):
        ag.sum(np.array(2.0))
