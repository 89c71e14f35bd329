"""A network diagram that has been laid out, as SVG text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from viz.chips import Box
from viz.figure import document
from viz.formula import formula
from viz.markup import DASH, fit, label, last_part, number, text_width, visible
from viz.network_plan import CARD, CHIP_HEIGHT, DENSE, MARGIN, Plan, gradient, short
from viz.neurons import Unit
from viz.palette import paint, share, text, tint, tone
from viz.svg import escape_lines

if TYPE_CHECKING:
    from autograd import Value

__all__ = ["Drawing"]


def _grad(v: Value) -> float | None:
    return v.grad if v.has_grad else None


def _exactly(v: Value, loss: str) -> str:
    grad = repr(v.grad) if v.has_grad else "not computed"
    return f"{v.name} = {v.data!r}\n∂{loss}/∂{label(v.name)} = {grad}"


def _sizes(values: Iterator[float | None]) -> float:
    return max((abs(x) for x in values if x is not None and math.isfinite(x)), default=0.0)


def _frame(fill: str, stroke: str, x: float, y: float, width: float, height: float, radius: float) -> str:
    size = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:.1f}"'
    return f'<rect {paint(fill, stroke)} stroke-width="1.4" {size}/>'


def marked(part: str, markup: str) -> str:
    """A text element with a mark that says which number it holds, for the player to find."""
    return markup.replace("<text ", f'<text data-part="{part}" ', 1)


class Drawing:
    """Writes the plan as SVG."""

    def __init__(self, plan: Plan, heading: str, notes: Mapping[str, str]) -> None:
        self.plan, self.net, self.heading, self.notes = plan, plan.net, heading, notes
        self.loss = label(self.net.root.name) or "L"
        net = self.net
        self.parameters = [link.weight for link in net.links] + [unit.bias for unit in net.units]
        self.largest_weight = _sizes(_grad(v) for v in self.parameters if v is not None)
        self.largest_unit = _sizes(_grad(u.nodes[0]) for u in net.units if len(u.nodes) == 1 and not u.is_input)

    def document(self) -> str:
        """The whole SVG document."""
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
        body += [self._chip(net.links[k].weight, box, f'data-chip="{k}"') for k, box in sorted(plan.chips.items())]
        if plan.style.labelled:
            biased = [i for i, unit in enumerate(net.units) if unit.bias is not None]
            body += [self._chip(net.units[i].bias, plan.bias_box(i), f'data-bias="{i}"') for i in biased]
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
        corners = ((line.x1, line.y1), (bx - uy * half, by + ux * half), (bx + uy * half, by - ux * half))
        arrow = f"M{'L'.join(f'{x:.1f} {y:.1f}' for x, y in corners)}Z"
        shaft = f"M{line.x0:.1f} {line.y0:.1f}L{bx:.1f} {by:.1f}"
        return (
            f'<g data-link="{k}"><title>{escape_lines(tip)}</title>'
            f'<path {paint(None, colour)} stroke-width="{width:.1f}" d="{shaft}"/>'
            + (f'<path {paint(colour)} d="{arrow}"/></g>' if head else "</g>")
        )

    def _bias_line(self, i: int) -> str:
        bias = self.net.units[i].bias
        if bias is None or not self.plan.style.labelled:
            return ""
        box = self.plan.bias_box(i)
        colour, width = tone(_grad(bias)), self._width(bias)
        top, bottom = box.y + CHIP_HEIGHT / 2, box.y + CHIP_HEIGHT / 2 + 20
        line = f'stroke-width="{width:.1f}" d="M{box.x:.1f} {top:.1f}V{bottom:.1f}"'
        return f'<path data-bias-line="{i}" {paint(None, colour)} {line}/>'

    def _chip(self, v: Value | None, box: Box, mark: str) -> str:
        if v is None:
            return ""
        left, right = box.x - box.width / 2, box.x + box.width / 2
        ink, below, shown = tone(_grad(v), ink=True), box.y + 12.5, gradient(v)
        frame = _frame("chip", "hairline", left, box.y - box.height / 2, box.width, box.height, 9)
        return (
            f"<g {mark}><title>{escape_lines(_exactly(v, self.loss))}</title>"
            f"{frame}"
            f"{text(left + 10, box.y - 4, short(v), size=13, bold=True)}"
            f"{marked('data', text(right - 10, box.y - 4, number(v.data), size=12, anchor='end', mono=True))}"
            f"{text(left + 10, below, 'grad', size=10.5, colour='muted')}"
            + marked("grad", text(right - 10, below, shown, size=12, colour=ink, anchor="end", mono=True, bold=True))
            + "</g>"
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
            rows = [(unit.label, 12.0, "ink", True, "")]
        parts = []
        height = sum(size * 1.28 for _, size, _, _, _ in rows)
        at = y - height / 2
        for shown, size, colour, bold, part in rows:
            at += size * 1.28
            room = 2 * math.sqrt(max(style.radius**2 - (at - size * 0.4 - y) ** 2, 64.0)) - 6
            shown = fit(shown, room, size, bold=bold)
            line = text(x, at - size * 0.3, shown, size=size, colour=colour, anchor="middle", bold=bold)
            parts.append(marked(part, line) if part else line)
        return (
            f'<g data-unit="{i}"><title>{escape_lines(self._tip(unit, alone))}</title>'
            f'<circle {shape} stroke-width="1.6" cx="{x:.1f}" cy="{y:.1f}" r="{style.radius:.1f}"/>{"".join(parts)}</g>'
        )

    def _rows(self, unit: Unit, alone: Value | None) -> list[tuple[str, float, str, bool, str]]:
        rows = [(unit.label, 17.0, "ink", True, "")]
        data = alone.data if alone is not None else unit.constant
        if data is not None:
            rows.append((number(data), 13.5, "ink", False, "data"))
        elif self.net.samples > 1:
            rows.append((f"× {self.net.samples:,}", 12.0, "muted", False, ""))
        if alone is not None and not unit.is_input:
            rows.append((gradient(alone), 12.0, tone(_grad(alone), ink=True), True, "grad"))
        note = self._note(unit.name)
        if note:
            rows.append((note, 11.5, "muted", False, ""))
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
        rows: list[tuple[str, str, str]] = [("loss", number(root.data), "ink")]
        for v in net.targets[:3]:
            note = self._note(v.name)
            rows.append((f"target {label(v.name)}" + (f" ({note})" if note else ""), number(v.data), "ink"))
        outputs = [net.units[i] for i in net.outputs]
        for unit in outputs[:3]:
            if net.samples == 1:
                v = unit.nodes[0]
                rows.append((f"∂{self.loss}/∂{unit.label}", gradient(v), tone(_grad(v), ink=True)))
        height = 44 + 20 * len(rows)
        middle = sum(plan.y[i] for i in net.outputs) / len(net.outputs)
        top = middle - height / 2
        parts = []
        for i in net.outputs:
            x, y = plan.centre(i)
            grad = _grad(net.units[i].nodes[0]) if net.samples == 1 else None
            end = min(max(y, top + 12), top + height - 12)
            parts.append(
                f'<path data-output="{i}" {paint(None, tone(grad))} '
                'stroke-width="4" stroke-dasharray="1 9" stroke-linecap="round" '
                f'd="M{x + plan.style.radius + 8:.1f} {y:.1f}L{left - 7:.1f} {end:.1f}"/>'
            )
        parts.append(_frame("card", "line", left, top, CARD[0], height, 12))
        parts.append(text(left + CARD[0] / 2, top + 26, self._loss_heading(), size=15, anchor="middle", bold=True))
        for k, (name, shown, colour) in enumerate(rows):
            y = top + 50 + 20 * k
            room = CARD[0] - 36 - text_width(shown, 12.5, mono=True)
            parts.append(text(left + 14, y, fit(name, room, 12), size=12, colour="muted"))
            bold = k == 0 or colour != "ink"
            end = left + CARD[0] - 14
            value = text(end, y, shown, size=12.5, colour=colour, anchor="end", mono=True, bold=bold)
            first = len(rows) - min(len(outputs), 3)
            part = "data" if k == 0 else f"grad-{net.outputs[k - first]}" if k >= first and net.samples == 1 else ""
            parts.append(marked(part, value) if part else value)
        tip = f"{root.name or 'loss'} = {root.data!r}"
        return f'<g data-loss=""><title>{escape_lines(tip)}</title>' + "".join(parts) + "</g>"

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
            look = f'{paint(None, colour)} stroke-width="{width}" stroke-linecap="round"'
            parts.append(f'<path {look} d="M{x:.1f} {y:.1f}h26"/>')
            parts.append(text(x + 36, y + 4, words, size=12, colour="muted"))
            x += 36 + text_width(words, 12) + 26

        entry("negative", 5, f"{slope} < 0: increase w to lower {self.loss}")
        entry("positive", 5, f"{slope} > 0: decrease w")
        if any(not v.has_grad for v in known):
            entry("neutral", 1.6, f"{DASH} no backward pass yet")
        elif any(v.grad == 0 for v in known):
            entry("neutral", 1.6, f"{slope} = 0")
        wedge = f"M{x:.1f} {y - 0.6:.1f}L{x + 34:.1f} {y - 4:.1f}V{y + 4:.1f}L{x:.1f} {y + 0.6:.1f}Z"
        parts.append(f'<path {paint("neutral")} d="{wedge}"/>')
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
            parts += [f"{v.name} is {number(v.data)}, its gradient {gradient(v)}." for v in known]
        return " ".join(parts)
