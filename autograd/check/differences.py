"""Finite differences that estimate their own error.

Central differences at steps that halve, extrapolated to step 0 (C. J. F. Ridders, 1982, "Accurate computation of F'(x)
and F'(x) F''(x)", Advances in Engineering Software 4, 75-76; L. F. Richardson, 1911): every entry of the table comes
with an error, and the one with the smallest is taken. One-sided differences where only one side is defined. The noise
of the function is measured by a table of differences (J. J. Moré & S. M. Wild, 2011, "Estimating computational noise",
SIAM J. Sci. Comput. 33, 1292-1314), so that a float32 function inside is found out and not taken for a float64 one.

Steps are powers of two and never leave the numbers that the input can hold: x + h is exact, or its true width is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

EPS = 2.0**-52
TINY = 5e-324
ROWS = 14
SAFETY = 3.0
"""A Ridders error is an estimate: what is called an error here is three of them."""

Function = Callable[[float], float]


@dataclass(frozen=True)
class Sample:
    """One difference quotient: its step, its value, and what rounding alone may have done to it."""

    step: float
    slope: float
    rounding: float


@dataclass(frozen=True)
class Estimate:
    """A derivative by differences.

    Attributes:
        value, error: the derivative, and a bound of its error (truncation and rounding); nan and inf without.
        noise: the error of one evaluation of f.
        side: "both", or the only side on which f is defined: "left", "right"; "none".
        trouble: "" or why there is no derivative: "kink", "edge", "overflow", "constant".
        left, right: slopes on the two sides, where they were measured.
        size: the largest |f| that was seen. still: f was one and the same number wherever it was asked.
        samples: the plain difference quotients that were taken on the way, error against step size.
    """

    value: float
    error: float
    noise: float
    side: str = "both"
    trouble: str = ""
    left: float = math.nan
    right: float = math.nan
    samples: tuple[Sample, ...] = ()
    size: float = 0.0
    still: bool = False


class Line:
    """A float function along one line, every value computed once."""

    def __init__(self, f: Function, x: float, rounded: Function | None = None, unit: float = EPS) -> None:
        self.f, self.x = f, x
        self.rounded = rounded or (lambda t: t)
        self.known: dict[float, float] = {}
        self.here = self(x)
        self.noise, self.unit = math.nan, unit
        self.spacing = unit  # of the numbers that x can be

    def __call__(self, t: float) -> float:
        """f at t, or at the number next to it that the input can hold; nan beyond the floats."""
        t = self.rounded(t)
        if t not in self.known:
            self.known[t] = self.f(t) if math.isfinite(t) else math.nan
        return self.known[t]

    def error_at(self, *values: float) -> float:
        """The error of evaluations that gave these values."""
        return max(self.noise, self.unit * max(map(abs, values))) + TINY

    def measure(self, scale: float) -> None:
        """Estimate the noise on both sides of x, from values so near that f is a straight line but for it."""
        # times an odd factor, so that no coarser number format inside f rounds in step with us
        spacing = scale * max(2.0**-16, 64.0 * self.spacing) * 1.3713
        rows = self.rows(spacing)
        if all(len(set(row)) < 6 for row in rows):  # steps too small to be seen: f is coarser than its input
            rows += self.rows(256.0 * spacing)
        sides = [scatter(row) for row in rows]
        found = [s for s in sides if math.isfinite(s)]
        size = abs(self.here)
        if len(found) > 1 and max(found) > 1e3 * max(min(found), EPS * size):
            found = [sorted(found)[len(found) // 2 - 1]]  # something happens on one side: that is no noise
        self.noise = max([self.spacing * size, *found])
        self.unit = max(self.spacing, min(max(EPS, self.noise / size if size else EPS), 2.0**-22))

    def rows(self, spacing: float) -> list[list[float]]:
        """Eight equally spaced values on each side."""
        spacing = (self.x + spacing) - self.x
        return [[self(self.x + sign * spacing * k) for k in range(8)] for sign in (1.0, -1.0)]


def scatter(values: list[float]) -> float:
    """The standard deviation of the noise in equally spaced values; nan where one is not finite."""
    if not all(map(math.isfinite, values)):
        return math.nan
    levels, gamma = [], 1.0
    for k in range(1, 7):
        values = [b - a for a, b in pairwise(values)]
        gamma *= k / (2.0 * (2.0 * k - 1.0))  # (k!)**2 / (2k)!, by which differencing amplifies a variance
        levels.append(math.sqrt(gamma * sum(v * v for v in values) / len(values)))
    return sorted(levels[2:])[1]


def slopes_of(line: Line, step: float) -> tuple[Sample, Sample, Sample]:
    """Central, left and right difference quotients at one step; slope nan where f is not finite."""
    x, here = line.x, line.here
    high, low = line.rounded(x + step), line.rounded(x - step)
    up, down = line(high), line(low)
    found = []
    for a, b, fa, fb in ((low, high, down, up), (low, x, down, here), (x, high, here, up)):
        width = b - a
        if width <= 0.0 or not (math.isfinite(fa) and math.isfinite(fb)):
            found.append(Sample(step, math.nan, math.inf))
            continue
        rounding = 2.0 * line.error_at(fa, fb) / width
        found.append(Sample(step, (fb - fa) / width, rounding))
    return found[0], found[1], found[2]


def table(line: Line, start: float, side: str = "both") -> tuple[float, float, list[Sample]]:
    """The best entry of Ridders' table from the step ``start`` down, its error, and the first column."""
    order = 4.0 if side == "both" else 2.0
    which = {"both": 0, "left": 1, "right": 2}[side]
    best, error = math.nan, math.inf
    above: list[float] = []
    column: list[Sample] = []
    step, worse = start, 0
    for _ in range(ROWS):
        sample = slopes_of(line, step)[which]
        step *= 0.5
        if not math.isfinite(sample.slope):
            above = []
            continue
        column.append(sample)
        row = [sample.slope]
        factor, noise = 1.0, sample.rounding
        for j, older in enumerate(above):
            factor *= order
            row.append(row[j] + (row[j] - older) / (factor - 1.0))
            noise *= (factor + 1.0) / (factor - 1.0)
            spread = max(abs(row[-1] - row[j]), abs(row[-1] - older)) + noise
            if spread < error:
                best, error, worse = row[-1], spread, 0
        above = row
        worse += 1
        if worse > 3 and len(column) > 5:
            break
    return best, SAFETY * error, column


def power_of_two(x: float) -> float:
    """The power of two at or below x > 0."""
    return math.ldexp(1.0, max(math.frexp(x)[1] - 1, -1060))


def estimate(
    f: Function, x: float, rounded: Function | None = None, sizes: tuple[float, ...] = (), unit: float = EPS
) -> Estimate:
    """The derivative of a float function at x, with an error that includes rounding; see ``Estimate``.

    Args:
        f: floats to a float; nan where it is not defined.
        rounded: the number that the input can hold next to a given one (float32); None for float64.
        unit: the spacing of these numbers beside 1.
        sizes: lengths on which f may vary, beside |x| and 1.
    """
    line = Line(f, x, rounded, unit)
    if not math.isfinite(line.here):
        return Estimate(math.nan, math.inf, math.nan, "none", "overflow" if math.isinf(line.here) else "edge")
    scales = distinct([abs(x), 1.0, *sizes], x)
    scales = settled_scales(line, scales, unit)
    fine = sorted(scales)[0] if abs(x) < 1e-3 else scales[0]
    tables: list[tuple[float, float, list[Sample], float]] = []
    probe = probed(line, fine)
    side = probe.side
    if side == "none":
        trouble = "overflow" if any(math.isinf(v) for v in line.known.values()) else "edge"
        return Estimate(math.nan, math.inf, line.noise, "none", trouble)
    for start in [s * k for k in (2.0**-3, 2.0**-12) for s in scales]:
        value, error, column = table(line, power_of_two(start), side)
        tables.append((value, error, column, start))
        settled = error <= 1e-9 * abs(value) + line.noise / max(scales)
        if settled and len(tables) > 1 and agree(value, error, probe):
            break
        if settled and abs(value - probe.value) <= min(error + probe.error, 1e-5 * abs(value) + probe.error):
            break
    samples = tuple(sorted({s.step: s for t in tables for s in t[2]}.values(), key=lambda s: -s.step))
    size = max(abs(v) for v in line.known.values() if math.isfinite(v))
    fitting = [t for t in tables if agree(t[0], t[1], probe)]
    if probe.trouble or not fitting:
        trouble = probe.trouble or "kink"
        return Estimate(math.nan, math.inf, line.noise, side, trouble, probe.left, probe.right, samples, size)
    seen = [v for v in line.known.values() if math.isfinite(v)]
    still = max(seen) == min(seen)
    value, error, _, start = min((t for t in fitting if not outdone(t, fitting)), key=lambda t: t[1])
    if start > 8.0 * fine and side == "both":  # too near, all is noise: is there a kink in reach of where it is not?
        wide = probed(line, start)
        if wide.trouble == "kink":
            return Estimate(math.nan, math.inf, line.noise, side, "kink", wide.left, wide.right, samples, size)
    return Estimate(value, error, line.noise, side, "", probe.left, probe.right, samples, size, still)


def outdone(table: tuple[float, float, Any, float], others: Sequence[tuple[float, float, Any, float]]) -> bool:
    """Does a table of smaller steps say otherwise? A derivative is a limit: the nearer look counts."""
    value, error, _, start = table
    return any(s < start / 4.0 and abs(v - value) > e + error and e < 0.01 * abs(v) for v, e, _, s in others)


def settled_scales(line: Line, scales: list[float], unit: float) -> list[float]:
    """Measure the noise; where f is all noise at the scale of x, look nearer until it is not (sin(x) at x = 1e9)."""
    line.measure(scales[0])
    near: list[float] | None = None
    limit = 1e-10  # the noise that is small beside f
    for shrink in (2.0**-8, 2.0**-16, 2.0**-26) if unit == EPS else ():
        before = line.noise, line.unit
        if before[0] <= limit * max((abs(v) for v in line.known.values() if math.isfinite(v)), default=0.0):
            break
        line.measure(scales[0] * shrink)
        if line.noise > before[0] / 16.0:  # noise indeed, at every scale
            line.noise, line.unit = before
            break
        limit, near = 1e-13, [scales[0] * shrink * (2.0**-12 if near is None else 2.0**-4)]
    return near or scales


def distinct(sizes: list[float], x: float) -> list[float]:
    """The lengths in order of preference, those left out that are within a factor 8 of one before, or far too small."""
    kept: list[float] = []
    for size in sizes:
        if size > max(1e-290, 16.0 * EPS * abs(x)) and all(not 0.125 <= size / k <= 8.0 for k in kept):
            kept.append(size)
    return kept or [1.0]


@dataclass(frozen=True)
class Probe:
    """A look at x from very near: what an extrapolation from afar must agree with."""

    value: float
    error: float
    side: str
    trouble: str
    left: float
    right: float


def agree(value: float, error: float, probe: Probe) -> bool:
    """Is an extrapolated slope what is seen from near?"""
    return math.isfinite(value) and abs(value - probe.value) <= error + probe.error


def probed(line: Line, scale: float) -> Probe:
    """Slopes at steps far below the scale of f, one sixteenth apart: they show a kink, a jump or an edge at x."""
    loss = line.noise / (abs(line.here) + abs(line(line.x + scale * 0.125) - line.here) + TINY)
    coarse = max(2.0**-20, 2.0**-6 if loss > 1e-9 else 0.0) if loss == loss else 2.0**-20
    if line.spacing > 1e-10:
        coarse = min(0.25, max(2.0**-6, 512.0 * line.spacing))
    step = power_of_two(scale * coarse)
    (c1, l1, r1), (c2, l2, r2) = slopes_of(line, step), slopes_of(line, step / 16.0)
    defined = [math.isfinite(s.slope) for s in (l2, r2)]
    if defined == [False, False]:
        return Probe(math.nan, math.inf, "none", "edge", math.nan, math.nan)
    if not all(defined):
        side, wide, narrow = ("left", l1, l2) if defined[0] else ("right", r1, r2)
        far = wide if math.isfinite(wide.slope) else narrow
        grows = abs(narrow.slope) > 1.5 * abs(far.slope) and abs(narrow.slope - far.slope) > 4.0 * narrow.rounding
        error = 2.0 * abs(far.slope - narrow.slope) + narrow.rounding + far.rounding
        return Probe(narrow.slope, error, side, "edge" if grows else "", l2.slope, r2.slope)
    narrow_jump, noise = abs(r2.slope - l2.slope), 2.0 * (l2.rounding + r2.rounding)
    if not math.isfinite(c1.slope):  # an edge near by
        return Probe(c2.slope, narrow_jump + noise, "both", "", l2.slope, r2.slope)
    wide_jump = abs(r1.slope - l1.slope)
    kink = narrow_jump > noise and narrow_jump > 0.5 * wide_jump and narrow_jump > 1e-7 * abs(c2.slope)
    # a smooth function leaves a jump of h * f'': the central slope is better than that by far, but allow it all
    error = wide_jump + c1.rounding + noise if not kink else math.inf
    return Probe(c1.slope, error, "both", "kink" if kink else "", l2.slope, r2.slope)
