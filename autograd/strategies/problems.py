"""A random function together with a point of it."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import assume
from hypothesis import strategies as st

from autograd.strategies.expression import Expression
from autograd.strategies.growth import expressions
from autograd.strategies.points import Point, at_a_kink, away, check_box, check_distance, check_expression, reals
from autograd.value import Value


class Problem(NamedTuple):
    """A function and a point of it."""

    expression: Expression
    point: Point

    def record(self) -> Value:
        """The root of the graph recorded at the point."""
        return self.expression.record(*self.point)


def problems(
    functions: st.SearchStrategy[Expression] | None = None,
    *,
    min_value: float = -3.0,
    max_value: float = 3.0,
    distance: float = 1e-3,
    at_kinks: bool = False,
) -> st.SearchStrategy[Problem]:
    """A function together with a point of it: ``Problem(expression, point)``.

    Args:
        functions: a strategy for expressions; ``expressions()`` unless told.
        min_value, max_value, distance, at_kinks: as for ``points``.

    Raises:
        TypeError, ValueError: as ``points`` does.
    """
    drawn = expressions() if functions is None else functions
    if not isinstance(drawn, st.SearchStrategy):
        raise TypeError(f"problems takes a strategy for expressions, as in problems(graphs()); got {drawn!r:.40}")
    check_box(min_value, max_value, "problems")
    check_distance(distance, "problems")

    return drawn_problems(drawn, float(min_value), float(max_value), distance, at_kinks)


@st.composite
def drawn_problems(
    draw: st.DrawFn,
    functions: st.SearchStrategy[Expression],
    low: float,
    high: float,
    distance: float,
    at_kinks: bool,
) -> Problem:
    """A problem. Numbers for its point are drawn first, where Hypothesis' changes to the function leave them alone."""
    first = tuple(draw(reals(low, high)) for _ in range(3))
    f = draw(functions)
    check_expression(f, "problems")
    if at_kinks:
        assume(f.kinked)
        return Problem(f, draw(at_a_kink(f, reals(low, high), low, high)))
    return Problem(f, draw(away(f, reals(low, high), distance, first)))
