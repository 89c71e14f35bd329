"""Folding: which nodes of a graph share a card, so that the picture stays readable.

Every node starts as a card of its own. Chains of + become one sum; then, while there are too many cards, scopes are
folded from the deepest outward, and last, parallel repeats are stacked. Each step keeps the picture free of circles:
a chain's inner nodes have one consumer, scopes that would make a circle have been dissolved (`viz.scopes`), and a
stack's cards are at one distance from the leaves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

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


class Folding:
    """The groups of a graph, refined step by step. `groups` maps an id to its group, in the order of the graph."""

    def __init__(self, graph: Graph) -> None:
        """Start with one group for every node."""
        self.graph = graph
        self.group_of = list(range(len(graph)))
        self.groups = {i: Group("node", [i], scope) for i, scope in enumerate(graph.scopes)}
        self.sums = self.folded = self.stacked = 0

    def __len__(self) -> int:
        return len(self.groups)

    def _merge(self, keys: Sequence[int], group: Group) -> int:
        """Put one group in place of others; it takes the place of the first."""
        first = keys[0]
        for key in keys:
            for i in self.groups[key].members:
                self.group_of[i] = first
            if key != first:
                del self.groups[key]
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
            for i in inner:
                self.group_of[i] = top
                del self.groups[i]
            self.groups[top] = group
        self.sums = len(chains)

    def fold_scopes(self, limit: int) -> None:
        """Fold scopes, the deepest first and the largest of a depth first, until at most `limit` cards are left.

        Scopes of one depth and size are folded together or not at all.
        """
        inside: defaultdict[Scope, list[int]] = defaultdict(list)
        first_met: dict[Scope, int] = {}
        for key, group in self.groups.items():
            inside[group.scope].append(key)
            for depth in range(1, len(group.scope) + 1):
                first_met.setdefault(group.scope[:depth], group.members[0])
        levels: defaultdict[int, list[Scope]] = defaultdict(list)
        for scope in first_met:
            levels[len(scope)].append(scope)
        for depth in sorted(levels, reverse=True):
            sizes = {scope: len(inside[scope]) for scope in levels[depth]}
            smallest = 1 << 62  # of the sizes folded so far; the rest of its scopes follow, so that like look alike
            for scope in sorted(levels[depth], key=lambda scope: (-sizes[scope], first_met[scope])):
                keys = inside.pop(scope, [])
                if len(keys) > 1 and (len(self) > limit or sizes[scope] == smallest):
                    smallest = sizes[scope]
                    keys = [self._fold(scope, keys)]
                inside[scope[:-1]].extend(keys)
            if len(self) <= limit:
                return

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

    def stack(self, limit: int) -> None:
        """Stack parallel repeats: cards of one kind, size and place whose neighbours are alike too.

        Colour refinement: cards start with the colour of their kind and their distance from the leaves, and part
        while their neighbours' colours differ. Nothing is done where more than `limit` colours come out. Lines run
        from smaller to larger distances, so that stacks never stand in a circle.
        """
        into, out = self._neighbours()
        distance = self._distances(into, out)
        colour: dict[int, int] = {}
        shades: dict[object, int] = {}
        for key, group in self.groups.items():
            face = self.graph.nodes[group.members[-1]]
            what = face.op.name if face.op is not None else bool(face.name)
            shape = (group.kind, what if group.kind != "scope" else "", len(group.members), group.scope)
            wiring = (distance[key], len(into[key]), len(out[key]))
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
            if len(finer) > limit or len(finer) == len(shades):
                break
            colour, shades = parted, finer
        if len(finer) > limit:
            return
        alike: defaultdict[int, list[int]] = defaultdict(list)
        for key, own in colour.items():
            if out[key]:
                alike[own].append(key)
        for keys in alike.values():
            if len(keys) > 1:
                parts = [self.groups[key] for key in keys]
                members = sorted(i for part in parts for i in part.members)
                self.stacked += 1
                self._merge(keys, Group("stack", members, parts[0].scope, parts=parts))

    def _neighbours(self) -> tuple[defaultdict[int, set[int]], defaultdict[int, set[int]]]:
        into: defaultdict[int, set[int]] = defaultdict(set)
        out: defaultdict[int, set[int]] = defaultdict(set)
        for i, operands in enumerate(self.graph.operands):
            b = self.group_of[i]
            for _, j in operands:
                a = self.group_of[j]
                if a != b:
                    into[b].add(a)
                    out[a].add(b)
        return into, out

    def _distances(self, into: Mapping[int, set[int]], out: Mapping[int, set[int]]) -> dict[int, int]:
        """The longest way from a leaf to every group, in edges."""
        distance = dict.fromkeys(self.groups, 0)
        waiting = {key: len(into.get(key, ())) for key in self.groups}
        ready = [key for key, n in waiting.items() if not n]
        for a in ready:  # grows while it is read
            for b in out.get(a, ()):
                distance[b] = max(distance[b], distance[a] + 1)
                waiting[b] -= 1
                if not waiting[b]:
                    ready.append(b)
        return distance

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
