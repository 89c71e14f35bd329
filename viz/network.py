"""network(root): the network diagram of figure 5, circles for neurons and lines for weights, with their gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from autograd import Value, topological, verify
from viz.chips import Box, Line, place_on_lines
from viz.figure import Figure, document
from viz.formula import formula
from viz.markup import DASH, fit, label, last_part, number, text_width, visible
from viz.neurons import Link, Network, Unit, find_network
from viz.palette import paint, share, text, tint, tone
from viz.svg import escape_lines

__all__ = ["network"]

MOST_UNITS, MOST_LINKS, MOST_LAYERS = 32, 1200, 12
"""Beyond these nobody can read the picture, and it is refused."""

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
class _Plan:
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
        return self.x[self.net.units[i].layer], self.y[i]

    def bias_box(self, i: int) -> Box:
        x, y = self.centre(i)
        return Box(x, y - self.style.radius - 20 - CHIP_HEIGHT / 2, self.chip_width, CHIP_HEIGHT)

    def line(self, link: Link) -> Line:
        """From rim to rim."""
        (x0, y0), (x1, y1) = self.centre(link.source), self.centre(link.target)
        length = math.hypot(x1 - x0, y1 - y0)
        ux, uy, r = (x1 - x0) / length, (y1 - y0) / length, self.style.radius
        return Line(x0 + ux * (r + 1), y0 + uy * (r + 1), x1 - ux * (r + 3), y1 - uy * (r + 3))


def network(root: Value, *, title: str | None = None, notes: Mapping[str, str] | None = None) -> Figure:
    """The network diagram of the graph behind `root`: a circle per input and neuron, a line per weight.

    Neurons are found by their dotted names (see `viz.neurons`). A line's width grows with the square root of its
    weight's gradient, its colour tells the sign; a gradient that no backward pass has reached is a dash. Where `root`
    lies beyond the output neurons, it is drawn as a card with the loss. A graph of many samples shows the weights that
    they share, and the number of samples in place of single values.

    Args:
        root: the loss, or the output of the network.
        title: the heading; by default the layers' sizes, as in "2-2-1 network". ``""`` for none.
        notes: an extra line for the Value of that name or last part of a name, as in ``{"x1": "71 kg"}``.

    Raises:
        TypeError: `root` is no Value, or a note is no text.
        ValueError: no neuron is found, the network is recurrent, or it is too large to be read.
        StaleGraphError: data was edited after the forward pass.
    """
    if not isinstance(root, Value):
        raise TypeError(f"network(root): root must be a Value of the graph, not {type(root).__name__}")
    verify(root)
    order = topological(root)
    net = find_network(root, order)
    names = {v.name for v in order} | {last_part(v.name) for v in order} | {unit.name for unit in net.units}
    for key, note in (notes or {}).items():
        if not isinstance(key, str) or not isinstance(note, str):
            raise TypeError(f"notes map names to text, as in {{'x1': '71 kg'}}; got {key!r}: {note!r}")
        if key not in names:
            raise ValueError(f"notes: no value in this graph is named {key!r}")
    sizes = "-".join(str(len(layer)) for layer in net.layers)
    _refuse(net, sizes)
    heading = f"{sizes} network" if title is None else title
    return Figure(_Drawing(_plan(net, heading), heading, dict(notes or {})).document(), title=heading)


def _refuse(net: Network, sizes: str) -> None:
    widest, links = max(map(len, net.layers)), len(net.links)
    if widest > MOST_UNITS or links > MOST_LINKS or len(net.layers) > MOST_LAYERS:
        raise ValueError(
            f"network: {sizes if len(sizes) < 60 else f'{len(net.layers)} layers'} with {links:,} weights is too large to be read (at most "
            f"{MOST_LAYERS} layers of {MOST_UNITS} and {MOST_LINKS:,} weights); draw(root) folds large graphs"
        )


# -- places ------------------------------------------------------------------------------------------------------------


def _plan(net: Network, heading: str) -> _Plan:
    per_gap = [0] * len(net.layers)
    for link in net.links:
        per_gap[net.units[link.target].layer] += 1
    small = max(map(len, net.layers)) > MOST_LABELLED_UNITS or max(per_gap) > MOST_LABELLED_LINKS
    plan = _Plan(net, LARGE if not small else DENSE if max(per_gap) > MANY else SMALL)
    style = plan.style
    biased = style.labelled and any(unit.bias is not None for unit in net.units)
    plan.chip_width = _chip_width(net)
    plan.top = MARGIN + (38 if heading else 0) + 34
    first = plan.top + style.radius + (CHIP_HEIGHT + 20 if biased else 0)
    rows = max(map(len, net.layers))
    for layer in net.layers:
        for k, i in enumerate(layer):
            plan.y[i] = first + ((rows - 1) / 2 + k - (len(layer) - 1) / 2) * style.pitch
    plan.bottom = first + (rows - 1) * style.pitch + style.radius + 14
    plan.x = [MARGIN + max(style.radius, 62.0)]
    for target in range(1, len(net.layers)):
        _next_column(plan, target)
    return plan


def _next_column(plan: _Plan, target: int) -> None:
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


def _last_stretch(plan: _Plan, line: Line, left: float) -> Line:
    """The part of a line in the last gap: a weight that skips layers has its label there."""
    edge = left + plan.style.radius
    if line.x0 >= edge or line.x1 <= edge:
        return line
    t = (edge - line.x0) / (line.x1 - line.x0)
    return Line(*line.at(t), line.x1, line.y1)


def _obstacles(plan: _Plan, target: int) -> list[Box]:
    side = 2 * plan.style.radius
    boxes = [Box(*plan.centre(i), side, side) for layer in plan.net.layers[: target + 1] for i in layer]
    boxes += [
        plan.bias_box(i)
        for layer in plan.net.layers[: target + 1]
        for i in layer
        if plan.net.units[i].bias is not None
    ]
    return boxes


def _chip_width(net: Network) -> float:
    chips = [link.weight for link in net.links] + [unit.bias for unit in net.units]
    widest = 76.0
    for v in chips:
        if v is not None:
            widest = max(widest, 12 + text_width(_short(v), 13, bold=True) + text_width(number(v.data), 12, mono=True))
            widest = max(widest, 36 + text_width(_gradient(v), 12, mono=True))
    return widest + 20


# -- words -------------------------------------------------------------------------------------------------------------


def _short(v: Value) -> str:
    return fit(label(v.name), 60, 13, bold=True)


def _grad(v: Value) -> float | None:
    return v.grad if v.has_grad else None


def _gradient(v: Value) -> str:
    return number(v.grad) if v.has_grad else DASH


def _exactly(v: Value, loss: str) -> str:
    grad = repr(v.grad) if v.has_grad else "not computed"
    return f"{v.name} = {v.data!r}\n∂{loss}/∂{label(v.name)} = {grad}"


def _sizes(values: Iterator[float | None]) -> float:
    return max((abs(x) for x in values if x is not None and math.isfinite(x)), default=0.0)


def _frame(fill: str, stroke: str, x: float, y: float, width: float, height: float, radius: float) -> str:
    size = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:.1f}"'
    return f'<rect {paint(fill, stroke)} stroke-width="1.4" {size}/>'


class _Drawing:
    """Writes the plan as SVG."""

    def __init__(self, plan: _Plan, heading: str, notes: Mapping[str, str]) -> None:
        self.plan, self.net, self.heading, self.notes = plan, plan.net, heading, notes
        self.loss = label(self.net.root.name) if self.net.root.name and self.net.has_loss else "L"
        if not self.net.has_loss:
            self.loss = label(self.net.root.name)
        net = self.net
        self.parameters = [link.weight for link in net.links] + [unit.bias for unit in net.units]
        self.largest_weight = _sizes(_grad(v) for v in self.parameters if v is not None)
        self.largest_unit = _sizes(_grad(u.nodes[0]) for u in net.units if len(u.nodes) == 1 and not u.is_input)

    def document(self) -> str:
        plan, net = self.plan, self.net
        right = plan.x[-1] + plan.style.radius
        body: list[str] = []
        lines = sorted(range(len(net.links)), key=lambda k: (-self._width(net.links[k].weight), k))
        body += [self._line(k) for k in lines]
        body += [self._bias_line(i) for i, unit in enumerate(net.units) if unit.bias is not None]
        if net.has_loss:
            body.append(self._loss_card(right + 84))
            right += 84 + CARD[0]
        body += [self._circle(i) for i in range(len(net.units))]
        body += [self._chip(net.links[k].weight, box) for k, box in sorted(plan.chips.items())]
        if plan.style.labelled:
            body += [self._chip(unit.bias, plan.bias_box(i)) for i, unit in enumerate(net.units) if unit.bias is not None]
        legend, legend_width = self._legend(plan.bottom + 40)
        width = max(right + MARGIN, legend_width + MARGIN)
        body.append(legend)
        if self.heading:
            shown = fit(visible(self.heading), width - 2 * MARGIN, 18, bold=True)
            body.append(text(MARGIN, MARGIN + 12, shown, size=18, bold=True))
        body += self._titles()
        height = plan.bottom + 40 + 22 + (0 if plan.style.labelled else 20)
        return document(
            "".join(body), width, height, title=self.heading or "Network diagram", description=self._description()
        )

    def _titles(self) -> Iterator[str]:
        last = len(self.plan.x) - 1
        for k, x in enumerate(self.plan.x):
            if k == 0:
                shown = "Input layer"
            elif k == last:
                shown = "Output layer"
            else:
                shown = "Hidden layer" if last == 2 else f"Hidden layer {k}"
            yield text(x, self.plan.top - 14, shown, size=13.5, colour="muted", anchor="middle", bold=True)

    # -- lines ---------------------------------------------------------------------------------------------------------

    def _width(self, v: Value | None) -> float:
        if v is None or not v.has_grad:
            return self.plan.style.widths[0]
        thinnest, thickest = self.plan.style.widths
        return thinnest + (thickest - thinnest) * abs(share(v.grad, self.largest_weight))

    def _line(self, k: int) -> str:
        link, net = self.net.links[k], self.net
        line, v = self.plan.line(link), link.weight
        colour, width = tone(_grad(v) if v is not None else None), self._width(v)
        head = (7.0 if self.plan.style.labelled else 4.0) + 1.5 * width
        half = 2.0 + 1.05 * width
        length = math.hypot(line.x1 - line.x0, line.y1 - line.y0)
        ux, uy = (line.x1 - line.x0) / length, (line.y1 - line.y0) / length
        if self.plan.style is DENSE:
            head = 0.0
        bx, by = line.x1 - ux * head, line.y1 - uy * head
        tip = f"{net.units[link.source].name} → {net.units[link.target].name}"
        tip += f"\n{_exactly(v, self.loss)}" if v is not None else "\nno weight"
        arrow = f"M{line.x1:.1f} {line.y1:.1f}L{bx - uy * half:.1f} {by + ux * half:.1f}L{bx + uy * half:.1f} {by - ux * half:.1f}Z"
        return (
            f"<g><title>{escape_lines(tip)}</title>"
            f'<path {paint(None, colour)} stroke-width="{width:.1f}" d="M{line.x0:.1f} {line.y0:.1f}L{bx:.1f} {by:.1f}"/>'
            + (f'<path {paint(colour)} d="{arrow}"/></g>' if head else "</g>")
        )

    def _bias_line(self, i: int) -> str:
        bias = self.net.units[i].bias
        if bias is None or not self.plan.style.labelled:
            return ""
        box = self.plan.bias_box(i)
        colour, width = tone(_grad(bias)), self._width(bias)
        top, bottom = box.y + CHIP_HEIGHT / 2, box.y + CHIP_HEIGHT / 2 + 20
        return f'<path {paint(None, colour)} stroke-width="{width:.1f}" d="M{box.x:.1f} {top:.1f}V{bottom:.1f}"/>'

    def _chip(self, v: Value | None, box: Box) -> str:
        if v is None:
            return ""
        left, right = box.x - box.width / 2, box.x + box.width / 2
        frame = _frame("chip", "hairline", left, box.y - box.height / 2, box.width, box.height, 9)
        return (
            f"<g><title>{escape_lines(_exactly(v, self.loss))}</title>"
            f"{frame}"
            f"{text(left + 10, box.y - 4, _short(v), size=13, bold=True)}"
            f"{text(right - 10, box.y - 4, number(v.data), size=12, anchor='end', mono=True)}"
            f"{text(left + 10, box.y + 12.5, 'grad', size=10.5, colour='muted')}"
            f"{text(right - 10, box.y + 12.5, _gradient(v), size=12, colour=tone(_grad(v), ink=True), anchor='end', mono=True, bold=True)}"
            "</g>"
        )

    # -- circles and the loss ------------------------------------------------------------------------------------------

    def _note(self, name: str) -> str:
        return visible(self.notes.get(name) or self.notes.get(last_part(name)) or "")

    def _circle(self, i: int) -> str:
        unit, style = self.net.units[i], self.plan.style
        x, y = self.plan.centre(i)
        alone = unit.nodes[0] if len(unit.nodes) == 1 and self.net.samples == 1 else None
        grad = _grad(alone) if alone is not None else None
        if unit.is_input:
            shape = f'{paint("page", "line")} stroke-dasharray="6 4"'
        else:
            shape = paint(tint(grad, self.largest_unit), "line")
        rows = self._rows(unit, alone)
        if not style.labelled:
            rows = [(unit.label, 12.0, "ink", True)]
        parts = []
        height = sum(size * 1.28 for _, size, _, _ in rows)
        at = y - height / 2
        for shown, size, colour, bold in rows:
            at += size * 1.28
            room = 2 * math.sqrt(max(style.radius**2 - (at - size * 0.4 - y) ** 2, 64.0)) - 6
            parts.append(
                text(x, at - size * 0.3, fit(shown, room, size, bold=bold), size=size, colour=colour, anchor="middle", bold=bold)
            )
        return (
            f"<g><title>{escape_lines(self._tip(unit, alone))}</title>"
            f'<circle {shape} stroke-width="1.6" cx="{x:.1f}" cy="{y:.1f}" r="{style.radius:.1f}"/>{"".join(parts)}</g>'
        )

    def _rows(self, unit: Unit, alone: Value | None) -> list[tuple[str, float, str, bool]]:
        rows = [(unit.label, 17.0, "ink", True)]
        data = alone.data if alone is not None else unit.constant
        if data is not None:
            rows.append((number(data), 13.5, "ink", False))
        elif self.net.samples > 1:
            rows.append((f"× {self.net.samples:,}", 12.0, "muted", False))
        if alone is not None and not unit.is_input:
            rows.append((_gradient(alone), 12.0, tone(_grad(alone), ink=True), True))
        note = self._note(unit.name)
        if note:
            rows.append((note, 11.5, "muted", False))
        return rows

    def _tip(self, unit: Unit, alone: Value | None) -> str:
        if alone is not None:
            return _exactly(alone, self.loss) if alone.name else f"{unit.name} = {alone.data!r}"
        if unit.constant is not None:
            return f"{unit.name} = {unit.constant!r}, a constant"
        tip = f"{unit.name}, {self.net.samples:,} samples"
        return tip + (f"\n{_exactly(unit.bias, self.loss)}" if unit.bias is not None else "")

    def _loss_card(self, left: float) -> str:
        net, plan = self.net, self.plan
        root = net.root
        rows: list[tuple[str, str, str]] = [("loss" if len(net.outputs) else "value", number(root.data), "ink")]
        for v in net.targets[:3]:
            note = self._note(v.name)
            rows.append((f"target {label(v.name)}" + (f" ({note})" if note else ""), number(v.data), "ink"))
        outputs = [net.units[i] for i in net.outputs]
        for unit in outputs[:3]:
            if net.samples == 1:
                v = unit.nodes[0]
                rows.append((f"∂{self.loss}/∂{unit.label}", _gradient(v), tone(_grad(v), ink=True)))
        height = 44 + 20 * len(rows)
        middle = sum(plan.y[i] for i in net.outputs) / len(net.outputs)
        top = middle - height / 2
        parts = []
        for i in net.outputs:
            x, y = plan.centre(i)
            grad = _grad(net.units[i].nodes[0]) if net.samples == 1 else None
            parts.append(
                f'<path {paint(None, tone(grad))} stroke-width="4" stroke-dasharray="1 9" stroke-linecap="round" '
                f'd="M{x + plan.style.radius + 8:.1f} {y:.1f}L{left - 7:.1f} {min(max(y, top + 12), top + height - 12):.1f}"/>'
            )
        parts.append(_frame("card", "line", left, top, CARD[0], height, 12))
        parts.append(text(left + CARD[0] / 2, top + 26, self._loss_heading(), size=15, anchor="middle", bold=True))
        for k, (name, shown, colour) in enumerate(rows):
            y = top + 50 + 20 * k
            room = CARD[0] - 36 - text_width(shown, 12.5, mono=True)
            parts.append(text(left + 14, y, fit(name, room, 12), size=12, colour="muted"))
            bold = k == 0 or colour != "ink"
            parts.append(text(left + CARD[0] - 14, y, shown, size=12.5, colour=colour, anchor="end", mono=True, bold=bold))
        tip = f"{root.name or 'loss'} = {root.data!r}"
        return f"<g><title>{escape_lines(tip)}</title>{''.join(parts)}</g>"

    def _loss_heading(self) -> str:
        root = self.net.root
        if root.op is not None:
            whole = f"{self.loss} = {formula(root, CARD[0] - 40, 15)}"
            if text_width(whole, 15, bold=True) <= CARD[0] - 20:
                return whole
        return fit(self.loss, CARD[0] - 20, 15, bold=True)

    # -- legend and description ----------------------------------------------------------------------------------------

    def _legend(self, y: float) -> tuple[str, float]:
        """The legend's markup, and how far to the right it reaches."""
        parts: list[str] = []
        x = MARGIN
        slope = f"∂{self.loss}/∂w"
        known = [v for v in self.parameters if v is not None]

        def entry(colour: str, width: float, words: str) -> None:
            nonlocal x
            parts.append(f'<path {paint(None, colour)} stroke-width="{width}" stroke-linecap="round" d="M{x:.1f} {y:.1f}h26"/>')
            parts.append(text(x + 36, y + 4, words, size=12, colour="muted"))
            x += 36 + text_width(words, 12) + 26

        entry("negative", 5, f"{slope} < 0: increase w to lower {self.loss}")
        entry("positive", 5, f"{slope} > 0: decrease w")
        if any(not v.has_grad for v in known):
            entry("neutral", 1.6, f"{DASH} no backward pass yet")
        elif any(v.grad == 0 for v in known):
            entry("neutral", 1.6, f"{slope} = 0")
        parts.append(f'<path {paint("neutral")} d="M{x:.1f} {y - 0.6:.1f}L{x + 34:.1f} {y - 4:.1f}V{y + 4:.1f}L{x:.1f} {y + 0.6:.1f}Z"/>')
        words = f"width ∝ √|{slope}|"
        parts.append(text(x + 44, y + 4, words, size=12, colour="muted"))
        x += 44 + text_width(words, 12)
        if not self.plan.style.labelled:
            words = "Too many weights for labels: each line and circle has its numbers in a tooltip."
            parts.append(text(MARGIN, y + 26, words, size=12, colour="muted"))
        return "".join(parts), x

    def _description(self) -> str:
        net = self.net
        inputs = ", ".join(unit.label for unit in net.units if unit.is_input)
        parts = [f"A network with the inputs {inputs} and {sum(not u.is_input for u in net.units)} neurons."]
        if net.has_loss:
            parts.append(f"Its loss {self.loss} is {number(net.root.data)}.")
        known = [v for v in self.parameters if v is not None]
        if len(known) <= 40:
            parts += [f"{v.name} is {number(v.data)}, its gradient {_gradient(v)}." for v in known]
        return " ".join(parts)
