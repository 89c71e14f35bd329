"""One level of a layered drawing: items in columns, few crossings, straight lines (after Sugiyama et al.,
1981).

An item is a card, a box that was laid out before, a port on the border of the scope, or a pass: the place
where a long line crosses a column. Ranks by longest path, with sources pulled next to what uses them; order
by barycentres, keeping the order with the fewest crossings; heights by alternating isotonic regressions,
which pull each item towards its neighbours without overlap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["Item", "Level", "Link", "arrange"]

GAP = 14.0
"""Pixels between two cards or boxes of a column."""

LINE_GAP = 5.0
"""Pixels between two lines, each `LINE` high."""

LINE = 8.0
LEVEL, CURVE = 18.0, 38.0
"""Pixels between two columns where all lines run on level, and where some change their height."""

_STEEP = 0.09
"""More pixels of `CURVE` for each pixel of the longest climb."""

_BUDGET = 70_000
"""Steps of lines, from column to column, that the sweeps of one level may look at: a bound on time, not on size."""

MOST_STEPS = 60_000
"""A level with more steps than this is refused: lines that run past so much cannot be followed by anyone."""

_THIN = ("in", "out", "pass")


@dataclass(slots=True, eq=False)
class Item:
    """A thing in a column. `lead` pixels on its left are for chips; `x`, `y` its centre, without the lead.

    `air` is the pixels to the next line, where it is a line.
    """

    kind: str
    width: float
    height: float
    lead: float = 0.0
    air: float = LINE_GAP
    rank: int = 0
    x: float = 0.0
    y: float = 0.0


@dataclass(slots=True, eq=False)
class Link:
    """A line from item `a` to item `b`, leaving and arriving `leave` and `arrive` pixels below their centres.

    The `free` links of an item may exchange their places of arrival, so that fewer lines cross.
    """

    a: int
    b: int
    leave: float = 0.0
    arrive: float = 0.0
    free: bool = False
    passes: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Level:
    """The result: `columns` (left, right), where lines run straight, and the size of the whole."""

    columns: list[tuple[float, float]]
    width: float
    height: float


def arrange(items: list[Item], links: Sequence[Link]) -> Level:
    """Place the items (passes are added to the list). Raises ValueError for a circle, or too many lines."""
    _rank(items, links)
    layers: list[list[int]] = [[] for _ in range(max((item.rank for item in items), default=0) + 1)]
    for i, item in enumerate(items):
        layers[item.rank].append(i)
    steps = sum(items[link.b].rank - items[link.a].rank for link in links)
    if steps > MOST_STEPS:
        raise ValueError(
            f"the {len(links):,} lines of this picture would run past {steps:,} columns: more than anyone can follow; "
            "draw a part of it with focus=a node (or its name) and radius=2"
        )
    _split(items, links, layers)
    sweeps = max(2, min(14, _BUDGET // max(1, steps)))
    for _ in range(2 if sweeps > 4 else 1):
        up, down = _neighbours(items, links)
        layers = _order(items, layers, up, down, sweeps)
        _exchange(links, layers)
    up, down = _neighbours(items, links)
    _heights(items, layers, up, down, sweeps + 6)
    return _columns(items, layers, up)


Neighbours = list[list[tuple[int, float, float]]]
"""For each item: (neighbour, where the line meets the neighbour, where it meets the item)."""


def _rank(items: Sequence[Item], links: Sequence[Link]) -> None:
    out: list[list[int]] = [[] for _ in items]
    waiting = [0] * len(items)
    for link in links:
        out[link.a].append(link.b)
        waiting[link.b] += 1
    is_source = [not n for n in waiting]
    ready = [i for i, n in enumerate(waiting) if not n]
    for item in items:
        item.rank = 0
    done = 0
    for a in ready:  # grows while it is read
        done += 1
        for b in out[a]:
            items[b].rank = max(items[b].rank, items[a].rank + 1)
            waiting[b] -= 1
            if not waiting[b]:
                ready.append(b)
    if done < len(items):
        raise ValueError("the links make a circle")
    last = max((item.rank for item in items), default=0)
    for a in reversed(ready):
        item = items[a]
        if item.kind == "in":
            item.rank = 0
        elif item.kind == "out":
            item.rank = max(last, item.rank)
        elif is_source[a] and out[a]:
            item.rank = max(0, min(items[b].rank for b in out[a]) - 1)


def _split(items: list[Item], links: Sequence[Link], layers: list[list[int]]) -> None:
    """Add a pass in every column that a link crosses."""
    for link in links:
        for rank in range(items[link.a].rank + 1, items[link.b].rank):
            layers[rank].append(len(items))
            link.passes.append(len(items))
            items.append(Item("pass", 0.0, LINE, rank=rank))


def _neighbours(items: Sequence[Item], links: Sequence[Link]) -> tuple[Neighbours, Neighbours]:
    """The neighbours of every item on its left and on its right."""
    up: Neighbours = [[] for _ in items]
    down: Neighbours = [[] for _ in items]
    for link in links:
        previous, leave = link.a, link.leave
        for k in link.passes:
            up[k].append((previous, leave, 0.0))
            down[previous].append((k, 0.0, leave))
            previous, leave = k, 0.0
        up[link.b].append((previous, leave, link.arrive))
        down[previous].append((link.b, link.arrive, leave))
    return up, down


def _exchange(links: Sequence[Link], layers: Sequence[Sequence[int]]) -> None:
    """Let the free links of each item arrive in the order in which they come."""
    place = {i: n for layer in layers for n, i in enumerate(layer)}
    free: defaultdict[int, list[Link]] = defaultdict(list)
    for link in links:
        if link.free:
            free[link.b].append(link)
    for arriving in free.values():
        slots = sorted(link.arrive for link in arriving)
        arriving.sort(key=lambda link: (place[link.passes[-1] if link.passes else link.a], link.leave))
        for link, slot in zip(arriving, slots, strict=True):
            link.arrive = slot


def _crossings(layers: Sequence[Sequence[int]], up: Neighbours) -> int:
    """Pairs of lines that cross, between neighbouring columns, counted as inversions with a Fenwick tree."""
    total = 0
    for left, right in pairwise(layers):
        place = {i: n for n, i in enumerate(left)}
        ends = sorted({(place[a], leave) for b in right for a, leave, _ in up[b]})
        rank = {end: n + 1 for n, end in enumerate(ends)}
        tree = [0] * (len(ends) + 1)
        seen = 0
        for b in right:
            arriving = sorted((arrive, rank[place[a], leave]) for a, leave, arrive in up[b])
            for _, r in arriving:
                k, before = r, 0
                while k:
                    before += tree[k]
                    k -= k & -k
                total += seen - before
                seen += 1
                k = r
                while k <= len(ends):
                    tree[k] += 1
                    k += k & -k
    return total


def _order(
    items: Sequence[Item], layers: list[list[int]], up: Neighbours, down: Neighbours, sweeps: int
) -> list[list[int]]:
    best, fewest = [list(layer) for layer in layers], _crossings(layers, up)
    for sweep in range(sweeps):
        if not fewest:
            break
        forward = sweep % 2 == 0
        near = up if forward else down
        columns = range(1, len(layers)) if forward else range(len(layers) - 2, -1, -1)
        for n in columns:
            height, at = 0.0, {}
            for i in layers[n - 1 if forward else n + 1]:
                at[i] = height + items[i].height / 2
                height += items[i].height + GAP
            centre = {}
            for i in layers[n]:
                pulls = [at[k] + there - here for k, there, here in near[i]]
                if pulls:
                    centre[i] = sum(pulls) / len(pulls)
            movable = iter(sorted((i for i in layers[n] if i in centre), key=centre.__getitem__))
            layers[n] = [next(movable) if i in centre else i for i in layers[n]]
        count = _crossings(layers, up)
        if count < fewest:
            best, fewest = [list(layer) for layer in layers], count
    return best


def _gap(above: Item, below: Item) -> float:
    return min(above.air, below.air) if above.kind in _THIN and below.kind in _THIN else GAP


def _spread(wanted: Sequence[tuple[float, float]], column: Sequence[Item]) -> list[float]:
    """Heights nearest to the wanted ones (value, weight), in order and without overlap: pool adjacent violators."""
    offsets = [0.0]
    for above, below in pairwise(column):
        offsets.append(offsets[-1] + (above.height + below.height) / 2 + _gap(above, below))
    blocks: list[list[float]] = []
    for (value, weight), offset in zip(wanted, offsets, strict=True):
        blocks.append([(value - offset) * weight, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            last = blocks.pop()
            blocks[-1] = [x + y for x, y in zip(blocks[-1], last, strict=True)]
    heights = [total / weight for total, weight, count in blocks for _ in range(int(count))]
    return [height + offset for height, offset in zip(heights, offsets, strict=True)]


def _heights(
    items: Sequence[Item], layers: Sequence[Sequence[int]], up: Neighbours, down: Neighbours, sweeps: int
) -> None:
    def weight(a: int, b: int) -> float:
        thin = (items[a].kind == "pass") + (items[b].kind == "pass")
        return (1.0, 3.0, 8.0)[thin]

    for layer in layers:
        y = 0.0
        for i in layer:
            items[i].y = y + items[i].height / 2
            y += items[i].height + GAP
    for sweep in range(sweeps):
        forward = sweep % 2 == 0
        for layer in layers if forward else reversed(layers):
            wanted = []
            for i in layer:
                ahead, behind = (up[i], down[i]) if forward else (down[i], up[i])
                near = ahead + behind if sweep > 5 or not ahead else ahead
                pulls = [(items[k].y + there - here, weight(k, i)) for k, there, here in near]
                total = sum(w for _, w in pulls)
                wanted.append((sum(y * w for y, w in pulls) / total, total) if pulls else (items[i].y, 0.05))
            for i, y in zip(layer, _spread(wanted, [items[i] for i in layer]), strict=True):
                items[i].y = y
    top = min((item.y - item.height / 2 for item in items), default=0.0)
    for item in items:
        item.y -= top


def _columns(items: Sequence[Item], layers: Sequence[Sequence[int]], up: Neighbours) -> Level:
    columns: list[tuple[float, float]] = []
    x = 0.0
    for n, layer in enumerate(layers):
        if n:
            climbs = [abs(items[a].y + leave - items[i].y - arrive) for i in layer for a, leave, arrive in up[i]]
            # ports lie on the border itself: the padding of the scope is room for the curve already
            bare = all(items[i].kind == "in" for i in layers[n - 1]) or all(items[i].kind == "out" for i in layer)
            climb = max(climbs, default=0.0)
            x += LEVEL if climb < 1 else min(120.0, (CURVE * 0.6 if bare else CURVE) + _STEEP * climb)
        lead = max((items[i].lead for i in layer), default=0.0)
        width = max((items[i].width for i in layer), default=0.0)
        for i in layer:
            item = items[i]
            # a source stands at the right edge of its column, close to what uses it
            item.x = x + lead + (width - item.width / 2 if not up[i] and item.kind != "in" else item.width / 2)
        columns.append((x, x + lead + width))
        x += lead + width
    height = max((item.y + item.height / 2 for item in items), default=0.0)
    return Level(columns, x, height)
