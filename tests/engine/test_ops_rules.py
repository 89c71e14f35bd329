"""The rules run on mpmath's numbers to 40 digits, and the rules of rules: second and third derivatives."""

import math
import random
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import mpmath
import pytest
from mpmath import mp, mpf
from support.mp_reference import Point, function, points, reference
from support.operations import DECLARED, PUBLIC, each_op, kink, line, middling

import autograd as ag
from autograd.op import READINGS, Op, Reading, Rule

CONSTANTS: dict[str, Callable[[], Any]] = {
    "INV_SQRT_2PI": lambda: 1 / mp.sqrt(2 * mp.pi),
    "TWO_INV_SQRT_PI": lambda: 2 / mp.sqrt(mp.pi),
    "LOG2E": lambda: mp.log(mp.e, 2),
    "LOG10E": lambda: mp.log10(mp.e),
}
"""Irrational constants among the globals of the rules: floats there, all digits here."""


@pytest.fixture(autouse=True)
def fifty_digits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Operations run on mpmath's numbers: one more reading of the declarations."""
    monkeypatch.setitem(READINGS, mpmath.mpf, Reading(9, lambda op, xs: reference(op).value(*map(mpf, xs))))
    with mp.workdps(300):  # 1 - z*z at x = 200 has lost 170 digits
        yield


def with_all_digits(rule: Rule) -> Rule:
    """The rule with its irrational constants exact."""
    if not isinstance(rule, FunctionType):
        return rule
    exact = {name: CONSTANTS[name]() for name in rule.__code__.co_names if name in CONSTANTS}
    floats = [n for n in rule.__code__.co_names if isinstance(rule.__globals__.get(n), float) and n not in exact]
    assert not floats, f"the rule uses the float(s) {floats}: add their definition to CONSTANTS"
    return FunctionType(rule.__code__, {**rule.__globals__, **exact}, closure=rule.__closure__)


def ordinary(op: Op) -> list[Point]:
    """Points away from kinks and extremes."""

    def away(p: Point) -> bool:
        return all(x == 0.0 or 1e-3 < abs(x) < 200.0 for x in p) and not kink(op, p)

    found = [p for p in points(op) if away(p) and reference(op).regular(*p)]
    return random.Random(op.name).sample(found, min(24, len(found)))


def slopes(op: Op, rules: Any, p: Point) -> list[Any]:
    xs = [mpf(x) for x in p]
    z = reference(op).value(*xs)
    if callable(rules):
        return list(with_all_digits(rules)(z, *xs))
    return [with_all_digits(rule)(z, *xs) for rule in rules]


def check_rules(op: Op, rules: Any) -> None:
    found = ordinary(op)
    assert len(found) >= 12
    for p in found:
        computed = slopes(op, rules, p) if op.name != "power_derivative" else slopes(op, rules[:2], p)
        for i, slope in enumerate(computed):
            true = function(op, i)(*map(mpf, p))
            if true is not None:
                digits = 15 if op.name == "mean" else 40  # its 1/n is a float in every reading
                assert abs(slope - true) <= abs(true) * mpf(10) ** -digits, (
                    f"slope {i} of {op.name}{p}: {slope}, truly {true}"
                )


@each_op
def test_rules_to_forty_digits(op: Op) -> None:
    check_rules(op, op.partials)


@pytest.mark.parametrize("op", [op for op in DECLARED if op.book], ids=lambda op: op.name)
def test_textbook_forms_are_the_same_functions(op: Op, monkeypatch: pytest.MonkeyPatch) -> None:
    if op.name == "pow":
        monkeypatch.setitem(globals(), "points", lambda op: [p for p in points_of(op) if p[0] > 0])
    check_rules(op, op.book)


points_of = points

# rules of rules ------------------------------------------------------------------------------------------------------


def nth(f: Callable[[Any], Any], n: int) -> Callable[[float], float]:
    for _ in range(n):
        f = ag.grad(f)
    return f


@pytest.mark.parametrize("op", PUBLIC, ids=lambda op: op.name)
def test_second_and_third_derivatives(op: Op) -> None:
    for start, direction in middling(op):
        with mp.workdps(50):
            reference_line = line_in_mpmath(op, start, direction)
            true = [mp.diff(reference_line, 0, n) for n in range(5)]
        for n in (1, 2, 3):
            computed = nth(line(op, start, direction), n)(0.0)
            # relative to the derivative, to its change with the operands, and to the terms that it is the rest of
            size = abs(true[n]) + max(map(abs, start)) * abs(true[n + 1]) + max(map(abs, true[1 : n + 1]))
            assert abs(computed - true[n]) <= 2e-14 * size, (
                f"order {n} of {op.name}{start}: {computed}, truly {true[n]}"
            )


def line_in_mpmath(op: Op, start: Point, direction: Point) -> Callable[[Any], Any]:
    value = reference(op).value
    return lambda t: value(*(mpf(x) + t * mpf(d) for x, d in zip(start, direction, strict=True)))


PHI0 = 1.0 / math.sqrt(2.0 * math.pi)

SPECIAL = [
    # what, function of one number, where, derivatives of order 1, 2, 3
    ("tanh is smooth at 0", ag.tanh, 0.0, (1, 0, -2)),
    ("sigmoid is smooth at 0", ag.sigmoid, 0.0, (0.25, 0, -0.125)),
    ("softplus is smooth at 0", ag.softplus, 0.0, (0.5, 0.25, 0)),
    ("logsigmoid is smooth at 0", ag.logsigmoid, 0.0, (0.5, -0.25, 0)),
    ("silu is smooth at 0", ag.silu, 0.0, (0.5, 0.5, 0)),
    ("gelu is smooth at 0", ag.gelu, 0.0, (0.5, 2 * PHI0, 0)),
    ("erf is smooth at 0", ag.erf, 0.0, (2 / math.sqrt(math.pi), 0, -4 / math.sqrt(math.pi))),
    ("erfc is smooth at 0", ag.erfc, 0.0, (-2 / math.sqrt(math.pi), 0, 4 / math.sqrt(math.pi))),
    ("atan is smooth at 0", ag.atan, 0.0, (1, 0, -2)),
    ("asinh is smooth at 0", ag.asinh, 0.0, (1, 0, -1)),
    ("asin is smooth at 0", ag.asin, 0.0, (1, 0, 1)),
    ("atanh is smooth at 0", ag.atanh, 0.0, (1, 0, 2)),
    ("sigmoid beside 0", ag.sigmoid, 1e-20, (0.25, -1.25e-21, -0.125)),
    ("asin beside 0", ag.asin, 1e-20, (1, 1e-20, 1)),
    ("atanh beside 0", ag.atanh, 1e-20, (1, 2e-20, 2)),
    ("square is smooth at 0", ag.square, 0.0, (0, 2, 0)),
    ("x**0 is flat", lambda x: x**0, 0.0, (0, 0, 0)),
    ("x**1 is a line", lambda x: x**1, 0.0, (1, 0, 0)),
    ("x**2 is smooth at 0", lambda x: x**2, 0.0, (0, 2, 0)),
    ("x**3 is smooth at 0", lambda x: x**3, 0.0, (0, 0, 6)),
    ("x**4 is smooth at 0", lambda x: x**4, -0.0, (0, 0, 0)),
    ("x**3 below 0", lambda x: x**3, -2.0, (12, -12, 6)),
    ("x**2 by a Value", lambda x: x ** ag.Value(2.0), 0.0, (0, 2, 0)),
    ("x*x is smooth at 0", lambda x: x * x, 0.0, (0, 2, 0)),
    ("sqrt close to 0", ag.sqrt, 2.0**-80, (2.0**39, -(2.0**118), 3 * 2.0**197)),
    ("abs: flat at its corner", ag.abs, 0.0, (0, 0, 0)),
    ("relu: the left side at 0", ag.relu, 0.0, (0, 0, 0)),
    ("leaky relu: the left side at 0", lambda x: ag.leaky_relu(x, 0.25), 0.0, (0.25, 0, 0)),
    ("elu: the left side at 0", ag.elu, 0.0, (1, 1, 1)),
    ("elu with alpha 2: the left side at 0", lambda x: ag.elu(x, 2.0), 0.0, (2, 2, 2)),
    ("maximum: half at a tie", lambda x: ag.maximum(x, 0.0), 0.0, (0.5, 0, 0)),
    ("minimum: half at a tie", lambda x: ag.minimum(0.0, x), 0.0, (0.5, 0, 0)),
    ("maximum of x and -x: the halves cancel", lambda x: ag.maximum(x, -x), 0.0, (0, 0, 0)),
    ("clip: the inside at a bound", lambda x: ag.clip(x, -1.0, 1.0), 1.0, (1, 0, 0)),
    ("sign is flat", ag.sign, 0.0, (0, 0, 0)),
    ("floor is flat", ag.floor, 2.0, (0, 0, 0)),
    ("where: the branch taken", lambda x: ag.where(x > 0, x, x * x), 0.0, (0, 2, 0)),
    ("hypot: 0 at the origin", lambda x: ag.hypot(x, 0.0), 0.0, (0, 0, 0)),
    ("hypot in a direction: 0 at the origin", lambda x: ag.hypot(3 * x, 4 * x), 0.0, (0, 0, 0)),
    ("hypot beside the origin", lambda x: ag.hypot(x, 2.0), 0.0, (0, 0.5, 0)),
    ("atan2: 0 at the origin", lambda x: ag.atan2(x, 0.0), 0.0, (0, 0, 0)),
    ("atan2 beside the origin", lambda x: ag.atan2(x, 1.0), 0.0, (1, 0, -2)),
    ("logaddexp at a tie", lambda x: ag.logaddexp(x, 0.0), 0.0, (0.5, 0.25, 0)),
    ("logsumexp at a tie", lambda x: ag.logsumexp([x, 0.0, 0.0]), 0.0, (1 / 3, 2 / 9, 2 / 27)),
    ("product with zeros", lambda x: ag.product([x, x, 3.0]), 0.0, (0, 6, 0)),
]


@pytest.mark.parametrize(("what", "f", "x", "true"), SPECIAL, ids=[row[0] for row in SPECIAL])
def test_orders_two_and_three_where_it_looks_like_a_kink(
    what: str, f: Callable[[Any], Any], x: float, true: tuple[float, float, float]
) -> None:
    for n in (1, 2, 3):
        assert nth(f, n)(x) == pytest.approx(true[n - 1], rel=1e-15, abs=1e-40), f"order {n}"


def test_the_slope_of_tanh_written_with_a_kink_that_cancels() -> None:
    """sech(|x|)**2 is a fine slope, and the convention at the kink of |x| spoils none of its own slopes."""

    def folded(x: Any) -> Any:
        e = ag.exp(-2.0 * ag.abs(x))
        return 4.0 * e / ((1.0 + e) * (1.0 + e))

    assert folded(0.3) == pytest.approx(ag.grad(ag.tanh)(0.3))
    assert ag.grad(folded)(0.0) == ag.grad(ag.grad(ag.tanh))(0.0) == 0.0
    assert ag.grad(ag.grad(folded))(0.0) == -2.0


@pytest.mark.parametrize("name", ["sqrt", "cbrt"])
def test_slopes_that_are_infinite_stay_infinite(name: str) -> None:
    assert ag.grad(getattr(ag, name))(0.0) == math.inf
    assert ag.grad(getattr(ag, name))(-0.0) == (-math.inf if name == "sqrt" else math.inf)  # as PyTorch, IEEE
