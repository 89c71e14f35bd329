"""What every operation is, written down a second time in mpmath, and the points at which the two are compared.

Nothing here is taken from the declarations: values and slopes are definitions and textbook derivatives, evaluated with
as many digits as it takes. A new operation needs an entry in ``REFERENCES``; the tests say so where it has none.
"""

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from mpmath import mp, mpf

from autograd.op import Op

# fmt: off
DIGITS = (50, 75, 150, 400, 800, 1600)
TINY = mpf(2) ** -1074                                  # the smallest positive float
BIGGEST = mpf(2) ** 1024 - mpf(2) ** 970                # halfway above the largest: from here on, inf
Point = tuple[float, ...]


class Reference(NamedTuple):
    """An operation in mpmath: its value, one slope per operand (one function of all for n-ary), points of interest.

    ``special``: operands worth a visit beside those of every operation: zeros, ends, saturation.
    ``regular``: 0 where the slopes are left to convention or are infinite, which tests of their own cover. A slope of
    None is left to convention alone.
    """

    value: Callable[..., Any]
    slopes: Sequence[Callable[..., Any]] | Callable[..., Sequence[Any]]
    special: Sequence[Any] = ()
    regular: Callable[..., Any] = lambda *xs: 1


def one(*xs: Any) -> Any: return mpf(1)
def zero(*xs: Any) -> Any: return mpf(0)
def logistic(x: Any) -> Any: return 1 / (1 + mp.exp(-x))
def normal(x: Any) -> Any: return erfc(-x / mp.sqrt(2)) / 2
def bell(x: Any) -> Any: return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)
def step(x: Any, y: Any) -> Any: return mpf(1 if x > y else 0)
def log_sum_exp(*xs: Any) -> Any: return mp.log(mp.fsum(map(mp.exp, xs)))


def erfc(x: Any) -> Any:
    """mpmath's own fails beyond 1e150; from 1e6 on the first term of its asymptotic series has 12 digits and is 0."""
    if abs(x) < 1e6:
        return mp.erfc(x)
    return mpf(2) if x < 0 else mp.exp(-x * x) / (x * mp.sqrt(mp.pi))


def real_power(x: Any, y: Any) -> Any:
    if x == 0:
        return mpf(1 if y == 0 else 0)
    if x < 0:
        return mp.power(-x, y) * (-1 if int(y) % 2 else 1)
    return mp.power(x, y)


def power_slope(x: Any, y: Any) -> Any:
    if x == 0:
        return mpf(1 if y == 1 else 0)
    return y * real_power(x, y) / x


def power_log_slope(x: Any, y: Any) -> Any:
    if x < 0:
        return None
    return mpf(0) if x == 0 else real_power(x, y) * mp.log(x)


def falling_power(x: Any, y: Any, k: Any, m: Any) -> Any:
    """d^k/dx^k d^m/dy^m x**y for x > 0: differences in y of the product formula, exact for m of 0 and 1 only."""
    factor = mp.fprod([y - i for i in range(int(k))])
    if m == 0:
        return factor * real_power(x, y - k) if factor else mpf(0)
    slope = mp.fsum(mp.fprod([y - i for i in range(int(k)) if i != j]) for j in range(int(k)))
    return (slope + factor * mp.log(x)) * real_power(x, y - k)


def others(*xs: Any) -> list[Any]:
    return [mp.fprod([y for j, y in enumerate(xs) if j != i]) for i in range(len(xs))]


def dot_slopes(*xs: Any) -> list[Any]:
    n = len(xs) // 2
    return [*xs[n:2 * n], *xs[:n], *[mpf(1)] * (len(xs) % 2)]


def dot_value(*xs: Any) -> Any:
    n = len(xs) // 2
    return mp.fsum([w * x for w, x in zip(xs[:n], xs[n:2 * n], strict=True)] + list(xs[2 * n:]))


def moderate(*xs: Any) -> bool:
    """Where the slope of a piece of a rule, hence a second derivative, is asked for all its digits."""
    return all(1e-50 < abs(x) < 1e50 for x in xs)


def cube_root(x: Any) -> Any: return mp.sign(x) * mp.cbrt(abs(x))


def around(*xs: float, steps: Sequence[int] = (0, 1, 2, 5)) -> list[float]:
    """The numbers themselves and some neighbours on both sides, a few units of the last place away."""
    found = []
    for x in xs:
        for n in steps:
            up = down = x
            for _ in range(n):
                up, down = math.nextafter(up, math.inf), math.nextafter(down, -math.inf)
            found += [up, down]
    return found


EXP_ENDS = around(709.782712893384, -708.3964185322641, -745.1332191019412, -40.0, 40.0, -36.7368, 36.7368)
SINH_ENDS = around(710.4758600739439, -710.4758600739439, 22.0, -22.0)
TURNS = [k * math.pi / 2 for k in range(-9, 10)] + [1e5 * math.pi, 1e22, 710.0 * math.pi / 2]
UNIT_ENDS = around(-1.0, 1.0) + [s * (1.0 - 2.0**-k) for k in range(1, 53) for s in (-1, 1)]
KNEES = around(-700.0, 700.0, -40.0, 40.0, 18.0, -18.0, 18.71, 19.06, 36.7, -36.7, -745.1332191019412, -1000.0, 1000.0)
NEAR_ONE = around(1.0) + [1.0 + s * 2.0**-k for k in range(1, 53) for s in (-1, 1)]
MIXED = [
    (1.0, 2.0, 3.0), (0.0, 2.0, 3.0), (0.0, 0.0, 3.0), (1e300, 1e300, -1e300), (1e200, 1e-200, 1e200), (-0.0, 0.0),
    (1.0, 1e16, -1e16, 1e-16), (1e-320, 3e-324, -1e-320), (5.0,), (-2.5, 1e-3, 7.25, 1e3, -11.0), (0.1,) * 10,
    (3.0, -1.0, -math.log(2.0), -math.log(2.0)), (-1000.0, 1000.0), (1000.0, 1000.0), (-745.0, -745.0, -745.5),
]
ZEROS = [(x, math.log(-math.expm1(x))) for x in (-1e-300, -1e-20, -1e-9, -1e-3, -0.1, -0.5, -0.6931471805599453, -1.0,
                                                 -3.0, -10.0, -30.0, -36.0)]
HYPOTENUSES = [(s * x, y) for s in (1, -1)
               for x, y in itertools.product((1.7e308, 1e301, 1e-160, 3e-310, 1.5e-323), repeat=2)]
GELU_TURN, SILU_TURN = -0.7517915246935645, -1.2784645427610738     # zeros of the slopes

REFERENCES: dict[str, Reference] = {
    "add": Reference(lambda x, y: x + y, (one, one)),
    "sub": Reference(lambda x, y: x - y, (one, lambda x, y: mpf(-1))),
    "mul": Reference(lambda x, y: x * y, (lambda x, y: y, lambda x, y: x)),
    "div": Reference(lambda x, y: x / y, (lambda x, y: 1 / y, lambda x, y: -x / (y * y))),
    "neg": Reference(lambda x: -x, (lambda x: mpf(-1),)),
    "identity": Reference(lambda x: x, (one,)),
    "pow": Reference(
        real_power, (power_slope, power_log_slope),
        [(x, y) for x in (0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 1e-300, 1e300, -1e300, -1e-300, 5e-324, 1.0000001, 10.0)
         for y in (0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 0.5, 1.5, 1023.0, -1074.0, 308.0, -323.0, 1e16, 1e300, 5e-324)]
        + [(x, y) for x in NEAR_ONE[8:60:5] for y in (1e10, -1e10, 1e15)],
        lambda x, y: x if y not in (0, 1, 2, 3) else 1),
    "power_derivative": Reference(
        falling_power,
        (lambda x, y, k, m: falling_power(x, y, k + 1, m), lambda x, y, k, m: falling_power(x, y, k, m + 1)),
        [(x, y, k, m) for x in (0.3, 1.7, 12.0, 1e10) for y in (0.5, 2.0, 3.0, -1.5, 7.0) for k, m in
         ((0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0), (5.0, 0.0))]),
    "exp": Reference(mp.exp, (mp.exp,), EXP_ENDS),
    "expm1": Reference(mp.expm1, (mp.exp,), EXP_ENDS),
    "log": Reference(mp.log, (lambda x: 1 / x,), NEAR_ONE),
    "log1p": Reference(lambda x: mp.log(1 + x), (lambda x: 1 / (1 + x),), UNIT_ENDS),
    "log2": Reference(lambda x: mp.log(x) / mp.log(2), (lambda x: 1 / (x * mp.log(2)),), NEAR_ONE),
    "log10": Reference(lambda x: mp.log(x) / mp.log(10), (lambda x: 1 / (x * mp.log(10)),), NEAR_ONE),
    "square": Reference(lambda x: x * x, (lambda x: 2 * x,)),
    "reciprocal": Reference(lambda x: 1 / x, (lambda x: -1 / (x * x),), around(2.0**-1024, 2.0**1023, -1.0)),
    "sqrt": Reference(mp.sqrt, (lambda x: 1 / (2 * mp.sqrt(x)),), regular=lambda x: x),
    "cbrt": Reference(cube_root, (lambda x: 1 / (3 * cube_root(x) ** 2),), regular=lambda x: x),
    "hypot": Reference(lambda x, y: mp.sqrt(x * x + y * y), (
        lambda x, y: x / mp.sqrt(x * x + y * y), lambda x, y: y / mp.sqrt(x * x + y * y)),
        special=HYPOTENUSES, regular=lambda x, y: x or y),
    "unit_component": Reference(lambda x, y: x / mp.sqrt(x * x + y * y) if x else mpf(0), (
        lambda x, y: y * y / mp.sqrt(x * x + y * y) ** 3, lambda x, y: -x * y / mp.sqrt(x * x + y * y) ** 3),
        HYPOTENUSES, moderate),
    "angle_slope": Reference(lambda x, y: x / (x * x + y * y) if x else mpf(0), (
        lambda x, y: (y * y - x * x) / (x * x + y * y) ** 2, lambda x, y: -2 * x * y / (x * x + y * y) ** 2),
        HYPOTENUSES, moderate),
    "sin": Reference(mp.sin, (mp.cos,), around(*TURNS)),
    "cos": Reference(mp.cos, (lambda x: -mp.sin(x),), around(*TURNS)),
    "tan": Reference(mp.tan, (lambda x: 1 / mp.cos(x) ** 2,), around(*TURNS)),
    "one_minus_square": Reference(lambda x: 1 - x * x, (lambda x: -2 * x,), UNIT_ENDS),
    "asin": Reference(mp.asin, (lambda x: 1 / mp.sqrt(1 - x * x),), UNIT_ENDS, lambda x: 1 - x * x),
    "acos": Reference(mp.acos, (lambda x: -1 / mp.sqrt(1 - x * x),), UNIT_ENDS, lambda x: 1 - x * x),
    "atan": Reference(mp.atan, (lambda x: 1 / (1 + x * x),), around(1e8, 1e154)),
    "atan2": Reference(mp.atan2, (lambda y, x: x / (x * x + y * y), lambda y, x: -y / (x * x + y * y)),
                       HYPOTENUSES, lambda y, x: x or y),
    "sinh": Reference(mp.sinh, (mp.cosh,), SINH_ENDS),
    "cosh": Reference(mp.cosh, (mp.sinh,), SINH_ENDS),
    "tanh": Reference(mp.tanh, (lambda x: 1 / mp.cosh(x) ** 2,), KNEES + around(372.0, 19.5, 0.5)),
    "sech": Reference(mp.sech, (lambda x: -mp.tanh(x) / mp.cosh(x),), KNEES),
    "asinh": Reference(lambda x: mp.sign(x) * mp.log(abs(x) + mp.sqrt(x * x + 1)), (lambda x: 1 / mp.sqrt(x * x + 1),)),
    "acosh": Reference(lambda x: mp.log(x + mp.sqrt(x * x - 1)), (lambda x: 1 / mp.sqrt(x * x - 1),), NEAR_ONE,
                       lambda x: x - 1),
    "atanh": Reference(lambda x: mp.log((1 + x) / (1 - x)) / 2, (lambda x: 1 / (1 - x * x),), UNIT_ENDS),
    "sigmoid": Reference(logistic, (lambda x: mp.exp(-x) / (1 + mp.exp(-x)) ** 2,), KNEES),
    "logsigmoid": Reference(lambda x: -mp.log1p(mp.exp(-x)), (lambda x: 1 / (1 + mp.exp(x)),), KNEES),
    "softplus": Reference(lambda x: mp.log1p(mp.exp(x)), (logistic,), KNEES),
    "elu": Reference(
        lambda x, a: x if x > 0 else a * mp.expm1(x),
        (lambda x, a: mpf(1) if x > 0 else a * mp.exp(x), lambda x, a: mpf(0) if x > 0 else mp.expm1(x)),
        [(x, a) for x in (*KNEES, 1e-300, -1e-300, -0.5, -3.0, 2.0) for a in (1.0, 0.7, -2.0)], lambda x, a: x),
    "gelu": Reference(lambda x: x * normal(x), (lambda x: normal(x) + x * bell(x),),
                      [*around(GELU_TURN, -38.0, -37.5, -8.3, 8.3), *(-k / 4 for k in range(0, 160, 3))]),
    "silu": Reference(lambda x: x * logistic(x), (lambda x: logistic(x) + x * mp.exp(-x) / (1 + mp.exp(-x)) ** 2,),
                      [*around(SILU_TURN, -1.25, -1.3), *KNEES, *(-k / 4 for k in range(0, 160, 3))]),
    "erf": Reference(lambda x: mp.erf(x) if abs(x) < 1e6 else mp.sign(x),
                     (lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x),), around(5.9, -5.9, 26.0, 26.5, 27.2)),
    "erfc": Reference(erfc, (lambda x: -2 / mp.sqrt(mp.pi) * mp.exp(-x * x),),
                      [*around(5.9, -5.9, 26.0, 26.5, 27.2), *(k / 4 for k in range(-30, 110, 3))]),
    "logaddexp": Reference(log_sum_exp, (lambda x, y: logistic(x - y), lambda x, y: logistic(y - x)), ZEROS + [
        (x, y) for x in (-1000.0, -1.0, 0.0, 1000.0, 1e300) for y in (-1000.0, 1000.0, 1e-300, 0.0, -37.0, -745.0)]),
    "exp_minus_square": Reference(lambda x: mp.exp(-x * x), (lambda x: -2 * x * mp.exp(-x * x),),
                                  around(26.0, 26.5, 27.2, 38.5)),
    "normal_pdf": Reference(bell, (lambda x: -x * bell(x),), around(26.0, -26.5, 37.6, 38.5, 40.0)),
    "normal_cdf": Reference(normal, (bell,), [
        *around(-38.4, -37.5, 8.3, 40.0, -40.0), *(-k / 4 for k in range(0, 160, 3))]),
    "exceeds": Reference(step, (zero, zero), regular=lambda x, y: x - y),
    "where": Reference(lambda c, x, y: x if c else y,
                       (zero, lambda c, x, y: mpf(1 if c else 0), lambda c, x, y: mpf(0 if c else 1))),
    "where_true": Reference(lambda x: mpf(1 if x else 0), (zero,)),
    "or_one": Reference(lambda x: x or mpf(1), (lambda x: mpf(1 if x else 0),)),
    "abs": Reference(abs, (mp.sign,)),
    "sign": Reference(mp.sign, (zero,)),
    "floor": Reference(lambda x: mp.floor(x), (zero,), [0.5, 1.5, 2.0**52 + 0.5, -2.5]),
    "round_half_even": Reference(mp.nint, (zero,), [0.5, 1.5, 2.5, -0.5, 2.0**52 - 0.5]),
    "negative_part": Reference(lambda x: min(x, mpf(0)), (lambda x: mpf(0 if x > 0 else 1),)),
    "relu": Reference(lambda x: max(x, mpf(0)), (lambda x: step(x, 0),)),
    "leaky_relu": Reference(lambda x, leak: x if x > 0 else leak * x,
                            (lambda x, leak: mpf(1) if x > 0 else leak, lambda x, leak: mpf(0) if x > 0 else x)),
    "maximum": Reference(max, (step, lambda x, y: step(y, x)), regular=lambda x, y: x - y),
    "minimum": Reference(min, (lambda x, y: step(y, x), step), regular=lambda x, y: x - y),
    "clip": Reference(lambda x, low, high: min(max(x, low), high),
                      (lambda x, low, high: mpf(1 if low < x < high else 0), lambda x, low, high: step(low, x),
                       lambda x, low, high: step(x, high)), regular=lambda x, low, high: (x - low) * (x - high)),
    "sum": Reference(lambda *xs: mp.fsum(xs), lambda *xs: [mpf(1)] * len(xs), MIXED),
    "product": Reference(lambda *xs: mp.fprod(xs), others, MIXED),
    "mean": Reference(lambda *xs: mp.fsum(xs) / len(xs), lambda *xs: [mpf(1) / len(xs)] * len(xs), MIXED),
    "logsumexp": Reference(log_sum_exp, lambda *xs: [mp.exp(x) / mp.fsum(map(mp.exp, xs)) for x in xs], MIXED + ZEROS),
    "dot": Reference(dot_value, dot_slopes, [m for m in MIXED if len(m) > 1]),
    "take": Reference(lambda i, *xs: xs[int(i)], lambda i, *xs: [mpf(0), *(mpf(i == k) for k in range(len(xs)))]),
}
# fmt: on


def reference(op: Op) -> Reference:
    """The entry of an operation; an AssertionError says what to add where it has none."""
    assert op.name in REFERENCES, (
        f"the operation {op.name!r} has no reference: add its value and slopes in mpmath to REFERENCES in "
        "tests/support/mp_reference.py"
    )
    return REFERENCES[op.name]


def exactly(f: Callable[..., Any], *xs: float) -> Any:
    """``f`` at these floats to more than 30 digits: evaluated with ever more digits until two agree."""
    last = None
    for digits in DIGITS:
        with mp.workdps(digits):
            y = f(*map(mpf, xs))
            if y is None:
                return None
            if last is not None and y and abs(y - last) <= abs(y) * mpf(10) ** -30:
                return y
            last = y
    return last


def function(op: Op, index: int | None) -> Callable[..., Any]:
    """The value in mpmath (``index`` None) or one slope."""
    entry = reference(op)
    if index is None:
        return entry.value
    if callable(entry.slopes):
        every = entry.slopes
        return lambda *xs: every(*xs)[index]
    return entry.slopes[index]


@cache
def truth(op: Op, index: int | None, point: Point) -> Any:
    """The true value (``index`` None) or slope at a point."""
    return exactly(function(op, index), *point)


@cache
def condition(op: Op, index: int | None, point: Point) -> float:
    """By how much a relative error of the operands is multiplied: sum of |x df/dx| / |f|."""
    y = truth(op, index, point)
    if not y:
        return 1.0
    total, h = mpf(0), mpf(10) ** -20
    for i, x in enumerate(point):
        if index is None:
            change = x * truth(op, i, point) if x else 0
        elif x:
            f = function(op, index)
            with mp.workdps(60):
                ends = [[*point[:i], x * (1 + s), *point[i + 1 :]] for s in (-h, h)]
                change = (exactly(f, *ends[1]) - exactly(f, *ends[0])) / (2 * h)
        else:
            change = 0
        total += abs(change / y)
    return float(total)


def unit(y: Any) -> Any:
    """The unit of the last place of the float nearest to ``y``."""
    return max(mpf(2) ** (mp.frexp(y)[1] - 53), TINY) if y else TINY


def error(computed: float, true: Any) -> float:
    """In units of the last place of the true result; 0 for an inf where the true result is beyond all floats."""
    if abs(true) >= BIGGEST:
        return 0.0 if computed == math.copysign(math.inf, true) else math.inf
    if not math.isfinite(computed):
        return math.inf
    with mp.workdps(60):
        return float(abs(mpf(computed) - true) / unit(true))


# the points ----------------------------------------------------------------------------------------------------------

LANDMARKS = [0.0, -0.0, *(s * x for s in (1.0, -1.0) for x in (
    5e-324, 1e-323, 2.2250738585072014e-308, 1e-310, 1e-300, 1e-160, 1e-20, 1e-8, 0.1, 0.5,
    1.0 - 2**-53, 1.0, 1.0 + 2**-52,
    2.0, 3.0, 10.0, 100.0, 1e8, 2.0**53, 1e20, 1e154, 1e160, 1e300, 1.7976931348623157e308))]  # fmt: skip
PAIRED = [
    0.0,
    -0.0,
    5e-324,
    -1e-300,
    1e-300,
    -0.5,
    0.5,
    1.0,
    -1.0,
    2.0,
    3.0,
    -7.25,
    30.0,
    -750.0,
    1e20,
    -1e300,
    1e300,
]


def magnitudes(random_numbers: random.Random, n: int, low: float, high: float) -> Iterator[float]:
    """Numbers of both signs, spread evenly over the orders of magnitude 10**low to 10**high."""
    for _ in range(n):
        yield random_numbers.choice((-1.0, 1.0)) * 10.0 ** random_numbers.uniform(low, high)


@cache
def points(op: Op) -> list[Point]:
    """Where an operation is tested: the same every time, all inside its domain."""
    chance = random.Random(op.name)
    special = [x if isinstance(x, tuple) else (x,) for x in reference(op).special]
    found: list[Point]
    if op.arity == 1:
        near = magnitudes(chance, 80, -3.0, 3.0)
        found = [
            (x,)
            for x in (
                *LANDMARKS,
                *near,
                *magnitudes(chance, 40, -307.0, 308.0),
                *magnitudes(chance, 12, -323.0, -307.0),
            )
        ]
    elif op.name == "power_derivative":
        found = []
    elif op.arity == 2:
        wide, close = (list(magnitudes(chance, 120, *span)) for span in ((-300.0, 300.0), (-2.0, 2.5)))
        found = [*itertools.product(PAIRED, PAIRED), *zip(wide[::2], wide[1::2], strict=True)]
        found += [*zip(close[::2], close[1::2], strict=True), *zip(wide[:20], close[:20], strict=True)]
        found += [(x, x * (1.0 + s)) for x in close[:40] for s in (2**-52, -(2**-30), 1e-3)]
    elif op.arity == 3:
        found = [*itertools.product(PAIRED[::3], repeat=3)]
        found += [(*magnitudes(chance, 3, -2.0, 2.0),) for _ in range(60)]
        found += [(*magnitudes(chance, 3, -300.0, 300.0),) for _ in range(60)]
    else:
        found = [(*magnitudes(chance, n, -3.0, 2.5),) for n in (1, 2, 3, 3, 4, 5) for _ in range(8)]
        found += [(*magnitudes(chance, n, -150.0, 150.0),) for n in (2, 3) for _ in range(16)]
        found = [p for p in found if op.name != "dot" or len(p) > 1]
        if op.name == "take":
            found = [(float(chance.randrange(len(p))), *p) for p in found]
    return [p for p in dict.fromkeys(special + found) if within(op, p)]


def within(op: Op, point: Point) -> bool:
    """Does the declaration say that the operation is defined here?"""
    limits = op.domain * len(point) if op.arity is None else op.domain
    return all(x in limit for x, limit in zip(point, limits, strict=True)) and (
        op.defined is None or op.defined(*point)
    )
