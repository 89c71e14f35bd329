"""Folding: which nodes of a graph share a card, so that the picture stays readable.

Every node starts as a card of its own. Chains of + become one sum; then, while there are too many cards, scopes are
folded from the deepest outward, and last, parallel repeats are stacked. Each step keeps the picture free of circles:
a chain's inner nodes have one consumer, scopes that would make a circle have been dissolved (`viz.scopes`), and a
stack's cards stand in one scope, in one column. `viz.shrink` says what is folded when.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from viz.markup import last_part
from viz.scopes import Graph, Scope

__all__ = ["Folding", "Group"]

_ADDS = ("add", "sum")

_REFINEMENTS = 16
"""Rounds of parting like cards; fewer than needed stack more, never wrongly."""


@dataclass(slots=True)
class Group:
    """The nodes behind one card, by their positions in the graph, in order.

    `kind` is "node", "sum" (a chain of +), "scope" or "stack". `scope` is where the card stands; `name` what
    a folded scope is called. A stack lists the groups in it.
    """

    kind: str
    members: list[int]
    scope: Scope
    name: str = ""
    parts: list[Group] = field(default_factory=list)


def _stem(name: str) -> str:
    return last_part(name).rstrip("0123456789_")


class Folding:
    """The groups of a graph, refined step by step. `groups` maps an id to its group, in the order of the graph."""

    def __init__(self, graph: Graph) -> None:
        """Start with one group for every node."""
        self.graph = graph
        self.group_of = list(range(len(graph)))
        self.groups = {i: Group("node", [i], scope) for i, scope in enumerate(graph.scopes)}
        # the groups on both sides of a group
        self.into = {i: {j for _, j in operands} for i, operands in enumerate(graph.operands)}
        self.out = {i: set(consumers) for i, consumers in enumerate(graph.consumers)}
        self.sums = self.folded = self.stacked = 0

    def __len__(self) -> int:
        return len(self.groups)

    def _merge(self, keys: Sequence[int], group: Group) -> int:
        """Put one group in place of others; it takes the place of the first."""
        first = keys[0]
        gone = set(keys)
        into = set().union(*(self.into.pop(key) for key in keys)) - gone
        out = set().union(*(self.out.pop(key) for key in keys)) - gone
        for key in keys:
            for i in self.groups[key].members:
                self.group_of[i] = first
            if key != first:
                del self.groups[key]
        for near, back in ((into, self.out), (out, self.into)):
            for other in near:
                back[other] -= gone
                back[other].add(first)
        self.into[first], self.out[first] = into, out
        self.groups[first] = group
        return first

    def fold_sums(self) -> None:
        """Make one card of every chain of additions whose inner nodes have no name and no other use."""
        nodes, consumers, scopes = self.graph.nodes, self.graph.consumers, self.graph.scopes
        adds = [node.op is not None and node.op.name in _ADDS for node in nodes]
        head = list(range(len(nodes)))
        chains: defaultdict[int, list[int]] = defaultdict(list)
        for i in range(len(nodes) - 1, -1, -1):
            if adds[i] and len(consumers[i]) == 1 and not nodes[i].name:
                above = consumers[i][0]
                if adds[above] and scopes[above] == scopes[i]:
                    head[i] = head[above]
                    chains[head[i]].append(i)
        for top, inner in chains.items():
            members = [*reversed(inner), top]
            group = Group("sum", members, scopes[top])
            self._merge([top, *inner], group)
        self.sums = len(chains)

    def foldable(self, enough: int = 1) -> list[Scope]:
        """The scopes to fold next: of the deepest that are open, those of one size that hold the most cards.

        Scopes of other sizes come along, the largest sum of cards first, until `enough` cards are saved.

        Scopes of one depth and size are folded together or not at all, so that like look alike. Empty where every
        scope is folded.
        """
        inside = Counter(group.scope for group in self.groups.values())
        everything = Counter(inside)
        for scope, count in inside.items():
            for depth in range(1, len(scope)):
                everything[scope[:depth]] += count
        alike: defaultdict[tuple[int, int], list[Scope]] = defaultdict(list)
        for scope, count in everything.items():
            if scope and count > 1:
                alike[len(scope), count].append(scope)
        deepest = max((depth for depth, _ in alike), default=0)
        kinds = [kind for kind in alike if kind[0] == deepest]
        found: list[Scope] = []
        saved = 0
        for kind in sorted(kinds, key=lambda kind: (kind[1] * len(alike[kind]), kind[1]), reverse=True):
            if saved >= enough:
                break
            found += alike[kind]
            saved += (kind[1] - 1) * len(alike[kind])
        return found

    def fold(self, scopes: Iterable[Scope]) -> None:
        """Make one card of each of these scopes, none of which is within another."""
        depths = {len(scope) for scope in scopes}
        inside: defaultdict[Scope, list[int]] = defaultdict(list)
        for key, group in self.groups.items():
            for depth in depths:
                inside[group.scope[:depth]].append(key)
        for scope in scopes:
            self._fold(scope, inside[scope])

    def fold_named(self, wanted: Iterable[str]) -> None:
        """Fold the scopes with these dotted names. Raises ValueError for a name that no scope in the picture has."""
        known = {scope[:depth] for scope in self.graph.scopes for depth in range(1, len(scope) + 1)}
        by_name = {".".join(scope): scope for scope in known}
        for name in sorted(wanted, key=lambda name: (-name.count("."), name)):
            scope = by_name.get(name)
            if scope is None:
                names = ", ".join(sorted(by_name)[:8]) or "none"
                raise ValueError(f"fold={name!r}: this graph has no scope of that name; it has: {names}")
            keys = [key for key, group in self.groups.items() if group.scope[: len(scope)] == scope]
            if len(keys) > 1:
                self._fold(scope, keys)

    def _fold(self, scope: Scope, keys: list[int]) -> int:
        keys.sort()
        self.folded += 1
        # a scope folded inside this one is part of it now
        self.folded -= sum(self.groups[key].kind == "scope" for key in keys)
        members = sorted(i for key in keys for i in self.groups[key].members)
        return self._merge(keys, Group("scope", members, scope[:-1], scope[-1]))

    def alike(self, names: str = "any", limit: float = math.inf) -> list[list[int]]:
        """Parallel repeats: cards of one kind, size and place whose neighbours are alike too; the largest sets first.

        `names` says what is told apart: "same", all names, which leaves the samples of a batch; "stem", names but for
        the number at their end, which leaves w1 and w2; "any", none. Nothing where more than `limit` cards would be
        left when all were stacked.

        Colour refinement: cards start with the colour of their kind and their rank among what they stand with, and
        part while their neighbours' colours differ. Lines run from smaller to larger ranks, so that stacks never
        stand in a circle. Values from outside come first among sets of one size.
        """
        into, out, rank, nodes = self.into, self.out, self.ranks(), self.graph.nodes
        colour: dict[int, int] = {}
        shades: dict[object, int] = {}
        for key, group in self.groups.items():
            face = nodes[group.members[-1]]
            what: object = face.op.name if face.op is not None else bool(face.name)
            if names != "any":
                what = (what, face.name if names == "same" else _stem(face.name))
            shape = (group.kind, what if group.kind != "scope" else "", len(group.members), group.scope)
            wiring = (rank[key], len(into[key]), len(out[key]), group.members[-1] in self.graph.outside)
            colour[key] = shades.setdefault((shape, wiring), len(shades))
        for _ in range(_REFINEMENTS):
            finer: dict[object, int] = {}
            parted = {
                key: finer.setdefault(
                    (own, frozenset(map(colour.__getitem__, into[key])), frozenset(map(colour.__getitem__, out[key]))),
                    len(finer),
                )
                for key, own in colour.items()
            }
            if len(finer) > limit:
                return []
            if len(finer) == len(shades):
                break
            colour, shades = parted, finer
        found: defaultdict[int, list[int]] = defaultdict(list)
        for key, own in colour.items():
            found[own].append(key)
        outside = self.graph.outside
        sets = [keys for keys in found.values() if len(keys) > 1]
        return sorted(sets, key=lambda keys: (-len(keys), self.groups[keys[0]].members[-1] not in outside, keys[0]))

    def stack(self, keys: Sequence[int]) -> None:
        """Make one card of these, which are alike. Stacks in it are taken apart: it is a stack of what they hold."""
        parts = [part for key in keys for part in (self.groups[key].parts or [self.groups[key]])]
        members = sorted(i for part in parts for i in part.members)
        self.stacked += 1
        self._merge(keys, Group("stack", members, parts[0].scope, parts=parts))

    def ranks(self) -> dict[int, int]:
        """For every group, the longest way to it from a leaf, in lines among what stands in the same scope with it."""
        follows: defaultdict[int | Scope, set[int | Scope]] = defaultdict(set)
        scopes = {key: group.scope for key, group in self.groups.items()}
        for a, targets in self.out.items():
            own = scopes[a]
            follows[a].update(b for b in targets if scopes[b] == own)
            for b in targets:
                if scopes[b] != own:
                    left, right = self.meet(a, b)
                    follows[left].add(right)
        waiting = Counter(b for targets in follows.values() for b in targets)
        rank: dict[int | Scope, int] = dict.fromkeys(follows, 0)
        ready = [a for a in follows if not waiting[a]]
        for start in ready:  # grows while it is read
            for end in follows.get(start, ()):
                rank[end] = max(rank.get(end, 0), rank[start] + 1)
                waiting[end] -= 1
                if not waiting[end]:
                    ready.append(end)
        return {key: rank.get(key, 0) for key in self.groups}

    def meet(self, a: int, b: int) -> tuple[int | Scope, int | Scope]:
        """What a line from group `a` to group `b` joins where it is on one level: groups, or the boxes around them."""
        first, second = self.groups[a].scope, self.groups[b].scope
        if first == second:
            return a, b
        depth = 0
        while depth < min(len(first), len(second)) and first[depth] == second[depth]:
            depth += 1
        start = a if len(first) == depth else first[: depth + 1]
        return start, b if len(second) == depth else second[: depth + 1]

    def promote(self) -> None:
        """Name a folded scope that stands alone in the scope around it after both: "layer3.n1", without a box."""
        while True:
            inside = Counter(
                group.scope[:depth] for group in self.groups.values() for depth in range(1, len(group.scope) + 1)
            )
            alone = [group for group in self.groups.values() if group.kind == "scope" and inside[group.scope] == 1]
            for group in alone:
                group.name, group.scope = f"{group.scope[-1]}.{group.name}", group.scope[:-1]
            if not alone:
                return

    def edge_count(self, enough: int) -> int:
        """How many edges the picture has; counts no further than a little past `enough`."""
        pairs: set[tuple[int, int]] = set()
        single = 0
        for i, operands in enumerate(self.graph.operands):
            b = self.group_of[i]
            plain = self.groups[b].kind in ("node", "sum")
            for _, j in operands:
                a = self.group_of[j]
                if plain and self.groups[a].kind != "stack":
                    single += a != b
                elif a != b:
                    pairs.add((a, b))
            if single + len(pairs) > enough:
                break
        return single + len(pairs)

    def ordered(self) -> list[tuple[int, Group]]:
        """The groups with their ids, in the order of their last members: operands first."""
        return sorted(self.groups.items(), key=lambda item: item[1].members[-1])
