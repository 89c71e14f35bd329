"""All derivative functions tell one story: random functions of random structures, 0 * inf, kinks that cancel."""

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd import GraphError, Value, grad, hessian, hvp, jacobian, jvp, tree, value_and_grad, vjp

Function = Callable[[Any], Any]

# random functions of random structures -------------------------------------------------------------------------------

numbers = st.floats(-2.0, 2.0).map(lambda x: round(x, 3) + 0.0005)
shapes = st.sampled_from([(), (1,), (3,), (2, 3), (3, 1), (2, 1, 2)])


@st.composite
def arrays(draw: Any) -> Any:
    shape = draw(shapes)
    size = math.prod(shape)
    return np.array(draw(st.lists(numbers, min_size=size, max_size=size))).reshape(shape)


structures = st.recursive(
    numbers | arrays(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.sampled_from("abc"), inner)
    ),
    max_leaves=4,
)
STEPS: list[Callable[[Any, Any], Any]] = [
    lambda x, y: x + y,
    lambda x, y: x * y,
    lambda x, y: x - 0.5 * y * y,
    lambda x, y: ag.sin(x) * y,
    lambda x, y: ag.tanh(x + y),
    lambda x, y: ag.exp(0.3 * x) + y,
    lambda x, y: ag.hypot(x, 1.0 + y * y),
    lambda x, y: ag.logaddexp(x, y),
    lambda x, y: x**2 + y,
    lambda x, y: ag.dot([x, y], [y, 0.5]),
]


def random_function(seed: int, outputs: Any) -> Function:
    """A smooth function of the numbers of a structure, in the same steps for every call, results in a structure."""

    def f(p: Any) -> Any:
        chance = random.Random(seed)
        pool = [*tree.leaves(p), 0.7]
        for _ in range(6):
            pool.append(chance.choice(STEPS)(chance.choice(pool), chance.choice(pool)))
        pool.append(ag.sum(pool))
        return tree.rebuild(outputs, lambda x, path: pool[-1] * chance.uniform(0.5, 2.0) + chance.choice(pool))

    return f


def flat(structure: Any) -> list[float]:
    return [float(x) for x in tree.leaves(structure)]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(structures, structures, st.integers(0, 10**6))
def test_derivative_functions_agree_with_one_another_and_with_differences(p: Any, out: Any, seed: int) -> None:
    f, scalar = random_function(seed, out), random_function(seed, 0.0)
    xs, n, m = flat(p), len(flat(p)), len(flat(out))
    if not n:
        assert flat(jacobian(f)(p)) == []
        return
    rows = np.reshape(flat(jacobian(f)(p)), (m, n))
    chance = random.Random(seed)
    v, w = ([chance.uniform(-1.0, 1.0) for _ in range(k)] for k in (n, m))
    tangent, cotangent = tree.refill(p, v), tree.refill(out, w)
    y, along = jvp(f, (p,), (tangent,))
    assert flat(y) == pytest.approx(flat(f(p)), rel=1e-14)
    assert flat(along) == pytest.approx(rows @ v, rel=1e-9, abs=1e-11)
    primal, pullback = vjp(f, p)
    assert flat(primal) == flat(y)
    assert flat(pullback(cotangent)[0]) == pytest.approx(np.array(w) @ rows, rel=1e-9, abs=1e-11)
    value, gradient = value_and_grad(scalar)(p)
    assert flat(gradient) == flat(grad(scalar)(p)) == flat(jacobian(scalar)(p))
    assert value == pytest.approx(float(scalar(p)), rel=1e-14)
    table = np.reshape(flat(hessian(scalar)(p)), (n, n))
    assert table == pytest.approx(table.T, rel=1e-9, abs=1e-10)
    assert flat(hvp(scalar, (p,), (tangent,))) == pytest.approx(table @ v, rel=1e-9, abs=1e-10)
    assert flat(jvp(grad(scalar), (p,), (tangent,))[1]) == pytest.approx(table @ v, rel=1e-9, abs=1e-10)
    h = 1e-5
    up, down = (float(scalar(tree.refill(p, [x + s * h * t for x, t in zip(xs, v, strict=True)]))) for s in (1, -1))
    assert np.dot(flat(gradient), v) == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-5 * (1.0 + abs(up)))


@settings(max_examples=60, deadline=None)
@given(structures, structures)
def test_a_structure_pairs_with_itself_and_with_no_other(p: Any, other: Any) -> None:
    def total(q: Any) -> Any:
        return ag.sum(tree.leaves(q)) if tree.leaves(q) else 0.0

    def same(a: Any, b: Any) -> bool:
        if tree.is_number(a) or tree.is_number(b):
            return tree.is_number(a) and tree.is_number(b)
        if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
            return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and a.shape == b.shape
        if isinstance(a, dict) and isinstance(b, dict):
            return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
        return type(a) is type(b) is not dict and len(a) == len(b) and all(map(same, a, b))

    assert jvp(total, (p,), (p,))[1] == pytest.approx(sum(flat(p)), abs=1e-12)
    if same(p, other):
        assert jvp(total, (p,), (other,))[1] == pytest.approx(sum(flat(other)), abs=1e-12)
    else:
        with pytest.raises(ValueError, match="tangents and primals differ in structure"):
            jvp(total, (p,), (other,))
        with pytest.raises(ValueError, match="the cotangent and the output differ in structure"):
            vjp(lambda x: tree.rebuild(p, lambda n, path: n * x), 1.0)[1](other)


# orders and modes ----------------------------------------------------------------------------------------------------


def firsts(f: Function, x: float) -> dict[str, float]:
    """The first derivative by every function."""
    leaf = Value(x)
    f(leaf).backward()
    return {
        "backward": leaf.grad,
        "grad": grad(f)(x),
        "grad of a Value": grad(f)(Value(x)).data,
        "value_and_grad": value_and_grad(f)(x)[1],
        "jacobian": jacobian(f)(x),
        "jacobian in a list": jacobian(lambda v: [f(v[0])])([x])[0][0],
        "jvp": jvp(f, (x,), (1.0,))[1],
        "jvp of a Value": jvp(f, (Value(x),), (1.0,))[1].data,
        "vjp": vjp(f, x)[1](1.0)[0],
    }


def seconds(f: Function, x: float) -> dict[str, float]:
    """The second derivative by every mixture of modes."""
    return {
        "hessian": hessian(f)(x),
        "hvp": hvp(f, (x,), (1.0,)),
        "grad of grad": grad(grad(f))(x),
        "grad of jvp": grad(lambda x: jvp(f, (x,), (1.0,))[1])(x),
        "jvp of grad": jvp(grad(f), (x,), (1.0,))[1],
        "jvp of jvp": jvp(lambda x: jvp(f, (x,), (1.0,))[1], (x,), (1.0,))[1],
        "vjp of grad": vjp(grad(f), x)[1](1.0)[0],
        "grad of vjp": grad(lambda x: vjp(f, x)[1](1.0)[0])(x),
        "in an array": hessian(lambda v: f(v[0]))(np.array([x]))[0, 0],
    }


ZERO_TIMES_INFINITY: list[Function] = [
    lambda x: ag.sqrt(x**2),
    lambda x: ag.sqrt(x * x),
    lambda x: 0.0 * ag.sqrt(x),
    lambda x: ag.sqrt(x) * x,
    lambda x: ag.sqrt(0.0 * x),
    lambda x: ag.sqrt(x - x),
    lambda x: ag.sqrt(x) - ag.sqrt(x),
    lambda x: ag.sqrt(x) ** 2,
    lambda x: ag.cbrt(x**3),
    lambda x: x**0.5 * x,
    lambda x: ag.asin(1.0 - x * x),
    lambda x: ag.acosh(1.0 + x * x),
    lambda x: ag.floor(x) * ag.sqrt(x),
    lambda x: ag.maximum(ag.sqrt(x), 1.0),
    lambda x: ag.take([x, ag.sqrt(x)], 0),
    lambda x: ag.product([ag.sqrt(x), 0.0, x]),
    lambda x: ag.dot([ag.sqrt(x), x], [0.0, 1.0]),
    lambda x: ag.where(x > 1.0, ag.sqrt(x), x),
    lambda x: ag.relu(-ag.sqrt(x)),
]


@pytest.mark.parametrize("f", ZERO_TIMES_INFINITY)
def test_zero_times_infinity_is_nan_in_every_mode(f: Function) -> None:
    assert all(math.isnan(found) for found in firsts(f, 0.0).values()), firsts(f, 0.0)


def test_what_does_not_move_takes_no_part() -> None:
    f = lambda x, y: ag.sqrt(x) + y  # noqa: E731
    assert jvp(f, (0.0, 1.0), (0.0, 1.0)) == (1.0, 1.0)
    assert jvp(f, (0.0, 1.0), (1.0, 1.0)) == (1.0, math.inf)
    _, pullback = vjp(lambda x: [ag.sqrt(x), x], 0.0)
    assert pullback([0.0, 1.0]) == (1.0,)
    assert jvp(lambda x: ag.where(x > 0.0, lambda: ag.sqrt(x), lambda: 2.0 * x), (0.0,), (1.0,)) == (0.0, 2.0)


# kinks ---------------------------------------------------------------------------------------------------------------

nan = math.nan
CANCEL: list[tuple[Function, float, float]] = [
    (lambda x: abs(x) ** 2, 0.0, 2.0),
    (lambda x: abs(x) * abs(-x), 0.0, 2.0),
    (lambda x: abs(-3.0 * x) * abs(x), 0.0, 6.0),
    (lambda x: abs(x * x), 0.0, 2.0),
    (lambda x: abs(x - 1.0) ** 2, 1.0, 2.0),
    (lambda x: abs(x * x - 4.0) ** 2, 2.0, 32.0),
    (lambda x: abs(ag.sin(x)) ** 2, 0.0, 2.0),
    (lambda x: ag.cos(abs(x)), 0.0, -1.0),
    (lambda x: ag.exp(abs(x)) + ag.exp(-abs(x)), 0.0, 2.0),
    (lambda x: ag.relu(x) ** 2 + ag.relu(-x) ** 2, 0.0, 2.0),
    (lambda x: (ag.relu(x) - ag.relu(-x)) ** 2, 0.0, 2.0),
    (lambda x: ag.relu(x) * ag.relu(-x), 0.0, 0.0),
    (lambda x: ag.maximum(x, 1.0) * ag.minimum(x, 1.0), 1.0, 0.0),
    (lambda x: ag.maximum(x, 2.0 * x) * ag.minimum(x, 2.0 * x), 0.0, 4.0),
    (lambda x: ag.maximum(x, -x) ** 2, 0.0, 2.0),
    (lambda x: (ag.clip(x, 0.0, 9.0) + ag.clip(x, -9.0, 0.0)) ** 2, 0.0, 2.0),
    (lambda x: ag.hypot(x, 0.0) ** 2, 0.0, 2.0),
    (lambda x: ag.hypot(3.0 * x, 4.0 * x) ** 2, 0.0, 50.0),
    (lambda x: ag.hypot(3.0 * x, 4.0 * x), 0.0, 0.0),
    (lambda x: ag.sqrt(x * x) ** 2, 0.0, 2.0),
    (lambda x: ag.sqrt(x**4), 0.0, 2.0),
    (lambda x: x**2 * ag.sign(x) ** 2, 0.0, 2.0),
    (lambda x: abs(abs(x) - 1.0) ** 2, 1.0, 2.0),
    (lambda x: ag.leaky_relu(x, 0.5) * ag.leaky_relu(x, 0.5) - 0.25 * ag.relu(-x) ** 2 - ag.relu(x) ** 2, 0.0, 0.0),
    # no kink is left in the slope: the sides agree, with the rules
    (lambda x: abs(x) ** 3, 0.0, 0.0),
    (lambda x: abs(x), 0.0, 0.0),
    (lambda x: ag.floor(x) * x * x, 0.5, 0.0),
    # the sides differ, and the rules' number lies between them: a convention
    (lambda x: ag.relu(x) ** 2, 0.0, 0.0),
    (lambda x: x * abs(x), 0.0, 0.0),
    (lambda x: ag.clip(x, -1.0, 1.0) ** 2, 1.0, 2.0),
    (lambda x: abs(x) + grad(lambda y: y**3)(x), 0.0, 6.0),
    # beyond reach, and said so
    (lambda x: abs(x) ** 2 + ag.relu(x) ** 2, 0.0, nan),
    (lambda x: abs(x) ** 1.5, 0.0, nan),
    (lambda x: abs(x) ** 1.9, 0.0, nan),
]


@pytest.mark.parametrize(("f", "x", "second"), CANCEL)
def test_second_derivatives_at_kinks(f: Function, x: float, second: float) -> None:
    found = seconds(f, x)
    assert all(each == pytest.approx(second, rel=1e-14, abs=1e-30, nan_ok=True) for each in found.values()), found
    first = firsts(f, x)
    assert all(each == pytest.approx(first["grad"], rel=1e-15, nan_ok=True) for each in first.values()), first


def test_hessians_at_kinks_of_several_variables() -> None:
    at_zero = [0.0, 0.0]
    assert np.allclose(hessian(lambda v: ag.hypot(*v) ** 2)(at_zero), [[2.0, 0.0], [0.0, 2.0]], rtol=1e-14, atol=0.0)
    assert np.allclose(hessian(lambda v: ag.hypot(v[0], 2.0 * v[1]) ** 2)(at_zero), [[2.0, 0.0], [0.0, 8.0]], atol=0.0)
    assert hessian(lambda v: ag.maximum(*v) * ag.minimum(*v))([1.0, 1.0]) == [[0.0, 1.0], [1.0, 0.0]]
    assert hessian(lambda v: ag.maximum(*v) + ag.minimum(*v))([1.0, 1.0]) == [[0.0, 0.0], [0.0, 0.0]]
    assert hessian(lambda v: (abs(v[0]) + abs(v[1])) ** 2)(at_zero) == [[2.0, 0.0], [0.0, 2.0]]
    assert hessian(lambda v: abs(v[0] - v[1]) ** 2)([3.0, 3.0]) == [[2.0, -2.0], [-2.0, 2.0]]
    for directions in ([1.0, 0.0], [0.0, 1.0], [0.3, -0.4]):
        assert hvp(lambda v: ag.hypot(*v) ** 2, (at_zero,), (directions,)) == pytest.approx(
            [2.0 * d for d in directions]
        )
    assert np.isnan(hessian(lambda v: ag.hypot(*v))(at_zero)).all()


def test_operations_of_your_own_need_not_declare_their_kinks() -> None:
    by_sign = ag.custom("abs_by_sign", lambda x: math.fabs(x), lambda z, x: ag.sign(x))
    by_choice = ag.custom("abs_by_choice", lambda x: math.fabs(x), lambda z, x: ag.where(x, ag.sign(x), 0.0))
    for own in (by_sign, by_choice):
        assert set(seconds(lambda x, own=own: own(x) ** 2, 0.0).values()) == {2.0}


def test_third_and_fourth_derivatives_at_kinks() -> None:
    third = lambda f: grad(grad(grad(f)))  # noqa: E731
    assert third(lambda x: abs(x) ** 2 * x)(0.0) == pytest.approx(6.0, rel=1e-14)
    assert third(lambda x: ag.cos(abs(x)))(0.0) == 0.0
    assert grad(third(lambda x: abs(x) ** 4))(0.0) == pytest.approx(24.0, rel=1e-14)
    assert grad(third(lambda x: ag.cos(abs(x))))(0.0) == pytest.approx(1.0, rel=1e-12)


PIECES: list[Callable[[Any], Any]] = [
    abs,
    ag.relu,
    lambda x: ag.relu(-x),
    lambda x: ag.maximum(x, 0.0),
    lambda x: ag.minimum(0.0, x),
    lambda x: ag.maximum(x, -0.5 * x),
    lambda x: ag.clip(x, 0.0, 1.0),
    lambda x: ag.hypot(x, 0.0),
    lambda x: ag.leaky_relu(x, 0.25),
    lambda x: x,
]


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_second_derivative_at_a_kink_is_that_of_both_sides_or_lies_between_them(data: Any) -> None:
    one, two, three = (data.draw(st.sampled_from(PIECES)) for _ in range(3))
    a, b = data.draw(st.sampled_from([1.0, -1.0, 2.0, 0.5])), data.draw(st.sampled_from([1.0, -2.0, 0.5]))
    x = data.draw(st.sampled_from([0.0, 1.0, -2.0]))
    f = lambda y: one(a * (y - x)) * two(b * (y - x)) + three(y - x) ** 2  # noqa: E731
    left, right = (grad(grad(f))(x + s * 2.0**-20) for s in (-1, 1))
    found = seconds(f, x) if data.draw(st.booleans()) else {"hessian": hessian(f)(x)}
    number = found["hessian"]
    assert all(each == pytest.approx(number, nan_ok=True) for each in found.values()), found
    if left == pytest.approx(right):
        assert number == pytest.approx(left)
    elif not math.isnan(number):
        assert min(left, right) <= number <= max(left, right)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_checker_calls_no_pair_of_different_numbers_right(data: Any) -> None:
    one, two, three = (data.draw(st.sampled_from(PIECES)) for _ in range(3))
    a = data.draw(st.sampled_from([1.0, -1.0, 2.0]))
    f = lambda y: one(a * y) * two(y) + three(y) ** 2 * ag.cos(y)  # noqa: E731
    try:
        report = ag.check_gradients(f, data.draw(st.sampled_from([0.0, 0.3])), order=data.draw(st.sampled_from([1, 2])))
    except GraphError:  # x - x: nothing is left to check
        return
    for entry in report:
        for other in (entry.numerical, entry.reference):
            if entry.verdict == "right" and math.isfinite(other):
                assert abs(entry.gradient - other) <= 1e-3 * max(abs(other), abs(entry.gradient), 1.0), entry


# far out -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [math.inf, -math.inf])
@pytest.mark.parametrize("f", [ag.erf, ag.erfc, ag.atan, ag.asinh, ag.tanh, ag.sigmoid])
def test_what_flattens_at_infinity_has_slopes_of_zero_there(f: Function, x: float) -> None:
    assert set(firsts(f, x).values()) == {0.0}
    assert {each + 0.0 for each in seconds(f, x).values()} == {0.0}


def test_activations_that_vanish_at_minus_infinity() -> None:
    for f in (ag.gelu, ag.silu):
        assert f(-math.inf) == f(Value(-math.inf)).data == f(np.array([-math.inf]))[0] == 0.0
        assert f(math.inf) == math.inf
        assert math.isnan(f(math.nan))
