"""The life of one training step, as a list of steps: values computed, gradients sent back, parameters updated.

Four kinds of step, in this order:

    forward    a node is computed from its operands
    seed       the gradient of the root in itself: dL/dL = 1
    backward   one application of the chain rule, one edge: operand's gradient += upstream * local
    update     a parameter moves against its gradient: w <- w - alpha * dL/dw

The backward steps are those of ``autograd.steps``, in its order and with its numbers, kept beside the graph: nothing
here writes to a ``grad``. Reading them in reverse takes every step back exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from autograd import topological, verify
from autograd.files import collector_paused
from autograd.reverse import edges, tape, undisturbed
from viz.derivation import closed, tight
from viz.naming import Names, applied, decimal, latex_decimal
from viz.scopes import Graph, Scope

if TYPE_CHECKING:
    from autograd import Value

__all__ = ["GRAINS", "Plan", "Stage", "Step", "plan", "value_slots"]

GRAINS = ("edge", "node", "neuron")

MOST_LINES = 100
"""A stage of more steps than this is told in part."""


def value_slots(nodes: Iterable[Value]) -> dict[int, list[int]]:
    """By ``id(node)``: which of its operands are values, and no constants."""
    return {id(v): [k for k, x in enumerate(v.operands) if x.__class__ is not float] for v in nodes}


@dataclass(frozen=True, slots=True)
class Step:
    """One step. Numbers that a kind of step does not have are 0.

    The sentences are made when they are asked for: a walk of a million steps is a list of numbers.

    Attributes:
        kind: "forward", "seed", "backward" or "update".
        node: the value computed, sent from, or updated. operand: where a backward step arrives, else None.
        slot: which of the node's operands that are Values, for a backward step.
        upstream, local, contribution: of a backward step; ``contribution = upstream * local``.
        before, after: the operand's gradient (backward), the parameter's data (update), the value (forward, after).
        waiting: how many further contributions the operand's gradient still waits for, after this one.
        of: how many it gets in all.
        scope: the neuron, or whatever the node's name says before its last dot.
    """

    kind: str
    node: Value = field(repr=False)
    operand: Value | None = field(repr=False)
    slot: int
    upstream: float
    local: float
    contribution: float
    before: float
    after: float
    waiting: int
    of: int
    scope: Scope
    writer: _Writer = field(repr=False, compare=False)

    @property
    def text(self) -> str:
        """The step in numbers."""
        return self.writer.told(self)[0]

    @property
    def words(self) -> str:
        """The step in a sentence."""
        return self.writer.told(self)[1]

    @property
    def latex(self) -> str:
        """The step as a formula."""
        return self.writer.told(self)[2]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Stage:
    """Steps that are taken together at a coarser grain: ``start`` to ``stop`` in the plan's list."""

    start: int
    stop: int
    grain: str
    steps: tuple[Step, ...] = field(repr=False)
    writer: _Writer = field(repr=False, compare=False)

    @property
    def title(self) -> str:
        """What the stage is about: a gradient, a node or a neuron."""
        return _title(self.steps, self.grain, self.writer)

    @property
    def text(self) -> str:
        """The stage in numbers, a line for each step; a neuron's are folded to what leaves it."""
        return "\n".join(_lines(self.steps, self.grain, self.writer))

    @property
    def words(self) -> str:
        """The sentences of its steps."""
        return " ".join([step.words for step in self.steps[:MOST_LINES]] + _more(self.steps))

    @property
    def latex(self) -> str:
        """The formulas of its steps, one a line."""
        more = [rf"\text{{{line}}}" for line in _more(self.steps)]
        rows = r" \\ ".join([step.latex for step in self.steps[:MOST_LINES]] + more)
        return rows if len(self.steps) == 1 else rf"\begin{{gathered}} {rows} \end{{gathered}}"

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Plan:
    """All steps of one graph, and the stages of a grain."""

    root: Value
    graph: Graph
    names: Names = field(repr=False)
    steps: tuple[Step, ...] = field(repr=False)
    stages: tuple[Stage, ...] = field(repr=False)
    digits: int = 4
    grain: str = "edge"

    def at(self, grain: str) -> Plan:
        """The same steps in stages of another grain. ValueError: there is no such grain."""
        with collector_paused():
            stages = tuple(_stages(self.steps, _grain(grain), self.steps[0].writer))
        return Plan(self.root, self.graph, self.names, self.steps, stages, self.digits, grain)

    @contextmanager
    def final_gradients(self) -> Iterator[None]:
        """Lend the graph the gradients of the walk's end, for a picture; it gets its own back."""
        with undisturbed:
            kept = [(v, v.grad if v.has_grad else None) for v in self.graph.nodes]
            try:
                for v in self.graph.nodes:
                    v.grad = None
                for step in self.steps:
                    if step.kind in ("seed", "backward"):
                        (step.node if step.operand is None else step.operand).grad = step.after
                yield
            finally:
                for v, grad in kept:
                    v.grad = grad


def _grain(grain: str) -> str:
    if grain not in GRAINS:
        raise ValueError(f"grain must be one of {', '.join(map(repr, GRAINS))}; got {grain!r}")
    return grain


def plan(
    root: Value, *, grain: str = "edge", forward: bool = False, learning_rate: float | None = None, digits: int = 4
) -> Plan:
    """Every step of the backward pass of ``root``; with ``forward`` the values first, with a learning rate the updates.

    Raises:
        ValueError: an unknown grain.
        StaleGraphError: data was edited after the forward pass.
    """
    _grain(grain)
    verify(root)
    with collector_paused():
        graph = Graph(topological(root))
        writer = _Writer(root, graph, digits)
        steps = [*(writer.forward() if forward else ()), writer.seed(), *writer.backward()]
        if learning_rate is not None:
            steps += writer.update(steps, learning_rate)
        stages = tuple(_stages(steps, grain, writer))
    return Plan(root, graph, writer.names, tuple(steps), stages, digits, grain)


class _Writer:
    """Makes the steps of one graph and says them."""

    def __init__(self, root: Value, graph: Graph, digits: int) -> None:
        self.root, self.graph, self.digits = root, graph, digits
        self.names = Names(graph.nodes, root, root, digits)
        self.scopes = {id(v): scope for v, scope in zip(graph.nodes, graph.scopes, strict=True)}
        self.uses = Counter(id(x) for v in graph.nodes for x, _ in edges(v))
        for v in reversed(graph.nodes):  # now, so that what a node is called does not depend on who asks first
            self.names.of(v)

    def d(self, above: Value, below: Value) -> tuple[str, str]:
        """``dL/dw1`` as text and as LaTeX."""
        a, b = self.names.of(above), self.names.of(below)
        return f"d{tight(a.text)}/d{tight(b.text)}", rf"\frac{{\partial {closed(a)}}}{{\partial {closed(b)}}}"

    def n(self, x: float) -> str:
        return decimal(x, self.digits)

    def factor(self, x: float) -> tuple[str, str]:
        """A number as a factor: in brackets when negative."""
        text, latex = self.n(x), latex_decimal(x, self.digits)
        return (f"({text})", f"({latex})") if text.startswith("-") else (text, latex)

    def forward(self) -> Iterator[Step]:
        for v in self.graph.nodes:
            if not v.is_leaf:
                yield self.step("forward", v, after=v.data)

    def seed(self) -> Step:
        return self.step("seed", self.root, after=1.0, of=1)

    def backward(self) -> Iterator[Step]:
        gradients = {id(self.root): 1.0}
        arrived: Counter[int] = Counter()
        for v in reversed(tape(self.root) if not self.root.is_leaf else []):
            upstream, scope = gradients[id(v)], self.scopes[id(v)]
            for slot, (x, local) in enumerate(edges(v)):
                key = id(x)
                before = gradients.get(key, 0.0)
                contribution = upstream * local
                after = gradients[key] = before + contribution
                arrived[key] += 1
                of = self.uses[key]
                left = of - arrived[key]
                yield Step(
                    "backward", v, x, slot, upstream, local, contribution, before, after, left, of, scope, self
                )  # fmt: skip

    def update(self, steps: Sequence[Step], learning_rate: float) -> Iterator[Step]:
        """Plain gradient descent on the parameters: named leaves that belong to a scope."""
        gradients = {id(s.node if s.operand is None else s.operand): s.after for s in steps if s.kind != "forward"}
        for v in self.graph.nodes:
            if v.is_leaf and self.scopes[id(v)] and v.name:
                g, before = gradients[id(v)], v.data
                change = -learning_rate * g
                yield self.step(
                    "update", v, upstream=g, local=learning_rate, contribution=change, before=before,
                    after=before + change,
                )  # fmt: skip

    def step(
        self, kind: str, v: Value, *, upstream: float = 0.0, local: float = 0.0, contribution: float = 0.0,
        before: float = 0.0, after: float, of: int = 0,
    ) -> Step:  # fmt: skip
        """A step that is about one node."""
        scope = self.scopes[id(v)]
        return Step(kind, v, None, 0, upstream, local, contribution, before, after, 0, of, scope, self)

    def told(self, step: Step) -> tuple[str, str, str]:
        """A step in numbers, in a sentence, as a formula."""
        if step.kind == "forward":
            return self.computed(step)
        if step.kind == "seed":
            text, latex = self.d(self.root, self.root)
            name = self.names.of(self.root).text
            return f"{text} = 1", f"The backward pass starts at {name}: its gradient in itself is 1.", f"{latex} = 1"
        return self.passed(step) if step.kind == "backward" else self.moved(step)

    def computed(self, step: Step) -> tuple[str, str, str]:
        v, name = step.node, self.names.of(step.node)
        expression = applied(v, [self.names.operand(x) for x in v.operands]) if len(v.operands) <= 40 else name
        value, latex_value = self.n(step.after), latex_decimal(step.after, self.digits)
        middle = "" if expression.text == name.text else f" = {expression.text}"
        latex_middle = "" if expression.text == name.text else f" = {expression.latex}"
        return (
            f"{name.text}{middle} = {value}",
            f"{name.text} is computed: {value}.",
            f"{name.latex}{latex_middle} = {latex_value}",
        )

    def passed(self, step: Step) -> tuple[str, str, str]:
        v, x = step.node, step.operand
        assert x is not None
        goal, latex_goal = self.d(self.root, x)
        above, latex_above = self.d(self.root, v)
        below, latex_below = self.d(v, x)
        (u, latex_u), (p, latex_p) = self.factor(step.upstream), self.factor(step.local)
        product, latex_product = self.n(step.contribution), latex_decimal(step.contribution, self.digits)
        now, latex_now = self.n(step.after), latex_decimal(step.after, self.digits)
        of, waiting = step.of, step.waiting
        name, from_name = self.names.of(x).text, self.names.of(v).text
        if of == 1:
            rest = f"That is all of it: {goal} = {now}."
        elif waiting:
            rest = f"{goal} is now {now} and waits for {waiting} more path{'s' if waiting > 1 else ''}."
        else:
            rest = f"All {of} paths are summed: {goal} = {now}."
        return (
            f"{goal} += {above} * {below} = {u} * {p} = {product} (now {now})",
            f"{from_name} passes its gradient {self.n(step.upstream)} to {name}, times the local derivative "
            f"{self.n(step.local)}: {product}. {rest}",
            rf"{latex_goal} \mathrel{{+}}= {latex_above} \cdot {latex_below} = {latex_u} \cdot {latex_p} "
            rf"= {latex_product} \quad (\text{{now }} {latex_now})",
        )

    def moved(self, step: Step) -> tuple[str, str, str]:
        name, (goal, latex_goal) = self.names.of(step.node), self.d(self.root, step.node)
        shown, latex_shown = self.factor(step.upstream)
        before, after = self.n(step.before), self.n(step.after)
        latex_before, latex_after = latex_decimal(step.before, self.digits), latex_decimal(step.after, self.digits)
        return (
            f"{name.text} <- {name.text} - alpha * {goal} = {before} - {self.n(step.local)} * {shown} = {after}",
            f"{name.text} moves against its gradient, from {before} to {after}.",
            rf"{name.latex} \leftarrow {name.latex} - \alpha \, {latex_goal} = {latex_before} - "
            rf"{latex_decimal(step.local, self.digits)} \cdot {latex_shown} = {latex_after}",
        )


def _stages(steps: Sequence[Step], grain: str, writer: _Writer) -> Iterator[Stage]:
    """The steps in groups: one each, those of one node, or those of one neuron that follow each other."""

    def key(numbered: tuple[int, Step]) -> object:
        i, step = numbered
        if grain == "edge" or step.kind == "seed":
            return i
        if grain == "node":
            return (step.kind, id(step.node))
        return (step.kind, step.scope)

    for _, group in groupby(enumerate(steps), key):
        numbered = list(group)
        members = tuple(step for _, step in numbered)
        start, stop = numbered[0][0], numbered[-1][0] + 1
        yield Stage(start, stop, grain, members, writer)


def _title(members: Sequence[Step], grain: str, writer: _Writer) -> str:
    first = members[0]
    if grain == "edge":
        goal = first.operand if first.operand is not None else first.node
        return writer.d(writer.root, goal)[0] if first.kind in ("seed", "backward") else writer.names.of(goal).text
    where = f"neuron {'.'.join(first.scope)}" if grain == "neuron" and first.scope else writer.names.of(first.node).text
    if grain == "neuron" and not first.scope:
        where = "outside the neurons"
    return {"forward": f"forward: {where}", "seed": "start", "update": f"update: {where}"}.get(
        first.kind, f"backward: {where}"
    )


def _more(lines: Sequence[object]) -> list[str]:
    """What stands in place of lines that are too many."""
    return [f"... and {len(lines) - MOST_LINES:,} more steps"] if len(lines) > MOST_LINES else []


def _lines(members: Sequence[Step], grain: str, writer: _Writer) -> list[str]:
    """The stage in numbers. A neuron's backward steps are folded: one line for each value outside that they reach."""
    folded = _folded(members, writer) if grain == "neuron" and members[0].kind == "backward" else []
    return folded[:MOST_LINES] + _more(folded) or [step.text for step in members[:MOST_LINES]] + _more(members)


def _folded(members: Sequence[Step], writer: _Writer) -> list[str]:
    """A neuron's backward steps by what they reach; [] unless all that it passes on came in at one node, its head."""
    inside = {id(step.node) for step in members}
    arrived = Counter(id(step.operand) for step in members)
    heads = {id(step.node): step for step in members if not arrived[id(step.node)]}
    if len(heads) != 1 or any(arrived[key] != writer.uses[key] for key in inside - heads.keys()):
        return []
    first = next(iter(heads.values()))
    head, upstream = first.node, first.upstream
    factor = {id(head): 1.0}  # d head / d node, along the members' edges
    reached: dict[int, Step] = {}
    for step in members:
        x = step.operand
        assert x is not None
        factor[id(x)] = factor.get(id(x), 0.0) + factor[id(step.node)] * step.local
        if id(x) not in inside:
            reached[id(x)] = step  # the last one says what is the sum now
    lines = []
    for key, step in reached.items():
        assert step.operand is not None
        goal, above = writer.d(writer.root, step.operand)[0], writer.d(writer.root, head)[0]
        u, p = writer.factor(upstream)[0], writer.factor(factor[key])[0]
        product, now = writer.n(upstream * factor[key]), writer.n(step.after)
        lines.append(f"{goal} += {above} * {writer.d(head, step.operand)[0]} = {u} * {p} = {product} (now {now})")
    return lines
