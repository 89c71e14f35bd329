"""vshape(samples, gradient): the error of difference quotients against the step, in logarithms: the V-shape.

On the right arm truncation falls with the step, as h^2 for central differences and as h for one-sided ones; on the left
one rounding grows as 1/h. Held against a wrong gradient the quotients have no such V: their error falls to the gap
between the gradient and the slope, and stays there, a floor.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from viz.curve import ticks
from viz.figure import Figure, document
from viz.markup import MINUS, element, escape, fit, number, visible
from viz.palette import paint, text
from viz.placing import LINE, Placing
from viz.quotients import Errors, Extrapolated, Point, errors, floor, rounding, truncation

__all__ = ["vshape"]

WIDTH, HEIGHT = 760.0, 480.0
LEFT, RIGHT, TOP, BOTTOM = 76.0, 28.0, 84.0, 64.0
_NAME, _NOTE = 12.5, 11.5
_RAISED = {2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶"}
_LOOKS = (("positive", ""), ("negative", "7 4"), ("odd", "2 4"), ("ink", "10 3 2 3"))
"""Lines differ in colour and in dash, for people who see few colours, and for print."""


def vshape(
    samples: Any,
    gradient: float | Mapping[str, float] | None = None,
    *,
    entry: Any = None,
    title: str | None = None,
    x_label: str = "step h",
    y_label: str = "relative error",
) -> Figure:
    """The error of difference quotients against the step, both axes logarithmic, as a Figure.

    A line is labelled with its smallest error, or with its floor: the error that it comes down to and keeps, since the
    quotients approach another number than the gradient. Straight guides show the powers of h that the arms follow.

    Args:
        samples: what ``autograd.check.sweep`` returns; or pairs ``(step, quotient)``; or several of these by name, as
            in ``{"central": ..., "one-sided": ...}``, at most 4; or an entry of a report, which has its own.
        gradient: what the quotients are held against: a number, or numbers by name, as in ``{"right": 0.5, "wrong":
            0.51}``. With several samples and several gradients the names must be the same. The entry's by default.
        entry: of a report (``check_gradients(f, x).entries[0]``): shows the steps that the checker took, and below
            which error it puts the number that it extrapolated from them.
        title, x_label, y_label: plain text; ``""`` leaves one out.

    Errors are relative to the first gradient that is not 0 (to the quotients' size, if all are). Samples, and an entry,
    may also be dictionaries, as ``report.data()`` holds them.

    Raises:
        TypeError: the samples are no samples, or there is no gradient to hold them against.
        ValueError: there is nothing finite to draw, a step is not positive, names differ, or there are too many lines.
    """
    lines, estimate = errors(samples, gradient, entry)
    heading = "The error of finite differences" if title is None else title
    body, description = _Chart(lines, estimate, heading).drawn(x_label, y_label)
    heading = heading or "The error of finite differences"
    return Figure(document(body, WIDTH, HEIGHT, title=heading, description=description), title=heading)


# -- the drawing -------------------------------------------------------------------------------------------------------


class _Chart:
    def __init__(self, lines: Sequence[Errors], estimate: Extrapolated | None, title: str) -> None:
        self.lines, self.estimate, self.title = lines, estimate, title
        xs = [x for line in lines for x in (*(p[0] for p in line.points), *line.exact)]
        ys = [y for line in lines for _, y in line.points]
        if estimate is not None:
            xs += [estimate.low, estimate.high]
            ys.append(estimate.level)
        self.has_zero = any(line.exact for line in lines)
        low, high = (min(ys), max(ys)) if ys else (-16.0, -14.0)
        self.x_low, self.x_high = min(xs) - 0.2, max(xs) + 0.2
        room = 0.7 if estimate is None else 1.5  # for the labels below
        self.y_low, self.y_high = math.floor(low - room), math.ceil(high + 0.1)
        self.top, self.bottom = TOP - (0 if title else 36), HEIGHT - BOTTOM
        self.base = self.bottom - (22.0 if self.has_zero else 0.0)  # below it, errors of exactly 0
        self.notes: list[tuple[float, float, Sequence[str], str]] = []
        self.placing = Placing(LEFT + 4, self.top + 2, WIDTH - RIGHT - 4, self.base - 3)

    def at(self, x: float, y: float) -> Point:
        """The pixel of a point in logarithms."""
        across = (x - self.x_low) / (self.x_high - self.x_low)
        up = (y - self.y_low) / (self.y_high - self.y_low)
        return LEFT + across * (WIDTH - RIGHT - LEFT), self.base - up * (self.base - self.top)

    def drawn(self, x_label: str, y_label: str) -> tuple[str, str]:
        """The markup, and the picture in words."""
        shown = [text(24, 34, fit(visible(self.title), WIDTH - 48, 17, bold=True), size=17, bold=True)]
        shown = shown if self.title else []
        words = ["Error of difference quotients against the step, both axes logarithmic."]
        # labels come last: they keep clear of every line
        shown += [*self.grid(x_label, y_label), *self.guides(), *self.curves(), *self.checker()]
        if self.estimate is not None:  # its place is the narrowest
            shown += self.note(*self.notes.pop())
        for k, line in enumerate(self.lines):
            markup, told = self.label(k, line)
            shown.append(markup)
            words.append(f"{line.name}: {told}.")
        for x, y, lines, colour in self.notes:
            shown += self.note(x, y, lines, colour)
        if self.estimate is not None:
            words.append(f"The checker puts the error of its estimate below {_short(self.estimate.level)}.")
        return "".join(shown), " ".join(words)

    def grid(self, x_label: str, y_label: str) -> Iterator[str]:
        """Hairlines, powers of ten at them, and what the axes are."""
        right = WIDTH - RIGHT
        for power in ticks(self.y_low, self.y_high, 8, whole=True):
            _, y = self.at(self.x_low, power)
            yield f'<path {paint(None, "hairline")} stroke-width="1" d="M{LEFT:.1f} {y:.1f}H{right:.1f}"/>'
            yield _power(LEFT - 9, y + 4, int(power), "end")
        if self.has_zero:
            yield text(LEFT - 9, self.bottom - 4, "0", size=_NOTE, colour="muted", anchor="end")
        yield f'<path {paint(None, "line")} stroke-width="1.2" d="M{LEFT:.1f} {self.bottom:.1f}H{right:.1f}"/>'
        for power in ticks(self.x_low, self.x_high, 9, whole=self.x_high - self.x_low > 2):
            if power != int(power):
                continue
            x, _ = self.at(power, self.y_low)
            yield f'<path {paint(None, "line")} stroke-width="1.2" d="M{x:.1f} {self.bottom:.1f}v5"/>'
            yield _power(x, self.bottom + 20, int(power), "middle")
        if x_label:
            middle = (LEFT + right) / 2
            yield text(middle, self.bottom + 45, visible(x_label), size=_NAME, colour="muted", anchor="middle")
        if y_label:
            yield text(24, self.top - 17, visible(y_label), size=_NAME, colour="muted")

    def curves(self) -> Iterator[str]:
        """The lines, a dot at every step; rings at the bottom where the error is 0."""
        for k, line in enumerate(self.lines):
            colour, dash = _LOOKS[k]
            dashes = f' stroke-dasharray="{dash}"' if dash else ""
            parts = [f"<title>{escape(line.name)}</title>"]
            for run in line.runs:
                places = [self.at(x, y) for x, y in run]
                self.placing.block(places)
                if len(places) > 1:
                    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
                    stroke = 'stroke-width="2" stroke-linejoin="round"'
                    parts.append(f'<path {paint(None, colour)} {stroke}{dashes} d="{path}"/>')
                parts += [f'<circle {paint(colour)} cx="{x:.1f}" cy="{y:.1f}" r="2.3"/>' for x, y in places]
            for step in line.exact:
                x, _ = self.at(step, self.y_low)
                ring = f'cx="{x:.1f}" cy="{self.bottom - 8:.1f}" r="3" stroke-width="1.5"'
                parts.append(f"<circle {paint('page', colour)} {ring}/>")
            yield f"<g>{''.join(parts)}</g>"

    def label(self, k: int, line: Errors) -> tuple[str, str]:
        """Name and best error, or floor, of a line beside the place where it is; and the same in words."""
        colour, _ = _LOOKS[k]
        points = line.points
        mark = ""
        if flat := floor(line):
            level = median(y for _, y in flat)
            x, y = self.at(median(x for x, _ in flat), level)
            notes = [f"stays at {_short(level)}:", "the limit is another number"]
        elif line.exact:
            x, y = self.at(median(line.exact), self.y_low)
            notes = [f"no error at all at {len(line.exact)} of {len(line.exact) + len(points)} steps"]
        else:
            best = min(points, key=lambda point: point[1])
            x, y = self.at(*best)
            notes = [f"smallest error {_short(best[1])},", f"at h = {_short(best[0])}"]
            mark = f'<circle {paint(None, colour)} stroke-width="1.6" cx="{x:.1f}" cy="{y:.1f}" r="6"/>'
        name = fit(line.name, 300, _NAME, bold=True)
        left, top = self.placing.place(x, y, [(name, _NAME, True), *((note, _NOTE, False) for note in notes)])
        ink = colour if colour == "ink" else f"{colour}_ink"
        shown = [text(left, top + 12, name, size=_NAME, colour=ink, bold=True)]
        shown += [text(left, top + 27 + LINE * i, note, size=_NOTE, colour="muted") for i, note in enumerate(notes)]
        return mark + "".join(shown), " ".join(notes)

    def note(self, x: float, y: float, lines: Sequence[str], colour: str) -> Iterator[str]:
        """A label of the chart itself."""
        left, top = self.placing.place(x, y, [(line, _NOTE, False) for line in lines])
        for i, line in enumerate(lines):
            yield text(left, top + 12 + LINE * i, line, size=_NOTE, colour=colour)

    def checker(self) -> Iterator[str]:
        """A bracket over the checker's steps, at the height of its error."""
        if self.estimate is None:
            return
        (low, y), (high, _) = (self.at(x, self.estimate.level) for x in (self.estimate.low, self.estimate.high))
        self.placing.block([(low, y), (high, y)])
        words = ["the checker, from these steps:", f"error below {_short(self.estimate.level)}"]
        self.notes.append(((low + high) / 2, y, words, "ink"))
        path = f"M{low:.1f} {y - 5:.1f}v10M{low:.1f} {y:.1f}H{high:.1f}M{high:.1f} {y - 5:.1f}v10"
        yield f'<path {paint(None, "ink")} stroke-width="2" d="{path}"/>'

    def guides(self) -> Iterator[str]:
        """Straight lines beside the arms, each power of h once."""
        seen: set[int] = set()
        for line in self.lines:
            points = line.points
            if not points or floor(line):
                continue
            arm = truncation(points)
            if arm and arm[0] not in seen:
                power, along = arm
                seen.add(power)
                x0, y0 = along[len(along) // 2]
                ends = [self.at(x, y0 + power * (x - x0)) for x in (along[0][0], along[-1][0])]
                words = ["truncation,", f"as h{_RAISED.get(power, '')}"]
                yield self.guide([(x + 13, y) for x, y in ends], words)
            above = rounding(points)
            if above and -1 not in seen:
                seen.add(-1)
                yield self.guide([(x + 3, y - 6) for x, y in (self.at(*end) for end in above)], ["rounding, as 1/h"])

    def guide(self, ends: Sequence[Point], words: Sequence[str]) -> str:
        """A dotted line, and what it says beside its middle."""
        (x1, y1), (x2, y2) = ends
        inside = min(1.0, (WIDTH - RIGHT - x1) / (x2 - x1))
        x2, y2 = x1 + (x2 - x1) * inside, y1 + (y2 - y1) * inside
        self.placing.block([(x1, y1), (x2, y2)])
        self.notes.append(((x1 + x2) / 2, (y1 + y2) / 2, words, "muted"))
        path = f'd="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"'
        return f'<path {paint(None, "muted")} stroke-width="1.2" stroke-dasharray="2 4" {path}/>'


def _short(power: float) -> str:
    """The number with this logarithm, in two digits."""
    whole = math.floor(power)
    leading = f"{10.0 ** (power - whole):.1f}"
    if leading == "10.0":
        leading, whole = "1.0", whole + 1
    if -3 <= whole <= 3:
        return number(float(f"{leading}e{whole}"), 2)
    return f"{leading.removesuffix('.0')}e{MINUS if whole < 0 else ''}{abs(whole)}"


def _power(x: float, y: float, power: int, anchor: str) -> str:
    """Ten to the power, as a label of an axis: the exponent raised, in digits that every font has."""
    raised = element("tspan", f"{power}".replace("-", MINUS), dy=-4.5, font_size=8.5)
    markup = element("text", f"10{raised}", x=x, y=y, font_size=_NOTE, text_anchor=anchor)
    return markup.replace("<text ", f"<text {paint('muted')} ", 1)
