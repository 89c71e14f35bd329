"""The scalar graph behind a node of a tape, as a small drawing: leaves as chips, operations as circles.

A leaf is drawn wherever it is read, so that the drawing is a tree. It grows from its leaves to the right, or down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from viz.formula import chip
from viz.markup import element, fit, label, number, text_width
from viz.palette import paint, text

if TYPE_CHECKING:
    from autograd.compiler.tape import Tape

__all__ = ["LEAF", "Tree", "leaf_label"]

LEAF = 20.0
"""Height of a leaf's chip; its width follows the longest label."""

_RADIUS = 10.0
_SIZE = 11.5

Look = Callable[[int, tuple[int, ...]], tuple[str, str]]
"""The names of the fill and of the line colour of a node, by its number and the nodes that read it, root first."""


def leaf_label(tape: Tape, node: int) -> str:
    """What stands on the chip of a leaf: its name, or a constant's number."""
    name = tape.names.get(node, "")
    return label(name) if name else number(float(tape.data[node]))


@dataclass(slots=True)
class _Knot:
    node: int
    way: tuple[int, ...]
    above: int
    """The place of the knot that reads this one; -1 for the root."""
    place: float = 0.0
    height: int = 0


class Tree:
    """Everything behind a node, laid out: ``width`` and ``length`` in pixels, across and along its growth."""

    def __init__(self, tape: Tape, root: int, *, down: bool = False, pitch: float = 24.0, step: float = 38.0) -> None:
        self.tape, self.down, self.pitch, self.step = tape, down, pitch, step
        self.knots: list[_Knot] = []
        stack: list[tuple[int, tuple[int, ...], int]] = [(root, (), -1)]
        while stack:  # each knot stands before what it reads, first operands first
            node, way, above = stack.pop()
            self.knots.append(_Knot(node, way, above))
            operands = tape.operands(node).tolist()
            stack += [(operand, (*way, node), len(self.knots) - 1) for operand in reversed(operands)]
        below: list[list[_Knot]] = [[] for _ in self.knots]
        for knot in self.knots[1:]:
            below[knot.above].append(knot)
        leaves = [knot for knot, read in zip(self.knots, below, strict=True) if not read]
        for slot, knot in enumerate(leaves):
            knot.place = slot
        for knot, read in zip(reversed(self.knots), reversed(below), strict=True):
            if read:
                knot.place = sum(k.place for k in read) / len(read)
                knot.height = 1 + max(k.height for k in read)
        self.chip = max(text_width(leaf_label(tape, knot.node), _SIZE) for knot in leaves) + (7 if down else 10)
        self.chip = max(self.chip, 24.0)
        self.lead = LEAF + 7 if down else self.chip  # room for the lines
        self.width = (len(leaves) - 1) * pitch + (self.chip if down else LEAF)
        self.length = self.lead + self.knots[0].height * step - step / 2 + _RADIUS + 6
        self.operations = len(self.knots) - len(leaves)

    def at(self, knot: _Knot) -> tuple[float, float]:
        """The centre of a knot, from the corner of the drawing."""
        across = knot.place * self.pitch + (self.chip if self.down else LEAF) / 2
        along = self.lead + (knot.height - 0.5) * self.step
        if not knot.height:
            along = (LEAF if self.down else self.lead) / 2
        return (across, along) if self.down else (along, across)

    def root(self) -> tuple[float, float]:
        """The centre of the root."""
        return self.at(self.knots[0])

    def drawn(self, left: float, top: float, look: Look) -> Iterator[str]:
        """The markup, its corner at (left, top)."""
        for knot in self.knots[1:]:
            yield self._line(knot, self.knots[knot.above], left, top, look)
        for knot in self.knots:
            x, y = self.at(knot)
            fill, stroke = look(knot.node, knot.way)
            yield self._knot(knot, left + x, top + y, fill, stroke)

    def _line(self, knot: _Knot, reader: _Knot, left: float, top: float, look: Look) -> str:
        (x1, y1), (x2, y2) = self.at(knot), self.at(reader)
        start = _RADIUS if knot.height else LEAF / 2 if self.down else self.lead / 2
        if self.down:
            y1, y2 = y1 + start, y2 - _RADIUS
            bend = f"C{left + x1:.1f} {top + (y1 + y2) / 2:.1f} {left + x2:.1f} {top + (y1 + y2) / 2:.1f}"
        else:
            x1, x2 = x1 + start, x2 - _RADIUS
            bend = f"C{left + (x1 + x2) / 2:.1f} {top + y1:.1f} {left + (x1 + x2) / 2:.1f} {top + y2:.1f}"
        stroke = look(knot.node, knot.way)[1]
        d = f"M{left + x1:.1f} {top + y1:.1f}{bend} {left + x2:.1f} {top + y2:.1f}"
        return f'<path {paint(None, stroke)} stroke-width="1.4" d="{d}"/>'

    def _knot(self, knot: _Knot, x: float, y: float, fill: str, stroke: str) -> str:
        frame = paint(fill, stroke)
        if not knot.height:
            size = f'x="{x - self.chip / 2:.1f}" y="{y - LEAF / 2:.1f}" width="{self.chip:.1f}" height="{LEAF:.1f}"'
            shape = f'<rect {frame} stroke-width="1.2" rx="5" {size}/>'
            shown = leaf_label(self.tape, knot.node)
        else:
            shown = chip(self.tape.op(knot.node))
            half = max(_RADIUS, text_width(shown, _SIZE) / 2 + 5)
            size = f'x="{x - half:.1f}" y="{y - _RADIUS:.1f}" width="{2 * half:.1f}" height="{2 * _RADIUS:.1f}"'
            shape = f'<rect {frame} stroke-width="1.4" rx="{_RADIUS:.1f}" {size}/>'
        shown = fit(shown, 90, _SIZE)
        return element("g", shape + text(x, y + 4, shown, size=_SIZE, anchor="middle"), data_node=str(knot.node))
