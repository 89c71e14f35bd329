"""What is folded when: until a picture has few enough cards and edges, and is low enough to be looked at.

First the samples of a batch are stacked, since that keeps the model as it is drawn for one sample; then scopes are
folded, the deepest first; last, parallel repeats of any kind are stacked.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import groupby

from viz.folding import Folding, Group
from viz.scopes import Scope

__all__ = ["rough_height", "shrink"]

_FEWEST_SAMPLES = 4
"""Fewer repeats than this are no batch: they are left side by side until scopes have been folded."""

_MANY_TIMES = 3

_GAP, _LINE, _FRAME = 14.0, 13.0, 42.0
_CARD, _CONSTANT, _FORMULA = 69.0, 54.0, 15.0
_CHIP, _BARE = 17.0, 3.5
_NARROW, _ROOM = 2.5, 700.0
"""Pixels, near enough to what `viz.layout` will use."""


def shrink(folding: Folding, max_cards: int, max_edges: int, max_height: float = math.inf) -> None:
    """Fold until there are at most so many cards and edges, or there is nothing left to fold.

    A picture higher than `max_height` pixels, roughly estimated, is folded further too, as far as that goes.
    """

    def fits() -> bool:
        return (
            len(folding) <= max_cards
            and folding.edge_count(max_edges) <= max_edges
            and (max_height == math.inf or rough_height(folding) <= max_height)
        )

    if fits():
        return
    scoped = any(group.scope for group in folding.groups.values())
    for size, sets in groupby(folding.alike("same", math.inf if scoped else max_cards), key=len):
        if size < _FEWEST_SAMPLES or fits():
            break
        for keys in sets:
            folding.stack(keys)
    while not fits():
        excess = len(folding) - _MANY_TIMES * max_cards  # so much has to go whatever it is: in few rounds
        scopes = folding.foldable(max(1, excess))
        depth = len(scopes[0]) if scopes else 0
        inside = Counter(group.scope[:depth] for group in folding.groups.values())
        gain = sum(inside[scope] - 1 for scope in scopes)
        # what stands in a scope is folded with it; what does not can only be stacked
        loose = [] if scopes and excess > 0 else _loose(folding, math.inf if scopes else max_cards)
        if not scopes and not loose:
            break
        if sum(len(keys) - 1 for keys in loose) > gain:
            for keys in loose:
                folding.stack(keys)
        else:
            folding.fold(scopes)
    folding.promote()


def _loose(folding: Folding, limit: float) -> list[list[int]]:
    """The largest sets of like cards, all of one size. Those from outside of a box that is drawn by itself first.

    None where stacking cannot bring the picture to `limit` cards. Without a limit there are scopes left to fold: only
    cards that stand in none.
    """
    for names in ("stem", "any"):
        sets = folding.alike(names, limit)
        if limit == math.inf:
            sets = [keys for keys in sets if not folding.groups[keys[0]].scope]
        outside = [keys for keys in sets if folding.groups[keys[0]].members[-1] in folding.graph.outside]
        sets = outside or sets
        if sets:
            return [keys for keys in sets if len(keys) == len(sets[0])]
    return []


def rough_height(folding: Folding) -> float:
    """The height of the picture in pixels, at a guess: of the highest column, each scope laid out by itself."""
    lines: defaultdict[Scope, set[tuple[int | Scope, int | Scope]]] = defaultdict(set)
    entering: defaultdict[Scope, list[int]] = defaultdict(list)
    for a, targets in folding.out.items():
        for b in targets:
            start, end = folding.meet(a, b)
            shared = len(folding.groups[a].scope) if start == a else len(start) - 1  # type: ignore[arg-type]
            own = folding.groups[b].scope
            lines[own[:shared]].add((start, end))
            for depth in range(shared + 1, len(own) + 1):
                entering[own[:depth]].append(b)
    things: defaultdict[Scope, set[int | Scope]] = defaultdict(set, {(): set()})
    for key, group in folding.groups.items():
        things[group.scope].add(key)
        for depth in range(len(group.scope)):
            things[group.scope[:depth]].add(group.scope[: depth + 1])
    heights: dict[int | Scope, float] = {key: _card_height(folding, key, g) for key, g in folding.groups.items()}
    for scope in sorted(things, key=len, reverse=True):
        heights[scope] = _level_height(scope, things[scope], lines[scope], entering[scope], heights, folding) + _FRAME
    return heights[()] - _FRAME


def _card_height(folding: Folding, key: int, group: Group) -> float:
    node = folding.graph.nodes[group.members[-1]]
    if group.kind in ("scope", "stack"):
        return max(_CARD, len(folding.into[key]) * _BARE)
    if node.op is None:
        return _CARD if node.name else _CONSTANT
    wordy = bool(node.name) and (group.kind == "sum" or node.op.arity is None)
    sources = (folding.group_of[j] for i in group.members for _, j in folding.graph.operands[i])
    uses = Counter(source for source in sources if source != key)
    arriving = sum(1 if folding.groups[source].kind == "stack" else count for source, count in uses.items())
    return max(_CARD + _FORMULA * wordy, arriving * _CHIP)


def _level_height(
    scope: Scope,
    things: set[int | Scope],
    lines: set[tuple[int | Scope, int | Scope]],
    entering: list[int],
    heights: dict[int | Scope, float],
    folding: Folding,
) -> float:
    follows: defaultdict[int | Scope, list[int | Scope]] = defaultdict(list)
    waiting: Counter[int | Scope] = Counter()
    for a, b in lines:
        follows[a].append(b)
        waiting[b] += 1
    rank = dict.fromkeys(things, 1)
    sources = [thing for thing in things if not waiting[thing]]
    ready = list(sources)
    for a in ready:  # grows while it is read
        for b in follows[a]:
            rank[b] = max(rank[b], rank[a] + 1)
            waiting[b] -= 1
            if not waiting[b]:
                ready.append(b)
    entered: Counter[int | Scope] = Counter()
    for b in entering:
        own = folding.groups[b].scope
        entered[b if len(own) == len(scope) else own[: len(scope) + 1]] += 1
    for a in sources:
        if follows[a] and not entered[a]:
            rank[a] = min(rank[b] for b in follows[a]) - 1
    columns: defaultdict[int, float] = defaultdict(float)
    for thing in things:
        columns[rank[thing]] += heights[thing] + _GAP
    for a, b in lines:
        for column in range(rank[a] + 1, rank[b]):
            columns[column] += _LINE
    columns[0] += len(entering) * max(_NARROW, min(_LINE, _ROOM / max(1, len(entering))))
    for thing, count in entered.items():
        for column in range(1, rank[thing]):
            columns[column] += _LINE * count
    return max(columns.values(), default=0.0)
