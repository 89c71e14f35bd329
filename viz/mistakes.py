"""The classical mistakes of backpropagation, run beside the right pass: where do they part first?

    order      a value passes its gradient on as soon as it is reached, before all its paths have arrived
    assign     ``=`` where ``+=`` belongs: the last path overwrites the others
    no-reset   what an earlier pass left in the gradients is passed on again (x*x*x at 3: 72 after two passes, not 54)
    set        the operands in a set: x*x keeps one of its two

Every one of them is a real pass over the recorded graph, wrong in one line; the gradients stand in dictionaries beside
the graph, and no ``grad`` is read or written. Glossary: v a computed value, x one of its operands, g the gradients by
``id``, local the derivative of v in x.
"""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from autograd import Value, topological, verify
from autograd.op import FLOAT_ERRORS
from autograd.record import local_derivatives
from autograd.reverse import edges, tape
from viz.comparison import Comparison, Telling
from viz.markup import scope_of

__all__ = ["KINDS", "Comparison", "example", "mistake", "mistakes"]

KINDS = ("order", "assign", "no-reset", "set")
WALKS = ("depth", "breadth")

Locals = Callable[[Value], Iterable[tuple[Value, float]]]
"""The operands of a value that are values themselves, each with its local derivative, once for every use."""


class Sent(NamedTuple):
    """One application of the chain rule: what a value sent to one operand, and how much of its own had come by then."""

    node: Value
    upstream: float
    local: float
    arrived: int


@dataclass
class Pass:
    """The gradients of one backward pass, what was sent to every value, and the order in which they became complete."""

    g: dict[int, float] = field(default_factory=dict)
    sent: dict[int, list[Sent]] = field(default_factory=dict)

    def send(self, v: Value, x: Value, local: float, *, overwrite: bool = False) -> None:
        """The chain rule along one edge."""
        upstream = self.g[id(v)]
        before = 0.0 if overwrite else self.g.get(id(x), 0.0)
        self.g[id(x)] = before + upstream * local
        self.sent.setdefault(id(x), []).append(Sent(v, upstream, local, len(self.sent.get(id(v), ()))))


# -- the right pass ----------------------------------------------------------------------------------------------------


def _right(root: Value, edges: Locals = edges) -> Pass:
    """Every value after all that use it: a topological order, backwards."""
    made = Pass({id(root): 1.0})
    for v in _senders(root):
        for x, local in edges(v):
            made.send(v, x, local)
    return made


def _right_twice(root: Value) -> Pass:
    """Two passes: the leaves add up, and what the inner values hold is forgotten in between."""
    made = Pass(dict(_right(root).g))
    for v in topological(root):
        if not v.is_leaf:
            made.g[id(v)] = 0.0
    made.g[id(root)] = 1.0
    for v in _senders(root):
        for x, local in edges(v):
            made.send(v, x, local)
    return made


def _senders(root: Value) -> list[Value]:
    return [] if root.is_leaf else list(reversed(tape(root)))


# -- the mistakes ------------------------------------------------------------------------------------------------------


def _unordered(root: Value, walk: str) -> Pass:
    """Every value once, but as soon as it is reached: from a queue (breadth first) or a stack (depth first)."""
    made = Pass({id(root): 1.0})
    waiting, seen = deque([root]), set[int]()
    while waiting:
        v = waiting.popleft()
        if id(v) in seen:
            continue
        seen.add(id(v))
        operands = list(edges(v))
        for x, local in operands:
            made.send(v, x, local)
        if walk == "breadth":
            waiting.extend(x for x, _ in operands)
        else:
            waiting.extendleft(x for x, _ in reversed(operands))
    return made


def _assigned(root: Value) -> Pass:
    made = Pass({id(root): 1.0})
    for v in _senders(root):
        for x, local in edges(v):
            made.send(v, x, local, overwrite=True)
    return made


def _not_reset(root: Value) -> Pass:
    """Two passes, and the second adds to what the first has left everywhere; only the root is set to 1 again."""
    made = Pass(dict(_right(root).g))
    made.g[id(root)] = 1.0
    for v in _senders(root):
        for x, local in edges(v):
            made.send(v, x, local)
    return made


def _without_repeats(root: Value) -> Pass:
    """Operands in a table {operand: local derivative}: the second x of x*x replaces the first."""
    made = Pass({id(root): 1.0})
    for v in _senders(root):
        table = {id(x): (x, local) for x, local in edges(v)}
        for x, local in table.values():
            made.send(v, x, local)
    return made


# -- two training steps ------------------------------------------------------------------------------------------------


def _second_step(root: Value, moved: Mapping[int, float]) -> tuple[dict[int, float], Locals]:
    """The forward pass again with other numbers in some leaves: the data by ``id``, and the new local derivatives."""
    data: dict[int, float] = {}
    slopes: dict[int, tuple[float, ...]] = {}
    for v in topological(root):
        if v.op is None:
            data[id(v)] = moved.get(id(v), v.data)
            continue
        numbers = [data[id(x)] if isinstance(x, Value) else x for x in v.operands]
        try:
            z = v.op.forward(*numbers)
        except FLOAT_ERRORS:
            z = v.op.quiet(*numbers)
        data[id(v)] = z
        slopes[id(v)] = tuple(local_derivatives(v.op, z, numbers, v.operands))

    def edges_now(v: Value) -> Iterable[tuple[Value, float]]:
        return zip((x for x in v.operands if isinstance(x, Value)), slopes.get(id(v), ()), strict=True)

    return data, edges_now


def _training(root: Value, rate: float, parameters: Sequence[Value]) -> tuple[Pass, Pass, dict[int, tuple[float, ...]]]:
    """The gradients of a second step of descent, with and without a reset after the first; the parameters' ways."""
    first = _right(root).g
    moved = {id(p): p.data - rate * first[id(p)] for p in parameters}
    _, edges_now = _second_step(root, moved)
    right = _right(root, edges_now)
    wrong = Pass({**right.g, **{id(p): first[id(p)] + right.g[id(p)] for p in parameters}}, right.sent)
    ways: dict[int, tuple[float, ...]] = {
        key: (first[key], moved[key], moved[key] - rate * right.g[key], moved[key] - rate * wrong.g[key])
        for key in moved
    }
    return right, wrong, ways


# -- the comparison ----------------------------------------------------------------------------------------------------


def mistake(
    root: Value,
    kind: str,
    *,
    walk: str = "depth",
    learning_rate: float | None = None,
    parameters: Sequence[Value] | None = None,
    digits: int = 4,
) -> Comparison:
    """One classical mistake beside the right pass over the graph of ``root``.

    Args:
        root: the value to differentiate, the loss as a rule.
        kind: "order" (no topological order), "assign" (``=`` instead of ``+=``), "no-reset" (gradients kept from an
            earlier pass), "set" (a set of operands, which loses x*x).
        walk: for "order": "depth" first, as a recursive function goes, or "breadth" first, as a queue does.
        learning_rate: for "no-reset": compare two steps of gradient descent, where the parameters' gradients are not
            reset between them; without it two backward passes through the same graph.
        parameters: what those steps update: the named leaves in a scope ("h1.w1"), or all leaves if there are none.
        digits: significant digits of the numbers shown, 1 to 17.

    Returns a Comparison; it says so where this graph does not show the mistake. Nothing of the graph is changed.

    Raises:
        TypeError: ``root`` is no Value. ValueError: an unknown kind or walk, or an option that does not fit.
        StaleGraphError: data was edited after the forward pass.
    """
    _check(root, kind, walk, learning_rate, parameters, digits)
    verify(root)
    rate = None if learning_rate is None else float(learning_rate)
    right, wrong, ways = _run(root, kind, walk, rate, parameters)
    order = _completed(root)
    tolerance = _rounding(order, root) if kind == "order" else {}
    parted = [v for v in order if _differ(right.g[id(v)], wrong.g[id(v)], tolerance.get(id(v), 0.0))]
    telling = Telling(
        kind=kind,
        walk=walk,
        rate=rate,
        contributions=_contributions(right, parted[:1]),
        early=_early(right, wrong, parted[:1]) if kind == "order" else None,
        cause=_cause(root, kind, right, wrong, ways),
        ways=ways,
    )
    elsewhere = None if parted else lambda: mistake(
        example(kind), kind, walk=walk, learning_rate=learning_rate, digits=digits
    )  # fmt: skip
    return Comparison(
        kind=kind,
        root=root,
        nodes=tuple(order),
        right=right.g,
        wrong=wrong.g,
        parted=tuple(parted),
        digits=digits,
        _telling=telling,
        _elsewhere=elsewhere,
    )


def mistakes(root: Value, *, digits: int = 4) -> dict[str, Comparison]:
    """All four mistakes on one graph, by kind; see ``mistake``."""
    return {kind: mistake(root, kind, digits=digits) for kind in KINDS}


def example(kind: str) -> Value:
    """The smallest graph that shows the mistake: x*x, x*x*x, or a value used directly and by a detour.

    Raises:
        ValueError: an unknown kind.
    """
    _one_of("kind", kind, KINDS)
    x = Value(3.0, name="x")
    root: Value
    if kind == "order":
        a = x * 2.0
        a.name = "a"
        b = a * 3.0
        b.name = "b"
        root = a + b
    elif kind == "no-reset":
        root = x * x * x
    else:
        root = x * x
    root.name = "L"
    return root


def _run(
    root: Value, kind: str, walk: str, rate: float | None, parameters: Sequence[Value] | None
) -> tuple[Pass, Pass, dict[int, tuple[float, ...]]]:
    if kind == "no-reset" and rate is not None:
        return _training(root, rate, _parameters(root, parameters))
    if kind == "no-reset":
        return _right_twice(root), _not_reset(root), {}
    if kind == "order":
        return _right(root), _unordered(root, walk), {}
    return _right(root), (_assigned if kind == "assign" else _without_repeats)(root), {}


def _completed(root: Value) -> list[Value]:
    """The values in the order in which the right pass knows their gradients: the root first."""
    senders = _senders(root)
    waiting = Counter(id(x) for v in senders for x, _ in edges(v))
    order = [root]
    for v in senders:
        for x, _ in edges(v):
            waiting[id(x)] -= 1
            if not waiting[id(x)]:
                order.append(x)
    return order


def _rounding(order: Sequence[Value], root: Value) -> dict[int, float]:
    """How far two orders of summation may differ by rounding alone: a few eps times the sum of the |path products|."""
    size: dict[int, float] = {id(root): 1.0}
    count: dict[int, int] = {id(root): 1}
    for v in order:
        for x, local in edges(v):
            size[id(x)] = size.get(id(x), 0.0) + size[id(v)] * abs(local)
            count[id(x)] = max(count.get(id(x), 0), count[id(v)]) + 2
    return {key: sys.float_info.epsilon * 2 * count[key] * size[key] for key in size}


def _differ(right: float, wrong: float, tolerance: float) -> bool:
    if right == wrong or (right != right and wrong != wrong):
        return False
    return not abs(right - wrong) <= tolerance < float("inf")


def _contributions(right: Pass, parted: Sequence[Value]) -> list[float]:
    """What the right pass sums up at the first value where the two part."""
    return [s.upstream * s.local for v in parted for s in right.sent.get(id(v), ())]


def _early(right: Pass, wrong: Pass, parted: Sequence[Value]) -> tuple[Value, float, float, int, int] | None:
    """Who sent too early to the first value where the two part.

    The sender, what it had at that time, what it should have had, and how many of how many paths had arrived.
    """
    for x in parted:
        expected = {id(s.node): s.upstream for s in right.sent.get(id(x), ())}
        for s in wrong.sent.get(id(x), ()):
            if s.arrived < len(right.sent.get(id(s.node), ())) and s.upstream != expected[id(s.node)]:
                return s.node, s.upstream, expected[id(s.node)], s.arrived, len(right.sent[id(s.node)])
    return None


def _cause(root: Value, kind: str, right: Pass, wrong: Pass, ways: Mapping[int, object]) -> Value | None:
    """The first value at which the mistake could tell, whatever the numbers are; None: the graph has none."""
    order = _completed(root)
    if kind == "assign":
        return next((v for v in order if len(right.sent.get(id(v), ())) > 1), None)
    if kind == "set":
        return next((v for v in order if len({id(x) for x, _ in edges(v)}) < len(list(edges(v)))), None)
    if kind == "no-reset":
        return next((v for v in order if (id(v) in ways if ways else not v.is_leaf and v is not root)), None)
    early = {
        id(s.node) for sent in wrong.sent.values() for s in sent if s.arrived < len(right.sent.get(id(s.node), ()))
    }
    return next((v for v in order if id(v) in early), None)


# -- checks ------------------------------------------------------------------------------------------------------------


def _parameters(root: Value, given: Sequence[Value] | None) -> list[Value]:
    leaves = [v for v in topological(root) if v.is_leaf]
    if given is None:
        return [v for v in leaves if scope_of(v.name)] or leaves
    known = {id(v) for v in leaves}
    for p in given:
        if id(p) not in known:
            raise ValueError(f"parameters: {p!r:.80} is not a leaf of this graph")
    return list({id(p): p for p in given}.values())


def _check(
    root: Value, kind: str, walk: str, rate: float | None, parameters: Sequence[Value] | None, digits: int
) -> None:
    if not isinstance(root, Value):
        raise TypeError(f"mistake(root, kind) takes a Value, the result of a computation; got {type(root).__name__}")
    _one_of("kind", kind, KINDS)
    _one_of("walk", walk, WALKS)
    if not isinstance(digits, int) or isinstance(digits, bool) or not 1 <= digits <= 17:
        raise ValueError(f"digits must be a whole number from 1 to 17, got {digits!r}")
    if rate is not None and not 0 < rate < float("inf"):
        raise ValueError(f"the learning rate must be a positive number, got {rate!r}")
    if rate is not None and kind != "no-reset":
        raise ValueError(f"a learning rate is for the kind 'no-reset' (two training steps), not for {kind!r}")
    if parameters is not None and rate is None:
        raise ValueError("parameters are what training steps update: give learning_rate too")


def _one_of(what: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise ValueError(f"{what} must be one of {', '.join(map(repr, known))}; got {given!r}")
