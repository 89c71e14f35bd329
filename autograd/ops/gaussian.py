"""The bell curve and its integral to the last digits, for the rules of erf, erfc and gelu.

exp(-x*x) loses the digits that x*x rounds away: 350 units of the last place at x = 26. Here x is split into a high part
of at most 26 bits, whose square is exact, and a low part, whose share of the square is small (Dekker, 1971).
"""

import math
from typing import Any

from autograd.ops.declare import unary
from autograd.ops.selection import exceeds, where

# fmt: off

INV_SQRT_2PI = 0.3989422804014327
TWO_INV_SQRT_PI = 1.1283791670955126
SQRT_HALF = 0.7071067811865476
SQRT_HALF_HIGH = 47453132 * 2.0**-26        # the first 26 bits of sqrt(1/2)
SQRT_HALF_LOW = 1.210161710447897e-08       # and the rest of it
BITS = 2.0**20
BEYOND = 40.0                               # from here on exp(-x*x/2) is 0, and BEYOND * BITS still has 26 bits only


def _exp_of_square(x: float, factor: float) -> float:
    """exp(factor * x * x) for a factor of -1 or -1/2."""
    if not math.fabs(x) < BEYOND:
        return 0.0 if x == x else x
    high = round(x * BITS) / BITS
    return math.exp(factor * high * high) * math.exp(factor * (x - high) * (x + high))


def _exp_of_square_array(np: Any, x: Any, factor: float) -> Any:
    x = np.clip(x, -BEYOND, BEYOND)
    high = np.rint(x * BITS) / BITS
    return np.exp(factor * high * high) * np.exp(factor * (x - high) * (x + high))


@unary(lambda z, x: -2.0 * (where(exceeds(math.inf, x * x), x, 0.0) * z), book=(lambda z, x: -2.0 * (x * z),),
       text="exp(-{0}**2)", latex=r"e^{{-{0}^2}}", public=False, array=lambda np, x: _exp_of_square_array(np, x, -1.0))
def exp_minus_square(x: float) -> float:
    """exp(-x*x)."""
    return _exp_of_square(x, -1.0)


@unary(lambda z, x: -x * z, symbol="φ", text="φ({0})", latex=r"\varphi\left({0}\right)", public=False,
       array=lambda np, x: INV_SQRT_2PI * _exp_of_square_array(np, x, -0.5))
def normal_pdf(x: float) -> float:
    """exp(-x*x/2) / sqrt(2*pi): the density of the standard normal distribution."""
    return INV_SQRT_2PI * _exp_of_square(x, -0.5)


@unary(lambda z, x: normal_pdf(x), symbol="Φ", text="Φ({0})", latex=r"\Phi\left({0}\right)", public=False,
       note="erfc(u) at u = -x*sqrt(1/2), corrected for what the product rounds away")
def normal_cdf(x: float) -> float:
    """The standard normal distribution function, erfc(-x / sqrt(2)) / 2."""
    if not math.fabs(x) < BEYOND:
        return (1.0 if x > 0.0 else 0.0) if x == x else x
    u = -x * SQRT_HALF
    high = round(x * BITS) / BITS
    rest = (-high * SQRT_HALF_HIGH - u) - high * SQRT_HALF_LOW - (x - high) * SQRT_HALF
    return 0.5 * (math.erfc(u) - rest * TWO_INV_SQRT_PI * math.exp(-u * u))
