"""Two pictures of a derivative: how fast Taylor's remainder falls, and the error of differences against the step."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from autograd import tree
from autograd.check.differences import EPS, Line, Sample, slopes_of
from autograd.check.directions import direction
from autograd.check.gradients import given, own
from autograd.check.subject import Subject, plain

STEPS = tuple(2.0**-k for k in range(2, 26))


@dataclass(frozen=True)
class Taylor:
    """Remainders at steps h along one direction, and the powers of h with which they fall.

    Attributes:
        steps: h. ``constant``: |f(x+hv) - f(x)|. ``linear``: |f(x+hv) - f(x) - h g.v|.
        central: |f(x+hv) - f(x-hv) - 2h g.v| / 2.
        noise: the level below which a remainder is rounding.
        slopes: the measured powers of h: of a right gradient at a smooth point 1, 2 and 3 (inf: the remainder is
            nothing but rounding; nan: too few remainders stand out of it).
    """

    steps: tuple[float, ...]
    constant: tuple[float, ...]
    linear: tuple[float, ...]
    central: tuple[float, ...]
    noise: tuple[float, ...]
    slopes: tuple[float, float, float]

    def __bool__(self) -> bool:
        """The remainder falls as h^2 with the gradient, as h^3 between both sides: within a tenth."""
        return self.slopes[1] > 1.9 and self.slopes[2] > 2.9

    def __str__(self) -> str:
        verdict = "right" if self else "wrong, or not smooth here"
        shown = [("f(x+hv) - f(x)", 1), ("with the gradient", 2), ("with the gradient, both sides", 3)]
        lines = [f"Taylor test: {verdict}"]
        for (what, ideal), slope in zip(shown, self.slopes, strict=True):
            power = "is rounding only" if math.isinf(slope) else f"falls as h^{slope:.2f}"
            lines.append(f"  {what:<30} {power} (a right gradient: h^{ideal}{'' if ideal == 1 else ' or faster'})")
        if not self:
            lines.append("  Next: check_gradients at this point says which input is wrong, or which node has a kink.")
        return "\n".join(lines)


def taylor_test(f: Callable[..., Any], *inputs: Any, gradient: Any = None, along: Any = None) -> Taylor:
    """How fast Taylor's remainder falls: as h^2 with a right gradient, as h^1 with a wrong one.

    Args:
        f, inputs, gradient: as ``check_gradients`` takes them.
        along: the direction v, a tuple in the structure of the inputs; a random one by default.
    """
    if along is not None and not isinstance(along, tuple | list):
        raise TypeError(f"along is a tuple, with a direction for each input; got {along!r:.40}")
    subject = Subject(f, inputs, plain=gradient is not None)
    g = given(subject, gradient) if gradient is not None else own(subject)
    if along is None:
        v = direction(subject.point, random.Random(5))
    else:
        v = [*map(plain, tree.matched(subject.inputs, tuple(along), ("the inputs", "the direction"), loose=True))]
    line = Line(lambda t: subject.value([x + t * d for x, d in zip(subject.point, v, strict=True)]), 0.0)
    line.measure(1.0)
    slope = math.fsum(a * b for a, b in zip(g, v, strict=True))
    rows = []
    for h in STEPS:
        up, down = line(h), line(-h)
        noise = 4.0 * (line.error_at(up, down, line.here) + 4.0 * EPS * abs(h * slope))
        first, second = abs(up - line.here), abs(up - line.here - h * slope)
        rows.append((first, second, abs(up - down - 2.0 * h * slope) / 2.0, noise))
    constant, linear, central, noises = (tuple(column) for column in zip(*rows, strict=True))
    fitted = tuple(fall(STEPS, column, noises) for column in (constant, linear, central))
    return Taylor(STEPS, constant, linear, central, noises, fitted)  # type: ignore[arg-type]


def fall(steps: Sequence[float], remainders: Sequence[float], noises: Sequence[float]) -> float:
    """The power of h with which the remainders fall: a line through the smallest above the noise."""
    out = [(math.log(h), math.log(r)) for h, r, n in zip(steps, remainders, noises, strict=True) if r > 16.0 * n]
    if len(out) < 3:
        return math.inf if all(r <= 16.0 * n for r, n in zip(remainders[3:], noises[3:], strict=True)) else math.nan
    last = out[-6:]
    mean_x, mean_y = (sum(c) / len(last) for c in zip(*last, strict=True))
    below = math.fsum((x - mean_x) * (x - mean_x) for x, _ in last)
    return math.fsum((x - mean_x) * (y - mean_y) for x, y in last) / below


def sweep(
    f: Callable[..., Any], *inputs: Any, index: int = 0, octaves: int = 50, plain: bool = False
) -> tuple[Sample, ...]:
    """Central difference quotients of ``f`` in one input (a flat index), the step halved so many times.

    Their error against a derivative, drawn over the step in logarithms, is the V-shape: truncation falls as h^2 on the
    right arm, rounding grows as 1/h on the left one. With ``plain``, f is called with the numbers and arrays as they
    are given, not with Values: for NumPy functions that take no Values.
    """
    if octaves < 1:
        raise ValueError(f"octaves is how often the step is halved, 1 or more; got {octaves}")
    subject = Subject(f, inputs, plain=plain)
    if not -len(subject.point) <= index < len(subject.point):
        raise ValueError(f"index {index} is out of range: there are {len(subject.point)} inputs")
    index %= len(subject.point)
    point = subject.point
    line = Line(lambda x: subject.value([*point[:index], x, *point[index + 1 :]]), point[index])
    if not math.isfinite(point[index]):
        raise ValueError(f"the input is {point[index]}: there are no steps around it")
    scale = abs(point[index]) or 1.0
    line.measure(scale)
    start = 2.0 ** math.floor(math.log2(scale))
    return tuple(slopes_of(line, start * 2.0**-k)[0] for k in range(octaves))
