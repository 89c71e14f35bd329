"""What each folded card of a picture shows when it is opened: the inside of a box as a picture, a stack as a table.

The inside of a box is its own graph, with the values that come into it as cards on the left, folded in its turn.
Views are made from the outside in until there are enough of them; what is deeper stays closed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from viz import layout, svg
from viz.cards import gradient, outputs_of, shared_scope, stack_label
from viz.folding import Folding, Group
from viz.formula import formula
from viz.markup import visible
from viz.scene import EDGES_PER_CARD, picture
from viz.scopes import Graph
from viz.shrink import shrink

__all__ = ["Row", "View", "views"]

MOST_VIEWS = 150
MOST_BYTES = 4_000_000
"""Characters of SVG in all the views of one page."""

MOST_WORK = 1_500_000
"""Values and edges that are looked at for all the views of one page: a bound on time."""

MOST_ROWS = 200
"""Rows of one table."""

MAX_CARDS, MAX_HEIGHT = 200, 1600.0


@dataclass(slots=True)
class Row:
    """One value, or one box, of a table; `opens` is the view of the box, or None."""

    name: str
    data: float | None
    grad: float | None
    opens: int | None = None


@dataclass(slots=True)
class View:
    """One box or stack, opened. `parent` is the place of the view that it opens from; the first has None.

    `svg` is its picture, or "" where it is a table of `rows` (of `total`, which may be more). `opens` says which view
    each card opens; `closed` are the cards that are folded and have none.
    """

    title: str
    parent: int | None
    size: int
    svg: str = ""
    rows: list[Row] = field(default_factory=list)
    total: int = 0
    opens: dict[int, int] = field(default_factory=dict)
    closed: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Budget:
    views: int = MOST_VIEWS
    characters: int = MOST_BYTES
    work: int = MOST_WORK

    def left(self) -> bool:
        return self.views > 0 and self.characters > 0 and self.work > 0


def views(folding: Folding, drawn: str, title: str) -> list[View]:
    """The picture itself, drawn already, and the views behind its folded cards, each after the one it opens from."""
    made = [View(title, None, len(folding.graph), drawn)]
    budget = _Budget()
    waiting: deque[tuple[int, Folding, list[tuple[int, int, Group]]]] = deque([(0, folding, _closed_cards(folding))])
    while waiting:
        parent, around, cards = waiting.popleft()
        for card, key, group in cards:
            if not budget.left():
                made[parent].closed.append(card)
                continue
            made[parent].opens[card] = len(made)
            for place, inner, inner_cards in _opened(made, parent, around, key, group, budget):
                waiting.append((place, inner, inner_cards))
    return made


def _closed_cards(folding: Folding) -> list[tuple[int, int, Group]]:
    cards = enumerate(folding.ordered())
    return [(card, key, group) for card, (key, group) in cards if group.kind in ("scope", "stack")]


def _opened(
    made: list[View], parent: int, around: Folding, key: int, group: Group, budget: _Budget
) -> Iterator[tuple[int, Folding, list[tuple[int, int, Group]]]]:
    """Add the view of one card; yields what can be opened further: where it stands, its folding, its folded cards."""
    here = len(made)
    budget.views -= 1
    if group.kind == "scope":
        view = View(visible(".".join((*group.scope, group.name))), parent, len(group.members))
        made.append(view)
        inner = _inside(around, key, group, budget)
        view.svg = _drawn(inner, view.title) if inner is not None else ""
        if inner is not None and view.svg:
            budget.characters -= len(view.svg)
            yield here, inner, _closed_cards(inner)
        else:
            view.rows, view.total = _values(around.graph, group.members), len(group.members)
        return
    title = f"{stack_label(around.graph, group)} × {len(group.parts):,}"
    where = visible(".".join(group.scope))
    title = f"{where}: {title}" if where else title
    view = View(title, parent, len(group.members), total=len(group.parts))
    made.append(view)
    for part in group.parts[:MOST_ROWS]:
        if part.kind != "scope":
            view.rows += _values(around.graph, part.members[-1:])
            continue
        row = Row(visible(".".join((*part.scope, part.name))), None, None)
        outputs = outputs_of(around, key, part)
        if len(outputs) == 1:
            node = around.graph.nodes[outputs[0]]
            row.data, row.grad = node.data, gradient(node)
        view.rows.append(row)
        if budget.left():
            row.opens = len(made)
            yield from _opened(made, here, around, key, part, budget)


def _inside(around: Folding, key: int, group: Group, budget: _Budget) -> Folding | None:
    """The graph of a folded scope by itself, folded; None where it cannot be brought to a readable size."""
    graph, members = around.graph, set(group.members)
    before = {j for i in group.members for _, j in graph.operands[i]} - members
    part = sorted(members | before)
    budget.work -= len(part) + sum(len(graph.operands[i]) for i in group.members)
    depth = len(shared_scope([graph.scopes[i] for i in group.members]))
    results = set(outputs_of(around, key, group))
    inner = Folding(
        Graph(
            [graph.nodes[i] for i in part],
            [() if i in before else graph.scopes[i][depth:] for i in part],
            outside=[n for n, i in enumerate(part) if i in before],
            roots=[n for n, i in enumerate(part) if i in results],
        )
    )
    inner.fold_sums()
    most_edges = EDGES_PER_CARD * MAX_CARDS
    shrink(inner, MAX_CARDS, most_edges, MAX_HEIGHT)
    return inner if len(inner) <= MAX_CARDS and inner.edge_count(most_edges) <= most_edges else None


def _drawn(inner: Folding, title: str) -> str:
    scene = picture(inner, title=f"Inside {title}")
    try:
        layout.place(scene)
    except ValueError:  # lines past more columns than anyone can follow: a table says more
        return ""
    return svg.render(scene)


def _values(graph: Graph, members: list[int]) -> list[Row]:
    nodes = [graph.nodes[i] for i in members[:MOST_ROWS]]
    names = [visible(node.name) or (formula(node) if node.op is not None else "value") for node in nodes]
    return [Row(name, node.data, gradient(node)) for name, node in zip(names, nodes, strict=True)]
