"""Operations of one's own: any callable as forward, real numbers or an error, rules that see the globals of today."""

import functools
import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
from autograd import DomainError, Value, custom

FACTOR = 2.0


class Cubing:
    def __call__(self, x: float) -> float:
        return x**3

    def method(self, x: float) -> float:
        return x**3


def cube_with(power: float, x: float, *, times: float = 1.0) -> float:
    return times * x**power


FORWARDS: dict[str, Callable[..., Any]] = {
    "a lambda": lambda x: x**3,
    "a partial": functools.partial(cube_with, 3),
    "a partial with a keyword": functools.partial(cube_with, 3, times=1.0),
    "an object": Cubing(),
    "a method": Cubing().method,
    "with a keyword that has a value": lambda x, *, unused=None: x**3,
    "an int": lambda x: int(x) ** 3 if x == int(x) else x**3,
    "np.float64": lambda x: np.float64(x) ** 3,
    "an array of no dimensions": lambda x: np.array(x**3),
    "a ufunc": np.frompyfunc(lambda x: x**3, 1, 1),
}


@pytest.mark.parametrize("kind", FORWARDS)
def test_any_callable_is_a_forward_function(kind: str) -> None:
    cube = custom("cube_of_a_kind", FORWARDS[kind], lambda z, x: 3.0 * x**2)
    x = Value(2.0)
    y = cube(x)
    y.backward()
    assert (y.data.__class__, y.data, x.grad) == (float, 8.0, 12.0)
    assert (cube(2.0), cube(2), cube(np.float64(2.0))) == (8.0, 8.0, 8.0)
    np.testing.assert_array_equal(cube(np.array([1.0, 2.0])).astype(float), [1.0, 8.0])
    assert [v.data for v in cube(np.array([Value(1.0), Value(2.0)]))] == [1.0, 8.0]
    assert ag.grad(ag.grad(cube))(2.0) == 12.0
    assert ag.grad(ag.grad(ag.grad(cube)))(2.0) == 6.0
    assert ag.jvp(ag.grad(cube), (2.0,), (1.0,))[1] == 12.0


BUILTINS = {
    "hypot": (math.hypot, [lambda z, x, y: x / z, lambda z, x, y: y / z], (3.0, 4.0)),
    "expm1": (math.expm1, [lambda z, x: z + 1.0], (0.5,)),
    "multiply": (operator.mul, [lambda z, x, y: y, lambda z, x, y: x], (3.0, 4.0)),
    "arctan2": (np.arctan2, [lambda z, y, x: x / (x * x + y * y), lambda z, y, x: -y / (x * x + y * y)], (3.0, 4.0)),
    "cosh": (np.cosh, [lambda z, x: ag.sinh(x)], (0.5,)),
}


@pytest.mark.parametrize("name", BUILTINS)
def test_builtins_and_ufuncs_have_as_many_operands_as_rules(name: str) -> None:
    forward, rules, point = BUILTINS[name]
    op = custom(f"own_{name}", forward, rules)
    assert op(*point) == op(*map(Value, point)).data == float(forward(*point))
    ag.assert_gradients(op, *point)
    np.testing.assert_array_equal(op(*(np.array([x, x]) for x in point)), [op(*point)] * 2)


NO_NUMBERS = [None, 1j, "2.0", np.ones(2), [1.0], np.array(1j), Fraction(1, 2), Value(1.0), np.complex128(1.0)]


@pytest.mark.parametrize("wrong", NO_NUMBERS, ids=repr)
def test_what_is_no_real_number_is_refused_everywhere(wrong: Any) -> None:
    forward = custom("wrong_forward", lambda x: wrong, lambda z, x: 1.0)
    for call in (
        lambda: forward(1.0),
        lambda: forward(Value(1.0)),
        lambda: forward(np.array([Value(1.0)])),
        lambda: forward(np.array([1.0])),
        lambda: ag.jvp(forward, (1.0,), (1.0,)),
        lambda: ag.grad(ag.grad(forward))(1.0),
    ):
        with pytest.raises(TypeError, match=r"forward of wrong_forward must give one real number; at .* it gave"):
            call()
    two = custom("wrong_rule", lambda x, y: x, [lambda z, x, y: 1.0, lambda z, x, y: wrong])
    one = custom("wrong_slope", lambda x: x, lambda z, x: wrong)
    calls: list[Any] = [lambda: one(Value(1.0)), lambda: two(Value(1.0), Value(2.0)), lambda: ag.grad(one)(1.0)]
    if not isinstance(wrong, Value):  # of a Value, Values are slopes
        calls += [lambda: ag.grad(ag.grad(one))(1.0), lambda: ag.jvp(ag.grad(one), (1.0,), (1.0,))]
    for call in calls:
        with pytest.raises(TypeError, match=r"rule \d of wrong_\w+ must give one real number; at .* it gave"):
            call()


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int8, np.bool_, int, bool], ids=lambda kind: kind.__name__)
def test_every_kind_of_real_number_becomes_a_float(kind: Any) -> None:
    op = custom("of_a_kind", lambda x: kind(1), lambda z, x: kind(1))
    x = Value(0.1)
    y = op(x) * x + op(x)
    y.backward()
    assert y.data.__class__ is x.grad.__class__ is float
    assert (y.data, x.grad) == (1.1, 0.1 + 1.0 + 1.0)
    assert ag.grad(lambda x: op(x) * 3.0)(0.1) == 3.0


def test_a_float64_of_the_forward_function_does_not_hide_an_error() -> None:
    zero = custom("zero", lambda x: np.float64(0.0), lambda z, x: 0.0)
    for operand in (1.0, Value(1.0)):
        with pytest.raises(DomainError):
            1.0 / (zero(operand) + Value(0.0))
        with pytest.raises((DomainError, ZeroDivisionError)):
            1.0 / zero(operand)


def test_function_and_rules_see_the_globals_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    growth = custom("growth", lambda x: math.exp(FACTOR * x), lambda z, x: FACTOR * ag.exp(FACTOR * x))
    for factor in (2.0, 5.0):
        monkeypatch.setitem(globals(), "FACTOR", factor)
        x = Value(0.25)
        y = growth(x)
        y.backward()
        assert (y.data, x.grad) == (math.exp(factor / 4), factor * math.exp(factor / 4))
        assert ag.grad(ag.grad(growth))(0.25) == pytest.approx(factor**2 * math.exp(factor / 4), rel=1e-15)
        ag.assert_gradients(growth, 0.25)


def test_an_operation_may_be_declared_after_the_rule_that_names_it() -> None:
    notebook: dict[str, Any] = {}
    cell = "op = custom('early', lambda x: later(x), lambda z, x: slope(x) * exp(0 * x))"
    exec(f"from autograd import custom, exp\n{cell}", notebook)
    with pytest.raises(NameError, match="later"):
        notebook["op"](2.0)
    exec("def later(x): return x ** 3\ndef slope(x): return 3 * x ** 2", notebook)
    assert notebook["op"](2.0) == 8.0
    assert ag.grad(notebook["op"])(2.0) == 12.0
    exec("def slope(x): return 5 * x", notebook)
    assert ag.grad(notebook["op"])(2.0) == 10.0
    assert ag.grad(ag.grad(notebook["op"]))(2.0) == 5.0


@given(x=st.floats(-2.0, 2.0), y=st.floats(0.5, 2.0))
def test_derivatives_of_any_order_run_the_rules(x: float, y: float) -> None:
    wave = custom(
        "wave",
        lambda a, b: math.sin(a) * b * b,
        [lambda z, a, b: ag.cos(a) * b**2, lambda z, a, b: 2.0 * ag.sin(a) * b],
    )

    def ours(p: Any) -> Any:
        return wave(*p) * p[0]

    def plain(p: Any) -> Any:
        return ag.sin(p[0]) * p[1] ** 2 * p[0]

    np.testing.assert_allclose(ag.hessian(ours)([x, y]), ag.hessian(plain)([x, y]), rtol=1e-12, atol=1e-13)
    third = ag.jacobian(ag.hessian(ours))([x, y])
    np.testing.assert_allclose(third, ag.jacobian(ag.hessian(plain))([x, y]), rtol=1e-12, atol=1e-13)


def test_a_ufunc_says_where_it_is_not_defined() -> None:
    root = custom("own_sqrt", np.sqrt, lambda z, x: 0.5 / z)
    for x in (-1.0, Value(-1.0)):
        with np.errstate(invalid="ignore"), pytest.raises(DomainError, match=r"own_sqrt\(-1\.0\) is not defined"):
            root(x)
    with np.errstate(invalid="ignore"), ag.ieee():
        assert math.isnan(root(-1.0))
    assert root(math.inf) == math.inf
    with pytest.raises(DomainError, match=r"own_sqrt\(-1\.0\) is not defined"), np.errstate(invalid="ignore"):
        ag.grad(lambda x: root(x))(-1.0)


def test_a_slope_that_its_rule_cannot_give_is_named() -> None:
    op = custom("x_log_x", lambda x: x * math.log(x) if x else 0.0, lambda z, x: math.log(x) + 1.0)
    assert ag.grad(op)(1.0) == 1.0
    with pytest.raises(DomainError, match=r"the slope of x_log_x\(0\.0\) is not defined"):
        op(Value(0.0))
    better = custom("x_log_x", lambda x: x * math.log(x) if x else 0.0, lambda z, x: ag.log(x) + 1.0)
    assert ag.grad(better)(0.0) == -math.inf


MISFITS: dict[str, tuple[Any, Any]] = {
    "fixed number": (lambda *xs: 0.0, lambda z, x: 1.0),
    "keywords a value": (lambda x, *, power: x**power, lambda z, x: 1.0),
    r"a ufunc of 2 operand\(s\) and 1 result\(s\) with 1 rule": (np.hypot, lambda z, x: 1.0),
    r"a ufunc of 1 operand\(s\) and 2 result\(s\)": (np.modf, lambda z, x: 1.0),
    r"rule 1 of misfit must take \(z, x\)": (lambda x: x, lambda x: 1.0),
    r"rule 2 of misfit must take \(z, x, y\)": (lambda x, y: x, [lambda z, x, y: 1.0, lambda z, x: 1.0]),
    r"misfit has 2 operand\(s\), so its partials must be 2": (lambda x, y: x, [lambda z, x, y: 1.0]),
    r"misfit has 1 operand\(s\), so its partials must be 1": (lambda x: x, [2.0]),
}


@pytest.mark.parametrize("message", MISFITS)
def test_what_does_not_fit_is_refused_at_the_declaration(message: str) -> None:
    with pytest.raises(TypeError, match=message):
        custom("misfit", *MISFITS[message])


def test_declaring_again_keeps_nothing_of_the_old_one_but_its_graphs() -> None:
    from autograd.value import QUICK

    before = len(QUICK)
    x = Value(3.0)
    old = custom("again_and_again", lambda x: x, lambda z, x: 1.0)
    y = old(x)
    for factor in range(2, 6):
        new = custom("again_and_again", lambda x, k=factor: k * x, [lambda z, x, k: k, lambda z, x, k: x])
    assert len(QUICK) == before
    for _ in range(3):
        custom("again_and_again", lambda x: x, lambda z, x: 1.0)
    assert len(QUICK) == before + 1
    y.backward()
    assert (x.grad, old(x).data, new(x).data) == (1.0, 3.0, 15.0)
