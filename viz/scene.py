"""From a graph to plain data: cards, edges, scopes. Layouts place them, `svg` and `dot` write them.

Nothing behind this module sees a Value, so a scene can be kept, compared and drawn again.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import autograd
from viz.cards import Card, gradient, make_card, outputs_of, scope_label
from viz.folding import Folding
from viz.markup import label, last_part, visible
from viz.scopes import Graph, Scope
from viz.shrink import shrink

if TYPE_CHECKING:
    from autograd import Value

__all__ = ["Card", "Edge", "Run", "Scene", "build", "default_title", "folded", "picture"]

Run = tuple[float, float, float]
"""A horizontal part of a line: left, right, height, in pixels."""

EDGES_PER_CARD = 4
"""A picture of more edges than this for each of `max_cards` is refused as unreadable."""

MOST_VALUES = 200_000
"""A graph of more values than this is refused before any work is put into folding it."""


@dataclass(slots=True)
class Edge:
    """One use of `source` by `target` (positions in the scene's cards).

    `local` is the local derivative, None where the edge stands for several uses or ends in a folded card;
    `flow` is local times upstream, what the use adds to the source's gradient, None before a backward pass.
    `parts` says which uses these are: (place of the user in `in_order`, operand's position there).
    The layout sets `runs` (straight parts, to be joined by curves; the last ends at the card) and `chip_at`,
    the centre of the chip.
    """

    source: int
    target: int
    local: float | None
    flow: float | None
    uses: int = 1
    parts: list[tuple[int, int]] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    chip_at: tuple[float, float] | None = None


@dataclass(slots=True)
class Scene:
    """What is in the picture. `boxes` (left, top, right, bottom by scope), `width` and `height` are the layout's."""

    cards: list[Card]
    edges: list[Edge]
    title: str
    caption: str
    values: int
    scope_names: dict[Scope, str] = field(default_factory=dict)
    boxes: dict[Scope, tuple[float, float, float, float]] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0

    @property
    def largest_grad(self) -> float:
        """The largest finite size of a gradient; 0 where there is none."""
        return _largest(card.grad for card in self.cards)

    @property
    def largest_flow(self) -> float:
        """The largest finite size of an edge's flow; 0 where there is none."""
        return _largest(edge.flow for edge in self.edges)


def _largest(numbers: Iterable[float | None]) -> float:
    return max((abs(x) for x in numbers if x is not None and math.isfinite(x)), default=0.0)


def build(
    root: Value,
    *,
    title: str | None = None,
    notes: Mapping[str, str] | None = None,
    max_cards: int = 300,
    fold: Iterable[str] = (),
    focus: Value | str | None = None,
    radius: int = 2,
    sums: bool = True,
    max_height: float = math.inf,
) -> Scene:
    """The scene of the graph behind `root`; see `viz.draw` for the arguments and the errors."""
    folding = folded(root, max_cards=max_cards, fold=fold, focus=focus, radius=radius, sums=sums, max_height=max_height)
    return picture(folding, title=title if title is not None else default_title(root), notes=notes, root=root)


def folded(
    root: Value,
    *,
    max_cards: int = 300,
    fold: Iterable[str] = (),
    focus: Value | str | None = None,
    radius: int = 2,
    sums: bool = True,
    max_height: float = math.inf,
) -> Folding:
    """What shares a card in the picture of the graph behind `root`; the arguments and errors of `build`."""
    if not isinstance(root, autograd.Value):
        raise TypeError(f"a picture is drawn of a Value, the result of a computation; got {type(root).__name__}")
    if max_cards < 1:
        raise ValueError(f"max_cards must be 1 or more, got {max_cards}")
    order = autograd.topological(root)
    if focus is None and len(order) > MOST_VALUES:
        raise _unreadable(len(order), len(order), max_cards, scoped=True)
    autograd.verify(root)
    part = in_order(root) if focus is None else _around(order, focus, radius)
    graph = Graph(part, roots=[i for i, node in enumerate(part) if node is root])
    graph.left_out = len(order) - len(part)
    folding = Folding(graph)
    if sums:
        folding.fold_sums()
    folding.fold_named([fold] if isinstance(fold, str) else fold)
    shrink(folding, max_cards, EDGES_PER_CARD * max_cards, max_height)
    if len(folding) > max_cards:
        raise _unreadable(len(part), len(folding), max_cards, scoped=any(graph.scopes))
    edges = folding.edge_count(EDGES_PER_CARD * max_cards)
    if edges > EDGES_PER_CARD * max_cards:
        raise ValueError(
            f"this graph has {len(part):,} values and its picture more than {EDGES_PER_CARD * max_cards:,} edges, more "
            "than anyone can read; draw a part of it with focus=a node (or its name) and radius=1"
        )
    return folding


def picture(
    folding: Folding, *, title: str = "", notes: Mapping[str, str] | None = None, root: Value | None = None
) -> Scene:
    """The scene of a folded graph. `root` is the value that the whole graph is behind, where notes are checked."""
    scene = _assemble(folding, _checked_notes(notes, in_order(root) if notes and root is not None else ()))
    scene.title = title
    scene.caption = _caption(folding, scene, folding.graph.left_out)
    _join_lonely_scopes(scene)
    _name_scopes(scene)
    return scene


def in_order(root: Value) -> list[Value]:
    """Every value behind `root`, operands first and in the order in which they are written, so that n1 is above n2."""
    seen = {id(root)}
    order: list[Value] = []
    stack: list[tuple[Value, Iterator[Value | float]]] = [(root, iter(root.operands))]
    while stack:
        node, rest = stack[-1]
        for operand in rest:
            if not isinstance(operand, int | float) and id(operand) not in seen:
                seen.add(id(operand))
                stack.append((operand, iter(operand.operands)))
                break
        else:
            order.append(node)
            stack.pop()
    return order


def _unreadable(values: int, cards: int, limit: int, *, scoped: bool) -> ValueError:
    folded = f", and {cards:,} cards when folded as far as it goes" if cards < values else ""
    advice = (
        "draw a part of it with focus=a node (or its name) and radius=2"
        if scoped
        else "draw a part of it with focus=a node (or its name) and radius=2, or name its values 'scope.name' "
        "(Value(2.0, name='h1.w1')), so that scopes fold"
    )
    return ValueError(
        f"this graph has {values:,} values{folded}: more than the {limit:,} cards of a readable picture; {advice}"
    )


def _checked_notes(notes: Mapping[str, str] | None, order: Sequence[Value]) -> Mapping[str, str]:
    notes = notes or {}
    unknown = set(notes) - {node.name for node in order} - {last_part(node.name) for node in order}
    if unknown:
        raise ValueError(f"notes: no value in this graph is named {sorted(unknown)[0]!r}")
    return notes


def _around(order: Sequence[Value], focus: Value | str, radius: int) -> list[Value]:
    """The values at most `radius` operations away from `focus`, in either direction."""
    if isinstance(focus, str):
        found = [node for node in order if node.name == focus]
        found = found or [node for node in order if last_part(node.name) == focus and node.name]
        if len(found) != 1:
            problem = "no value has that name" if not found else f"{len(found)} values have that name: pass the node"
            raise ValueError(f"focus={focus!r}: {problem}")
        focus = found[0]
    if radius < 0:
        raise ValueError(f"radius must be 0 or more, got {radius}")
    place = {id(node): i for i, node in enumerate(order)}
    if id(focus) not in place:
        raise ValueError("focus: this node is not in the graph behind the root")
    consumers: list[list[int]] = [[] for _ in order]
    operands: list[list[int]] = []
    for i, node in enumerate(order):
        found_places = [place[id(x)] for x in node.operands if id(x) in place]
        operands.append(found_places)
        for j in found_places:
            consumers[j].append(i)
    start = place[id(focus)]
    distance = {start: 0}
    todo = deque([start])
    while todo:
        i = todo.popleft()
        if distance[i] < radius:
            for j in operands[i] + consumers[i]:
                if j not in distance:
                    distance[j] = distance[i] + 1
                    todo.append(j)
    return [order[i] for i in sorted(distance)]


def _assemble(folding: Folding, notes: Mapping[str, str]) -> Scene:
    graph = folding.graph
    cards: list[Card] = []
    place: dict[int, int] = {}
    for key, group in folding.ordered():
        place[key] = len(cards)
        card = make_card(folding, key, group)
        faces = [graph.nodes[i] for i in (group.members if group.kind == "node" else group.members[-1:])]
        card.is_root = any(i in graph.roots for i in group.members)
        if group.kind in ("node", "sum"):
            name = faces[0].name
            card.note = visible(notes.get(name) or notes.get(last_part(name)) or "") if name else ""
        card.members = tuple(group.members)
        if group.kind == "stack":
            card.outputs = tuple(part.members[-1] for part in group.parts)
        elif group.kind == "scope":
            card.outputs = tuple(outputs_of(folding, key, group))
        else:
            card.outputs = card.members[-1:]
        cards.append(card)
    return Scene(cards, list(_edges(folding, place)), "", "", len(graph))


def _edges(folding: Folding, place: Mapping[int, int]) -> Iterator[Edge]:
    """The edges between cards, by target and the order of its operands; several become one at a folded card."""
    graph, groups, group_of = folding.graph, folding.groups, folding.group_of
    merged: dict[tuple[int, int], Edge] = {}
    found: list[tuple[tuple[int, int], Edge]] = []
    for i, operands in enumerate(graph.operands):
        target, node = group_of[i], graph.nodes[i]
        upstream = gradient(node)
        partials = node.partials if any(group_of[j] != target for _, j in operands) else ()
        for slot, j in _written_order(node, operands):
            source = group_of[j]
            if source == target:
                continue
            local = partials[slot]
            flow = None if local is None or upstream is None else local * upstream
            edge = Edge(place[source], place[target], local, flow, parts=[(i, slot)])
            plain = groups[target].kind in ("node", "sum") and groups[source].kind != "stack"
            first = merged.get((source, target))
            if plain or first is None:
                found.append(((edge.target, len(found)), edge))
                if not plain:
                    edge.local = None
                    merged[source, target] = edge
            else:
                first.uses += 1
                first.parts.append((i, slot))
                first.flow = None if first.flow is None or flow is None else first.flow + flow
    found.sort(key=lambda item: item[0])
    return (edge for _, edge in found)


def _written_order(node: Value, operands: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    """The operands as the formula shows them: those of a dot in pairs w1 x1, w2 x2."""
    if node.op is None or node.op.name != "dot":
        return operands
    half = len(node.operands) // 2
    return sorted(operands, key=lambda item: (item[0] % half if item[0] < 2 * half else half, item[0]))


def _join_lonely_scopes(scene: Scene) -> None:
    """Write a scope that holds one scope and nothing else as one box, "model.h1"."""
    inside: dict[Scope, set[Scope | int]] = {}
    for i, card in enumerate(scene.cards):
        for depth in range(len(card.scope)):
            inside.setdefault(card.scope[:depth], set()).add(card.scope[: depth + 1])
        inside.setdefault(card.scope, set()).add(i)
    lonely = {
        scope for scope, items in inside.items() if scope and len(items) == 1 and isinstance(next(iter(items)), tuple)
    }
    for card in scene.cards:
        if any(card.scope[:depth] in lonely for depth in range(1, len(card.scope))):
            parts: list[str] = []
            for depth, part in enumerate(card.scope, 1):
                joined = depth > 1 and card.scope[: depth - 1] in lonely
                if joined:
                    parts[-1] += "." + part
                else:
                    parts.append(part)
            card.scope = tuple(parts)


def _name_scopes(scene: Scene) -> None:
    """What each box is called: its name, with the word neuron where it holds its own output, as h1 holds h1.h1."""
    for card in scene.cards:
        for depth in range(1, len(card.scope) + 1):
            scope = card.scope[:depth]
            scene.scope_names.setdefault(scope, scope_label(scope[-1]))
        if card.scope and card.kind in ("op", "sum") and card.label == label(card.scope[-1]):
            scene.scope_names[card.scope] = "neuron " + scope_label(card.scope[-1])


def default_title(root: Value) -> str:
    """What a picture is called that was given no title."""
    return f"Gradient graph of {label(root.name)}" if root.name else "Gradient graph"


def _caption(folding: Folding, scene: Scene, left_out: int) -> str:
    parts = []
    if len(scene.cards) < scene.values:
        how = []
        if folding.folded:
            how.append(f"{folding.folded:,} {'scope' if folding.folded == 1 else 'scopes'} folded (⊞)")
        if folding.sums:
            how.append("chains of + drawn as one sum (Σ)")
        if folding.stacked:
            how.append("cards that are alike stacked (×)")
        parts.append(f"{scene.values:,} values drawn as {len(scene.cards):,} cards: {', '.join(how)}")
    if left_out:
        parts.append(f"{left_out:,} values further away left out")
    return "; ".join(parts)
