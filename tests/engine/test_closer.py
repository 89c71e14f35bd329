"""Promises of the engine's core that only mutation testing showed nobody held; see tests/mutation/survivors.md."""

import copy
import math
import operator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from support.operations import PUBLIC, middling

import autograd as ag
from autograd import Value
from autograd.number import NUMPY_NAMES
from autograd.op import Nary, Op, Unary
from autograd.ops import TABLE
from autograd.ops.elementary import ieee_power
from autograd.reverse import steps, topological
from autograd.value import QUICK


def test_steps_twice_are_backward_twice() -> None:
    """Leaves add up; an inner node forgets what the pass before left on it."""
    x = Value(3.0)
    inner = x * x
    root = inner * x + inner.tanh()
    twin = copy.deepcopy(root)
    for _ in range(2):
        root.backward()
        list(steps(twin))
        assert [v.grad for v in topological(twin)] == [v.grad for v in topological(root)]


def test_an_anomaly_of_many_operands_shows_six() -> None:
    with ag.detect_anomaly(), pytest.raises(ag.AnomalyError, match=r"sum\((1e\+308, ){5}1e\+308\) gives inf"):
        ag.sum([Value(1e308)] * 8)


def test_a_rule_of_a_sequence_that_divides_by_zero_gives_inf_and_nan() -> None:
    """As every slope: the value is a number there, so recording it is no error."""
    geometric = Nary(
        "geometric",
        lambda *xs: math.prod(xs) ** (1.0 / len(xs)),
        lambda z, *xs: [z / (len(xs) * x) for x in xs],
    )
    x, y = Value(0.0), Value(2.0)
    node = geometric([x, y, 4.0])
    assert node.data == 0.0
    assert math.isnan(node.partials[0])  # type: ignore[arg-type]
    assert node.partials[1:] == (0.0, None)


def slots(node: Value) -> tuple[Any, ...]:
    return node._a, node._b, node._pa, node._pb


@pytest.mark.parametrize("op", [op for op in PUBLIC if isinstance(op, Unary)], ids=lambda op: op.name)
def test_the_full_way_fills_the_slots_of_one_operand_as_the_quick_way(op: Op) -> None:
    ((x,), _), *_ = middling(op)
    v = Value(x)
    quick = op(v)
    with ag.detect_anomaly():
        assert slots(op(v)) == slots(quick)


@pytest.mark.parametrize("run", [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow])
def test_the_full_way_fills_the_slots_of_two_operands_as_the_quick_way(run: Any) -> None:
    v, w = Value(1.5), Value(2.5)
    for x, y in ((v, w), (v, v), (v, 2.5), (1.5, w)):
        quick = run(x, y)
        with ag.detect_anomaly():
            assert slots(run(x, y)) == slots(quick)


def test_a_ufunc_with_options_is_numpys_own() -> None:
    x, out = Value(2.0), np.empty((), dtype=object)
    assert np.add(x, 3.0, out=out) is out
    assert out[()].data == 5.0
    places = np.array([Value(1.0), Value(2.0)])
    np.add.at(places, [1, 1], x)
    assert [v.data for v in places] == [1.0, 6.0]
    assert np.conjugate(x) is x


@pytest.mark.parametrize("mark", ["__array__", "__array_priority__"])
def test_at_leaves_arrays_of_other_libraries_to_them(mark: str) -> None:
    foreign = type("Foreign", (), {mark: 1.0, "__rmatmul__": lambda self, other: "theirs"})
    assert Value(1.0) @ foreign() == "theirs"


def test_powers_by_exponents_that_have_no_neighbours() -> None:
    """From 2**53 on y - 1 is y, or further away: the slope is the declaration's all the same."""
    pow = TABLE["pow"]
    for y in (2.0**53 - 1.0, 2.0**53, 2.0**53 + 2.0, 2.0**53 + 4.0, 2.0**54, 2.0**60):
        for exponent in (y, -y):
            for k in range(-9, 10):
                x = 1.0 + k * 2.0**-53
                try:
                    expected = pow.partial_on_floats(0, pow.forward(x, exponent), (x, exponent))
                except OverflowError:
                    continue
                assert (Value(x) ** exponent).partials[0] == expected, (x, exponent)


OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@pytest.mark.parametrize("run", OPERATORS)
@pytest.mark.parametrize("x", [Value(1.5), 1.5, 3], ids=["value", "float", "int"])
@pytest.mark.parametrize("y", [Value(2.5), 2.5, 3], ids=["value", "float", "int"])
def test_every_operator_feels_the_mode_from_both_sides(run: Any, x: Any, y: Any) -> None:
    if not isinstance(x, Value) and not isinstance(y, Value):
        return
    with ag.no_grad():
        assert run(x, y).is_leaf
    with ag.detect_anomaly():
        assert "test_closer.py" in run(x, y).where
    assert not hasattr(run(x, y), "where")


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, np.bool_, bool, int])
@pytest.mark.parametrize("run", OPERATORS)
def test_what_a_node_holds_are_pythons_floats(run: Any, kind: Any) -> None:
    v, other = Value(1.5), kind(1)
    for node in (run(v, other), run(other, v)):
        assert {type(x) for x in (node.data, *node.operands, *node.partials)} <= {float, Value, type(None)}


def test_operations_of_two_numbers_are_methods_with_operands_by_place_or_name() -> None:
    def check(v: Any) -> Any:
        assert v.maximum(2.0).data == v.maximum(y=2.0).data == 2.0
        assert v.clip(1.0, high=3.0).data == 1.0
        assert v.exp().data == math.exp(0.5)
        with pytest.raises(TypeError):
            v.exp(1.0)
        return v

    check(Value(0.5))
    ag.jvp(check, (0.5,), (1.0,))


@pytest.mark.parametrize("run", OPERATORS)
def test_a_value_leaves_an_array_to_the_arrays_own_operators(run: Any) -> None:
    reflected = f"__r{run.__name__}__"
    own = type("Own", (np.ndarray,), {reflected: lambda self, other: "its own"})
    assert run(Value(2.0), np.ones(2).view(own)) == "its own"
    assert [v.data for v in run(Value(2.0), np.ones(2))] == [run(2.0, 1.0)] * 2


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (-1e200, 3.0, -math.inf), (-1e200, 2.0, math.inf), (1e200, 3.0, math.inf), (0.0, -1.0, math.inf),
        (-0.0, -1.0, -math.inf), (-0.0, -2.0, math.inf), (-0.0, -0.5, math.inf), (-8.0, 0.5, math.nan),
    ],
)  # fmt: skip
def test_a_power_that_is_no_float_is_that_of_c(x: float, y: float, expected: float) -> None:
    assert repr(ieee_power(x, y)) == repr(expected)


def test_a_slope_whose_power_alone_overflows() -> None:
    """y * x**(y - 1) is a float, x**(y - 1) is not; and the logarithm of 0 has a sign."""
    x = Value(1e-320)
    (x**2.0**-50).backward()
    assert x.grad == pytest.approx(2.0**-50 / 1e-300 * 1e20, rel=1e-3)  # 1e-320 has three digits
    assert TABLE["power_derivative"].forward(0.0, -1.0, 0.0, 1.0) == -math.inf


@pytest.mark.parametrize("index", [-1.0, -0.0, 1.0, 2.0, 3.0, 0.5, math.nan, math.inf])
def test_an_array_s_index_out_of_place_is_nan(index: float) -> None:
    found = TABLE["take"].array(np.array([index, 5.0, 6.0]))
    assert found == [5.0, 6.0][int(index)] if index in (0.0, 1.0) else np.isnan(found)


def test_where_evaluates_a_branch_that_is_a_function_beside_one_that_is_a_number() -> None:
    a, b = Value(1.0), Value(2.0)
    assert ag.where(True, b, lambda: 1 / 0) is b
    assert ag.where(False, b, lambda: a) is a
    assert ag.where(True, lambda: a, b) is a


def test_values_have_the_quick_methods_of_the_public_operations_alone() -> None:
    for op, method in ((op, method) for op, method in QUICK.items() if op.name in TABLE):
        for name in {op.name, NUMPY_NAMES.get(op.name, op.name)}:
            assert (getattr(Value, name, None) is method) == op.public, name


@pytest.mark.parametrize(
    ("name", "at", "away"),
    [
        ("abs", (0.0,), (0.5,)), ("sign", (0.0,), (0.5,)), ("relu", (0.0,), (0.5,)), ("floor", (2.0,), (2.5,)),
        ("round_half_even", (2.5,), (2.0,)), ("negative_part", (0.0,), (0.5,)), ("exceeds", (1.5, 1.5), (1.5, 1.0)),
        ("maximum", (1.5, 1.5), (1.5, 1.0)), ("minimum", (1.5, 1.5), (1.5, 1.0)),
        ("leaky_relu", (0.0, 0.5), (0.5, 0.5)),
        ("clip", (1.0, 1.0, 2.0), (1.5, 1.0, 2.0)), ("clip", (2.0, 1.0, 2.0), (1.5, 1.0, 2.0)),
        ("elu", (0.0, 0.5), (0.5, 0.5)), ("hypot", (0.0, 0.0), (1.0, 0.0)), ("atan2", (0.0, 0.0), (0.0, 1.0)),
        ("where", (0.0, 1.0, 2.0), (1.0, 1.0, 2.0)),
    ],
)  # fmt: skip
def test_a_kink_is_at_distance_zero_where_the_slope_jumps(name: str, at: Any, away: Any) -> None:
    kinks = TABLE[name].kinks
    assert kinks is not None
    assert 0.0 in kinks(*at)
    assert 0.0 not in kinks(*away)


@pytest.mark.parametrize("run", OPERATORS[:-1])  # a Fraction makes itself a float where it is raised to a power
@pytest.mark.parametrize("other", [Fraction(1, 2), Decimal("0.5")], ids=["Fraction", "Decimal"])
def test_numbers_that_are_no_floats_are_refused_on_either_side(run: Any, other: Any) -> None:
    for use in (lambda: run(Value(2.0), other), lambda: run(other, Value(2.0))):
        with pytest.raises(TypeError, match=f"cannot take {type(other).__name__}"):
            use()


def test_the_gradient_of_a_power_at_the_origin_is_zero() -> None:
    x, y = Value(0.0), Value(0.0)
    (x**y).backward()
    assert (x.grad, y.grad) == (0.0, 0.0)


@pytest.mark.parametrize("other", [3, True, np.float64(3.0), np.float32(3.0), np.int64(3)], ids=lambda x: str(type(x)))
def test_dot_takes_every_kind_of_number_beside_values(other: Any) -> None:
    w = Value(2.0)
    node = ag.dot([w, 1.5], [other, 1.0], other)
    node.backward()
    assert node.data == 3.0 * float(other) + 1.5
    assert w.grad == float(other)


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (5, 2, 3, 4)])
def test_sequences_lie_along_the_last_axis_of_arrays_of_any_number_of_axes(shape: tuple[int, ...]) -> None:
    xs = np.arange(1.0, 1.0 + math.prod(shape)).reshape(shape) / 7.0
    shares = ag.softmax(xs)
    assert shares.shape == shape
    assert np.allclose(shares.sum(axis=-1), 1.0)
    assert np.array_equal(ag.dot(xs, xs, 0.5), np.sum(xs * xs, axis=-1) + 0.5)
    assert np.array_equal(ag.take(xs, 2), xs[..., 2])
    indexed = np.concatenate([np.full((*shape[:-1], 1), 3.0), xs], axis=-1)
    assert np.array_equal(TABLE["take"].array(indexed), xs[..., 3])
    assert np.array_equal(ag.where(xs > 1.0, xs, 0.0), np.where(xs > 1.0, xs, 0.0))
    with pytest.raises(TypeError, match="take takes a sequence"):
        ag.take("abc", 0)
    with pytest.raises(TypeError, match="take takes a sequence"):
        ag.take(3.0, 0)
