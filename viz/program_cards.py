"""The cards of a program's picture: matrix products as rectangles in proportion, operations by their symbols."""

from __future__ import annotations

import math

from viz.formula import chip
from viz.markup import element, fit, text_width
from viz.palette import paint, text
from viz.program_data import Block
from viz.svg import escape_lines

__all__ = ["COLOUR", "category", "counted", "drawn", "explained", "size_of"]

_SIZE = 11.0
_LONGEST, _SHORTEST = 46.0, 5.0
_BAR = 5.0

COLOUR = {
    "product": ("positive", "p3"), "gather": ("odd", "odd_tint"), "sum": ("neutral", "scope2"),
    "each": ("neutral", "card"), "small": ("negative", "n5"),
}  # fmt: skip
"""Line and fill by category."""


def category(block: Block) -> str:
    """Which colour a block has: small ones alone are marked, since they cost a call each and do nearly nothing."""
    if 2 * block.small > block.groups:
        return "small"
    kind = block.main or block.kind
    return "product" if kind == "pairs" else kind


def counted(n: int, word: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def _lines(block: Block) -> list[str]:
    """What a card says, its heading first."""
    sizes = block.sizes
    if block.kind in ("product", "pairs"):
        count, rows, length, columns = sizes
        shown = f"{rows:,}×{length:,} · {length:,}×{columns:,}"
        return [f"{count:,} × ({shown})" if count > 1 else shown]
    if block.kind == "gather":
        table, wide, lookups = sizes
        return [counted(lookups, "row"), f"of a table {table:,}×{wide:,}"]
    if block.kind == "sum":
        return [counted(sizes[0], "sum"), f"of {counted(sizes[1], 'term')}"]
    if block.kind == "each":
        return [f"{sizes[0]:,}"]
    levels = f"level {block.level}" if block.level == block.last_level else f"levels {block.level}–{block.last_level}"
    return [counted(block.groups, "group"), counted(block.nodes, "number"), levels]


def _symbol(block: Block) -> str:
    if block.op is not None:
        return fit(chip(block.op), 90, 14, bold=True)
    return {"sum": "Σ", "folded": "…"}.get(block.kind, "")


def _rectangles(block: Block) -> list[tuple[float, float]]:
    """Width and height in pixels of the factors and the result: square roots of the sizes, the longest bounded."""
    if block.kind not in ("product", "pairs"):
        return []
    _, rows, length, columns = block.sizes
    unit = _LONGEST / max(math.sqrt(max(rows, length, columns)), math.sqrt(16))

    def side(n: int) -> float:
        return max(_SHORTEST, unit * math.sqrt(n))

    return [(side(length), side(rows)), (side(columns), side(length)), (side(columns), side(rows))]


def size_of(block: Block) -> tuple[float, float]:
    """Width and height of a card."""
    rectangles = _rectangles(block)
    lines = _lines(block)
    wide = max(text_width(line, _SIZE) for line in lines)
    if rectangles:
        wide = max(wide, sum(w for w, _ in rectangles) + 38)
        return wide + 22, max(h for _, h in rectangles) + 48
    symbol = text_width(_symbol(block), 14, bold=True)
    if block.kind == "each":
        return max(46.0, symbol + wide + 30), 36.0
    return wide + symbol + (30 if symbol else 22), 22.0 + 15.0 * len(lines)


def explained(block: Block) -> str:
    """A block in words, for its tooltip."""
    what = {
        "product": "Matrix product: weights times what varies along the batch", "gather": "Rows of a table",
        "pairs": "Matrix product of two factors that vary along the batch, sample by sample",
        "sum": "Sums", "each": "One operation, element by element", "folded": "Groups folded into one card",
    }[block.kind]  # fmt: skip
    name = f" ({block.op.name})" if block.op is not None else ""
    made = f"{counted(block.nodes, 'number')}, {block.work:,} operations"
    parts = [f"{what}{name}: {', '.join(_lines(block))}", made]
    if block.inputs:
        parts.append(f"reads {counted(block.inputs, 'input')}")
    if not block.batched:
        parts.append("computed once for all rows of the batch")
    if category(block) == "small":
        parts.append("small: it costs a call and does nearly nothing")
    return "\n".join(parts)


def drawn(block: Block, place: int, x: float, y: float, share: float) -> str:
    """A card with its centre at (x, y); ``share`` is its part of the program's work."""
    width, height = size_of(block)
    left, top = x - width / 2, y - height / 2
    line, fill = COLOUR[category(block)]
    dash = "" if block.batched else ' stroke-dasharray="5 3"'
    box = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="8"'
    parts = []
    if block.groups > 1:  # a stack
        shadow = f'x="{left + 4:.1f}" y="{top + 4:.1f}" width="{width:.1f}" height="{height:.1f}" rx="8"'
        parts.append(f'<rect {paint("scope2", line)} stroke-width="1" {shadow}/>')
    parts.append(f'<rect {paint(fill, line)} stroke-width="{2.4 if block.output else 1.3}"{dash} {box}/>')
    parts += _content(block, left, top, width, height)
    parts.append(_bar(left, top, width, height, share, line))
    title = f"<title>{escape_lines(explained(block))}\n{share:.1%} of the work</title>"
    return element("g", title + "".join(parts), data_group=str(place), data_kind=block.kind)


def _content(block: Block, left: float, top: float, width: float, height: float) -> list[str]:
    rectangles, lines = _rectangles(block), _lines(block)
    if rectangles:
        middle = top + (height - 30) / 2 + 2
        x = left + (width - sum(w for w, _ in rectangles) - 38) / 2
        parts = []
        for k, ((w, h), sign) in enumerate(zip(rectangles, ("·", "=", ""), strict=True)):
            fill = ("positive" if block.kind == "product" else "p8", "p8", "card")[k]
            size = f'x="{x:.1f}" y="{middle - h / 2:.1f}" width="{w:.1f}" height="{h:.1f}"'
            parts.append(f'<rect {paint(fill, "positive")} stroke-width="1" {size}/>')
            if sign:
                parts.append(text(x + w + 9.5, middle + 5, sign, size=14, anchor="middle", bold=True))
            x += w + 19
        parts.append(text(left + width / 2, top + height - 14, lines[0], size=_SIZE, anchor="middle"))
        return parts
    symbol = _symbol(block)
    wide = text_width(symbol, 14, bold=True)
    parts = [text(left + 11, top + height / 2 + 3, symbol, size=14, bold=True)] if symbol else []
    x = left + 11 + (wide + 8 if symbol else 0)
    y = top + height / 2 - 15 * (len(lines) - 1) / 2 + 2
    for k, shown in enumerate(lines):
        parts.append(text(x, y + 15 * k, shown, size=_SIZE, colour="ink" if k == 0 else "muted"))
    return parts


def _bar(left: float, top: float, width: float, height: float, share: float, line: str) -> str:
    """The share of the work at the foot of a card; nothing where a pixel would be too much."""
    room = width - 16
    if share * room < 0.5:
        return ""
    y = top + height - _BAR - 3
    track = f'<rect {paint("hairline")} x="{left + 8:.1f}" y="{y:.1f}" width="{room:.1f}" height="{_BAR:.1f}" rx="2"/>'
    size = f'width="{room * share:.1f}" height="{_BAR:.1f}" rx="2"'
    return track + f'<rect {paint(line)} x="{left + 8:.1f}" y="{y:.1f}" {size}/>'
