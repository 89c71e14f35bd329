"""A graph as plain lists, and the scope of every node in it.

A scope is what a name says before its last dot. Nodes without a name get theirs by inference: such a node
belongs to the deepest scope that the nearest named nodes on both sides of it share, those it is made of and
those it is used for. So the product w·x between h1.w1 and h1.h1 stands in h1, and the loss behind the last
neuron does not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from viz.markup import scope_of

if TYPE_CHECKING:
    from autograd import Value

__all__ = ["Graph", "Scope"]

Scope = tuple[str, ...]

_DEEPEST = 12
"""Scopes are drawn to this depth; what is nested deeper stands in the last box."""

_MANY = 24
"""A node that feeds more scopes than this is taken to feed what they share: keeps the inference linear."""


class Graph:
    """A graph as lists indexed by position in topological order (operands first).

    `nodes` are the values; `operands[i]` holds ``(slot, j)`` for every operand of node i that is itself in
    the graph; `consumers[i]` the positions that use node i, once for every use; `scopes[i]` the scope that
    node i is drawn in. `outside` are the positions of nodes that are only there because others use them: what
    goes into a box that is drawn by itself; `roots` those that are drawn as results. `left_out` counts
    what stands behind the same result and is not in `nodes`.
    """

    def __init__(
        self,
        nodes: Sequence[Value],
        scopes: Sequence[Scope] | None = None,
        outside: Iterable[int] = (),
        roots: Iterable[int] | None = None,
    ) -> None:
        """Take the nodes in topological order. Operands outside `nodes` are left out: the graph may be a part.

        The scopes are read from the names, if they are not given. Nodes `outside` keep none of their operands.
        """
        self.nodes = nodes
        self.left_out = 0
        self.outside = frozenset(outside)
        self.roots = frozenset((len(nodes) - 1,) if roots is None else roots)
        place = {id(node): i for i, node in enumerate(nodes)}
        self.operands: list[list[tuple[int, int]]] = []
        self.consumers: list[list[int]] = [[] for _ in nodes]
        for i, node in enumerate(nodes):
            found = []
            for slot, operand in enumerate(node.operands if i not in self.outside else ()):
                j = place.get(id(operand))
                if j is not None:
                    found.append((slot, j))
                    self.consumers[j].append(i)
            self.operands.append(found)
        self.scopes = _infer(self) if scopes is None else list(scopes)
        _dissolve(self)

    def __len__(self) -> int:
        return len(self.nodes)


def _shared(a: Scope, b: Scope) -> Scope:
    n = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        n += 1
    return a[:n]


def _infer(graph: Graph) -> list[Scope]:
    nodes = graph.nodes
    memo: dict[str, Scope] = {}
    named: list[Scope | None] = []
    for node in nodes:
        name = node.name
        if name and name not in memo:
            memo[name] = scope_of(name)[:_DEEPEST]
        named.append(memo[name] if name else None)
    if not any(memo.values()):
        return [()] * len(nodes)

    shared_sets: dict[frozenset[Scope], frozenset[Scope]] = {}

    def pooled(items: Iterable[Scope]) -> frozenset[Scope]:
        fresh = frozenset(items)
        return shared_sets.setdefault(fresh, fresh)

    nothing = pooled(())
    single = {scope: pooled((scope,)) if scope else nothing for scope in memo.values()}

    def toward(i: int, sets: list[frozenset[Scope]]) -> frozenset[Scope]:
        """The scopes that node i stands for, seen from a neighbour."""
        scope = named[i]
        return sets[i] if scope is None else single[scope]

    feeds: list[frozenset[Scope]] = [nothing] * len(nodes)
    for i in range(len(nodes) - 1, -1, -1):
        if named[i] is None:
            found = {toward(c, feeds) for c in graph.consumers[i]}
            if len(found) == 1:
                feeds[i] = found.pop()
            elif found:
                union = frozenset().union(*found)
                if len(union) > _MANY:
                    common = min(union)
                    for scope in union:
                        common = _shared(common, scope)
                    union = frozenset((common,)) if common else nothing
                feeds[i] = pooled(union)

    scopes: list[Scope] = []
    made_of: list[frozenset[Scope]] = [nothing] * len(nodes)
    for i, known in enumerate(named):
        if known is not None:
            scopes.append(known)
            continue
        goals = feeds[i]
        if goals and graph.operands[i]:
            found = {toward(j, made_of) for _, j in graph.operands[i]}
            shared = {_shared(scope, goal) for items in found for scope in items for goal in goals}
            shared.discard(())
            made_of[i] = pooled(shared)
            scopes.append(max(shared, key=lambda scope: (len(scope), scope), default=()))
        elif goals and not graph.operands[i]:  # a constant stands with what it is used for
            common = min(goals)
            for goal in goals:
                common = _shared(common, goal)
            scopes.append(common)
        else:
            scopes.append(())
    return scopes


def _dissolve(graph: Graph) -> None:
    """Take away every scope that is left and re-entered: as boxes, such scopes would stand in a circle.

    The nodes of such a scope move to the scope around it. Level by level from the outside in; within a level
    the circle loses the scope that was met last, until there is none.
    """
    rounds = 0
    while True:
        circle = _circular_scopes(graph.scopes, graph.operands)
        if not circle:
            return
        rounds += 1
        depth, boxes = circle
        gone = boxes[-1:] if rounds < 20 else boxes
        for scope in sorted(gone):
            for i, own in enumerate(graph.scopes):
                if own[:depth] == scope:
                    # inner scopes keep the outer name in theirs, lest layer1.n1 and layer2.n1 become one
                    inner = (f"{own[depth - 1]}.{own[depth]}", *own[depth + 1 :]) if len(own) > depth else ()
                    graph.scopes[i] = own[: depth - 1] + inner


def _circular_scopes(
    scopes: Sequence[Scope], operands: Sequence[Sequence[tuple[int, int]]]
) -> tuple[int, list[Scope]] | None:
    """The scopes of one circle among boxes, in the order met, with their depth; None where all is well."""
    deepest = max(map(len, set(scopes)), default=0)
    for depth in range(1, deepest + 1):
        ids: dict[Scope | int, int] = {}
        boxes: list[Scope | None] = []
        item = []
        for i, scope in enumerate(scopes):
            key: Scope | int = scope[:depth] if len(scope) >= depth else i
            if key not in ids:
                ids[key] = len(boxes)
                boxes.append(key if isinstance(key, tuple) else None)
            item.append(ids[key])
        if not any(box is not None for box in boxes):
            continue
        follows: list[set[int]] = [set() for _ in boxes]
        for i, found in enumerate(operands):
            b = item[i]
            for _, j in found:
                if item[j] != b and scopes[j][: depth - 1] == scopes[i][: depth - 1]:
                    follows[item[j]].add(b)
        for component in _components(follows):
            circle = [boxes[k] for k in sorted(component)]
            found_boxes = [box for box in circle if box is not None]
            if len(component) > 1 and found_boxes:
                return depth, found_boxes
    return None


def _components(follows: Sequence[set[int]]) -> list[list[int]]:
    """The members of the circles: what is left of a graph when sources and sinks are peeled off, split by
    component.

    Peeling leaves circles and what lies between them; Tarjan's algorithm, with a stack of its own, parts
    those.
    """
    indegree = Counter(b for targets in follows for b in targets)
    precedes: defaultdict[int, list[int]] = defaultdict(list)
    ready = [a for a in range(len(follows)) if not indegree[a]]
    alive = len(follows)
    removed = [False] * len(follows)
    while ready:
        a = ready.pop()
        removed[a] = True
        alive -= 1
        for b in follows[a]:
            indegree[b] -= 1
            if not indegree[b]:
                ready.append(b)
    if not alive:
        return []
    rest = [a for a in range(len(follows)) if not removed[a]]
    for a in rest:
        for b in follows[a]:
            precedes[b].append(a)
    order, seen = [], set()
    for start in rest:  # Kosaraju: order of completion forward, then backward reach
        if start in seen:
            continue
        seen.add(start)
        stack = [(start, iter(sorted(follows[start])))]
        while stack:
            a, targets = stack[-1]
            step = next((b for b in targets if b not in seen and not removed[b]), None)
            if step is None:
                order.append(a)
                stack.pop()
            else:
                seen.add(step)
                stack.append((step, iter(sorted(follows[step]))))
    components, taken = [], set()
    for start in reversed(order):
        if start in taken:
            continue
        taken.add(start)
        reach, todo = [], [start]
        while todo:
            a = todo.pop()
            reach.append(a)
            for b in precedes[a]:
                if b not in taken and not removed[b]:
                    taken.add(b)
                    todo.append(b)
        components.append(reach)
    return components
