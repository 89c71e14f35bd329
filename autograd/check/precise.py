"""The declared operations once more, on decimal numbers of any length: a second opinion that shares no code with them.

A difference quotient of floats keeps ten digits; of decimal numbers with 64 digits and a step of 1e-21 it keeps
forty, which decides whether a local derivative is right to its last bit. An operation without an entry here (a custom
one) is checked by differences of floats instead. The tests hold every entry to ``Op.forward``.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, DecimalException, localcontext
from functools import lru_cache

from autograd.op import Op
from autograd.ops import TABLE

DIGITS = 64
ERRORS = (DecimalException, ArithmeticError, ValueError)
"""What the functions here raise outside their domain."""

ZERO, HALF, ONE, TWO = Decimal(0), Decimal("0.5"), Decimal(1), Decimal(2)


def context(digits: int) -> Context:
    """A context of that many digits, in which nothing overflows."""
    return Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN)


def guarded(f: Callable[..., Decimal]) -> Callable[..., Decimal]:
    """The function with enough digits more that cancellation near 0 and large arguments cost none."""

    def wide(*xs: Decimal) -> Decimal:
        more = 10 + max((abs(x.adjusted()) for x in xs if x), default=0)
        with localcontext() as c:
            c.prec += min(more, 800)
            result = f(*xs)
        return +result

    return wide


@lru_cache(maxsize=64)
def pi(digits: int) -> Decimal:
    """Machin, 1706: pi = 16 atan(1/5) - 4 atan(1/239)."""
    with localcontext(context(digits + 10)):
        return 16 * small_atan(ONE / 5) - 4 * small_atan(ONE / 239)


def current_pi() -> Decimal:
    """Pi to the digits of the context."""
    with localcontext() as c:
        digits = c.prec
    return pi(digits)


def series(term: Decimal, ratio: Callable[[int], Decimal], weight: Callable[[int], int] = lambda n: 1) -> Decimal:
    """term/weight(0) + term*ratio(1)/weight(1) + ..., until the terms are too small to count."""
    total = term / weight(0)
    n = 1
    while True:
        term = term * ratio(n)
        new = total + term / weight(n)
        if new == total:
            return total
        total = new
        n += 1


def small_atan(x: Decimal) -> Decimal:
    """Gregory's series."""
    square = -x * x
    return series(x, lambda n: square, lambda n: 2 * n + 1) if x else ZERO


@guarded
def sin(x: Decimal) -> Decimal:
    """Taylor's series around the nearest multiple of pi."""
    turns = (x / current_pi()).to_integral_value()
    r = x - turns * current_pi()
    square = -r * r
    value = series(r, lambda n: square / (2 * n * (2 * n + 1))) if r else ZERO
    return -value if int(turns) % 2 else value


@guarded
def cos(x: Decimal) -> Decimal:
    """sin, a quarter turn on."""
    return sin(x + current_pi() / 2)


@guarded
def atan(x: Decimal) -> Decimal:
    """The angle halved three times, then Gregory's series."""
    for _ in range(3):
        x = x / (1 + (1 + x * x).sqrt())
    return 8 * small_atan(x)


@guarded
def atan2(y: Decimal, x: Decimal) -> Decimal:
    """The angle of a point, 0 at (0, 0); the cut as for y = +0."""
    if x == 0 and y == 0:
        return ZERO
    angle = 2 * atan(y / (x + (x * x + y * y).sqrt())) if x > 0 else ZERO
    if x <= 0:
        angle = current_pi() if y == 0 else 2 * atan(((x * x + y * y).sqrt() - x) / y)
    return angle


@guarded
def asin(x: Decimal) -> Decimal:
    """By atan."""
    if abs(x) == 1:
        return x * current_pi() / 2
    return atan(x / ((1 - x) * (1 + x)).sqrt())


@guarded
def expm1(x: Decimal) -> Decimal:
    """exp(x) - 1."""
    return x.exp() - 1


@guarded
def sinh(x: Decimal) -> Decimal:
    """(e^x - e^-x) / 2."""
    return ((x).exp() - (-x).exp()) / 2


@guarded
def tanh(x: Decimal) -> Decimal:
    """By the exponential that does not overflow."""
    e = (-2 * abs(x)).exp()
    return (1 - e) / (1 + e) * (1 if x >= 0 else -1)


@guarded
def asinh(x: Decimal) -> Decimal:
    """By ln, of the absolute value."""
    value = (abs(x) + (x * x + 1).sqrt()).ln()
    return value if x >= 0 else -value


def softplus(x: Decimal) -> Decimal:
    """ln(1 + e^x)."""
    return max(x, ZERO) + log1p((-abs(x)).exp())


@guarded
def log1p(x: Decimal) -> Decimal:
    """ln(1 + x)."""
    return positive(1 + x).ln()


def positive(x: Decimal) -> Decimal:
    """x, which must be above 0."""
    if not x > 0:
        raise ValueError("outside the domain")
    return x


def sigmoid(x: Decimal) -> Decimal:
    """1 / (1 + e^-x)."""
    e = (-abs(x)).exp()
    return (ONE if x >= 0 else e) / (1 + e)


def erf(x: Decimal) -> Decimal:
    """1 - erfc(x)."""
    with localcontext() as c:
        c.prec += 20
        far = x * x * 2 > ENOUGH * c.prec
        if not far:
            c.prec += int(x * x / 2)  # the terms grow to e^(x^2) before they fall; a tiny x needs no digits more
        result = (1 - erfc_far(abs(x))) * (1 if x > 0 else -1) if far else erf_series(x)
    return +result


def erf_series(x: Decimal) -> Decimal:
    """Taylor's series, in a context with digits to spare."""
    square = -x * x
    return series(x, lambda n: square / n, lambda n: 2 * n + 1) * 2 / current_pi().sqrt() if x else ZERO


ENOUGH = Decimal("2.4")
"""The asymptotic series has a relative error of e^(-x^2): for each digit, x^2 is to be ln 10 and some."""


def erfc_far(x: Decimal) -> Decimal:
    """The asymptotic series, for an x^2 above ``ENOUGH`` times the digits wanted: there it ends before it diverges."""
    total = term = ONE
    with localcontext() as c:
        least = Decimal(10) ** -c.prec
    n = 0
    while abs(term) > least and n < x * x:
        n += 1
        term = -term * (2 * n - 1) / (2 * x * x)
        total += term
    return total * (-x * x).exp() / (x * current_pi().sqrt())


def erfc(x: Decimal) -> Decimal:
    """1 - erf(x) with all its digits."""
    with localcontext() as c:
        c.prec += 10
        if x > 0 and x * x > ENOUGH * c.prec:
            return erfc_far(x)
        c.prec += 20 + int(x * x) if x > 0 else 0
        result = 1 - erf(x)
    return +result


def normal_cdf(x: Decimal) -> Decimal:
    """erfc(-x / sqrt(2)) / 2."""
    return erfc(-x / TWO.sqrt()) / 2


def cbrt(x: Decimal) -> Decimal:
    """The real cube root."""
    if not x:
        return ZERO
    root = (abs(x).ln() / 3).exp()
    return root if x > 0 else -root


def power(x: Decimal, y: Decimal) -> Decimal:
    """x ** y with 0 ** 0 = 1."""
    if y == 0:
        return ONE
    if x == 0 and y < 0:
        raise ValueError("a pole")
    if y == HALF:
        return x.sqrt()
    return x**y


def hypot(x: Decimal, y: Decimal) -> Decimal:
    """The length of (x, y)."""
    return (x * x + y * y).sqrt()


def floor(x: Decimal) -> Decimal:
    """The whole number at or below."""
    return x.to_integral_value("ROUND_FLOOR")


def clip(x: Decimal, low: Decimal, high: Decimal) -> Decimal:
    """x held between two bounds."""
    return low if x < low else high if x > high else x


def logsumexp(*xs: Decimal) -> Decimal:
    """ln of the sum of exponentials."""
    top = max(xs)
    others = list(xs)
    others.remove(top)
    return top + log1p(add_up((x - top).exp() for x in others))


def add_up(xs: object) -> Decimal:
    """The sum of decimals."""
    total = ZERO
    for x in xs:  # type: ignore[attr-defined]
        total += x
    return total


def product(*xs: Decimal) -> Decimal:
    """The product of decimals."""
    total = ONE
    for x in xs:
        total *= x
    return total


def dot(*operands: Decimal) -> Decimal:
    """w1*x1 + w2*x2 + ... (+ bias)."""
    n = len(operands) // 2
    products = (w * x for w, x in zip(operands[:n], operands[n : 2 * n], strict=True))
    return add_up([*products, *operands[2 * n :]])


def sign(x: Decimal) -> Decimal:
    """-1, 0 or 1."""
    return Decimal((x > 0) - (x < 0))


def or_zero(f: Callable[..., Decimal]) -> Callable[..., Decimal]:
    """The function, and 0 at the point (0, 0)."""
    return lambda x, y: f(x, y) if x or y else ZERO


FUNCTIONS: dict[str, Callable[..., Decimal]] = {
    "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "div": lambda x, y: x / y,
    "neg": lambda x: -x, "identity": lambda x: x, "square": lambda x: x * x, "reciprocal": lambda x: ONE / x,
    "exp": lambda x: x.exp(), "expm1": expm1, "log": lambda x: positive(x).ln(), "log1p": log1p,
    "log2": lambda x: positive(x).ln() / TWO.ln(), "log10": lambda x: positive(x).log10(),
    "pow": power, "sqrt": lambda x: x.sqrt(), "cbrt": cbrt, "hypot": hypot,
    "unit_component": or_zero(lambda x, y: x / hypot(x, y)),
    "angle_slope": or_zero(lambda x, y: x / (x * x + y * y)),
    "sin": sin, "cos": cos, "tan": lambda x: sin(x) / cos(x), "one_minus_square": lambda x: (1 - x) * (1 + x),
    "asin": asin, "acos": guarded(lambda x: current_pi() / 2 - asin(x)), "atan": atan, "atan2": atan2,
    "sinh": sinh, "cosh": lambda x: (x.exp() + (-x).exp()) / 2, "tanh": tanh,
    "sech": lambda x: 2 / (x.exp() + (-x).exp()), "asinh": asinh,
    "acosh": guarded(lambda x: (x + (x * x - 1).sqrt()).ln()),
    "atanh": guarded(lambda x: (positive(1 + x).ln() - positive(1 - x).ln()) / 2),
    "sigmoid": sigmoid, "logsigmoid": lambda x: -softplus(-x), "softplus": softplus,
    "elu": lambda x, alpha: x if x > 0 else alpha * expm1(x), "gelu": lambda x: x * normal_cdf(x),
    "silu": lambda x: x * sigmoid(x), "erf": erf, "erfc": erfc,
    "logaddexp": lambda x, y: max(x, y) + log1p((-abs(x - y)).exp()),
    "exp_minus_square": lambda x: (-x * x).exp(),
    "normal_pdf": lambda x: (-x * x / 2).exp() / (2 * current_pi()).sqrt(), "normal_cdf": normal_cdf,
    "exceeds": lambda x, y: Decimal(int(x > y)), "where": lambda c, x, y: x if c else y,
    "where_true": lambda x: Decimal(int(bool(x))), "or_one": lambda x: x or ONE,
    "negative_part": lambda x: min(x, ZERO), "abs": abs, "sign": sign, "floor": floor,
    "round_half_even": lambda x: x.to_integral_value("ROUND_HALF_EVEN"), "relu": lambda x: max(x, ZERO),
    "leaky_relu": lambda x, leak: x if x > 0 else leak * x, "maximum": max, "minimum": min, "clip": clip,
    "sum": lambda *xs: add_up(xs), "mean": lambda *xs: add_up(xs) / len(xs), "product": product, "dot": dot,
    "logsumexp": logsumexp, "take": lambda index, *xs: xs[int(index)],
}  # fmt: skip

BY_FORWARD = {id(TABLE[name].forward): f for name, f in FUNCTIONS.items() if name in TABLE}
"""By the float function that an operation runs, whatever its rules are."""


def precise(op: Op) -> Callable[..., Decimal] | None:
    """The operation on decimals; None where there is no second opinion."""
    return BY_FORWARD.get(id(op.forward))
