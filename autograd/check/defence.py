"""Before a gradient is called wrong: is there a reading of f in which it is right?

Differences speak of f over their steps, a gradient of f at the point. Where only calls of f are known, four things let
a correct gradient look wrong: a kink or a corner nearer than the steps, a function that varies on a far smaller scale
than its input, an input lost in rounding (f is a staircase of the floats), and an input so large that the next floats
are further apart than anything f does between them. Each is looked for at the smallest steps at which the difference
in question stands out of the noise; a gradient that f's near slopes speak for, or do not speak against, is not wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

from autograd.check.differences import EPS, Function, Line, Sample, power_of_two, scatter, slopes_of
from autograd.check.judge import too_large
from autograd.check.verdict import Entry

OCTAVES = 2
"""From one step to the next."""
VISIBLE = 0.1
"""A step shows a gap where rounding is at most this share of it."""
ROUNDED = 2.0**-20
"""Jumps of a larger share of f, or of its input, are no rounding, not even in float32."""


@dataclass(frozen=True)
class Doubt:
    """Why a gradient that differs from the differences is not called wrong: one word, and a sentence."""

    kind: str
    reason: str


def defended(entry: Entry, f: Function, rounded: Function | None, unit: float, size: float) -> Entry:
    """A wrong entry, made undecidable if there is something to be said for its gradient; any other entry as it is.

    Args:
        f: the function along the entry's input, nan where it is not defined.
        rounded, unit: the numbers that the input can hold, and their spacing beside 1, as in ``estimate``.
        size: the typical size of the inputs, for an input that is 0; or 0.
    """
    if entry.verdict != "wrong":
        return entry
    line = Line(f, entry.at, rounded, unit)
    doubt = doubts(line, entry, size)
    return entry if doubt is None else replace(entry, verdict="undecidable", kind=doubt.kind, reason=doubt.reason)


def doubts(line: Line, entry: Entry, size: float) -> Doubt | None:
    """The first thing that speaks for the gradient."""
    g = entry.gradient
    steps = ladder(line, size)
    length = min(1.0, abs(line.x) or size or 1.0) / 2.0
    line.noise = noise_of(line, steps[0])
    looks = [slopes_of(line, h) for h in steps]
    stair = staircase(line, looks) if g != 0.0 else None  # for 0, the near slopes speak themselves
    if stair is not None:
        if stair.speaks_for(g, length):
            return Doubt("noise", stair.reason)
        line.noise = max(line.noise, stair.jump if stair.fine else 0.0)
        looks = [slopes_of(line, h) for h in steps]
    if not math.isfinite(g):
        if entry.side != "both":
            return Doubt("edge", bordering(entry))
        return None if steps[0] <= length else Doubt("noise", too_large(entry))
    gap = abs(g - entry.numerical)
    told = [look for look in looks if shows(look, gap)]
    if not told or told[0][0].step > length:
        return Doubt("noise", too_large(entry) if steps[0] > length else hidden(line, gap))
    doubt = near_slopes(entry, told, gap)
    if doubt is None and g == 0.0 and all(y.is_integer() for y in line.rows(steps[0])[0]):
        return Doubt("noise", whole(line))
    return doubt


def ladder(line: Line, size: float) -> list[float]:
    """Steps from a few floats up to the size of x, smallest first."""
    top = power_of_two(abs(line.x) or size or 1.0)
    bottom = max(power_of_two(8.0 * line.unit * abs(line.x) or 2.0**-80 * top), 2.0**-1000)
    octaves = max(0, round(math.log2(top) - math.log2(bottom)))
    return [math.ldexp(bottom, k) for k in range(0, octaves + 1, OCTAVES)]


def noise_of(line: Line, step: float) -> float:
    """The noise of f as the nearest floats show it: not what f does further away."""
    found = [s for s in map(scatter, line.rows(1.3713 * step)) if math.isfinite(s)]
    return max([min(found, default=0.0), EPS * abs(line.here)])


def shows(look: tuple[Sample, Sample, Sample], gap: float) -> bool:
    """Does a gap between two slopes stand out of the rounding of these difference quotients?"""
    found = [s.rounding for s in look if math.isfinite(s.slope)]
    return bool(found) and max(found) <= VISIBLE * gap


def near_slopes(entry: Entry, told: list[tuple[Sample, Sample, Sample]], gap: float) -> Doubt | None:
    """Do the two smallest steps that tell the gradient from the differences speak for it, or against both?"""
    g, found = entry.gradient, entry.numerical
    near, next_ = told[0], told[1] if len(told) > 1 else told[0]

    def speaks(which: int) -> bool:
        return all(abs(look[which].slope - g) <= 2.0 * look[which].rounding + 0.1 * gap for look in (near, next_))

    step = near[0].step
    if speaks(0) or (speaks(1) and speaks(2)):
        reason = (
            f"over a step of {step:.1e} the slope is what the gradient says, over larger ones it is not: f has a kink "
            "so near, or varies on so small a scale. Move the point, or scale the input"
        )
        return Doubt("noise", reason)
    if speaks(1) or speaks(2):
        side, other = ("left", near[2]) if speaks(1) else ("right", near[1])
        reason = (
            f"a kink of the function is within {step:.1e} of the point, nearer than differences can resolve: on the "
            f"{side} its slope is what the gradient says, on the other side {other.slope:.6g}. Move the point away"
        )
        return Doubt("kink", reason)
    if all(astray(look, found, entry.error + 0.5 * gap) for look in (near, next_)):
        reason = (
            f"over a step of {step:.1e} the slope is {near[0].slope:.6g}, over larger ones {found:.6g}, and the "
            "gradient is neither: f has a kink so near, or varies on so small a scale. Move the point, or scale the "
            "input"
        )
        return Doubt("noise", reason)
    return None


def astray(look: tuple[Sample, Sample, Sample], slope: float, slack: float) -> bool:
    """Is a central slope another than this one, by more than rounding and the bend of f explain?"""
    c, left, right = look
    return abs(c.slope - slope) > 4.0 * c.rounding + 2.0 * abs(right.slope - left.slope) + slack


def hidden(line: Line, gap: float) -> str:
    """A gap that rounding covers on every step that is small beside the input."""
    return (
        f"the gradient and the differences are {gap:.1e} apart, which moves f by less than its rounding error "
        f"({line.noise:.1e}) over any step that is small beside the input: this input is lost beside larger numbers. "
        "Scale the inputs, or leave out a constant term"
    )


def bordering(entry: Entry) -> str:
    """A gradient that is no number, where f is defined on one side only."""
    return (
        f"the function is defined on the {entry.side} only: at a border of its domain a slope need not exist, and the "
        f"gradient is {entry.gradient}. Move the point inside"
    )


def whole(line: Line) -> str:
    """A function that gives whole numbers only, even between neighbouring floats."""
    return (
        f"f gives whole numbers only, {line.here:.6g} here, and the floats next to this input are too far apart to "
        "show whether it is constant between them, as floor is. Choose a point nearer to 0"
    )


@dataclass(frozen=True)
class Staircase:
    """f does not move within ``reach`` of the point, and jumps by ``jump`` just beyond it.

    ``fine``: by so little that it may be rounding, at least in float32. ``far``: the slope over many steps.
    """

    reach: float
    jump: float
    fine: bool
    far: float

    def speaks_for(self, g: float, length: float) -> bool:
        """May a function with this slope be rounded to these steps?"""
        if not math.isfinite(g):
            return self.fine and self.reach > length
        return not self.fine and 0.2 <= self.far / abs(g) <= 5.0

    @property
    def reason(self) -> str:
        """In words."""
        return (
            f"f is a staircase here: it does not move within {self.reach:.1e} of the point, and jumps by "
            f"{self.jump:.1e} there. Either this input is lost in rounding beside a larger number, or the steps are "
            "meant and have slope 0; nothing tells which. Scale the inputs"
        )


def staircase(line: Line, looks: list[tuple[Sample, Sample, Sample]]) -> Staircase | None:
    """The stretch around x on which f is one and the same float, where it ends with a jump."""
    still = [c.slope == left.slope == right.slope == 0.0 for c, left, right in looks]
    if not all(still[:3]):
        return None
    steps = [look[0].step for look in looks]
    steps += [steps[-1] * 4.0**k for k in range(1, 40)]

    def move(t: float) -> float:
        return abs(line(line.x + t) - line.here)

    for inner, outer in pairwise(steps):
        for side in (1.0, -1.0):
            if not move(side * outer) > 0.0:
                continue
            a, b = inner, outer
            for _ in range(50):
                middle = 0.5 * (a + b)
                a, b = (a, middle) if move(side * middle) > 0.0 else (middle, b)
            jump = move(side * b)
            if not jump >= 0.2 * move(side * 2.0 * b):
                return None
            size = max(abs(line.here), abs(line.x), 1.0)
            return Staircase(b, jump, jump <= ROUNDED * size, move(side * 8.0 * b) / (8.0 * b))
    return None
