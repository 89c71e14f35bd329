"""A scene that has been laid out, as SVG text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from viz.cards import Card
from viz.figure import document
from viz.layout import (
    CHIP_HEIGHT,
    CHIP_SIZE,
    FORMULA_SIZE,
    HEAD,
    MAX_TEXT,
    NUMBER_SIZE,
    ROW,
    SCOPE_SIZE,
    SMALL,
    chip_width,
    label_size,
)
from viz.markup import DASH, escape, fit, number, text_width, visible
from viz.markup import coordinate as c
from viz.palette import STEPS, paint, share, text, tint, tone
from viz.scene import Edge, Run, Scene
from viz.scopes import Scope

__all__ = ["render"]

MARGIN = 20.0
TITLE_SIZE, TITLE_HEIGHT = 16.0, 38.0
LEGEND_HEIGHT = 52.0
MIN_PICTURE = 660.0
"""Room for the legend."""

_THINNEST, _THICKEST = 1.2, 5.2
_BAR = 44.0
_DASHES = {"input": ' stroke-dasharray="5 3"', "const": ' stroke-dasharray="1.5 2.5"'}


def render(scene: Scene) -> str:
    """The SVG document of a scene with places and sizes (`viz.layout.place`)."""
    top = MARGIN + (TITLE_HEIGHT if scene.title else 0.0)
    width = max(scene.width, MIN_PICTURE) + 2 * MARGIN
    height = top + scene.height + LEGEND_HEIGHT + (18.0 if scene.caption else 0.0) + MARGIN
    body = []
    if scene.title:
        title = fit(visible(scene.title), width - 2 * MARGIN, TITLE_SIZE, bold=True)
        body.append(text(MARGIN, MARGIN + TITLE_SIZE, title, size=TITLE_SIZE, bold=True))
    boxes = sorted(scene.boxes.items(), key=lambda item: len(item[0]))
    inner = [_box(scope, scene.scope_names[scope], box) for scope, box in boxes]
    largest, largest_grad = scene.largest_flow, scene.largest_grad
    # thin lines over thick ones, so that none is hidden
    order = sorted(range(len(scene.edges)), key=lambda k: (-_thickness(scene.edges[k], largest), k))
    leaving: dict[int, list[Edge]] = {}
    for edge in scene.edges:
        leaving.setdefault(edge.source, []).append(edge)
    trunks = _trunks(scene.cards, leaving)
    inner += [_trunk(i, scene.cards[i], leaving[i], end, largest) for i, end in trunks.items()]
    inner += [_edge(k, scene.edges[k], scene.cards, largest, trunks.get(scene.edges[k].source)) for k in order]
    inner += [_chip(k, edge) for k, edge in enumerate(scene.edges)]
    inner += [_card(i, card, largest_grad) for i, card in enumerate(scene.cards)]
    body.append(f'<g transform="translate({c(MARGIN)} {c(top)})">{"".join(inner)}</g>')
    body.append(_legend(scene, MARGIN, top + scene.height + 26, width - 2 * MARGIN))
    return document("".join(body), width, height, title=scene.title or "Gradient graph", description=_describe(scene))


def _describe(scene: Scene) -> str:
    root = next((card for card in scene.cards if card.is_root), None)
    parts = [f"A gradient graph of {scene.values:,} values in {len(scene.cards):,} cards, operands on the left."]
    if root is not None and root.data is not None:
        parts.append(f"Its result {root.label} is {number(root.data)}.")
    if not _computed(scene):
        parts.append("No backward pass has reached it: gradients are drawn as dashes.")
    if scene.caption:
        parts.append(scene.caption + ".")
    return " ".join(parts)


def _computed(scene: Scene) -> bool:
    """Whether a backward pass has reached anything in the picture: a stack shows a range of gradients, not one."""
    return any(dict(card.rows)["grad"] != DASH for card in scene.cards)


def _box(scope: Scope, name: str, box: tuple[float, float, float, float]) -> str:
    left, top, right, bottom = box
    shade = "scope" if len(scope) % 2 else "scope2"
    name = fit(name, right - left - 20, SCOPE_SIZE, bold=True)
    frame = f"<rect {paint(shade, 'hairline')} {_frame(left, top, right - left, bottom - top, 12)}/>"
    return (
        f"<g><title>{escape('scope ' + '.'.join(scope))}</title>{frame}"
        f"{text(left + 12, top + 18, name, size=SCOPE_SIZE, colour='muted', bold=True)}</g>"
    )


def _frame(x: float, y: float, width: float, height: float, radius: float) -> str:
    return f'x="{c(x)}" y="{c(y)}" width="{c(width)}" height="{c(height)}" rx="{c(radius)}"'


def _thickness(edge: Edge, largest: float) -> float:
    if edge.flow is None or edge.flow == 0 or math.isnan(edge.flow):
        return _THINNEST
    return _THINNEST + (_THICKEST - _THINNEST) * abs(share(edge.flow, largest))


def _trunks(cards: Sequence[Card], leaving: Mapping[int, Sequence[Edge]]) -> dict[int, float]:
    """For every card that several edges leave on one line, how far right they share it."""
    shared = {i: min(edge.runs[0][1] for edge in edges) for i, edges in leaving.items() if len(edges) > 1}
    return {i: end for i, end in shared.items() if end > cards[i].x + cards[i].width / 2 + 1}


def _trunk(i: int, card: Card, edges: Sequence[Edge], end: float, largest: float) -> str:
    """The line that edges share before they part, in the colour of the card's own gradient: the sum of theirs."""
    thickness = max(_thickness(edge, largest) for edge in edges)
    start = card.x + card.width / 2
    attributes = f'{paint(None, tone(card.grad))} stroke-width="{c(thickness)}"'
    return f'<path data-trunk="{i}" {attributes} d="M{c(start)} {c(card.y)}H{c(end)}"/>'


def path(runs: Sequence[Run]) -> str:
    """The SVG path data through straight runs, joined by curves that leave and arrive level."""
    left, right, y = runs[0]
    parts = [f"M{c(left)} {c(y)}"]
    if right > left:
        parts.append(f"H{c(right)}")
    x = max(left, right)
    for left, right, height in runs[1:]:
        middle = (x + left) / 2
        parts.append(f"C{c(middle)} {c(y)} {c(middle)} {c(height)} {c(left)} {c(height)}")
        if right > left:
            parts.append(f"H{c(right)}")
        x, y = max(left, right), height
    return "".join(parts)


def _edge(k: int, edge: Edge, cards: Sequence[Card], largest: float, trunk: float | None) -> str:
    colour, thickness = tone(edge.flow), _thickness(edge, largest)
    head, half = 7.0 + thickness, 2.8 + thickness * 0.75
    left, right, y = edge.runs[-1]
    runs = [*edge.runs[:-1], (left, right - head + 1, y)]
    if trunk is not None:
        runs[0] = (trunk, runs[0][1], runs[0][2])
    source, target = cards[edge.source], cards[edge.target]
    flow = "not computed" if edge.flow is None else repr(float(edge.flow))
    uses = f" ({edge.uses:,} uses)" if edge.uses > 1 else ""
    local = "" if edge.local is None else f"\nlocal derivative {float(edge.local)!r}"
    tip = f"{source.label} → {target.label}{uses}{local}\nlocal × upstream: {flow}"
    dash = ' stroke-dasharray="5 3"' if edge.flow is not None and math.isnan(edge.flow) else ""
    return (
        f'<g data-edge="{k}"><title>{escape_lines(tip)}</title>'
        f'<path {paint(None, colour)} stroke-width="{c(thickness)}"{dash} d="{path(runs)}"/>'
        f'<path {paint(colour)} d="M{c(right)} {c(y)}L{c(right - head)} {c(y - half)}V{c(y + half)}Z"/></g>'
    )


def escape_lines(tip: str) -> str:
    """Escape a tooltip, keeping its line breaks."""
    return "\n".join(map(escape, tip.split("\n")))


def _chip(k: int, edge: Edge) -> str:
    if edge.local is None or edge.chip_at is None:
        return ""
    x, y = edge.chip_at
    width = chip_width(edge.local)
    frame = _frame(x - width / 2, y - CHIP_HEIGHT / 2, width, CHIP_HEIGHT, CHIP_HEIGHT / 2)
    shown = text(x, y + 3.6, number(edge.local), size=CHIP_SIZE, anchor="middle", mono=True)
    return f'<rect data-chip="{k}" {paint("chip", "hairline")} {frame}/>{shown}'


def _card(i: int, card: Card, largest: float) -> str:
    left, top = card.x - card.width / 2, card.y - card.height / 2
    inside, right = left + 10, left + card.width - 10
    fill = tint(card.grad, largest)
    parts = [f'<g data-card="{i}"><title>{escape_lines(card.tip)}</title>']
    border = f'{paint(fill, "line")} stroke-width="1.2"'
    if card.kind in ("scope", "stack"):
        for shift in (6, 3):
            behind = _frame(left + shift, top - shift, card.width, card.height, 8)
            parts.append(f'<rect data-part="back" {border} {behind}/>')
    if card.is_root:
        outer = _frame(left - 3.5, top - 3.5, card.width + 7, card.height + 7, 12)
        parts.append(f'<rect {paint(None, "line")} stroke-width="1.2" {outer}/>')
    dashed = _DASHES.get(card.kind, "")
    radius = 14 if card.kind == "input" else 4 if card.kind == "param" else 9
    parts.append(f'<rect data-part="frame" {border}{dashed} {_frame(left, top, card.width, card.height, radius)}/>')
    if card.kind == "param":
        stripe = _frame(left, top + 5, 4, card.height - 10, 1)
        parts.append(f'<rect data-part="stripe" {paint(tone(card.grad))} {stripe}/>')
    chip = text_width(card.chip, SMALL) + 12
    size = label_size(card)
    label = fit(card.label, min(MAX_TEXT, card.width - 29 - chip), size, bold=True)
    parts.append(text(inside, top + 20, label, size=size, bold=True))
    if card.kind in ("input", "param", "const"):
        parts.append(text(right, top + 19, card.chip, size=SMALL, colour="muted", anchor="end"))
    else:
        parts.append(f"<rect {paint('chip', 'hairline')} {_frame(right - chip + 4, top + 7, chip, 16, 8)}/>")
        parts.append(text(right + 4 - chip / 2, top + 18.6, card.chip, size=SMALL, anchor="middle"))
    y = top + HEAD + 11
    for line in (card.formula, card.note):
        if line:
            parts.append(text(inside, y, fit(line, card.width - 20, FORMULA_SIZE), size=FORMULA_SIZE, colour="muted"))
            y += ROW
    for caption, value in card.rows:
        graded = caption == "grad"
        parts.append(text(inside, y, caption, size=SMALL, colour="muted"))
        colour = tone(card.grad, ink=True) if graded and card.grad is not None and card.grad != 0 else "ink"
        shown = text(right, y, value, size=NUMBER_SIZE, colour=colour, anchor="end", mono=True)
        parts.append(shown.replace("<text ", f'<text data-part="{caption}" ', 1))
        y += ROW
    parts.append(_bar(card, right, top + card.height - 9, largest))
    return "".join(parts) + "</g>"


def _bar(card: Card, right: float, y: float, largest: float) -> str:
    """The gradient as a bar about zero: to the right when positive."""
    zero = right - _BAR / 2
    axis = f'<path {paint(None, "line")} stroke-width="0.8" d="M{c(right - _BAR)} {c(y)}H{c(right)}"/>'
    axis += f'<path {paint(None, "line")} stroke-width="0.8" d="M{c(zero)} {c(y - 3)}V{c(y + 3)}"/>'
    if card.grad is None or not (part := share(card.grad, largest)):
        return axis if card.grad is not None else ""
    length = max(1.0, abs(part) * _BAR / 2)
    start = zero if part > 0 else zero - length
    return axis + f'<rect data-part="bar" {paint(tone(card.grad))} {_frame(start, y - 2, length, 4, 1)}/>'


def _legend(scene: Scene, x: float, y: float, width: float) -> str:
    parts = []
    largest = scene.largest_grad
    if any(card.grad is not None for card in scene.cards):
        parts.append(_scale(x, y, largest))
        after = x + 21 * 7 + 14
        words = "gradient: orange −, blue +"
    elif _computed(scene):
        after, words = x, "gradient: lowest … highest of a stack"
    else:
        parts.append(text(x, y + 9, "–", size=NUMBER_SIZE, mono=True))
        after, words = x + 16, "gradient not computed: call backward()"
    parts.append(text(after, y + 9, words, size=SMALL, colour="muted"))
    after += text_width(words, SMALL) + 24
    frame = _frame(after, y - 2, 34, CHIP_HEIGHT, CHIP_HEIGHT / 2)
    parts.append(f"<rect {paint('chip', 'hairline')} {frame}/>")
    parts.append(text(after + 17, y + 9, "0.25", size=CHIP_SIZE, anchor="middle", mono=True))
    words = "local derivative ∂out/∂in"
    parts.append(text(after + 42, y + 9, words, size=SMALL, colour="muted"))
    after += 42 + text_width(words, SMALL) + 24
    for i, thickness in enumerate((_THINNEST, _THICKEST)):
        start = after + 24 * i
        parts.append(f'<path {paint(None, "neutral")} stroke-width="{thickness}" d="M{c(start)} {c(y + 5.5)}h20"/>')
    parts.append(text(after + 54, y + 9, "|local × upstream|", size=SMALL, colour="muted"))
    if scene.caption:
        shown = fit(scene.caption, width, SMALL)
        parts.append(text(x, y + 42, shown, size=SMALL, colour="muted"))
    return f"<g>{''.join(parts)}</g>"


def _scale(x: float, y: float, largest: float) -> str:
    names = [f"n{i}" for i in range(STEPS, 0, -1)] + ["zero"] + [f"p{i}" for i in range(1, STEPS + 1)]
    boxes = [f"<rect {paint(name)} {_frame(x + 7 * i, y, 7.3, 11, 0)}/>" for i, name in enumerate(names)]
    width = 7.0 * len(names)
    outline = f'<rect {paint(None, "line")} stroke-width="0.8" {_frame(x, y, width, 11, 1)}/>'
    ends = (("start", x, number(-largest)), ("middle", x + width / 2, "0"), ("end", x + width, number(largest)))
    labels = [text(at, y + 23, word, size=9, colour="muted", anchor=anchor, mono=True) for anchor, at, word in ends]
    return "".join(boxes) + outline + "".join(labels)
