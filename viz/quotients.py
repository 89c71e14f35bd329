"""What stands in a sweep of difference quotients: the errors, the floor of a wrong gradient, the arms of the V."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median, median_low
from typing import Any

from viz.markup import visible

__all__ = ["MOST_LINES", "Errors", "Extrapolated", "Point", "errors", "extrapolated", "floor", "rounding", "truncation"]

MOST_LINES = 4
FLOOR_STEPS = 5
"""So many steps, one after another, at which the error stays the same, are a floor: on an arm it halves at least."""
LAST_DIGIT = -14.0
"""Errors up to here, in logarithms, are rounding, of the gradient itself as well."""

Point = tuple[float, float]
"""The logarithms to base 10 of a step and of the error at it."""


@dataclass(frozen=True)
class Errors:
    """The errors of one series of quotients against one gradient.

    Attributes:
        runs: stretches of steps with an error above 0, smallest step first, parted by steps without a quotient.
        exact: steps, in logarithms, at which the quotient is the gradient itself: 0 has no logarithm.
    """

    name: str
    runs: list[list[Point]]
    exact: list[float]

    @property
    def points(self) -> list[Point]:
        """All errors above 0."""
        return [point for run in self.runs for point in run]


@dataclass(frozen=True)
class Extrapolated:
    """What the checker made of its steps, in logarithms: from the smallest to the largest of them, and its error."""

    low: float
    high: float
    level: float


def errors(samples: Any, gradient: Any, entry: Any) -> tuple[list[Errors], Extrapolated | None]:
    """The lines of a picture, and the checker's own; the arguments, and what is raised, as ``vshape`` says."""
    if _has(samples, "samples"):
        samples, entry = _get(samples, "samples"), samples if entry is None else entry
    if gradient is None and entry is not None:
        gradient = _get(entry, "gradient")
    given = _paired(samples, gradient)
    size = _size(given)
    lines = [_errors(name, some, number, size) for name, some, number in given]
    return lines, extrapolated(entry, size) if entry is not None else None


def _has(x: Any, key: str) -> bool:
    return key in x if isinstance(x, Mapping) else hasattr(x, key)


def _get(x: Any, key: str) -> Any:
    if not _has(x, key):
        raise TypeError(f"vshape: an entry of a report has {key!r}; {type(x).__name__} has none")
    return x[key] if isinstance(x, Mapping) else getattr(x, key)


def _paired(samples: Any, gradient: Any) -> list[tuple[str, list[Point], float]]:
    """Name, (step, quotient)s and gradient of every line."""
    if gradient is None:
        raise TypeError("vshape needs the gradient to hold the quotients against: vshape(sweep(f, x), f_prime(x))")
    if isinstance(samples, Mapping):
        if isinstance(gradient, Mapping):
            if list(samples) != list(gradient):
                raise ValueError(
                    f"vshape: samples and gradients by name must have the same names, in order; got "
                    f"{', '.join(map(str, samples))} and {', '.join(map(str, gradient))}"
                )
            given = [(name, samples[name], gradient[name]) for name in samples]
        else:
            given = [(name, some, gradient) for name, some in samples.items()]
    elif isinstance(gradient, Mapping):
        given = [(name, samples, number) for name, number in gradient.items()]
    else:
        given = [("central differences", samples, gradient)]
    if not 1 <= len(given) <= MOST_LINES:
        raise ValueError(f"vshape draws 1 to {MOST_LINES} lines, not {len(given)}")
    return [(_name(name), _read(some), _finite(number)) for name, some, number in given]


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"vshape: the name of a line is text, not {name!r}")
    return visible(name)


def _finite(gradient: Any) -> float:
    try:
        found = float(gradient)
    except (TypeError, ValueError):
        raise TypeError(f"vshape: the gradient is a number; got {type(gradient).__name__}") from None
    if not math.isfinite(found):
        raise ValueError(f"vshape: the gradient is {found}: there is no error to draw")
    return found


def _read(samples: Any) -> list[Point]:
    """(step, quotient) of every sample, smallest step first."""
    if isinstance(samples, str | bytes) or not isinstance(samples, Sequence):
        raise TypeError(f"vshape takes the samples that sweep(f, x) returns; got {type(samples).__name__}")
    found = []
    for i, sample in enumerate(samples):
        try:
            step, slope = (_get(sample, k) for k in ("step", "slope")) if _has(sample, "step") else sample
            step, slope = float(step), float(slope)
        except (TypeError, ValueError):
            raise TypeError(f"vshape: sample {i} is no pair of a step and a quotient: {sample!r:.60}") from None
        if not (0.0 < step < math.inf):
            raise ValueError(f"vshape: sample {i} has the step {step!r}; steps are positive")
        found.append((step, slope))
    return sorted(found, key=lambda sample: sample[0])


def _size(pairs: Sequence[tuple[str, list[Point], float]]) -> float:
    """What errors are relative to: above 0."""
    slopes = [abs(slope) for _, some, _ in pairs for _, slope in some if math.isfinite(slope) and slope]
    sizes = [abs(gradient) for _, _, gradient in pairs if gradient]
    return sizes[0] if sizes else median_low(slopes) if slopes else 1.0


def _errors(name: str, samples: Sequence[Point], gradient: float, size: float) -> Errors:
    runs: list[list[Point]] = [[]]
    exact = []
    for step, slope in samples:
        half = abs(slope / 2.0 - gradient / 2.0)  # the difference of both may overflow
        if slope == gradient:
            exact.append(math.log10(step))
        elif half and math.isfinite(half):
            runs[-1].append((math.log10(step), math.log10(half) + math.log10(2.0) - math.log10(size)))
            continue
        runs.append([])
    runs = [run for run in runs if run]
    if not runs and not exact:
        raise ValueError(f"vshape: {name!r} has no finite quotient to draw")
    return Errors(name, runs, exact)


def extrapolated(entry: Any, size: float) -> Extrapolated | None:
    """The checker's own error, if it found a slope."""
    error, steps = float(_get(entry, "error")), [step for step, _ in _read(_get(entry, "samples"))]
    if not steps or not 0.0 < error < math.inf:
        return None
    return Extrapolated(math.log10(steps[0]), math.log10(steps[-1]), math.log10(error) - math.log10(size))


# -- what stands in them -----------------------------------------------------------------------------------------------


def floor(line: Errors) -> list[Point]:
    """The longest run of steps with the same error that hardly any other is below; empty: there is no floor."""
    points = line.points
    best: list[Point] = []
    run: list[Point] = []
    for point in points:
        level = median(y for _, y in run) if run else point[1]
        run = [*run, point] if abs(point[1] - level) < 0.05 else [point]
        if len(run) > len(best):
            best = run
    if len(best) < FLOOR_STEPS:
        return []
    level = median(y for _, y in best)
    # a few may be below, where rounding closes the gap; and equal errors may be rounding too, by the luck of their bits
    below = sum(y < level - 0.3 for _, y in points) + len(line.exact)
    noise = max((x + y for x, y in points if x < best[0][0]), default=-math.inf) - median(x for x, _ in best)
    return best if below <= 2 and max(noise, LAST_DIGIT) < level else []


def truncation(points: Sequence[Point]) -> tuple[int, list[Point]] | None:
    """The power of h by which the right arm falls, and the part of it that does; None: no arm."""
    lowest = min(y for _, y in points)
    start = max(i for i, (_, y) in enumerate(points) if y == lowest)
    arm = [point for point in points[start + 1 :] if point[1] > lowest + 1.0]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(arm) if b[0] > a[0]]
    if len(slopes) < 3:
        return None
    power = round(median(slopes))
    along = [b for (_, b), slope in zip(pairwise(arm), slopes, strict=True) if abs(slope - power) < 0.15]
    return (power, along) if power >= 1 and len(along) >= 3 else None


def rounding(points: Sequence[Point]) -> tuple[Point, Point] | None:
    """The ends of the line of slope -1 that the left arm stays below; None: no arm, or it rises otherwise."""
    lowest = min(y for _, y in points)
    end = min(i for i, (_, y) in enumerate(points) if y == lowest)
    arm = points[:end]
    if len(arm) < 6 or arm[-1][0] - arm[0][0] < 1.5:
        return None
    half = len(arm) // 2
    fallen = median(x + y for x, y in arm[:half]) - median(x + y for x, y in arm[half:])
    if abs(fallen) > 1.0:
        return None
    top = max(x + y for x, y in arm)
    return (arm[0][0], top - arm[0][0]), (arm[-1][0], top - arm[-1][0])
