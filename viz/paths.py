"""Paths through a recorded graph: which nodes lie between a root and a value, how many ways lead there, the largest.

Glossary of short names: `i`, `j` number the nodes between the value (0) and the root (the last), operands first; a
*wire* (j, k, p) of node i is its operand k, which is node j, with the local derivative p; an *edge* of the folded
graph joins two kept nodes, and its weight sums the products of the wires on every way between them.

Everything here is iterative and linear in the graph but for the search, which is bounded.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from autograd import Value, topological
from viz.markup import last_part, scope_of

__all__ = ["Between", "Edge", "Folded", "Way", "folding", "largest_paths", "lattice"]

Wire = tuple[int, int, float]

_ZERO, _WILD = -1e200, 1e100
"""Logarithms that stand for a factor of 0, and for one that is infinite or no number (such a path is shown first)."""

SEARCH_STEPS = 2_000_000
"""How many edges the search for the largest paths may look at before it returns what it has."""


class Between:
    """The nodes on the paths from `root` down to `w`: `nodes`, w first and root last, and their `wires`."""

    def __init__(self, root: Value, w: Value) -> None:
        """Walk the graph behind `root`. `nodes` stays empty if `w` is not in it."""
        self.order: list[Value] = topological(root)
        self.nodes: list[Value] = []
        self.wires: list[list[Wire]] = []
        number: dict[int, int] = {}
        for v in self.order:
            if v is w:
                wires: list[Wire] = []
            elif not number or v.is_leaf:
                continue
            else:
                found = zip(v.operands, v.partials, strict=True)
                wires = [(number[id(x)], k, p) for k, (x, p) in enumerate(found) if p is not None and id(x) in number]
                if not wires:
                    continue
            number[id(v)] = len(self.nodes)
            self.nodes.append(v)
            self.wires.append(wires)

    def gradient(self) -> float:
        """d root / d w by the reverse sweep, in the order in which ``backward()`` adds."""
        adjoint = [0.0] * len(self.nodes)
        adjoint[-1] = 1.0
        for i in range(len(adjoint) - 1, -1, -1):
            upstream = adjoint[i]
            for j, _, p in self.wires[i]:
                adjoint[j] += upstream * p
        return adjoint[0]

    def total(self) -> float:
        """The sum over all paths, gathered from w upwards: the other order, so that it checks the sweep."""
        tangent = [1.0]
        for wires in self.wires[1:]:
            tangent.append(sum(tangent[j] * p for j, _, p in wires))
        return tangent[-1]

    def magnitude(self) -> float:
        """The sum over all paths of the size of their products."""
        size = [1.0]
        for wires in self.wires[1:]:
            size.append(sum(abs(size[j] * p) for j, _, p in wires))
        return size[-1]

    def roundings(self) -> int:
        """How many roundings at most reach the gradient in `gradient` and in `total` together."""
        uses = [0] * len(self.nodes)
        for wires in self.wires:
            for j, _, _ in wires:
                uses[j] += 1
        down = [0] * len(self.nodes)
        up = [0] * len(self.nodes)
        for i, wires in enumerate(self.wires):
            up[i] = max((up[j] for j, _, _ in wires), default=0) + len(wires)
        for i in range(len(down) - 1, -1, -1):
            for j, _, _ in self.wires[i]:
                down[j] = max(down[j], down[i] + uses[j])
        return down[0] + up[-1]


class Edge(NamedTuple):
    """From a kept node down to the kept node `to`; `operand` says by which operand where that is not plain."""

    to: int
    weight: float
    operand: int | None


@dataclass(frozen=True)
class Folded:
    """The graph between root and w with some nodes folded away; indices as in `between`."""

    between: Between
    kept: bytearray
    edges: Sequence[Sequence[Edge]]
    by_neuron: bool
    tangled: bool = False
    """Whether folding was wanted and given up."""

    def count(self) -> int:
        """The number of paths from root to w, exactly. Counts are dropped after their last use: they may be long."""
        edges = self.edges
        last_use = list(range(len(edges)))
        for i, out in enumerate(edges):
            for edge in out:
                last_use[edge.to] = i
        paths = [0] * len(edges)
        paths[0] = 1
        for i in range(1, len(edges)):
            paths[i] = sum(paths[edge.to] for edge in edges[i])
            for edge in edges[i]:
                if last_use[edge.to] == i:
                    paths[edge.to] = 0
        return paths[-1]

    def inner_ways(self, i: int, to: int, most: int) -> list[list[tuple[int, int]]] | None:
        """The ways from node i to node `to` through folded nodes, as lists of (node, operand); None past `most`."""
        found: list[list[tuple[int, int]]] = []
        stack: list[tuple[int, list[tuple[int, int]]]] = [(i, [])]
        steps = 0
        while stack:
            at, way = stack.pop()
            if way and at == to:
                found.append(way)
                if len(found) > most:
                    return None
                continue
            if way and self.kept[at]:
                continue
            for j, k, _ in reversed(self.between.wires[at]):
                steps += 1
                if steps > 1000 or len(way) > 30:
                    return None
                stack.append((j, [*way, (at, k)]))
        return found


def folding(between: Between, by_neuron: bool) -> Folded:
    """Fold every neuron (scope of names) to one edge per input and output; without `by_neuron`, nothing.

    Kept are root and w, nodes that are read from another scope, named nodes of no scope, and every node named as its
    scope's output (``h1.h1``). An unnamed node belongs to the scope of the nodes that read it. Nothing is folded
    either where no node but w stands in a scope, since then there are no neurons to fold.
    """
    nodes, wires = between.nodes, between.wires
    wanted = by_neuron and any(scope_of(v.name) for v in nodes[1:])
    if wanted:
        kept = _boundaries(between)
        edges = _summed(between, kept)
        if edges is not None:
            return Folded(between, kept, edges, True)
    every = bytearray(b"\1") * len(nodes)
    return Folded(between, every, [_direct(each) for each in wires], False, wanted)


def _direct(wires: Sequence[Wire]) -> list[Edge]:
    if len(wires) < 2:
        return [Edge(j, p, None) for j, _, p in wires]
    uses = Counter(j for j, _, _ in wires)
    return [Edge(j, p, k if uses[j] > 1 else None) for j, k, p in wires]


def _boundaries(between: Between) -> bytearray:
    nodes = between.nodes
    kept = bytearray(len(nodes))
    kept[0] = kept[-1] = 1
    scopes: list[tuple[str, ...] | None] = [scope_of(v.name) if v.name else None for v in nodes]
    for i in range(len(nodes) - 1, -1, -1):
        scope, name = scopes[i] or (), nodes[i].name
        scopes[i] = scope
        if name and (not scope or last_part(name) == scope[-1]):
            kept[i] = 1
        for j, _, _ in between.wires[i]:
            below = scopes[j]
            if below is None:
                scopes[j] = scope
            elif below != scope:
                kept[j] = 1
                if not nodes[j].name:
                    scopes[j] = ()
    return kept


def _summed(between: Between, kept: bytearray) -> list[list[Edge]] | None:
    """The folded edges of every kept node; None where folding would cost far more than the graph itself."""
    wires = between.wires
    budget = 20 * sum(map(len, wires)) + 1_000_000
    edges: list[list[Edge]] = []
    for i in range(len(wires)):
        if not kept[i]:
            edges.append([])
            continue
        inside, stack, targets = {i}, [i], dict[int, float]()
        while stack:
            at = stack.pop()
            if at != i and kept[at]:
                targets[at] = 0.0
                continue
            budget -= len(wires[at])
            for j, _, _ in reversed(wires[at]):  # the first operand is popped first, so targets are in reading order
                if kept[j] or j not in inside:
                    inside.add(j)
                    stack.append(j)
        if budget < 0:
            return None
        adjoint = dict.fromkeys(inside, 0.0)
        adjoint[i] = 1.0
        for at in sorted(inside, reverse=True):
            if at == i or not kept[at]:
                for j, _, p in wires[at]:
                    adjoint[j] += adjoint[at] * p
        edges.append([Edge(j, adjoint[j], None) for j in targets])
    return edges


class Way(NamedTuple):
    """One path: its kept nodes from root to w, the edges between them, and the product of their weights."""

    nodes: list[int]
    edges: list[Edge]
    product: float


def _logarithm(weight: float) -> float:
    size = abs(weight)
    if size == 0.0:
        return _ZERO
    return math.log2(size) if size < math.inf else _WILD


def largest_paths(folded: Folded, limit: int) -> list[Way]:
    """Up to `limit` paths from root to w, the largest product (by size) first.

    Best-first search: `loss` is what a partial path gives away against the best one, known exactly because the best
    completion of every node is computed first, so that a path is final when it is popped. Ties go depth first, which
    keeps the search from spreading over equal paths. Paths are never enumerated beyond those returned.
    """
    edges = folded.edges
    best = [0.0] * len(edges)
    for i in range(1, len(edges)):
        best[i] = max((_logarithm(edge.weight) + best[edge.to] for edge in edges[i]), default=_ZERO)
    Link = tuple[Edge, object] | None
    heap: list[tuple[float, int, int, Link]] = [(0.0, 0, len(edges) - 1, None)]
    found: list[Way] = []
    steps = pushed = 0
    while heap and len(found) < limit:
        loss, _, i, link = heapq.heappop(heap)
        while len(edges[i]) == 1:
            link = (edges[i][0], link)
            i = edges[i][0].to
            steps += 1
        if i == 0:
            found.append(_way(len(edges) - 1, link))
            continue
        for edge in reversed(edges[i]):
            pushed -= 1  # later is smaller: last in, first out among equals
            more = best[i] - (_logarithm(edge.weight) + best[edge.to])
            heapq.heappush(heap, (loss + more, pushed, edge.to, (edge, link)))
        steps += len(edges[i])
        if steps > SEARCH_STEPS and found:
            break
    found.sort(key=lambda way: -math.inf if math.isnan(way.product) else -abs(way.product))
    return found


def _way(top: int, link: object) -> Way:
    edges: list[Edge] = []
    while isinstance(link, tuple):
        edge, link = link
        edges.append(edge)
    edges.reverse()
    size = 1.0
    for edge in edges:
        size *= edge.weight
    return Way([top, *(edge.to for edge in edges)], edges, size)


def lattice(folded: Folded, way: Way) -> tuple[int, ...]:
    """The sort key that puts paths in reading order: which edge is taken, first operand first, at every node."""
    return tuple(folded.edges[i].index(edge) for i, edge in zip(way.nodes, way.edges, strict=False))
