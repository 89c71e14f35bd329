"""The checker's second opinion: every operation on decimals is the operation on floats, and each rule its slope."""

import math
import random
from decimal import Decimal, localcontext

import pytest

from autograd.check.differences import estimate
from autograd.check.local import reference
from autograd.check.precise import FUNCTIONS, context
from autograd.errors import AutogradError
from autograd.ops import TABLE


def points(name, count=12):
    op, chance = TABLE[name], random.Random(name)
    n = {"dot": 5}.get(name, op.arity or 3)
    for _ in range(40 * count):
        xs = [chance.choice((-1, 1)) * 10 ** chance.uniform(-4, 1) for _ in range(n)]
        try:
            z = op.forward(*xs)
        except (ValueError, ArithmeticError, AutogradError):
            continue
        if math.isfinite(z) and count:
            count -= 1
            yield xs, z


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_decimals_are_the_same_function(name):
    for xs, z in points(name):
        with localcontext(context(40)):
            exact = FUNCTIONS[name](*map(Decimal, xs))
            assert float(abs(exact - Decimal(z))) <= 1e-13 * abs(z) + 1e-16


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_rule_is_the_slope_of_its_operation(name):
    op = TABLE[name]
    for xs, z in points(name, 4):
        for i in range(len(xs)):
            slope = reference(op, z, xs, i)
            if slope.trouble:
                assert name in ("pow", "floor", "round_half_even", "exceeds")
                continue
            recorded = float(op.rule(i)(z, *xs))
            assert abs(recorded - slope.value) <= 1e-12 * abs(recorded) + slope.error + 1e-15


def test_every_operation_has_a_second_opinion():
    without = set(TABLE) - set(FUNCTIONS) - {"power_derivative"}
    assert not without, f"write {without} on decimals in FUNCTIONS of autograd/check/precise.py"


@pytest.mark.parametrize(
    ("f", "x", "slope"), [(math.exp, 1.0, math.e), (math.sin, 1e6, math.cos(1e6)), (abs, -3.0, -1.0)]
)
def test_an_estimate_bounds_its_own_error(f, x, slope):
    found = estimate(f, x)
    assert abs(found.value - slope) <= found.error < 1e-8


@pytest.mark.parametrize(
    ("f", "x", "trouble"),
    [
        (abs, 0.0, "kink"),
        (lambda x: math.nan, 1.0, "edge"),
        (lambda x: math.inf, 1.0, "overflow"),
        (lambda x: max(x - 1e-9, 0.0), 0.0, "kink"),
        (lambda x: math.sqrt(x) if x >= 0 else math.nan, 0.0, "edge"),
    ],
)
def test_trouble_is_named(f, x, trouble):
    assert estimate(f, x).trouble == trouble


def test_a_tiny_argument_asks_for_no_more_digits(monkeypatch):
    """exp(-1e12) has an exponent of hundreds of billions: as many digits of pi would take for ever."""
    asked = []

    def recorded(digits):
        asked.append(digits)
        return Decimal("3.14159265358979")

    monkeypatch.setattr("autograd.check.precise.pi", recorded)
    for name in ("erf", "erfc", "normal_cdf"):
        with localcontext(context(64)):
            FUNCTIONS[name](Decimal("1e-500000"))
    assert asked
    assert max(asked) < 2000
