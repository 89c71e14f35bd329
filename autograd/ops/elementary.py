"""Exponentials, logarithms, powers and roots, trigonometric and hyperbolic functions."""

import math
from typing import Any

from autograd.op import Interval
from autograd.ops.declare import several, unary
from autograd.ops.selection import abs, or_one

# fmt: off

POSITIVE = Interval(0.0, low_open=True)
NON_NEGATIVE = Interval(0.0)
BELOW_OVERFLOW = Interval(high=709.782712893384)       # exp of it is the largest float
WITHIN_OVERFLOW = Interval(-710.4758600739439, 710.4758600739439)  # sinh and cosh of it
UNIT = Interval(-1.0, 1.0)
OPEN_UNIT = Interval(-1.0, 1.0, low_open=True, high_open=True)
FINITE = Interval(-1.7976931348623157e308, 1.7976931348623157e308)

LOG2E, LOG10E = 1.4426950408889634, 0.4342944819032518


# exponentials and logarithms -----------------------------------------------------------------------------------------

@unary(lambda z, x: z, latex="e^{{{0}}}", domain=[BELOW_OVERFLOW], array="exp")
def exp(x: float) -> float:
    """e ** x; overflows above 709.78."""
    return math.exp(x)


@unary(lambda z, x: exp(x), latex=r"\left(e^{{{0}}} - 1\right)", domain=[BELOW_OVERFLOW], array="expm1",
       note="the slope is exp(x) and not z + 1, which has no digits left at x = -40")
def expm1(x: float) -> float:
    """exp(x) - 1 without the loss of digits near 0."""
    return math.expm1(x)


@unary(lambda z, x: 1.0 / x, latex=r"\ln {0}", domain=[POSITIVE], array="log")
def log(x: float) -> float:
    """The natural logarithm of x > 0."""
    return math.log(x)


@unary(lambda z, x: 1.0 / (1.0 + x), latex=r"\ln\left(1 + {0:1}\right)", domain=[Interval(-1.0, low_open=True)],
       array="log1p")
def log1p(x: float) -> float:
    """log(1 + x) for x > -1 without the loss of digits near 0."""
    return math.log1p(x)


@unary(lambda z, x: LOG2E / x, symbol="log₂", latex=r"\log_2 {0}", domain=[POSITIVE], array="log2")
def log2(x: float) -> float:
    """The logarithm of x > 0 to base 2."""
    return math.log2(x)


@unary(lambda z, x: LOG10E / x, symbol="log₁₀", latex=r"\log_{{10}} {0}", domain=[POSITIVE], array="log10")
def log10(x: float) -> float:
    """The logarithm of x > 0 to base 10."""
    return math.log10(x)


# powers and roots ----------------------------------------------------------------------------------------------------

@several(lambda z, x, y: power_derivative(x, y, 1.0, 0.0), lambda z, x, y: power_derivative(x, y, 0.0, 1.0),
         book=(lambda z, x, y: y * x ** (y - 1.0), lambda z, x, y: z * log(x)),
         symbol="xʸ", binding=4,
         array=lambda np, x, y: np.power(np.multiply(x, 1.0), y),
         defined=lambda x, y: has_power(x, y),
         note="x**0 = 1 with slope 0 everywhere; at (0, 0) and (0, 2) the gradient is (0, 0); for x < 0 the slope in y "
              "is nan")
def pow(x: float, y: float) -> float:
    """x ** y. Not defined for x < 0 with y not a whole number, for 0 ** negative, and where it overflows."""
    return math.pow(x, y)


@several(lambda z, x, y, k, m: power_derivative(x, y, k + 1.0, m),
         lambda z, x, y, k, m: power_derivative(x, y, k, m + 1.0),
         lambda z, x, y, k, m: math.nan, lambda z, x, y, k, m: math.nan,
         symbol="∂xʸ", text="power_derivative({0}, {1}, {2}, {3})",
         latex=r"\partial_x^{{{2:0}}}\partial_y^{{{3:0}}}\, {0}^{{{1:0}}}", public=False,
         note="closed under both derivatives, so that x**2 has a third derivative of 0 at 0 and not 0 * inf")
def power_derivative(x: float, y: float, k: float, m: float) -> float:
    """The derivative of x**y, k times in x and m times in y, with IEEE results and 0 where a factor is exactly 0.

    d^k/dx^k x**y = y (y-1) ... (y-k+1) x**(y-k); Leibniz's rule for the m derivatives in y, with log(0) read as 0
    where the power is finite.
    """
    taylor = [1.0] + [0.0] * int(m)         # of y (y-1) ... (y-k+1) around y, to order m
    for i in range(int(k)):
        root = y - i
        taylor = [root * c + (taylor[j - 1] if j else 0.0) for j, c in enumerate(taylor)]
    logarithm = math.log(x) if x > 0.0 else math.nan if x != 0.0 else 0.0 if y >= 0.0 else -math.inf
    factor, choose = 0.0, 1.0               # sum over j of binomial(m, j) * j! * taylor[j] * log(x) ** (m - j)
    for j, c in enumerate(taylor):
        if c != 0.0:
            factor += choose * c * logarithm ** (int(m) - j)
        choose *= m - j
    return scaled_power(factor, x, y, k) if factor != 0.0 else 0.0


def scaled_power(factor: float, x: float, y: float, k: float) -> float:
    """factor * x**(y - k), also where y - k is not a float, or where the power alone overflows or underflows."""
    exponent = y - k
    if x == 0.0 or not (math.isfinite(x) and math.isfinite(y)):
        return factor * ieee_power(x, exponent)
    if exponent + k == y and math.fabs(y) < 2.0**53:
        power = ieee_power(x, exponent)
        if 1e-290 < math.fabs(power) < math.inf or power != power:
            return factor * power
        half = ieee_power(math.fabs(x), 0.5 * exponent)
        odd = x < 0.0 and exponent % 2.0 == 1.0
        return math.copysign(factor, -factor if odd else factor) * half * half
    product = factor * ieee_power(x, y)
    for _ in range(int(k)):
        product /= x
    return product


def ieee_power(x: float, y: float) -> float:
    """x ** y as C's pow returns it: inf and nan, never an error."""
    try:
        return math.pow(x, y)
    except OverflowError:
        return -math.inf if x < 0.0 and y % 2.0 == 1.0 else math.inf
    except ValueError:
        if x != 0.0:
            return math.nan
        return math.copysign(math.inf, x) if y % 2.0 == 1.0 else math.inf


def has_power(x: float, y: float) -> bool:
    """Is x ** y a number that floats can hold?"""
    try:
        math.pow(x, y)
    except (ValueError, OverflowError):
        return False
    return True


@unary(lambda z, x: 2.0 * x, symbol="x²", binding=4, array="square", ulps=1)
def square(x: float) -> float:
    """x * x; overflows to inf."""
    return x * x


@unary(lambda z, x: -(z * z), book=(lambda z, x: -1.0 / x**2.0,), symbol="1/x", binding=2,
       array=lambda np, x: np.divide(1.0, x), defined=lambda x: x != 0.0)
def reciprocal(x: float) -> float:
    """1 / x; not defined at 0."""
    return 1.0 / x


@unary(lambda z, x: 0.5 / z, book=(lambda z, x: 1.0 / (2.0 * z),), symbol="√", latex=r"\sqrt{{{0}}}",
       domain=[NON_NEGATIVE], array="sqrt", note="the slope at 0 is inf")
def sqrt(x: float) -> float:
    """The square root of x >= 0; its slope at 0 is inf."""
    return math.sqrt(x)


@unary(lambda z, x: 1.0 / (3.0 * abs(x / or_one(z))), book=(lambda z, x: 1.0 / (3.0 * z**2.0),), symbol="∛",
       latex=r"\sqrt[3]{{{0}}}", array="cbrt", kinks=lambda x: (x,), note="the slope at 0 is inf")
def cbrt(x: float) -> float:
    """The real cube root of any x; its slope at 0 is inf."""
    return math.cbrt(x)


@several(lambda z, x, y: unit_component(x, y), lambda z, x, y: unit_component(y, x), latex=r"\sqrt{{{0}^2 + {1}^2}}",
         array="hypot", kinks=lambda x, y: (hypot(x, y),), book=(lambda z, x, y: x / z, lambda z, x, y: y / z),
         note="at (0, 0) the gradient is (0, 0), the smallest subgradient, where PyTorch gives nan")
def hypot(x: float, y: float) -> float:
    """sqrt(x*x + y*y) without overflow on the way; at (0, 0) its gradient is (0, 0)."""
    return math.hypot(x, y)


def into_range(x: float, y: float) -> float:
    """1, or the power of two that keeps the hypotenuse of x and y from overflow and underflow."""
    size = max(math.fabs(x), math.fabs(y))
    return 2.0**-20 if size > 1e300 else 2.0**300 if size < 1e-200 else 1.0


@several(lambda z, x, y: square(unit_component(y, x)) / or_one(hypot(x, y)),
         lambda z, x, y: -z * unit_component(y, x) / or_one(hypot(x, y)),
         text="{0:2}/hypot({0:0}, {1})", latex=r"\frac{{{0:0}}}{{\sqrt{{{0}^2 + {1}^2}}}}", binding=2, public=False,
         kinks=lambda x, y: (hypot(x, y),), note="0 at (0, 0)")
def unit_component(x: float, y: float) -> float:
    """x / hypot(x, y): the cosine of the angle of the point (x, y); 0 at (0, 0)."""
    if math.isinf(x) and math.isfinite(y):
        return math.copysign(1.0, x)
    scale = into_range(x, y)
    return x * scale / (math.hypot(x * scale, y * scale) or 1.0)


@several(lambda z, x, y: (y - x) / (h := or_one(hypot(x, y))) * ((y + x) / h) / h / h,
         lambda z, x, y: -2.0 * z * unit_component(y, x) / or_one(hypot(x, y)),
         text="{0:2}/({0}**2 + {1}**2)", latex=r"\frac{{{0:0}}}{{{0}^2 + {1}^2}}", binding=2, public=False,
         kinks=lambda x, y: (hypot(x, y),), note="0 at (0, 0)")
def angle_slope(x: float, y: float) -> float:
    """x / (x*x + y*y): by how much the angle of the point (x, y) turns when y grows; 0 at (0, 0)."""
    scale = into_range(x, y)
    size = math.hypot(x * scale, y * scale) or 1.0
    return x * scale / size / size * scale


# trigonometry --------------------------------------------------------------------------------------------------------

@unary(lambda z, x: cos(x), latex=r"\sin {0}", domain=[FINITE], array="sin")
def sin(x: float) -> float:
    """The sine of x in radians."""
    return math.sin(x)


@unary(lambda z, x: -sin(x), latex=r"\cos {0}", domain=[FINITE], array="cos")
def cos(x: float) -> float:
    """The cosine of x in radians."""
    return math.cos(x)


@unary(lambda z, x: 1.0 + z * z, book=(lambda z, x: 1.0 + z**2.0,), latex=r"\tan {0}", domain=[FINITE], array="tan")
def tan(x: float) -> float:
    """The tangent of x in radians."""
    return math.tan(x)


@unary(lambda z, x: -2.0 * x, text="1 - {0}**2", latex="1 - {0}^2", binding=1, public=False,
       array=lambda np, x: (1.0 - x) * (1.0 + x))
def one_minus_square(x: float) -> float:
    """1 - x*x, with its digits near -1 and 1; its slope has those near 0, too."""
    return (1.0 - x) * (1.0 + x)


@unary(lambda z, x: 1.0 / sqrt(one_minus_square(x)),
       latex=r"\arcsin {0}", domain=[UNIT], array="arcsin", note="the slope at -1 and 1 is inf")
def asin(x: float) -> float:
    """The angle in [-pi/2, pi/2] whose sine is x, for x in [-1, 1]."""
    return math.asin(x)


@unary(lambda z, x: -1.0 / sqrt(one_minus_square(x)),
       latex=r"\arccos {0}", domain=[UNIT], array="arccos", note="the slope at -1 and 1 is -inf")
def acos(x: float) -> float:
    """The angle in [0, pi] whose cosine is x, for x in [-1, 1]."""
    return math.acos(x)


@unary(lambda z, x: square(1.0 / hypot(1.0, x)), book=(lambda z, x: 1.0 / (1.0 + x**2.0),), latex=r"\arctan {0}",
       array="arctan", note="x*x would overflow in the slope")
def atan(x: float) -> float:
    """The angle in (-pi/2, pi/2) whose tangent is x."""
    return math.atan(x)


@several(lambda z, y, x: angle_slope(x, y), lambda z, y, x: -angle_slope(y, x),
         book=(lambda z, y, x: x / (y**2.0 + x**2.0), lambda z, y, x: -y / (y**2.0 + x**2.0)),
         latex=r"\operatorname{{atan2}}\left({0}, {1}\right)", array="arctan2",
         kinks=lambda y, x: (hypot(x, y),), note="at (0, 0) the gradient is (0, 0), as in PyTorch")
def atan2(y: float, x: float) -> float:
    """The angle of the point (x, y), in (-pi, pi]."""
    return math.atan2(y, x)


# hyperbolic functions ------------------------------------------------------------------------------------------------

@unary(lambda z, x: cosh(x), latex=r"\sinh {0}", domain=[WITHIN_OVERFLOW], array="sinh")
def sinh(x: float) -> float:
    """The hyperbolic sine; overflows beyond 710.47."""
    return math.sinh(x)


@unary(lambda z, x: sinh(x), latex=r"\cosh {0}", domain=[WITHIN_OVERFLOW], array="cosh")
def cosh(x: float) -> float:
    """The hyperbolic cosine; overflows beyond 710.47."""
    return math.cosh(x)


@unary(lambda z, x: square(sech(x)), book=(lambda z, x: 1.0 - z**2.0,), latex=r"\tanh {0}", array="tanh",
       note="the slope is sech(x)**2: 1 - z*z has no digits left near |x| = 18")
def tanh(x: float) -> float:
    """The hyperbolic tangent; saturates at -1 and 1."""
    return math.tanh(x)


def _sech_array(np: Any, x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return 2.0 * e / (1.0 + e * e)


@unary(lambda z, x: -z * tanh(x), latex=r"\operatorname{{sech}} {0}", array=_sech_array, public=False,
       note="1/cosh(x) without its overflow")
def sech(x: float) -> float:
    """1 / cosh(x), for every x."""
    e = math.exp(-math.fabs(x))
    return 2.0 * e / (1.0 + e * e)


@unary(lambda z, x: 1.0 / hypot(1.0, x), book=(lambda z, x: 1.0 / sqrt(1.0 + x**2.0),),
       latex=r"\operatorname{{arsinh}} {0}", array="arcsinh")
def asinh(x: float) -> float:
    """The inverse hyperbolic sine."""
    return math.asinh(x)


@unary(lambda z, x: 1.0 / (sqrt(x - 1.0) * sqrt(x + 1.0)), book=(lambda z, x: 1.0 / sqrt(x**2.0 - 1.0),),
       latex=r"\operatorname{{arcosh}} {0}", domain=[Interval(1.0)], array="arccosh", note="the slope at 1 is inf")
def acosh(x: float) -> float:
    """The inverse hyperbolic cosine of x >= 1; its slope at 1 is inf."""
    return math.acosh(x)


@unary(lambda z, x: 1.0 / one_minus_square(x),
       latex=r"\operatorname{{artanh}} {0}", domain=[OPEN_UNIT], array="arctanh")
def atanh(x: float) -> float:
    """The inverse hyperbolic tangent of -1 < x < 1."""
    return math.atanh(x)
