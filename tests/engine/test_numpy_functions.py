"""NumPy's functions and other libraries' types beside Values: what works is right, what cannot says what to write."""

from __future__ import annotations

import importlib.util
import itertools
import math
import operator
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import ROOT
from support.operations import UFUNCS

import autograd as ag
from autograd import Value
from autograd.op import Unary


def by_hand(*xs: Any) -> Any:
    """An array of objects: whole numbers become Values."""
    return np.array([Value(x) if isinstance(x, int) else x for x in xs], dtype=object)


def given(*xs: Any) -> Any:
    """The same as autograd gives it."""
    return ag.where(np.ones(len(xs)), by_hand(*xs), 0.0)


def data(x: Any) -> Any:
    return [v.data if isinstance(v, Value) else v for v in x]


def test_the_table_in_the_documentation_is_what_the_script_makes() -> None:
    path = ROOT / "docs" / "make_numpy.py"
    spec = importlib.util.spec_from_file_location("make_numpy", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.PAGE.read_text("utf-8") == script.page(), "run `python docs/make_numpy.py`"


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda ufunc: ufunc.__name__)
def test_numpys_functions_on_values(ufunc: Any) -> None:
    op = UFUNCS[ufunc]
    assert isinstance(op, Unary) or op.arity == 2
    start = 1.25 if op.name == "acosh" else 0.25
    xs = [Value(start + 0.25 * i) for i in range(ufunc.nin)]
    alone = ufunc(*xs)
    assert isinstance(alone, Value)
    assert alone.op is op
    assert alone.operands == tuple(xs)
    if ufunc.nin == 2:
        assert ufunc(xs[0], 0.5).data == op.forward(xs[0].data, 0.5)
        assert ufunc(0.5, xs[0]).data == op.forward(0.5, xs[0].data)


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda ufunc: ufunc.__name__)
def test_arrays_from_autograd_record_the_operation_in_any_mixture(ufunc: Any) -> None:
    op, start = UFUNCS[ufunc], 1.25 if ufunc is np.arccosh else 0.25
    rows = [np.array([start + 0.125 * (i + j) for j in range(4)]) for i in range(ufunc.nin)]
    columns = [given(*(Value(x) if j % 2 else float(x) for j, x in enumerate(row))) for row in rows]
    found = ufunc(*columns)
    assert type(found) is type(columns[0])
    for j, each in enumerate(found):
        xs = [column[j] for column in columns]
        if not any(isinstance(x, Value) for x in xs):
            continue
        assert each.data == op.forward(*(x.data if isinstance(x, Value) else x for x in xs))
        twins = [Value(x.data) if isinstance(x, Value) else x for x in xs]
        each.backward()
        op(*twins).backward()
        assert [x.grad for x in xs if isinstance(x, Value)] == [x.grad for x in twins if isinstance(x, Value)]


def test_pipelines_that_mix_values_and_floats() -> None:
    x = np.array([0.2, 0.7, 1.4])
    for f, truth in (
        (lambda V: np.sum(np.exp(np.maximum(V - 0.5, 0))), lambda x: np.where(x > 0.5, np.exp(x - 0.5), 0.0)),
        (lambda V: np.sum(np.sqrt(np.clip(V, 0, 1))), lambda x: np.where(x < 1, 0.5 / np.sqrt(x), 0.0)),
        (lambda V: np.sum(np.log(np.concatenate([V, [1.0]]))), lambda x: 1 / x),
        (lambda V: np.sum(np.tanh(np.where(V > 0.5, V, 0.0))), lambda x: np.where(x > 0.5, 1 - np.tanh(x) ** 2, 0.0)),
        (lambda V: np.sum(np.logaddexp(V, 0.0)), lambda x: 1 / (1 + np.exp(-x))),
        (lambda V: np.sum(np.clip(V, 2.0, 3.0)), lambda x: 0.0 * x),
        (lambda V: np.sum(np.maximum(V, V)), lambda x: 1.0 + 0.0 * x),
        (lambda V: np.sum(np.sinc(V - 0.2)), lambda x: ag.grad(lambda v: ag.sum(np.sinc(v)))(x - 0.2)),
    ):
        np.testing.assert_allclose(ag.grad(f)(x), truth(x), rtol=1e-13)
        np.testing.assert_allclose(ag.jvp(f, (x,), (np.ones(3),))[1], np.sum(truth(x)), rtol=1e-13)


def test_what_is_asked_of_data_is_answered() -> None:
    x = given(1, 2.0, 3)
    y = x + 1e-9
    assert np.isclose(x, y).tolist() == [True] * 3
    assert np.allclose(y, [1, 2, 3])
    assert not np.allclose(x, 2.0)
    np.testing.assert_allclose(x, y)
    with pytest.raises(AssertionError, match="Mismatched elements"):
        np.testing.assert_allclose(x, 1.5 * y)
    assert np.isfinite(x).all()
    assert np.isclose(Value(1.0), 1.0)
    assert np.isfinite(Value(1.0))


def test_interp_gives_numpys_values_and_the_slope_of_its_line() -> None:
    points, heights = np.array([0.0, 1.0, 3.0]), np.array([1.0, 5.0, 4.0])
    at = np.array([-1.0, 0.0, 0.25, 1.0, 2.5, 3.0, 4.0])
    ends = np.interp(at + Value(0.0), points, heights, left=0.5, right=Value(7.0))
    np.testing.assert_array_equal(data(ends), np.interp(at, points, heights, left=0.5, right=7.0))
    found = np.interp(at + Value(0.0), points, heights)
    np.testing.assert_array_equal(data(found), np.interp(at, points, heights))
    slopes = [ag.grad(lambda x: np.interp(x, points, heights) + 0.0 * x)(x) for x in at]
    assert slopes == [0.0, 4.0, 4.0, -0.5, -0.5, -0.5, 0.0]
    J = ag.jacobian(lambda fp: np.interp(at, points, fp))(heights)
    np.testing.assert_allclose(J @ heights, np.interp(at, points, heights), rtol=1e-15)


def test_functions_of_one_value() -> None:
    assert [ag.grad(lambda x: np.clip(x, 0.0, 1.0))(x) for x in (-1.0, 0.0, 0.5, 3.0)] == [0.0, 1.0, 1.0, 0.0]
    assert ag.grad(np.sinc)(0.3) == pytest.approx((math.cos(0.3 * math.pi) - np.sinc(0.3)) / 0.3, rel=1e-14)
    assert (ag.grad(np.sinc)(0.0), ag.grad(ag.grad(np.sinc))(0.0)) == (0.0, pytest.approx(-(math.pi**2) / 3, rel=1e-15))
    assert np.sinc(Value(0.0)).data == 1.0
    assert np.interp(Value(0.25), [0.0, 1.0], [Value(1.0), 3.0]).data == 1.5
    assert np.mean([Value(1.0), 2.0]).data == 1.5
    assert np.shape(Value(1.0)) == ()
    assert np.stack([Value(1.0), Value(2.0)]).shape == (2,)


def test_arrays_of_floats_cannot_be_filled_in_place() -> None:
    y = np.zeros(2)
    with pytest.raises(TypeError, match="dtype=object"):
        y += given(1, 2)
    z = np.zeros(2, dtype=object)
    z += given(1, 2)
    assert data(z) == [1.0, 2.0]
    assert (np.argsort(given(2, 1.0)) + 1).tolist() == [2, 1]


def test_masked_arrays_are_refused_before_the_graph_is_lost() -> None:
    for act in ARITHMETIC:
        with pytest.raises(TypeError, match="masked"):
            act(Value(2.0), np.ma.array([1.0, 2.0], mask=[0, 1]))


def test_what_cannot_work_says_what_to_write() -> None:
    x = given(0.5, 2, 3, 4)
    square = x.reshape(2, 2)
    for call, advice in (
        (lambda: np.linalg.solve(square, x[:2]), r"np\.linalg\.solve does not work on Values: .*autograd\.dot"),
        (lambda: np.linalg.inv(square), r"np\.linalg\.inv .*autograd\.dot"),
        (lambda: np.linalg.det(square), r"a \* d - b \* c"),
        (lambda: np.percentile(x, 20), r"np\.sort"),
        (lambda: np.rint(x), r"autograd\.floor"),
        (lambda: np.exp2(Value(1.0)), r"2\.0 \*\* x"),
        (lambda: np.fft.fft(x), r"docs/numpy\.md"),
        (lambda: np.mod(x, 2.0), r"autograd\.floor"),
        (lambda: math.sin(x[1]), r"autograd\.sin"),
        (lambda: np.zeros(3).__setitem__(0, Value(1.0)), r"dtype=object"),
    ):
        with pytest.raises((TypeError, ValueError)) as caught:
            call()
        text = str(caught.value) + str(caught.value.__cause__)
        assert re.search(advice, text), text


def test_what_numpy_does_itself_on_arrays_made_by_hand() -> None:
    xs = np.array([Value(0.5), Value(-1.5)])
    assert data(np.floor(xs)) == [0.0, -2.0]
    assert data(np.ceil(xs)) == [1.0, -1.0]
    assert data(np.trunc(xs)) == [0.0, -1.0]
    assert not isinstance(np.sign(xs)[0], Value)
    assert np.maximum(np.array([Value(1.0)]), np.array([Value(1.0)]))[0].is_leaf
    with pytest.raises(TypeError, match="float which has no callable exp"):
        np.exp(by_hand(1, 2.0))
    assert [float(each) if not isinstance(each, Value) else each.data for each in ag.exp(by_hand(0, 0.0))] == [1.0, 1.0]


def test_reductions_and_methods_of_ufuncs_on_what_autograd_gives() -> None:
    x = given(1, 2.0, 3)
    assert np.add.reduce(x).data == 6.0
    assert data(np.multiply.accumulate(x)) == [1.0, 2.0, 6.0]
    assert [data(row) for row in np.multiply.outer(x, np.array([1.0, 2.0]))] == [[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]
    out = np.empty(3, dtype=object)
    assert np.exp(x, out=out) is not None
    assert data(out) == [math.exp(1), math.exp(2), math.exp(3)]
    assert (x > 1.5).dtype == bool
    assert type(x > 1.5) is np.ndarray
    assert [type(y) for y in (x[0:2], x + 1.0, x.reshape(3, 1), x.copy())] == [type(x)] * 4


ARITHMETIC = (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow)
KINDS = (np.float16, np.float32, np.float64, np.longdouble, np.int8, np.uint64, np.bool_)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_numbers_of_numpy_beside_values(kind: type) -> None:
    v, x = Value(2.0), kind(1)
    for compare in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
        assert compare(v, x) == compare(2.0, 1.0)
        assert compare(x, v) == compare(1.0, 2.0)
        assert compare(np.array([x]), v).tolist() == [compare(1.0, 2.0)]
    for act in ARITHMETIC:
        assert act(v, x).data == act(2.0, 1.0)
        assert act(x, v).data == act(1.0, 2.0)
        assert act(np.array([x]), v)[0].data == act(1.0, 2.0)


class Money:
    """A type with operators of its own."""

    __array_priority__ = 1000

    def __mul__(self, other: Any) -> Any:
        return ("money", other)

    __rmul__ = __add__ = __radd__ = __sub__ = __rsub__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __mul__


def test_types_with_operators_of_their_own_get_their_turn() -> None:
    v = Value(2.0)
    for number, act in itertools.product((v, ag.Dual(2.0, 1.0, 10**9)), ARITHMETIC):
        assert act(number, Money()) == ("money", number)
        assert act(Money(), number) == ("money", number)
        series = pd.Series([1.0, 4.0], index=["a", "b"])
        for found, expected in ((act(number, series), act(2.0, series)), (act(series, number), act(series, 2.0))):
            assert list(found.index) == ["a", "b"]
            assert [x.data for x in found] == pytest.approx(list(expected))


@pytest.mark.parametrize("other", ["text", None, [1.0], (1.0,), {}, 1j, b"b", object()], ids=lambda x: type(x).__name__)
def test_other_types_are_told_what_to_do(other: Any) -> None:
    for act in ARITHMETIC:
        for call in (lambda act=act: act(Value(2.0), other), lambda act=act: act(other, Value(2.0))):
            with pytest.raises(TypeError, match=r"autograd\.\w+ cannot take \w+ .*: \w+"):
                call()


def test_a_series_is_read_element_by_element_or_as_one_sequence() -> None:
    plain, graph = pd.Series([0.5, 2.0], index=["a", "b"]), pd.Series([Value(0.5), 2.0], index=["a", "b"])
    for series in (plain, graph):
        found = ag.exp(series)
        assert list(found.index) == ["a", "b"]
        assert data(found) == [math.exp(0.5), math.exp(2.0)]
        total = ag.sum(series)
        assert (total.data if isinstance(total, Value) else total) == 2.5
        assert data(ag.softmax(series)) == pytest.approx(ag.softmax([0.5, 2.0]))
    other = pd.Series([10.0, 20.0], index=["b", "a"])
    assert dict(ag.mul(plain, other)) == {"a": 10.0, "b": 20.0}  # by pandas's own alignment
    assert ag.sum(pd.DataFrame({"p": [1.0, 2.0], "q": [3.0, 4.0]})).tolist() == [4.0, 6.0]


def test_what_the_documentation_says_of_arrays_of_values() -> None:
    ws, xs = np.array([Value(1.0), Value(2.0)]), np.array([3.0, 4.0])
    assert (ws @ xs).data == np.sum(ws * xs).data == (ws * xs).sum().data == 11.0
    assert np.mean(ws).data == 1.5
    assert (ws > 1.5).tolist() == [False, True]
    assert all(isinstance(x, Value) for x in (ws + xs, ws - xs, ws * xs, ws / xs, ws**2, -ws, abs(ws))[0])
    beside = Value(2.0) * xs
    assert beside.dtype == object
    assert data(beside) == [6.0, 8.0]
    assert data(np.exp(beside - beside)) == [1.0, 1.0]
