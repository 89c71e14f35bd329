"""Gradients against finite differences that estimate their own error.

Central differences at steps that shrink by a factor, extrapolated to step 0 by Ridders' method (C. J. F. Ridders, 1982,
"Accurate computation of F'(x) and F'(x) F''(x)", Advances in Engineering Software 4, 75-76): every entry of the table
comes with an error, and the entry with the smallest is taken. So the tolerance follows from the function, not from a
guess.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from autograd import tree
from autograd.derivatives import value_and_grad
from autograd.errors import AutogradError, GraphError
from autograd.modes import no_grad
from autograd.value import Value

EPS = 2.0**-52
TINY = 5e-324  # the spacing of the smallest floats, where EPS says nothing
SHRINK = 1.6
ROWS = 14


@dataclass(frozen=True)
class Entry:
    """One input: its gradient by autograd, by finite differences, and the error of the latter."""

    path: str
    at: float
    gradient: float
    numerical: float
    error: float

    @property
    def verdict(self) -> str:
        """``right`` or ``wrong``; ``undecidable`` where the differences do not settle (a kink, an edge, noise)."""
        if not math.isfinite(self.numerical) or not self.error <= 0.01 * max(abs(self.numerical), abs(self.gradient)):
            near = abs(self.gradient - self.numerical) <= self.error < 1e-6
            return "right" if near else "undecidable"
        return "right" if abs(self.gradient - self.numerical) <= self.error else "wrong"

    def __str__(self) -> str:
        return (
            f"{self.verdict:>11}  input{self.path} = {self.at!r}: gradient {self.gradient!r}, "
            f"finite differences {self.numerical!r} +- {self.error:.1e}"
        )


@dataclass(frozen=True)
class Report:
    """The verdict on every input; true when none is wrong and none undecidable."""

    entries: tuple[Entry, ...]

    def __bool__(self) -> bool:
        return all(entry.verdict == "right" for entry in self.entries)

    def __str__(self) -> str:
        return "\n".join(map(str, self.entries))


def check_gradients(f: Callable[..., Any], *inputs: Any) -> Report:
    """Compare the gradient of ``f`` with finite differences, input by input.

    Args:
        f: a function as ``autograd.grad`` takes it: of floats or structures of floats, returning one number.
        inputs: where; floats or structures of floats.

    Returns:
        A report that is true when every gradient agrees within the estimated error, and prints the comparison.

    Raises:
        GraphError, TypeError: as ``grad`` does.
    """
    _, gradient = value_and_grad(f)(*inputs)
    flat = [float(getattr(x, "data", x)) for x in tree.leaves(inputs)]
    paths: list[str] = []

    def remember(x: Any, path: str) -> Any:
        paths.append(path)
        return x

    tree.rebuild(inputs, remember)
    found = tree.leaves(gradient)
    entries = []
    for i, (at, path, g) in enumerate(zip(flat, paths, found, strict=True)):

        def along(x: float, i: int = i) -> float:
            return plain(f, tree.refill(inputs, [*flat[:i], x, *flat[i + 1 :]]))

        numerical, error = derivative(along, at)
        entries.append(Entry(path, at, float(getattr(g, "data", g)), numerical, error))
    return Report(tuple(entries))


def assert_gradients(f: Callable[..., Any], *inputs: Any) -> None:
    """Raise AssertionError with the whole comparison unless ``check_gradients(f, *inputs)`` is true."""
    report = check_gradients(f, *inputs)
    if not report:
        raise AssertionError(f"gradients of {getattr(f, '__name__', 'f')} against finite differences:\n{report}")


def plain(f: Callable[..., Any], inputs: Sequence[Any]) -> float:
    """The function's value as a float; nan where it is not defined."""
    try:
        with no_grad():
            y = f(*tree.rebuild(tuple(inputs), lambda x, path: Value(x)))
    except GraphError:
        raise
    except (AutogradError, ArithmeticError):
        return math.nan
    return float(getattr(y, "data", y))


def derivative(f: Callable[[float], float], x: float) -> tuple[float, float]:
    """The derivative of a float function by Ridders' table, and an estimate of its error that includes rounding.

    inf as the error: the differences do not settle, or the slopes on the two sides differ (a kink).
    """
    if kinked(f, x):
        return math.nan, math.inf
    starts = {0.1 * max(abs(x), 0.1), 0.1 * abs(x) if abs(x) > 1e-280 else 0.01}
    return min((ridders(f, x, step) for step in sorted(starts)), key=lambda found: found[1])


def ridders(f: Callable[[float], float], x: float, step: float) -> tuple[float, float]:
    """The best entry of Ridders' table that starts at ``step``, and twice its estimated error."""
    best, error = math.nan, math.inf
    above: list[float] = []
    for _ in range(ROWS):
        high, low = x + step, x - step
        up, down = f(high), f(low)
        width = high - low
        row = [(up - down) / width]
        noise = 4.0 * (EPS * (abs(up) + abs(down)) + TINY) / width
        factor = 1.0
        for j, older in enumerate(above):
            factor *= SHRINK * SHRINK
            row.append((factor * row[j] - older) / (factor - 1.0))
            spread = max(abs(row[-1] - row[j]), abs(row[-1] - older)) + noise
            if spread < error:
                best, error = row[-1], spread
        above = row
        step /= SHRINK
    return best, 2.0 * error


def kinked(f: Callable[[float], float], x: float) -> bool:
    """The slopes on the left and on the right stay apart as the step shrinks: of a smooth function they meet."""

    def jump(step: float) -> tuple[float, float]:
        high, low, here = f(x + step), f(x - step), f(x)
        noise = 8.0 * EPS * (abs(high) + abs(low) + abs(here)) / step
        return abs((high - here) - (here - low)) / step, noise

    step = 1e-6 * max(abs(x), 0.1)
    (wide, _), (narrow, noise) = jump(step), jump(step / 16.0)
    return narrow > noise and narrow > 0.5 * wide
