"""grad and its kin: structures, orders, nesting, and what they refuse."""

import math
from typing import NamedTuple

import numpy as np
import pytest

import autograd as ag
from autograd import GraphError, StaleGraphError, Value, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp


def test_structures_come_back_as_they_went_in():
    class Point(NamedTuple):
        x: float
        y: float

    assert grad(lambda x: x * x)(3.0) == 6.0
    assert type(grad(lambda x: x * x)(3)) is float
    assert grad(lambda x, y: x * y)(2.0, 5.0) == (5.0, 2.0)
    assert grad(lambda v: v[0] * v[1])([2.0, 5.0]) == [5.0, 2.0]
    assert grad(lambda p: p.x * p.y)(Point(2.0, 5.0)) == Point(5.0, 2.0)
    tree = {"w": [[1.0, 2.0], (3.0,)], "b": 4.0}
    assert grad(lambda p: p["w"][0][1] * p["b"] + p["w"][1][0])(tree) == {"w": [[0.0, 4.0], (1.0,)], "b": 2.0}
    table = grad(lambda a: (a * a).sum())(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert table.dtype == np.float64
    assert table.tolist() == [[2.0, 4.0], [6.0, 8.0]]


def test_argnums_and_keyword_options():
    def f(x, label, y, scale=1.0):
        assert label == "text"
        return x * y * scale

    assert grad(f, argnums=0)(2.0, "text", 5.0, scale=10.0) == 50.0
    assert grad(f, argnums=(0, 2))(2.0, "text", 5.0) == (5.0, 2.0)
    assert grad(f, argnums=-1)(2.0, "text", 5.0) == 2.0
    with pytest.raises(ValueError, match="argnums 3 is out of range"):
        grad(f, argnums=3)(2.0, "text", 5.0)
    with pytest.raises(TypeError, match=r"no derivative with respect to str 'text' at \[1\]|with respect to str"):
        grad(f)(2.0, "text", 5.0)


def test_value_and_grad():
    assert value_and_grad(lambda x: x**3)(2.0) == (8.0, 12.0)
    y, g = value_and_grad(lambda x: x**3)(Value(2.0))
    assert (type(y), type(g), g.data) == (Value, Value, 12.0)


@pytest.mark.parametrize("order", range(1, 6))
def test_any_order_of_sin(order):
    f = ag.sin
    for _ in range(order):
        f = grad(f)
    expected = [math.sin, math.cos, lambda x: -math.sin(x), lambda x: -math.cos(x)][order % 4](0.7)
    assert f(0.7) == pytest.approx(expected, rel=1e-14)


def test_orders_two_and_three_where_a_careless_rule_goes_wrong():
    """tanh's slope as sech(|x|)**2 is right, and its second derivative at 0 and -1 would be wrong."""
    second, third = grad(grad(ag.tanh)), grad(grad(grad(ag.tanh)))
    assert second(0.0) == 0.0
    assert third(0.0) == pytest.approx(-2.0, rel=1e-15)
    assert second(-1.0) == pytest.approx(-second(1.0), rel=1e-15)
    assert second(20.0) == pytest.approx(-8 * math.exp(-40.0), rel=1e-12)
    square = lambda x: x**2  # noqa: E731
    assert [grad(square)(0.0), grad(grad(square))(0.0), grad(grad(grad(square)))(0.0)] == [0.0, 2.0, 0.0]
    assert grad(grad(ag.softplus))(0.0) == 0.25
    assert grad(grad(lambda x: x * ag.relu(x)))(0.0) == 0.0
    assert grad(grad(abs))(0.0) == 0.0


@pytest.mark.parametrize(
    ("f", "expected"),
    [(lambda x: x + x, [2.0, 0.0, 0.0]), (lambda x: 2 * x, [2.0, 0.0, 0.0]), (lambda x: x * x, [2.0, 2.0, 0.0])],
)
def test_a_constant_slope_has_the_derivative_zero(f, expected):
    orders = [grad(f), grad(grad(f)), grad(grad(grad(f)))]
    assert [g(1.0) for g in orders] == expected
    assert hessian(f)(1.0) == expected[1]
    assert jvp(grad(f), (1.0,), (1.0,)) == (2.0, expected[1])


def test_mixed_partials_of_a_power():
    table = hessian(lambda x, y: x**y)(2.0, 3.0)
    log2 = math.log(2.0)
    expected = ((12.0, 4.0 + 12.0 * log2), (4.0 + 12.0 * log2, 8.0 * log2**2))
    assert np.allclose(table, expected, rtol=1e-15)
    assert hessian(lambda x, y: x**y)(0.0, 2.0) == ((2.0, 0.0), (0.0, 0.0))


def test_jacobian_shapes():
    assert jacobian(lambda v: [v[0] * v[1], v[0]])([2.0, 3.0]) == [[3.0, 2.0], [1.0, 0.0]]
    table = jacobian(lambda a: a * a[0])(np.array([2.0, 3.0]))
    assert table.tolist() == [[4.0, 0.0], [3.0, 2.0]]
    assert jacobian(lambda x: {"a": x, "b": x * x})(3.0) == {"a": 1.0, "b": 6.0}
    curved = hessian(lambda a: a[0] ** 2 * a[1])(np.array([2.0, 3.0]))
    assert curved.tolist() == [[6.0, 4.0], [4.0, 0.0]]


def test_vjp_jvp_hvp():
    y, pullback = vjp(lambda x, y: [x * y, x + y], 2.0, 3.0)
    assert y == [6.0, 5.0]
    assert pullback([1.0, 0.0]) == (3.0, 2.0)
    assert pullback([0.0, 2.0]) == (2.0, 2.0)
    assert jvp(lambda x, y: [x * y, x + y], (2.0, 3.0), (1.0, 10.0)) == ([6.0, 5.0], [23.0, 11.0])
    assert hvp(lambda v: v[0] ** 2 * v[1], ([1.0, 2.0],), ([1.0, 0.0],)) == [4.0, 2.0]
    assert jvp(lambda x: [3.0, x], (1.0,), (1.0,)) == ([3.0, 1.0], [0.0, 1.0])
    with pytest.raises(ValueError, match="differ in structure"):
        jvp(lambda x: x, (1.0,), (1.0, 2.0))
    with pytest.raises(TypeError, match="tuples"):
        jvp(lambda x: x, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"output differ in structure: a list of 1 where a list of 2"):
        pullback([1.0])


def test_no_perturbation_confusion_in_any_mixture():
    assert grad(lambda x: x * grad(lambda y: x + y)(x))(3.0) == 1.0
    assert jvp(lambda x: x * jvp(lambda y: x + y, (x,), (1.0,))[1], (3.0,), (1.0,)) == (3.0, 1.0)
    assert jvp(lambda x: x * grad(lambda y: x * y * y)(2.0), (3.0,), (1.0,)) == (36.0, 24.0)
    assert grad(lambda x: x * jvp(lambda y: x * y * y, (2.0,), (1.0,))[1])(3.0) == 24.0
    assert grad(lambda x: jvp(lambda y: x * y * y, (x,), (1.0,))[1])(3.0) == 12.0
    assert jvp(lambda x: grad(lambda y: x * y * y)(x), (3.0,), (1.0,)) == (18.0, 12.0)
    f = lambda x: ag.exp(x * ag.sin(x))  # noqa: E731
    mixtures = [
        grad(grad(f))(0.7),
        jvp(grad(f), (0.7,), (1.0,))[1],
        grad(lambda x: jvp(f, (x,), (1.0,))[1])(0.7),
        jvp(lambda x: jvp(f, (x,), (1.0,))[1], (0.7,), (1.0,))[1],
        hessian(f)(0.7),
        hvp(f, (0.7,), (1.0,)),
    ]
    assert np.allclose(mixtures, mixtures[0], rtol=1e-14)


def test_captured_values_keep_their_gradients_to_themselves():
    w = Value(2.0)
    assert grad(lambda x: w * x * x)(3.0) == 12.0
    assert not w.has_grad
    slope = grad(lambda x: w * x * x)(Value(3.0))
    slope.backward()
    assert w.grad == 6.0


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda x: x.data * 2, GraphError, "lost on the way"),
        (lambda x: 3.0, GraphError, "lost on the way"),
        (lambda x: x > 0, GraphError, "lost on the way"),
        (lambda x: math.sin(x), TypeError, r"autograd\.sin"),
        (lambda x: None, TypeError, "forget to return"),
        (lambda x: [x], TypeError, "use jacobian"),
        (lambda x: "text", TypeError, "returned str"),
    ],
)
def test_functions_that_cannot_be_differentiated_are_told_why(f, error, message):
    with pytest.raises(error, match=message):
        grad(f)(1.0)


@pytest.mark.parametrize("who", [grad, value_and_grad, jacobian, hessian])
def test_only_functions_can_be_differentiated(who):
    with pytest.raises(TypeError, match="takes a function"):
        who(3.0)
    with pytest.raises(TypeError, match="nothing to differentiate"):
        who(lambda: 1.0)()


@pytest.mark.parametrize("argument", ["text", None, True, 1j, {1, 2}])
def test_arguments_must_be_numbers(argument):
    with pytest.raises(TypeError, match="no derivative with respect to"):
        grad(lambda x: x)(argument)
    with pytest.raises(TypeError, match="no derivative with respect to"):
        vjp(lambda x: x, argument)


def test_a_result_that_is_no_number_is_not_called_an_argument():
    with pytest.raises(TypeError, match=r"^str 'text' at \[1\] is no number: give numbers, or lists"):
        jacobian(lambda x: [x, "text"])(1.0)


def test_higher_order_on_edited_data_is_an_error():
    x = Value(3.0, name="x")
    h = x * x

    def f(y):
        return y * h

    x.data = 5.0
    with pytest.raises(StaleGraphError, match=r"x = 5\.0"):
        grad(f)(Value(2.0))


def test_a_deep_function_differentiates_twice():
    def f(x):
        for _ in range(3000):
            x = x * 1.0001 + x * x * 1e-9
        return x

    assert math.isfinite(hessian(f)(0.5))


def test_tree_paths_are_in_the_message():
    with pytest.raises(TypeError, match=r"\['w'\]\[1\]"):
        grad(lambda p: p["w"][0])({"w": [1.0, "two"]})


@pytest.mark.parametrize("point", [np.array([1.0, 2.0]), np.ones((1, 2)), np.array(2.0), 2.0, [1.0, 2.0]], ids=repr)
def test_the_jacobian_of_one_number_is_its_gradient(point):
    for f in (lambda x: ag.sum(np.ravel(x) * 2.0), lambda x: np.asarray(ag.sum(np.ravel(x) * 2.0))):
        np.testing.assert_array_equal(ag.jacobian(f)(point), ag.grad(f)(point))
        assert np.shape(ag.jacobian(f)(point)) == np.shape(point)
