"""Labels on lines: where each one can sit so that none covers another, and as few other lines as possible.

Each label may move along its own line. They are placed one by one, each at its cheapest free place, then taken up and
placed again while that helps. All of it is deterministic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Box", "Line", "overlap", "place_on_lines"]

GAP = 7.0
"""Pixels between labels."""

_STEPS = 33
_ROUNDS = 4


class Line(NamedTuple):
    """From (x0, y0) to (x1, y1), in pixels."""

    x0: float
    y0: float
    x1: float
    y1: float

    def at(self, t: float) -> tuple[float, float]:
        """The point a share `t` of the way along."""
        return self.x0 + (self.x1 - self.x0) * t, self.y0 + (self.y1 - self.y0) * t


class Box(NamedTuple):
    """A rectangle by its middle and its size."""

    x: float
    y: float
    width: float
    height: float


def overlap(a: Box, b: Box, gap: float = 0.0) -> bool:
    """Whether two boxes come nearer to each other than `gap`."""
    return abs(a.x - b.x) < (a.width + b.width) / 2 + gap and abs(a.y - b.y) < (a.height + b.height) / 2 + gap


def _crosses(line: Line, box: Box) -> bool:
    """Whether the line passes through the box (Liang and Barsky's clipping, 1984)."""
    start, end = 0.0, 1.0
    for a, b, middle, half in (
        (line.x0, line.x1, box.x, box.width / 2 + 2),
        (line.y0, line.y1, box.y, box.height / 2 + 2),
    ):
        step = b - a
        if step == 0:
            if abs(a - middle) > half:
                return False
            continue
        near, far = sorted(((middle - half - a) / step, (middle + half - a) / step))
        start, end = max(start, near), min(end, far)
    return start < end


def place_on_lines(
    lines: Sequence[Line], width: float, height: float, obstacles: Sequence[Box], favourite: float = 0.36
) -> list[Box] | None:
    """A box of this size on each line, in order; None where there is no room for all without overlap."""
    places: list[list[tuple[float, Box]]] = []
    for i, line in enumerate(lines):
        costs = []
        for step in range(_STEPS):
            t = 0.1 + 0.8 * step / (_STEPS - 1)
            box = Box(*line.at(t), width, height)
            if any(overlap(box, other, GAP) for other in obstacles):
                continue
            covered = sum(_crosses(other, box) for j, other in enumerate(lines) if j != i)
            costs.append((covered + 2.0 * abs(t - favourite), box))
        if not costs:
            return None
        places.append(sorted(costs))
    for order in (sorted(range(len(lines)), key=lambda i: (len(places[i]), i)), list(range(len(lines)))):
        placed = _settle(places, order)
        if placed is not None:
            return placed
    return None


def _settle(places: Sequence[list[tuple[float, Box]]], order: Sequence[int]) -> list[Box] | None:
    taken: dict[int, Box] = {}
    for _ in range(_ROUNDS):
        before = dict(taken)
        for i in order:
            taken.pop(i, None)
            free = (box for _, box in places[i] if not any(overlap(box, other, GAP) for other in taken.values()))
            best = next(free, None)
            if best is None:
                return None
            taken[i] = best
        if taken == before:
            break
    return [taken[i] for i in range(len(places))]
