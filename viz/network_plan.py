"""Where the circles, lines and labels of a network diagram stand."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from viz.chips import Box, Line, place_on_lines
from viz.markup import DASH, fit, label, number, text_width
from viz.neurons import Link, Network

if TYPE_CHECKING:
    from autograd import Value

__all__ = ["CARD", "CHIP_HEIGHT", "DENSE", "MARGIN", "Plan", "gradient", "plan", "short"]

MOST_LABELLED_UNITS, MOST_LABELLED_LINKS = 6, 20
"""A layer with more units, or a gap with more weights, is drawn small: numbers only in tooltips."""

MARGIN = 28.0
CHIP_HEIGHT = 38.0
CARD = (172.0, 96.0)


@dataclass(frozen=True)
class Style:
    """Sizes, in pixels: of the circles, from row to row, and from column to column at least."""

    radius: float
    pitch: float
    reach: float
    labelled: bool
    widths: tuple[float, float]


LARGE = Style(46.0, 184.0, 318.0, True, (1.6, 8.0))
SMALL = Style(19.0, 52.0, 230.0, False, (1.4, 4.5))
DENSE = Style(19.0, 52.0, 260.0, False, (0.6, 2.8))
"""For gaps of more than `MANY` weights: thin lines without arrow heads."""
MANY = 80


@dataclass
class Plan:
    """Where everything stands."""

    net: Network
    style: Style
    x: list[float] = field(default_factory=list)
    y: dict[int, float] = field(default_factory=dict)
    chips: dict[int, Box] = field(default_factory=dict)
    chip_width: float = 0.0
    top: float = 0.0
    bottom: float = 0.0

    def centre(self, i: int) -> tuple[float, float]:
        """The middle of a unit's circle."""
        return self.x[self.net.units[i].layer], self.y[i]

    def bias_box(self, i: int) -> Box:
        """The label of a unit's bias, above its circle."""
        x, y = self.centre(i)
        return Box(x, y - self.style.radius - 20 - CHIP_HEIGHT / 2, self.chip_width, CHIP_HEIGHT)

    def line(self, link: Link) -> Line:
        """From rim to rim."""
        (x0, y0), (x1, y1) = self.centre(link.source), self.centre(link.target)
        length = math.hypot(x1 - x0, y1 - y0)
        ux, uy, r = (x1 - x0) / length, (y1 - y0) / length, self.style.radius
        return Line(x0 + ux * (r + 1), y0 + uy * (r + 1), x1 - ux * (r + 3), y1 - uy * (r + 3))


def plan(net: Network, heading: str) -> Plan:
    """Place everything, under the heading."""
    per_gap = [0] * len(net.layers)
    for link in net.links:
        per_gap[net.units[link.target].layer] += 1
    small = max(map(len, net.layers)) > MOST_LABELLED_UNITS or max(per_gap) > MOST_LABELLED_LINKS
    made = Plan(net, LARGE if not small else DENSE if max(per_gap) > MANY else SMALL)
    style = made.style
    biased = style.labelled and any(unit.bias is not None for unit in net.units)
    made.chip_width = _chip_width(net)
    made.top = MARGIN + (38 if heading else 0) + 34
    first = made.top + style.radius + (CHIP_HEIGHT + 20 if biased else 0)
    rows = max(map(len, net.layers))
    for layer in net.layers:
        for k, i in enumerate(layer):
            made.y[i] = first + ((rows - 1) / 2 + k - (len(layer) - 1) / 2) * style.pitch
    made.bottom = first + (rows - 1) * style.pitch + style.radius + 14
    made.x = [MARGIN + max(style.radius, 62.0)]
    for target in range(1, len(net.layers)):
        _next_column(made, target)
    return made


def _next_column(plan: Plan, target: int) -> None:
    """Put a column as near to the one before it as the labels between them allow."""
    net, style = plan.net, plan.style
    links = [k for k, link in enumerate(net.links) if net.units[link.target].layer == target]
    drop = max(abs(plan.y[net.links[k].source] - plan.y[net.links[k].target]) for k in links)
    reach = max(style.reach, drop / (1.2 if style.labelled else 2.2))
    left = plan.x[-1]
    while True:
        plan.x.append(left + reach)
        if not style.labelled:
            return
        boxes = _obstacles(plan, target)
        lines = [_last_stretch(plan, plan.line(net.links[k]), left) for k in links]
        chips = place_on_lines(lines, plan.chip_width, CHIP_HEIGHT, boxes)
        if chips is not None or reach > 4000:
            plan.chips |= dict(zip(links, chips or [], strict=False))
            return
        plan.x.pop()
        reach *= 1.08


def _last_stretch(plan: Plan, line: Line, left: float) -> Line:
    """The part of a line in the last gap: a weight that skips layers has its label there."""
    edge = left + plan.style.radius
    if line.x0 >= edge or line.x1 <= edge:
        return line
    t = (edge - line.x0) / (line.x1 - line.x0)
    return Line(*line.at(t), line.x1, line.y1)


def _obstacles(plan: Plan, target: int) -> list[Box]:
    side = 2 * plan.style.radius
    boxes = [Box(*plan.centre(i), side, side) for layer in plan.net.layers[: target + 1] for i in layer]
    boxes += [
        plan.bias_box(i) for layer in plan.net.layers[: target + 1] for i in layer if plan.net.units[i].bias is not None
    ]
    return boxes


def _chip_width(net: Network) -> float:
    chips = [link.weight for link in net.links] + [unit.bias for unit in net.units]
    widest = 76.0
    for v in chips:
        if v is not None:
            widest = max(widest, 12 + text_width(short(v), 13, bold=True) + text_width(number(v.data), 12, mono=True))
            widest = max(widest, 36 + text_width(gradient(v), 12, mono=True))
    return widest + 20


def short(v: Value) -> str:
    """The label on a chip."""
    return fit(label(v.name), 60, 13, bold=True)


def gradient(v: Value) -> str:
    """The gradient as printed; a dash where no backward pass has reached it."""
    return number(v.grad) if v.has_grad else DASH
