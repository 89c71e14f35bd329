"""Where the labels of a chart go: beside what they name, clear of the lines and of each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from viz.markup import text_width

__all__ = ["Placing"]

LINE = 15.0
"""Height of a line of a label."""

_SPACING = 5.0
_GAPS = (9.0, 15.0, 22.0, 30.0, 40.0, 52.0, 64.0, 80.0, 100.0, 125.0, 155.0, 190.0, 230.0, 280.0)
_DIRECTIONS = [
    *((across, down) for across in (0.0, 0.5, -0.5, 1.0, -1.0) for down in (1, -1)),
    *((across, 0) for across in (1.0, -1.0)),
]
_MARGIN = 4.0
_FAR = 0.02
"""What a pixel of distance costs, where a hidden point of a line costs 1."""

Box = tuple[float, float, float, float]


class Placing:
    """Places labels in a frame, in pixels, one after another; each place that is taken stays taken."""

    def __init__(self, left: float, top: float, right: float, bottom: float) -> None:
        self.frame = left, top, right, bottom
        self.points: list[tuple[float, float]] = []
        self.boxes: list[Box] = []

    def block(self, places: Sequence[tuple[float, float]]) -> None:
        """Keep labels off the polyline through these places."""
        self.points += places
        for (x1, y1), (x2, y2) in pairwise(places):
            parts = max(1, math.ceil(math.hypot(x2 - x1, y2 - y1) / _SPACING))
            self.points += [(x1 + (x2 - x1) * i / parts, y1 + (y2 - y1) * i / parts) for i in range(1, parts)]

    def place(self, x: float, y: float, lines: Sequence[tuple[str, float, bool]]) -> tuple[float, float]:
        """The upper left corner for lines of text (each: text, size, bold) beside (x, y): the nearest that is free.

        Where none is, the one that covers least.
        """
        width = max(text_width(line, size, bold=bold) for line, size, bold in lines)
        height = LINE * len(lines)
        best: tuple[float, Box] | None = None
        for gap in _GAPS:
            if best is not None and best[0] < _FAR * gap:
                break
            for across, down in _DIRECTIONS:
                corner = x - width / 2 + across * (width / 2 + gap), y - height / 2 + down * (height / 2 + gap)
                box = self.inside(corner, width, height)
                moved = abs(box[0] - corner[0]) + abs(box[1] - corner[1])
                cost = self.covered(box, (x, y)) + _FAR * (moved + gap) + 0.1 * abs(across)
                if best is None or cost < best[0]:
                    best = cost, box
        assert best is not None
        self.boxes.append(best[1])
        return best[1][0], best[1][1]

    def inside(self, corner: tuple[float, float], width: float, height: float) -> Box:
        """The box, moved into the frame."""
        left, top, right, bottom = self.frame
        x = max(left, min(corner[0], right - width))
        y = max(top, min(corner[1], bottom - height))
        return x, y, x + width, y + height

    def covered(self, box: Box, own: tuple[float, float]) -> float:
        """How much a box hides: points of lines, what it names, and other labels."""
        left, top, right, bottom = box[0] - _MARGIN, box[1] - _MARGIN, box[2] + _MARGIN, box[3] + _MARGIN
        hidden = sum(left < x < right and top < y < bottom for x, y in (*self.points, own))
        left, right = left - _MARGIN, right + _MARGIN  # words in one line must not read as one
        over = sum(left < b[2] and b[0] < right and top < b[3] and b[1] < bottom for b in self.boxes)
        return hidden + 50.0 * over
