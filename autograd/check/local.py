"""Every edge of a graph by itself: its local derivative, as recorded, against one that shares no rule with it.

The operands of an operation are numbers that the forward pass recorded, so each local derivative can be asked alone: no
noise of the rest of f, no kink but the operation's own. Operations that ``precise`` knows are differenced with 64
digits; any other with floats. How far a correct rule may be off follows from the rule itself: it is run on Values, and
the reverse sweep over its own graph adds up what every rounding in it does to the result (S. Linnainmaa, 1976, "Taylor
expansion of the accumulated rounding error", BIT 16, 146-160: what reverse mode was invented for).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from autograd import modes
from autograd.check.differences import EPS, estimate
from autograd.check.precise import DIGITS, ERRORS, context, precise
from autograd.op import FLOAT_ERRORS, Op
from autograd.reverse import adjoints, topological
from autograd.value import Value

STEP = Decimal("1e-21")
MORE_DIGITS = 160, 420
"""For slopes that the value hides: erfc(-21) is 2 to 193 digits. 420 show every slope that a float can hold."""
WIDEST = 12
"""An n-ary operation with more operands is checked along directions first."""


@dataclass(frozen=True)
class Slope:
    """A local derivative from outside: its value and error; left and right differ at a kink.

    ``trouble``: "" or "kink", "jump", "edge" (no slope, or an infinite one, at the border of the domain), "unknown".
    """

    value: float
    error: float
    trouble: str = ""
    left: float = math.nan
    right: float = math.nan


def reference(op: Op, z: float, operands: Sequence[float], index: int) -> Slope:
    """d op / d operand ``index`` at these floats, by differences."""
    if not all(map(math.isfinite, (z, *operands))):
        return Slope(math.nan, math.inf, "unknown")
    f = precise(op)
    slope = None
    if f is not None:
        for digits in (DIGITS, *MORE_DIGITS):
            slope = by_decimals(f, operands, index, digits, z)
            if slope is None or slope.trouble or slope.error < max(1e-13 * abs(slope.value), 5e-324):
                break
    return slope if slope is not None else by_floats(op, operands, index)


def by_floats(op: Op, operands: Sequence[float], index: int) -> Slope:
    """The local derivative by Ridders' table of the float function."""

    def along(t: float) -> float:
        try:
            return float(op.forward(*operands[:index], t, *operands[index + 1 :]))
        except FLOAT_ERRORS:
            return math.nan

    found = estimate(along, operands[index])
    trouble = {"overflow": "unknown"}.get(found.trouble, found.trouble)
    if found.side != "both" and not found.trouble and found.error > 1e-3 * abs(found.value):
        trouble = "edge"
    return Slope(found.value, found.error, trouble, found.left, found.right)


def by_decimals(
    f: Callable[..., Decimal], operands: Sequence[float], index: int, digits: int, z: float
) -> Slope | None:
    """The local derivative by a central difference of decimals; None where the two functions are not the same."""
    with localcontext(context(digits + magnitude(operands))):
        xs = [Decimal(x) for x in operands]
        size = min((abs(x) for x in xs if x), default=Decimal(1))
        h = (abs(xs[index]) or size).min(1) * (STEP if digits == DIGITS else STEP**2)

        def at(step: Decimal) -> Decimal | None:
            try:
                return f(*xs[:index], xs[index] + step, *xs[index + 1 :])
            except ERRORS:
                return None

        here, up, down, further = at(Decimal(0)), at(h), at(-h), at(2 * h)
        if here is None:
            return None
        if abs(here - Decimal(z)) > Decimal("1e-9") * abs(here) + Decimal("1e-300"):
            return None
        rounding = abs(here) * Decimal(10) ** (8 - digits) / h
        if up is None or down is None:
            if up is None and down is None:
                return Slope(math.nan, math.inf, "edge")
            sign = 1 if down is None else -1
            near, far = (up, at(4 * h)) if down is None else (down, at(-4 * h))
            if near is None or far is None:
                return Slope(math.nan, math.inf, "edge")
            a, b = (near - here) / h * sign, (far - here) / (4 * h) * sign
            if abs(a) > Decimal("1.5") * abs(b) + rounding:
                return Slope(limited(a), math.inf, "edge", limited(a), limited(a))
            return Slope(limited(a), limited(abs(a - b) * 2 + rounding))
        left, right = (here - down) / h, (up - here) / h
        value, jump = (up - down) / (2 * h), abs(right - left)
        if max(abs(up - here), abs(here - down)) > Decimal("1e-16") * abs(here):
            for near, far in ((at(h / 1024), up), (at(-h / 1024), down)):
                if near is not None and abs(near - here) > abs(far - here) / 2 > 0:
                    return Slope(math.nan, math.inf, "jump", limited(left), limited(right))
        bend = abs(further - 2 * up + here) / h if further is not None else Decimal(0)
        if jump > 8 * bend + rounding and jump > abs(value) * Decimal("1e-9"):
            return Slope(math.nan, math.inf, "kink", limited(left), limited(right))
        nearer, lower = at(h / 2), at(-h / 2)
        if nearer is not None and lower is not None:  # one step of Richardson's extrapolation
            half = (nearer - lower) / h
            if abs(half) > Decimal("1.2") * abs(value) and abs(half - value) * h > Decimal("1e-40") * abs(here):
                return Slope(limited(half), math.inf, "edge", limited(half), limited(half))  # a vertical tangent
            rounding += abs(half - value)
            value = half + (half - value) / 3
        return Slope(limited(value), limited(rounding))


def magnitude(xs: Sequence[float]) -> int:
    """How many digits the largest of these numbers has in front of the point."""
    size = max(map(abs, xs), default=0.0)
    return max(0, math.frexp(size)[1] // 3) if math.isfinite(size) else 0


def limited(x: Decimal) -> float:
    """The float next to a decimal; an infinity beyond the largest."""
    return float(x) if abs(x) < Decimal("1.7e308") else math.copysign(math.inf, x)


def rounding_of_rule(op: Op, z: float, operands: Sequence[float], index: int, recorded: float) -> float:
    """How far a correct rule may be off here, from the roundings in it; a bound of the first order, doubled."""
    result: object = None
    try:
        with modes.switched(record=True, anomaly=False, ieee=True):
            leaves = [Value(x) for x in (z, *operands)]
            result = op.rule(index)(*leaves)
            if not isinstance(result, Value):
                return 4.0 * EPS * abs(recorded)
            found = adjoints(result)
            total = EPS * op.ulps * abs(found.get(id(leaves[0]), 0.0) * z)
            for node in topological(result):
                if not node.is_leaf:
                    total += EPS * min(node.op.ulps, 4.0) * abs(found.get(id(node), 0.0) * node.data)
    except Exception:  # a rule written with math's functions: it runs on floats only
        total = math.nan
    if not math.isfinite(total) or not math.isfinite(result.data if isinstance(result, Value) else 0.0):
        others = [abs(z / x) for x in (operands[index],) if x]
        total = 8.0 * EPS * max([abs(recorded), *others])
    return 2.0 * total + 2.0 * EPS * abs(recorded) + 1e-322


class Memory:
    """Slopes by operation and operands: graphs repeat themselves."""

    def __init__(self) -> None:
        self.known: dict[Any, tuple[Slope, float]] = {}

    def slope(self, node: Value, data: Sequence[float], index: int, recorded: float) -> tuple[Slope, float]:
        """The slope of an edge from outside, and how far a correct rule may be off there."""
        op = node.op
        assert op is not None
        key = (id(op), index, node.data, *data, recorded)
        if key not in self.known:
            shortcut = linear(op.name, data, index) if precise(op) is not None else None
            slope = Slope(shortcut, EPS * abs(shortcut)) if shortcut is not None else None
            if slope is None:
                slope = reference(op, node.data, data, index)
            # a rule that gives nan where there is a slope has no roundings to add up: it is wrong
            usable = recorded if math.isfinite(recorded) else slope.value
            self.known[key] = slope, rounding_of_rule(op, node.data, data, index, usable)
        return self.known[key]


def linear(name: str, data: Sequence[float], index: int) -> float | None:
    """The slope of an operation that is linear in every operand, where it has too many for differences."""
    n = len(data)
    if n <= WIDEST:
        return None
    if name == "sum":
        return 1.0
    if name == "mean":
        return 1.0 / n
    if name == "dot":
        half = n // 2
        return 1.0 if index == 2 * half else data[index - half if index >= half else index + half]
    if name == "take":
        return float(index == data[0] + 1)
    return None
