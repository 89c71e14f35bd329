"""The layered layout with nested scopes: each scope is laid out by itself, then is one box in the scope
around it.

So boxes never overlap, a folded scope is just a card, and the cost is the sum of small layouts. Lines cross
the border of a scope at ports. The same scene always gives the same picture.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from viz.cards import Card
from viz.layers import Item, Level, Link, arrange
from viz.markup import number, text_width
from viz.scene import Edge, Run, Scene
from viz.scopes import Scope

__all__ = ["measure", "place"]

PAD_X, PAD_TOP, PAD_BOTTOM = 14.0, 28.0, 14.0
CHIP_SIZE, CHIP_HEIGHT = 10.0, 15.0
STEP = 17.0
"""Pixels between two edges that arrive at a card: a chip and a little air."""

BARE_STEP, NARROW_STEP, BARE_ROOM = 11.0, 3.5, 52.0
"""The same at a card whose edges have no chips; less where so many arrive that they take more than this room."""

PORT_MARGIN = 16.0
"""Pixels of a card's left side, its corners, that no edge arrives at."""

CLOSEST, TALLEST = 11.0, 340.0
"""Pixels between arrows at a crowded card, and how high a card may grow for it."""

PORT, NARROW_PORT, PORTS_ROOM = 14.0, 2.5, 700.0
"""Pixels between two lines at the border of a box; less where so many enter that they take more than this room."""

ARROW = 20.0
"""Pixels from the chip to the card: the arrow."""

LABEL_SIZE, SMALL, FORMULA_SIZE, NUMBER_SIZE, SCOPE_SIZE = 14.0, 10.0, 10.0, 12.0, 11.0
ROW, HEAD, FOOT = 15.0, 26.0, 13.0
MIN_WIDTH, MAX_TEXT = 104.0, 190.0


def chip_width(local: float) -> float:
    """The width of the chip of a local derivative, in pixels."""
    return text_width(number(local), CHIP_SIZE, mono=True) + 10


def label_size(card: Card) -> float:
    """The font size of a card's label, in pixels: formulas in place of a name are set smaller."""
    return LABEL_SIZE if card.named else LABEL_SIZE - 2


def measure(card: Card, arriving: int = 0, closest: float = CLOSEST) -> None:
    """Set the card's width and height, in pixels, from the text on it and the number of edges that arrive.

    `closest` is the pixels between two of these.
    """
    title = min(text_width(card.label, label_size(card), bold=True), MAX_TEXT)
    chip = text_width(card.chip, SMALL) + 12
    rows = [text_width(a, SMALL) + 12 + text_width(b, NUMBER_SIZE, mono=True) for a, b in card.rows]
    more = [min(text_width(text, FORMULA_SIZE), MAX_TEXT) for text in (card.formula, card.note) if text]
    card.width = max(MIN_WIDTH, max([title + 10 + chip, *rows, *more]) + 20)
    crowd = min(PORT_MARGIN + (arriving - 1) * closest, TALLEST)
    card.height = max(HEAD + ROW * (len(card.rows) + len(more)) + FOOT, crowd)


@dataclass(slots=True)
class _Plan:
    """One scope, laid out by itself. Heights of `entries` and `exits` are relative to the centre of its box."""

    items: list[Item] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    level: Level = field(default_factory=lambda: Level([], 0.0, 0.0))
    index: dict[int | Scope, int] = field(default_factory=dict)
    entries: dict[int, Link] = field(default_factory=dict)  # by edge
    exits: dict[int, Link] = field(default_factory=dict)  # by source card: its lines leave as one
    within: dict[int, Link] = field(default_factory=dict)  # by edge
    width: float = 0.0
    height: float = 0.0
    left: float = 0.0
    top: float = 0.0
    port: float = PORT

    def height_of(self, item: int) -> float:
        return self.items[item].y + PAD_TOP - self.height / 2


def place(scene: Scene) -> None:
    """Lay the scene out: sets every card's size and centre, the boxes, every edge's points and chip, the size."""
    arriving = Counter(edge.target for edge in scene.edges)
    steps = _steps(scene, arriving)
    for i, card in enumerate(scene.cards):
        measure(card, arriving[i], min(CLOSEST, steps[i]))
    slots = _slots(scene, steps)
    leads = _leads(scene, steps)
    touching = _edges_by_scope(scene)
    things = _things(scene)
    plans: dict[Scope, _Plan] = {}
    for scope in sorted(things, key=lambda scope: -len(scope)):
        plan = plans[scope] = _Plan()
        for thing in things[scope]:
            plan.index[thing] = len(plan.items)
            if isinstance(thing, int):
                card, (count, lead) = scene.cards[thing], leads[thing]
                plan.items.append(Item("card", card.width, max(card.height, count * steps[thing]), lead))
            else:
                plan.items.append(Item("box", plans[thing].width, plans[thing].height))
        entering = sum(
            scene.cards[scene.edges[k].source].scope[: len(scope)] != scope for k in touching[scope] if scope
        )
        plan.port = port_pitch(entering)
        for k in touching[scope]:
            _connect(scene, plans, scope, k, slots[k])
        plan.level = arrange(plan.items, plan.links)
        plan.width, plan.height = plan.level.width, plan.level.height
        if scope:
            name_width = min(200.0, text_width(scene.scope_names[scope], SCOPE_SIZE, bold=True))
            plan.width = max(plan.width + 2 * PAD_X, name_width + 24)
            plan.height += PAD_TOP + PAD_BOTTOM
    _place_all(scene, plans)
    for k, edge in enumerate(scene.edges):
        _route(scene, plans, k, edge, leads[edge.target][0], steps[edge.target])
    scene.width, scene.height = plans[()].width, plans[()].height


def port_pitch(entering: int) -> float:
    """Pixels between two of so many lines that enter a box."""
    return max(NARROW_PORT, min(PORT, PORTS_ROOM / max(1, entering)))


def _steps(scene: Scene, arriving: Mapping[int, int]) -> list[float]:
    """For every card, the pixels between two edges that arrive: less where none has a chip."""
    steps = [max(NARROW_STEP, min(BARE_STEP, BARE_ROOM / max(1, arriving[i] - 1))) for i in range(len(scene.cards))]
    for edge in scene.edges:
        if edge.local is not None:
            steps[edge.target] = STEP
    return steps


def _slots(scene: Scene, steps: Sequence[float]) -> list[float]:
    """Where each edge arrives at its card, in pixels below the card's centre."""
    count = [0] * len(scene.cards)
    for edge in scene.edges:
        count[edge.target] += 1
    seen = [0] * len(scene.cards)
    slots = []
    for edge in scene.edges:
        slots.append((seen[edge.target] - (count[edge.target] - 1) / 2) * steps[edge.target])
        seen[edge.target] += 1
    return slots


def _leads(scene: Scene, steps: Sequence[float]) -> list[tuple[int, float]]:
    """For every card, the number of edges that arrive, and the pixels on its left that they take: chips and arrows."""
    chips = [0.0] * len(scene.cards)
    count = [0] * len(scene.cards)
    for edge in scene.edges:
        count[edge.target] += 1
        if edge.local is not None:
            chips[edge.target] = max(chips[edge.target], chip_width(edge.local) + 8)
    return [
        (n, chip + ARROW + _fan((n - 1) * step, card.height) if n else 0.0)
        for n, step, chip, card in zip(count, steps, chips, scene.cards, strict=True)
    ]


def _fan(spread: float, height: float) -> float:
    """Pixels in which edges that arrive spread wider than their card run together."""
    excess = spread - (height - PORT_MARGIN)
    return min(64.0, 12 + excess * 0.3) if excess > 0 else 0.0


def _things(scene: Scene) -> dict[Scope, list[int | Scope]]:
    """What stands in each scope, cards and inner scopes, in the order met; the picture itself is the scope ()."""
    things: dict[Scope, list[int | Scope]] = {(): []}
    for i, card in enumerate(scene.cards):
        for depth in range(len(card.scope)):
            inner = card.scope[: depth + 1]
            if inner not in things:
                things[inner] = []
                things[card.scope[:depth]].append(inner)
        things[card.scope].append(i)
    return things


def _shared_depth(a: Scope, b: Scope) -> int:
    depth = 0
    while depth < min(len(a), len(b)) and a[depth] == b[depth]:
        depth += 1
    return depth


def _edges_by_scope(scene: Scene) -> defaultdict[Scope, list[int]]:
    """For every scope, the edges with a part in it, but those that run within one of its inner scopes."""
    touching: defaultdict[Scope, list[int]] = defaultdict(list)
    for k, edge in enumerate(scene.edges):
        a, b = scene.cards[edge.source].scope, scene.cards[edge.target].scope
        shared = _shared_depth(a, b)
        touching[a[:shared]].append(k)
        for scope in (a, b):
            for depth in range(shared + 1, len(scope) + 1):
                touching[scope[:depth]].append(k)
    return touching


def _connect(scene: Scene, plans: dict[Scope, _Plan], scope: Scope, k: int, slot: float) -> None:
    """Add the part of edge `k` that runs in `scope`."""
    plan, edge, depth = plans[scope], scene.edges[k], len(scope)
    source, target = scene.cards[edge.source], scene.cards[edge.target]
    starts = source.scope[:depth] == scope
    ends = target.scope[:depth] == scope
    if not ends and edge.source in plan.exits:
        return
    leave = arrive = 0.0
    if not starts:
        a = len(plan.items)
        plan.items.append(Item("in", 0.0, plan.port - plan.port * 0.36, air=plan.port * 0.36))
    elif len(source.scope) == depth:
        a = plan.index[edge.source]
    else:
        inner = source.scope[: depth + 1]
        a = plan.index[inner]
        leave = plans[inner].height_of(plans[inner].exits[edge.source].b)
    free = False
    if not ends:
        b = len(plan.items)
        plan.items.append(Item("out", 0.0, 9.0))
    elif len(target.scope) == depth:
        b, arrive, free = plan.index[edge.target], slot, target.free_order
    else:
        inner = target.scope[: depth + 1]
        b = plan.index[inner]
        arrive = plans[inner].height_of(plans[inner].entries[k].a)
    link = Link(a, b, leave, arrive, free)
    plan.links.append(link)
    if not starts:
        plan.entries[k] = link
    elif not ends:
        plan.exits[edge.source] = link
    else:
        plan.within[k] = link


def _place_all(scene: Scene, plans: dict[Scope, _Plan]) -> None:
    """From the outside in, turn places within a scope into places in the picture."""
    for scope in sorted(plans, key=len):
        plan = plans[scope]
        if scope:
            scene.boxes[scope] = (plan.left, plan.top, plan.left + plan.width, plan.top + plan.height)
        dx, dy = (plan.left + PAD_X, plan.top + PAD_TOP) if scope else (0.0, 0.0)
        plan.level.columns = [(left + dx, right + dx) for left, right in plan.level.columns]
        for item in plan.items:
            item.x += dx
            item.y += dy
        for thing, i in plan.index.items():
            item = plan.items[i]
            if isinstance(thing, int):
                scene.cards[thing].x, scene.cards[thing].y = item.x, item.y
            else:
                plans[thing].left, plans[thing].top = item.x - item.width / 2, item.y - item.height / 2


def _route(scene: Scene, plans: dict[Scope, _Plan], k: int, edge: Edge, count: int, step: float) -> None:
    """The way of one edge: straight runs (left, right, height) through columns, to be joined by curves."""
    source, target = scene.cards[edge.source], scene.cards[edge.target]
    shared = _shared_depth(source.scope, target.scope)
    runs: list[Run] = []
    for depth in range(len(source.scope), shared, -1):
        plan = plans[source.scope[:depth]]
        runs += _runs(plan, plan.exits[edge.source])
    last_plan = plans[source.scope[:shared]]
    link = last_plan.within[k]
    runs += _runs(last_plan, link)
    for depth in range(shared + 1, len(target.scope) + 1):
        last_plan = plans[target.scope[:depth]]
        link = last_plan.entries[k]
        runs += _runs(last_plan, link)
    _finish(edge, target, count, step, link.arrive, runs)


def _runs(plan: _Plan, link: Link) -> list[Run]:
    a, b = plan.items[link.a], plan.items[link.b]
    columns = plan.level.columns
    start = plan.left if a.kind == "in" else a.x + a.width / 2
    # a box is reached at its border; a card where its chips begin, and `_finish` goes on from there
    ends = {"out": plan.left + plan.width, "card": columns[b.rank][0], "box": b.x - b.width / 2}
    runs = [(start, columns[a.rank][1], a.y + link.leave)]
    runs += [(*columns[plan.items[p].rank], plan.items[p].y) for p in link.passes]
    runs.append((columns[b.rank][0], ends[b.kind], b.y + link.arrive))
    return runs


def _finish(edge: Edge, card: Card, count: int, step: float, slot: float, runs: Sequence[Run]) -> None:
    """Lead the line past its chip to the card, and join runs that are one straight line."""
    left, right, y = runs[-1]
    border = card.x - card.width / 2
    fan = _fan((count - 1) * step, card.height)
    right = border - ARROW - fan
    if edge.local is not None:
        edge.chip_at = (right - 4 - chip_width(edge.local) / 2, y)
    reach = min(step, (card.height - PORT_MARGIN) / (count - 1)) if count > 1 else step
    drawn = [runs[0]]
    for run in (*runs[1:-1], (left, right, y), (border - ARROW, border, card.y + slot * reach / step)):
        last = drawn[-1]
        if abs(run[2] - last[2]) < 0.05:
            drawn[-1] = (last[0], max(last[1], run[1]), last[2])
        else:
            drawn.append(run)
    edge.runs = drawn
