"""Matrices as cells with labels, and the arrows between them: what the pictures of raising are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from viz.markup import element, fit, text_width
from viz.palette import paint, text

__all__ = ["CELL", "COLOURS", "PLAIN", "Cells", "arrow", "badge", "brackets"]

CELL = 27.0
"""Height of a cell."""

_SIZE = 12.0

COLOURS = (("positive", "p6"), ("negative", "n6"), ("odd", "odd_tint"), ("ink", "scope2"))
"""Line and fill of the first, the second ... row, column or term. Their numbers say the same in black and white."""

PLAIN = ("line", "card")

Look = Callable[[int, int], tuple[str, str]]
"""The names of the line and fill colours of the cell in row r and column c."""


@dataclass
class Cells:
    """A matrix of labels with its corner at (x, y).

    Attributes:
        labels, nodes: by row; a node number is kept in the markup, as ``data-node``.
        kind: what the cells are, for a reader of the markup.
        width: of a cell.
        faint: columns from this one on are shown paler: other rows of the batch.
    """

    labels: Sequence[Sequence[str]]
    nodes: Sequence[Sequence[int]]
    kind: str
    look: Look
    width: float = 0.0
    faint: int = 1 << 30
    x: float = 0.0
    y: float = 0.0

    def __post_init__(self) -> None:
        longest = max(text_width(label, _SIZE) for row in self.labels for label in row)
        self.width = max(self.width, 36.0, min(longest, 80.0) + 14)

    @property
    def right(self) -> float:
        """The right end."""
        return self.x + self.width * len(self.labels[0])

    @property
    def bottom(self) -> float:
        """The lower end."""
        return self.y + CELL * len(self.labels)

    def middle(self, r: int, c: int) -> tuple[float, float]:
        """The centre of a cell."""
        return self.x + (c + 0.5) * self.width, self.y + (r + 0.5) * CELL

    def drawn(self) -> str:
        """The markup: cells, and brackets around them."""
        cells = []
        for r, (row, nodes) in enumerate(zip(self.labels, self.nodes, strict=True)):
            for c, (shown, node) in enumerate(zip(row, nodes, strict=True)):
                x, y = self.middle(r, c)
                stroke, fill = self.look(r, c)
                ink = "ink" if c < self.faint else "muted"
                if c >= self.faint:
                    stroke = "hairline"
                size = f'width="{self.width - 4:.1f}" height="{CELL - 4:.1f}" rx="4"'
                corner = f'x="{x - self.width / 2 + 2:.1f}" y="{y - CELL / 2 + 2:.1f}"'
                frame = f'<rect {paint(fill, stroke)} stroke-width="1.2" {corner} {size}/>'
                label = text(x, y + 4, fit(shown, self.width - 8, _SIZE), size=_SIZE, colour=ink, anchor="middle")
                cells.append(element("g", frame + label, data_node=str(node), data_cell=f"{self.kind} {r} {c}"))
        return "".join(cells) + brackets(self.x, self.y, self.right, self.bottom)


def brackets(left: float, top: float, right: float, bottom: float) -> str:
    """Square brackets around a matrix."""
    lip = 5.0
    d = (
        f"M{left - 3 + lip:.1f} {top - 2:.1f}h{-lip:.1f}V{bottom + 2:.1f}h{lip:.1f}"
        f"M{right + 3 - lip:.1f} {top - 2:.1f}h{lip:.1f}V{bottom + 2:.1f}h{-lip:.1f}"
    )
    return f'<path {paint(None, "ink")} stroke-width="1.5" d="{d}"/>'


def arrow(
    start: tuple[float, float], end: tuple[float, float], colour: str, *, width: float = 2.2, down: bool = False
) -> str:
    """A curved arrow that leaves and arrives level, or with ``down`` upright."""
    (x1, y1), (x2, y2) = start, end
    head = 4.0 + 2.2 * width
    half = 2.0 + 1.1 * width
    if down:
        stop, middle = y2 - head, (y1 + y2 - head) / 2
        line = f"M{x1:.1f} {y1:.1f}C{x1:.1f} {middle:.1f} {x2:.1f} {middle:.1f} {x2:.1f} {stop:.1f}"
        tip = f"M{x2:.1f} {y2:.1f}L{x2 - half:.1f} {stop:.1f}H{x2 + half:.1f}Z"
    else:
        stop, middle = x2 - head, (x1 + x2 - head) / 2
        line = f"M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {stop:.1f} {y2:.1f}"
        tip = f"M{x2:.1f} {y2:.1f}L{stop:.1f} {y2 - half:.1f}V{y2 + half:.1f}Z"
    assert math.isfinite(x1 + y1 + x2 + y2)
    return f'<path {paint(None, colour)} stroke-width="{width:.1f}" d="{line}"/><path {paint(colour)} d="{tip}"/>'


def badge(x: float, y: float, shown: str, colour: str) -> str:
    """A small filled circle with a number."""
    circle = f'<circle {paint(colour)} cx="{x:.1f}" cy="{y:.1f}" r="9"/>'
    return circle + text(x, y + 4, shown, size=11, colour="page", anchor="middle", bold=True)
