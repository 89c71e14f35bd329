"""curve(series): a learning curve as SVG, with round tick marks and each line labelled at its end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from viz.figure import Figure, document
from viz.markup import escape, fit, number, subscript, text_width, visible
from viz.palette import paint, text

__all__ = ["curve", "thinned", "ticks"]

WIDTH, HEIGHT = 760.0, 440.0
LEFT, TOP, BOTTOM = 76.0, 84.0, 62.0
MOST_SERIES = 8
MOST_POINTS = 1500
"""A line with more points is thinned to about as many; its extremes stay."""

_NARROWEST = 1e-290
"""The least width of an axis: subnormal numbers leave nothing to divide."""

_LABEL = 12.5
_COLOURS = ("positive", "negative", "odd", "ink", "muted")
_DASHES = ("", "7 4", "2 4", "10 3 2 3")
"""Lines differ in colour and in dash, for people who see few colours, and for print."""


class Recorded(Protocol):
    """What a training leaves: the loss before every step, and pairs of a number of steps and the held-out loss."""

    losses: list[float]
    held_out: list[tuple[int, float]]
    ended: str


@dataclass(frozen=True)
class _Series:
    name: str
    runs: list[list[tuple[float, float]]]
    """Stretches of finite points (step, value), parted by gaps."""
    gaps: int
    length: int


@dataclass(frozen=True)
class _Axis:
    """Maps values to pixels."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        # halves first: high - low may overflow
        return self.start + (self.end - self.start) * ((at / 2 - low / 2) / (high / 2 - low / 2))


def curve(
    series: Mapping[str, Sequence[float] | Sequence[tuple[float, float]]] | Recorded,
    *,
    title: str = "Learning curve",
    x_label: str = "step",
    y_label: str = "loss",
    start: float = 0,
    every: float = 1,
    log: bool = False,
    marks: Mapping[str, float] | None = None,
) -> Figure:
    """A chart of one or more sequences of numbers against the step, as a Figure.

    Args:
        series: values by name, as in ``{"training": [...], "held out": [...]}``; at most 8. A nan or an infinity is a
            gap in the line, counted below the chart. A value may be a pair (step, value). Or a training's history
            (``nn.History``), as ``nn.fit`` returns it and an estimator keeps it in ``history_``.
        title, x_label, y_label: plain text; ``""`` leaves one out.
        start, every: the step of the first value and from each value to the next, where they are no pairs.
        log: a logarithmic axis for the values, which must be positive then.
        marks: dotted vertical lines at steps, by name, as in ``{"early stop": 412}``.

    Raises:
        TypeError: `series` is no mapping of names to sequences of numbers.
        ValueError: there is nothing finite to draw, too many series, or ``log`` with a value that is not positive.
    """
    if not isinstance(series, Mapping) and hasattr(series, "losses") and hasattr(series, "held_out"):
        series, marks = _of_history(series, marks)
    lines = _checked(series, start, every, log)
    marked = {visible(str(name)): _finite(at, f"the mark {name!r}") for name, at in (marks or {}).items()}
    points = [point for line in lines for run in line.runs for point in run]
    across = [x for x, _ in points] + list(marked.values())
    along = [y for _, y in points]
    right = max(text_width(line.name, _LABEL, bold=True) for line in lines)
    side = min(max(right, 40.0), 190.0) + 30.0
    x_low, x_high = _widened(min(across), max(across))
    x_marks = ticks(x_low, x_high, 7, whole=float(start).is_integer() and float(every).is_integer())
    if log:
        y_marks = _log_ticks(min(along), max(along))
        y_low, y_high = min(min(along), y_marks[0]), max(max(along), y_marks[-1])
        if y_low == y_high:
            y_low, y_high = y_low / 2, y_high * 2
    else:
        y_low, y_high = _widened(min(along), max(along))
        if 0 < y_low < 0.4 * y_high:
            y_low = 0.0  # a loss is read against zero
        y_low, y_high, y_marks = _rounded_out(y_low, y_high)
    top = TOP if title else TOP - 36
    x_axis = _Axis(x_low, x_high, LEFT, WIDTH - side)
    y_axis = _Axis(y_low, y_high, HEIGHT - BOTTOM, top, log)
    chart = _Chart(lines, x_axis, y_axis)
    body = [
        text(24, 34, fit(visible(title), WIDTH - 48, 17, bold=True), size=17, bold=True) if title else "",
        *chart.grid(x_marks, y_marks, x_label, y_label),
        *chart.marks(marked),
        *chart.lines(),
        *chart.labels(WIDTH - side + 12, side - 30),
    ]
    height = HEIGHT
    remark = _gaps(lines)
    if remark:
        body.append(text(LEFT, HEIGHT + 2, fit(remark, WIDTH - LEFT - 24, 11.5), size=11.5, colour="muted"))
        height += 16
    heading = title or "Learning curve"
    return Figure(
        document("".join(body), WIDTH, height, title=heading, description=_description(lines, x_label, y_label)),
        title=heading,
    )


# -- the data ----------------------------------------------------------------------------------------------------------


def _of_history(history: Recorded, marks: Mapping[str, float] | None) -> tuple[dict[str, Any], Mapping[str, float]]:
    """A history's lines, where it ended, unless all of its steps were made, and the step that it went back to."""
    series: dict[str, Any] = {"trained on": history.losses}
    if history.held_out:
        series["held out"] = history.held_out
    if marks is None:
        marks = {} if history.ended == "steps" else {history.ended: len(history.losses)}
        if getattr(history, "restored", None) is not None:
            marks["best"] = history.restored  # type: ignore[attr-defined]
    return series, marks


def _checked(series: Any, start: float, every: float, log: bool) -> list[_Series]:
    if not isinstance(series, Mapping):
        got = type(series).__name__
        raise TypeError(f"curve takes a mapping of names to numbers, as in {{'loss': losses}}; got {got}")
    if not 1 <= len(series) <= MOST_SERIES:
        raise ValueError(f"curve draws 1 to {MOST_SERIES} series, not {len(series)}")
    first, step = _finite(start, "start"), _finite(every, "every")
    if step <= 0:
        raise ValueError(f"curve: every must be positive, not {every!r}")
    lines = [_series(name, values, first, step, log) for name, values in series.items()]
    if not any(line.runs for line in lines):
        raise ValueError("curve: there is nothing to draw, since no series holds a finite number")
    return lines


def _finite(x: float, what: str) -> float:
    if isinstance(x, bool) or not isinstance(x, int | float) or not math.isfinite(x):
        raise ValueError(f"curve: {what} must be a finite number, not {x!r}")
    return float(x)


def _series(name: str, values: Any, start: float, every: float, log: bool) -> _Series:
    if not isinstance(name, str):
        raise TypeError(f"curve: the name of a series is text, not {name!r}")
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise TypeError(f"curve: the series {name!r} must be a sequence of numbers, not {type(values).__name__}")
    runs: list[list[tuple[float, float]]] = []
    run: list[tuple[float, float]] = []
    gaps = 0
    for i, value in enumerate(values):
        x: Any = start + i * every
        y: Any = value
        try:
            if isinstance(y, tuple):
                x, y = y
            y = float(y)
        except (TypeError, ValueError):
            raise TypeError(f"curve: value {i} of {name!r} is no number: {value!r:.60}") from None
        x = _finite(x, f"the step of value {i} of {name!r}")
        if not math.isfinite(y):
            gaps += 1
            if run:
                runs.append(run)
                run = []
            continue
        if log and y <= 0:
            raise ValueError(f"curve: value {i} of {name!r} is {y!r}, which has no place on a logarithmic axis")
        run.append((x, y))
    if run:
        runs.append(run)
    most = max(8, MOST_POINTS // max(1, len(runs)))
    return _Series(visible(name), [thinned(each, most) for each in runs], gaps, len(values))


def thinned(points: list[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """About `most` of the points, in order: of every bucket the first, the last, the lowest and the highest."""
    if len(points) <= most:
        return points
    buckets = max(1, most // 4)
    kept: list[tuple[float, float]] = []
    for b in range(buckets):
        at = range(b * len(points) // buckets, (b + 1) * len(points) // buckets)
        lowest = min(at, key=lambda i: points[i][1])
        highest = max(at, key=lambda i: points[i][1])
        kept += [points[i] for i in sorted({at[0], at[-1], lowest, highest})]
    return kept


# -- the axes ----------------------------------------------------------------------------------------------------------


def ticks(low: float, high: float, about: int, whole: bool = False) -> list[float]:
    """Round numbers, multiples of 1, 2 or 5 times a power of ten, from `low` or above to `high` or below.

    About `about` of them, `about` + 1 at most. With `whole`, whole numbers only. `low` must be less than `high`.
    """
    step = _step(low, high, about)
    if whole:
        step = max(step, 1.0)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def _step(low: float, high: float, about: int) -> float:
    power = math.floor(math.log10((high / 2 - low / 2) / about))  # halves, because high - low may overflow
    for p in (power, power + 1):
        for factor in (1, 2, 5):
            step = float(f"{factor}e{p}")
            if math.floor(high / step + 1e-9) - math.ceil(low / step - 1e-9) < about + 1:
                return step
    return float(f"1e{power + 2}")


def _rounded_out(low: float, high: float) -> tuple[float, float, list[float]]:
    """The interval, widened to the next tick marks outside, and the marks."""
    step = _step(low, high, 6)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    marks = [mark for i in range(first, last + 1) if math.isfinite(mark := float(f"{i * step:.12g}"))]
    return min(low, marks[0]), max(high, marks[-1]), marks


def _labels(marks: Sequence[float]) -> list[str]:
    """The marks as text, with the digits that tell them apart."""
    largest = max(abs(mark) for mark in marks)
    step = min((b - a for a, b in pairwise(marks)), default=largest)
    digits = math.ceil(math.log10(largest) - math.log10(step)) + 1 if largest and 0 < step < math.inf else 3
    return [number(mark, min(max(digits, 3), 15)) for mark in marks]


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten around the data, thinned to at most 7; 1, 2 and 5 times those where it spans less than two."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    if last - first > 2:
        stride = -(-(last - first) // 6)
        return [float(f"1e{p}") for p in range(first, last + 1, stride) if -308 <= p <= 308]
    each = [float(f"{m}e{p}") for p in range(first, last + 1) for m in (1, 2, 5)]
    inside = [v for v in each if low * 0.999 <= v <= high * 1.001]
    below, above = [v for v in each if v < low], [v for v in each if v > high]
    return sorted({*below[-1:], *inside, *above[:1]})


def _widened(low: float, high: float) -> tuple[float, float]:
    """The interval, given some width where it has none."""
    if high - low > max(1e-9 * max(abs(low), abs(high)), _NARROWEST):
        return low, high
    room = max(abs(low) * 0.1, _NARROWEST) if low else 1.0
    return max(low - room, -1.7e308), min(high + room, 1.7e308)


def _gaps(lines: Sequence[_Series]) -> str:
    told = [f"{line.gaps:,} of {line.length:,} values of {line.name}" for line in lines if line.gaps]
    return f"Gaps: {'; '.join(told)} are nan or infinite." if told else ""


def _description(lines: Sequence[_Series], x_label: str, y_label: str) -> str:
    parts = [f"A line chart of {y_label or 'values'} against {x_label or 'steps'}."]
    for line in lines:
        if line.runs:
            ends = number(line.runs[0][0][1]), number(line.runs[-1][-1][1])
            parts.append(f"{line.name}: {line.length:,} values, from {ends[0]} to {ends[1]}.")
        else:
            parts.append(f"{line.name}: no finite value.")
    return " ".join([*parts, _gaps(lines)]).strip()


# -- the drawing -------------------------------------------------------------------------------------------------------


class _Chart:
    def __init__(self, lines: Sequence[_Series], x: _Axis, y: _Axis) -> None:
        self.series, self.x, self.y = lines, x, y

    def grid(self, x_marks: Sequence[float], y_marks: Sequence[float], x_label: str, y_label: str) -> Iterator[str]:
        """Hairlines, the numbers at them, and what the axes are."""
        left, right, bottom, top = self.x.start, self.x.end, self.y.start, self.y.end
        for value, shown in zip(y_marks, _labels(y_marks), strict=True):
            y = self.y(value)
            yield f'<path {paint(None, "hairline")} stroke-width="1" d="M{left:.1f} {y:.1f}H{right:.1f}"/>'
            yield text(left - 9, y + 4, shown, size=11.5, colour="muted", anchor="end")
        yield f'<path {paint(None, "line")} stroke-width="1.2" d="M{left:.1f} {bottom:.1f}H{right:.1f}"/>'
        for value, shown in zip(x_marks, _labels(x_marks), strict=True):
            x = self.x(value)
            yield f'<path {paint(None, "line")} stroke-width="1.2" d="M{x:.1f} {bottom:.1f}v5"/>'
            yield text(x, bottom + 19, shown, size=11.5, colour="muted", anchor="middle")
        if x_label:
            yield text((left + right) / 2, bottom + 42, visible(x_label), size=12.5, colour="muted", anchor="middle")
        if y_label:
            yield text(left - 52, top - 17, visible(y_label), size=12.5, colour="muted")

    def marks(self, marked: Mapping[str, float]) -> Iterator[str]:
        """Dotted lines at steps that have a name; the names moved apart where they would overlap."""
        names = {name: fit(name, 180, 11.5) for name in sorted(marked, key=lambda name: marked[name])}
        gap = max((text_width(shown, 11.5) for shown in names.values()), default=0.0) + 8
        places = _apart([self.x(marked[name]) for name in names], gap, self.x.start, self.x.end + gap / 2)
        for (name, shown), place in zip(names.items(), places, strict=True):
            x = self.x(marked[name])
            yield (
                f'<path {paint(None, "muted")} stroke-width="1.2" stroke-dasharray="2 4" '
                f'd="M{x:.1f} {self.y.end:.1f}V{self.y.start:.1f}"/>'
            )
            yield text(place, self.y.end - 7, shown, size=11.5, colour="muted", anchor="middle")

    def lines(self) -> Iterator[str]:
        """The lines; a point that stands alone is a dot, as is the last of every line."""
        for k, line in enumerate(self.series):
            colour, dash = _look(k)
            dashes = f' stroke-dasharray="{dash}"' if dash else ""
            parts = [f"<title>{escape(line.name)}</title>"]
            for run in line.runs:
                places = [(self.x(x), self.y(y)) for x, y in run]
                if len(places) > 1:
                    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
                    parts.append(
                        f'<path {paint(None, colour)} stroke-width="2.2" stroke-linejoin="round"{dashes} d="{path}"/>'
                    )
                if len(places) == 1 or run is line.runs[-1]:
                    x, y = places[-1]
                    parts.append(f'<circle {paint(colour)} cx="{x:.1f}" cy="{y:.1f}" r="3.4"/>')
            yield f"<g>{''.join(parts)}</g>"

    def labels(self, x: float, room: float) -> Iterator[str]:
        """Name and last value of every line beside its end, moved apart where they would overlap."""
        drawn = [(k, line) for k, line in enumerate(self.series) if line.runs]
        want = sorted((self.y(line.runs[-1][-1][1]), k, line) for k, line in drawn)
        places = _apart([y for y, _, _ in want], 34.0, self.y.end + 8, self.y.start - 8)
        for (end, k, line), y in zip(want, places, strict=True):
            colour, _ = _look(k)
            ink = {"positive": "positive_ink", "negative": "negative_ink", "odd": "odd_ink"}.get(colour, colour)
            tip = self.x(line.runs[-1][-1][0]) + 4
            if abs(end - y) > 6 and tip > self.x.end - 12:  # a leader says whose label it is
                yield f'<path {paint(None, colour)} stroke-width="1" d="M{tip:.1f} {end:.1f}L{x - 3:.1f} {y:.1f}"/>'
            yield text(x, y - 1, subscript(fit(line.name, room, _LABEL, bold=True)), size=_LABEL, colour=ink, bold=True)
            yield text(x, y + 13, number(line.runs[-1][-1][1], 4), size=11.5, colour="muted")


def _look(k: int) -> tuple[str, str]:
    return _COLOURS[k % len(_COLOURS)], _DASHES[(k // len(_COLOURS) + k) % len(_DASHES) if k > 1 else 0]


def _apart(want: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places in the same order, at least `gap` apart, between low and high, as near to those wanted as goes."""
    gap = min(gap, (high - low) / max(1, len(want) - 1))
    places: list[float] = []
    for y in want:
        places.append(max(y, low if not places else places[-1] + gap))
    limit = high
    for i in range(len(places) - 1, -1, -1):
        places[i] = min(places[i], limit)
        limit = places[i] - gap
    return places
