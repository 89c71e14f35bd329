"""Points for an expression: in its domain, and far from its kinks or on purpose at one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import reject
from hypothesis import strategies as st

from autograd.op import Op
from autograd.strategies.expression import Expression, Operand, Values, kink_distances, within

Point = tuple[float, ...]

TRIES = 24
LARGE = 1e6
"""No node of a point is larger: beyond it, sums of random expressions have few digits left."""


class Clearance(NamedTuple):
    """How far a point is from trouble, measured at the operands of the operation that is nearest to it.

    ``kink``: to the nearest place where a slope jumps. ``edge``: to the nearest end of a domain. inf where there is
    none; -inf both where the expression is not defined.
    """

    kink: float
    edge: float


def clearance(expression: Expression, point: Sequence[float]) -> Clearance:
    """How far the point is from the kinks and from the domain edges of every operation in the expression.

    Raises:
        TypeError: no Expression, or not one number for each variable.
    """
    return clearance_of(check_expression(expression, "clearance").values(point))


def clearance_of(values: Values | None) -> Clearance:
    """The clearance, from the operands and values of every line."""
    if values is None:
        return Clearance(-math.inf, -math.inf)
    kink = edge = math.inf
    for line, operands, _ in values:
        kink = min([kink, *map(abs, kink_distances(line.op, operands, line.operands))])
        edge = min(edge, edge_distance(line.op, operands, line.operands))
    return Clearance(kink, edge)


def edge_distance(op: Op, operands: Sequence[float], origins: Sequence[Operand]) -> float:
    """To the nearest end of the domain, along the operands that are not constants.

    Of a condition on all operands only the usual edge is seen, an operand of 0 (x / y, x ** y); where a step of a
    thousandth leaves the domain, the distance is given as 0.
    """
    found = math.inf
    limits = op.domain * len(operands) if op.arity is None else op.domain
    for i, (x, limit, origin) in enumerate(zip(operands, limits, origins, strict=True)):
        if isinstance(origin, float):
            continue
        if max(abs(limit.low), abs(limit.high)) < 1e300 or limit.low == 0.0:
            found = min(found, x - limit.low, limit.high - x)
        elif math.isfinite(limit.low) or math.isfinite(limit.high):
            found = min(found, *(abs(x - end) for end in (limit.low, limit.high) if math.isfinite(end)))
        if op.defined is None:
            continue

        def moved(to: float, i: int = i) -> bool:
            return within(op, [*operands[:i], to, *operands[i + 1 :]])

        if not moved(0.0):
            found = min(found, abs(x))
        if not (moved(x + 1e-3) and moved(x - 1e-3)):
            found = min(found, abs(x) if not moved(0.0) and abs(x) <= 1e-3 else 0.0)
    return found


def clear(expression: Expression, point: Point, distance: float) -> bool:
    """Is the point that far from kinks and edges, and no node of it huge?"""
    values = expression.values(point)
    found = clearance_of(values)
    if not (found.edge > 0.0 if distance == 0.0 else min(found) >= distance):
        return False
    return all(abs(z) <= LARGE for _, _, z in values or ())


def points(
    expression: Expression,
    *,
    min_value: float = -3.0,
    max_value: float = 3.0,
    distance: float = 1e-3,
    at_kinks: bool = False,
) -> st.SearchStrategy[Point]:
    """Points where the expression is defined: a tuple of floats, one for each of its variables.

    Args:
        expression: what ``expressions()`` or ``graphs()`` have drawn.
        min_value: the least value of a variable.
        max_value: the greatest.
        distance: how far to stay from kinks and domain edges, measured at the operands of the operation that has them;
            0 asks for the inside of the domain alone, kinks or not.
        at_kinks: points at a kink instead: the distance to it is 0, or changes its sign between two neighbouring
            floats.

    Raises:
        TypeError: no Expression.
        ValueError: bounds that are not finite or not in order, a negative distance, ``at_kinks`` of an expression that
            has none.
    """
    check_expression(expression, "points")
    check_box(min_value, max_value, "points")
    check_distance(distance, "points")
    if not at_kinks:
        return away(expression, reals(min_value, max_value), distance)
    if not expression.kinked:
        raise ValueError(f"points: no operation of {expression.source()} has a kink; leave at_kinks out")
    return at_a_kink(expression, reals(min_value, max_value), float(min_value), float(max_value))


def reals(low: float, high: float) -> st.SearchStrategy[float]:
    """Floats of the box, none of them subnormal."""
    return st.floats(low, high, allow_nan=False, allow_subnormal=False)


@st.composite
def away(
    draw: st.DrawFn, expression: Expression, real: st.SearchStrategy[float], distance: float, first: Point = ()
) -> Point:
    """A point that is clear of kinks and edges; several are tried before the example is given up.

    The numbers of ``first``, drawn before, are tried first.
    """
    for _ in range(TRIES):
        point = tuple([*first, *(draw(real) for _ in expression.variables[len(first) :])][: len(expression.variables)])
        if clear(expression, point, distance):
            return point
        first = ()
    return reject()


@st.composite
def at_a_kink(
    draw: st.DrawFn, expression: Expression, real: st.SearchStrategy[float], low: float, high: float
) -> Point:
    """A point where the distance to one kink is 0, found along one variable."""
    for _ in range(TRIES):
        point = [draw(real) for _ in expression.variables]
        i = draw(st.integers(0, len(point) - 1))
        candidates = zeros_along(expression, point, i, low, high)
        if candidates:
            found = draw(st.sampled_from(candidates))()
            if found is not None:
                return (*point[:i], found, *point[i + 1 :])
    return reject()


def zeros_along(
    expression: Expression, start: Sequence[float], i: int, low: float, high: float
) -> list[Callable[[], float | None]]:
    """How to find values of variable ``i`` at which the distance to some kink is 0, as far as a coarse scan sees them.

    Each finds one, or None where the distance jumps over 0.
    """

    def distances(t: float) -> list[float]:
        values = expression.values((*start[:i], t, *start[i + 1 :]))
        if values is None or clearance_of(values).edge <= 0.0:
            return []
        return [d for line, operands, _ in values for d in kink_distances(line.op, operands, line.operands)]

    def distance(k: int) -> Callable[[float], float]:
        return lambda t: found[k] if (found := distances(t)) else math.nan

    whole = [float(n) for n in range(math.ceil(low), math.floor(high) + 1)] if high - low < 20 else [0.0]
    grid = sorted({*whole, start[i], *(low + (high - low) * k / 16 for k in range(17))})
    scan = [(t, distances(t)) for t in grid if low <= t <= high]
    exact = sorted((t for t, ds in scan if 0.0 in ds), key=abs)
    return [
        *(partial(float, t) for t in exact),
        *(
            partial(bisected, distance(k), a, b)
            for (a, da), (b, db) in pairwise(scan)
            for k in range(min(len(da), len(db)))
            if da[k] * db[k] < 0.0
        ),
    ]


def bisected(g: Callable[[float], float], a: float, b: float) -> float | None:
    """Where ``g`` changes its sign between a and b, to the last float; None where it jumps over 0."""
    below = g(a) < 0.0
    while (middle := a + 0.5 * (b - a)) not in (a, b):
        at = g(middle)
        if at == 0.0:
            return middle
        if at != at or (abs(at) > 1e-3 and b - a < 1e-9):
            return None
        a, b = (middle, b) if (at < 0.0) == below else (a, middle)
    nearest = min((a, b), key=lambda t: abs(g(t)))
    return nearest if abs(g(nearest)) <= 1e-9 else None


def check_expression(expression: Any, who: str) -> Expression:
    """TypeError unless it is an Expression."""
    if not isinstance(expression, Expression):
        raise TypeError(
            f"{who} takes an Expression, as expressions() and graphs() draw them; got {type(expression).__name__}. For "
            "a function of your own, give strategies for its arguments: given_gradients(st.floats(-3, 3))"
        )
    return expression


def check_box(low: Any, high: Any, who: str) -> None:
    """ValueError unless low < high are finite numbers."""
    if not all(isinstance(x, int | float) and math.isfinite(x) for x in (low, high)) or not low < high:
        raise ValueError(f"{who}: min_value and max_value are finite and in order; got {low!r} and {high!r}")


def check_distance(distance: Any, who: str) -> None:
    """ValueError unless it is a number from 0 up."""
    if not (isinstance(distance, int | float) and 0.0 <= distance < math.inf):
        raise ValueError(f"{who}: distance is a number from 0 up, such as 1e-3; got {distance!r}")
