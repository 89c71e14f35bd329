"""program(compiled): what a program became, from inputs to outputs: one look tells why it is slow.

Few large products: fast. Many small groups, in orange: each costs a call and does nearly nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from autograd.compiler.decorator import Compiled
from autograd.compiler.plans import schedule_of
from autograd.compiler.program import Program
from autograd.compiler.schedule import Schedule
from viz.figure import Figure, document
from viz.layers import Item, Link, arrange
from viz.markup import fit, text_width, visible
from viz.palette import paint, text
from viz.program_cards import COLOUR, category, counted, drawn, size_of
from viz.program_data import Picture, picture_of

__all__ = ["program"]

MARGIN = 24.0
WIDTH = 1240.0
"""Of a band of levels; a deep program is written in several, as lines of text are."""

_BAND_GAP, _STUB = 40.0, 16.0
_HEAD = 150.0
_STEPS = 200
"""Lines that pass more columns than this together cannot be followed: those that skip columns are left out."""

_WORDS = {
    "product": ("matrix products", "matrix product"), "gather": ("tables", "table"), "sum": ("sums", "sum"),
    "each": ("element by element", "element by element"), "small": ("small groups", "small group"),
}  # fmt: skip


def program(compiled: Program | Schedule, *, rows: int | None = None, title: str | None = None) -> Figure:
    """The groups that a program runs, level by level, from the inputs on the left to the outputs.

    A matrix product is drawn as its factors and its result, their sides growing with the square root of their sizes; a
    bar at the foot of a card is its share of the multiplications and other operations of one row of the batch. Groups
    of fewer than 4 numbers are orange. A dashed frame: computed once for all rows; a thick one: makes an output. Of
    more than 56 groups those that do little are folded, by stretches of levels; the card says how many it holds.

    Args:
        compiled: what ``autograd.compile`` returned, or a schedule (``raise_tape``).
        rows: of the batch, for the words on what runs it; by default those of the last one.
        title: the heading; by default how many nodes became how many groups. ``""`` for none.

    Raises:
        TypeError: `compiled` is neither, or rows are given with a schedule.
        ValueError: there is no group to draw: every output is a leaf or a constant.
    """
    said = ""
    if isinstance(compiled, Program):
        data = compiled.explain(rows).data
        said = f"{counted(data['rows'], 'row')} by {data['backend']}, {data['dtype']}: {data['why']}"
        if data["backend"] == "python":
            said += " (the groups are those that NumPy would run)"
        schedule = schedule_of(compiled.tape)
    elif isinstance(compiled, Schedule):
        if rows is not None:
            raise TypeError("viz.program: a schedule runs nothing, so rows say nothing; give the program itself")
        schedule = compiled
    else:
        raise _not_drawn(compiled)
    picture = picture_of(schedule)
    if not picture.blocks:
        raise ValueError("viz.program: this program computes nothing: every output is a leaf or a constant")
    many = len(picture.every)
    heading = f"{counted(picture.nodes, 'node')} in {counted(many, 'group')}" if title is None else title
    return _Drawing(picture, heading, said).figure()


def _not_drawn(thing: object) -> TypeError:
    hint = "viz.draw draws graphs of Values"
    if isinstance(thing, Compiled):
        hint = "a function has a program for each shape of its arguments: give f.program(arguments)"
    return TypeError(f"viz.program draws what autograd.compile returned; got {type(thing).__name__}: {hint}")


class _Drawing:
    def __init__(self, picture: Picture, heading: str, said: str) -> None:
        self.picture, self.blocks, self.heading, self.said = picture, picture.blocks, heading, said
        self.work = max(1, sum(block.work for block in self.blocks))
        self.items: list[Item] = []
        self.links: list[Link] = []
        self.weights: list[int] = []
        self.sources: dict[int, int] = {}
        self.left_out = 0

    def figure(self) -> Figure:
        """The finished picture."""
        self.place()
        band_of, origins, right, bottom = self.bands()
        lines = list(self.lines(band_of, origins))
        cards = list(self.cards(band_of, origins))
        width = max(right, 660.0) + MARGIN
        head = list(self.head(width))
        body = "".join([*head, *lines, *cards])
        title = self.heading or "A compiled program"
        height = bottom + MARGIN + 22
        foot = "shapes for one row of the batch   ·   dashed: once for all rows   ·   thick frame: an output   ·   "
        foot += "bar: share of the work"
        if self.left_out:
            foot += f"   ·   not drawn: {self.left_out:,} lines that skip columns"
        body += text(MARGIN, height - 16, foot, size=11, colour="muted")
        return Figure(document(body, width, height, title=title, description=self.told()), title=title)

    # -- the layout --------------------------------------------------------------------------------------------------

    def place(self) -> None:
        """Cards in columns; what a group reads stands on its left."""
        for block in self.blocks:
            width, height = size_of(block)
            self.items.append(Item("card", width, height + (5 if block.groups > 1 else 0)))
        for place, block in enumerate(self.blocks):
            for source, count in sorted(block.reads.items()):
                self.links.append(Link(source, place))
                self.weights.append(count)
            if block.inputs:
                self.sources[place] = len(self.items)
                self.links.append(Link(len(self.items), place))
                self.weights.append(block.inputs)
                self.items.append(Item("card", text_width(counted(block.inputs, "input"), 11) + 18, 24.0))
        self.level = arrange(self.items, self.links)
        skipping = [link for link in self.links if link.passes]
        if sum(len(link.passes) for link in skipping) > _STEPS:
            self.left_out = len(skipping)
            kept = [k for k, link in enumerate(self.links) if not link.passes]
            self.links, self.weights = [self.links[k] for k in kept], [self.weights[k] for k in kept]
            cards = len(self.blocks) + len(self.sources)
            self.items = self.items[:cards]
            self.level = arrange(self.items, self.links)

    def bands(self) -> tuple[list[int], list[tuple[float, float]], float, float]:
        """The columns in bands: the band of each, what to add to x and y in a band, the right and the lower end."""
        band_of: list[int] = []
        starts: list[float] = []
        whole = self.level.width
        wide = min(WIDTH, whole / math.ceil(whole / WIDTH) * 1.12)  # bands of about equal length
        for left, right in self.level.columns:
            if not starts or right - starts[-1] > wide:
                starts.append(left)
            band_of.append(len(starts) - 1)
        top, origins, widest = _HEAD - (0.0 if self.heading else 22.0) + (18.0 if self.said else 0.0), [], 0.0
        for band, start in enumerate(starts):
            inside = [item for item in self.items if band_of[item.rank] == band]
            high = min(item.y - item.height / 2 for item in inside)
            low = max(item.y + item.height / 2 for item in inside)
            origins.append((MARGIN + _STUB - start, top - high))
            widest = max(widest, MARGIN + _STUB + max(item.x + item.width / 2 for item in inside) - start)
            top += low - high + _BAND_GAP
        return band_of, origins, widest + _STUB, top - _BAND_GAP

    # -- the markup --------------------------------------------------------------------------------------------------

    def cards(self, band_of: Sequence[int], origins: Sequence[tuple[float, float]]) -> Iterator[str]:
        """The cards of the groups, and those of the inputs."""
        for place, (block, item) in enumerate(zip(self.blocks, self.items, strict=False)):
            dx, dy = origins[band_of[item.rank]]
            yield drawn(block, place, item.x + dx, item.y + dy, block.work / self.work)
        for place, source in self.sources.items():
            item = self.items[source]
            dx, dy = origins[band_of[item.rank]]
            x, y = item.x + dx, item.y + dy
            size = f'width="{item.width:.1f}" height="{item.height:.1f}" rx="12"'
            corner = f'x="{x - item.width / 2:.1f}" y="{y - item.height / 2:.1f}"'
            yield f'<rect {paint("page", "line")} stroke-width="1.3" stroke-dasharray="6 4" {corner} {size}/>'
            shown = counted(self.blocks[place].inputs, "input")
            yield text(x, y + 4, shown, size=11, anchor="middle")

    def lines(self, band_of: Sequence[int], origins: Sequence[tuple[float, float]]) -> Iterator[str]:
        """The lines between the cards; one that goes on in the next band ends in the margin, and starts there again."""
        ends: dict[int, float] = {}
        for item in self.items:
            dx, _ = origins[band_of[item.rank]]
            band = band_of[item.rank]
            ends[band] = max(ends.get(band, 0.0), item.x + item.width / 2 + dx)
        for link, weight in zip(self.links, self.weights, strict=True):
            parts = []
            for a, b in pairwise([link.a, *link.passes, link.b]):
                first, second = self.items[a], self.items[b]
                one, two = band_of[first.rank], band_of[second.rank]
                x1, y1 = first.x + first.width / 2 + origins[one][0], first.y + origins[one][1]
                x2, y2 = second.x - second.width / 2 + origins[two][0], second.y + origins[two][1]
                if first.kind == "pass":
                    x1 = self.level.columns[first.rank][0] + origins[one][0]
                    parts.append(f"M{x1:.1f} {y1:.1f}H{self.level.columns[first.rank][1] + origins[one][0]:.1f}")
                    x1 = self.level.columns[first.rank][1] + origins[one][0]
                if second.kind == "pass":
                    x2 = self.level.columns[second.rank][0] + origins[two][0]
                if one == two:
                    middle = (x1 + x2) / 2
                    parts.append(f"M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}")
                else:
                    parts.append(f"M{x1:.1f} {y1:.1f}H{ends[one] + _STUB:.1f}M{MARGIN:.1f} {y2:.1f}H{x2:.1f}")
            wide = min(3.6, 1.0 + 0.35 * math.log2(max(1, weight)))
            look = f'{paint(None, "hairline" if len(self.picture.every) > 30 else "line")} stroke-width="{wide:.1f}"'
            yield f'<path {look} data-reads="{weight}" d="{"".join(parts)}"/>'

    def head(self, width: float) -> Iterator[str]:
        """The heading, and two bars: where the work is, and how many groups there are of each kind."""
        y = MARGIN + 12
        if self.heading:
            yield text(MARGIN, y, fit(visible(self.heading), width - 2 * MARGIN, 18, bold=True), size=18, bold=True)
            y += 22
        picture = self.picture
        small = sum(block.small for block in picture.every)
        said = f"{counted(picture.levels, 'level')}, {counted(picture.parameters, 'parameter')}, "
        said += counted(picture.inputs, "input")
        if len(self.blocks) < len(picture.every):
            said += f"   ·   {len(picture.every):,} groups folded into {len(self.blocks)} cards"
        for line in filter(None, (said, self.said)):
            yield text(MARGIN, y, fit(visible(line), width - 2 * MARGIN, 12), size=12, colour="muted")
            y += 18
        y -= 18
        work: Counter[str] = Counter()
        groups: Counter[str] = Counter()
        for block in picture.every:
            work[category(block)] += block.work
            groups[category(block)] += 1
        y += 20
        yield from self.bar(y, "work", work, width)
        share = f"{small:,} of {len(picture.every):,} small" if small else "none small"
        yield from self.bar(y + 24, "groups", groups, width, share)

    def bar(self, y: float, name: str, parts: Counter[str], width: float, more: str = "") -> Iterator[str]:
        """A bar of all kinds, each as wide as its share, with its name where there is room."""
        left, room = MARGIN + 58.0, min(width, 900.0) - 2 * MARGIN - 168.0
        total = sum(parts.values())
        yield text(MARGIN, y + 13, name, size=12, bold=True)
        x = left
        for kind in COLOUR:
            if not parts[kind]:
                continue
            wide = room * parts[kind] / total
            line, fill = COLOUR[kind]
            size = f'x="{x:.1f}" y="{y:.1f}" width="{max(wide, 1.0):.1f}" height="18"'
            yield f'<rect {paint(fill, line)} stroke-width="1" data-bar="{name} {kind}" {size}/>'
            words = _WORDS[kind][parts[kind] == 1 and name == "groups"]
            shown = f"{words} {parts[kind] / total:.0%}" if name == "work" else f"{parts[kind]:,} {words}"
            if text_width(shown, 10.5) <= wide - 8:
                yield text(x + wide / 2, y + 13, shown, size=10.5, anchor="middle")
            x += wide
        if more:
            yield text(left + room + 10, y + 13, more, size=11.5, colour="negative_ink" if "of" in more else "muted")

    def told(self) -> str:
        """The picture in words."""
        picture = self.picture
        products = sum(block.work for block in picture.every if category(block) == "product")
        total = max(1, sum(block.work for block in picture.every))
        small = sum(block.small for block in picture.every)
        return (
            f"{counted(picture.operations, 'operation')} became {counted(len(picture.every), 'group')} on "
            f"{counted(picture.levels, 'level')}. Matrix products do {products / total:.0%} of the work. "
            f"{counted(small, 'group')} of fewer than 4 numbers."
        )
