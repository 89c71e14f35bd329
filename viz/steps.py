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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from autograd import topological, verify
from autograd.reverse import edges, tape
from viz.derivation import closed, tight
from viz.naming import Names, applied, decimal, latex_decimal
from viz.scopes import Graph, Scope

if TYPE_CHECKING:
    from autograd import Value

__all__ = ["GRAINS", "Plan", "Stage", "Step", "plan"]

GRAINS = ("edge", "node", "neuron")


@dataclass(frozen=True)
class Step:
    """One step. Numbers that a kind of step does not have are 0.

    Attributes:
        kind: "forward", "seed", "backward" or "update".
        node: the value computed, sent from, or updated. operand: where a backward step arrives, else None.
        slot: which operand of the node, for a backward step.
        upstream, local, contribution: of a backward step; ``contribution = upstream * local``.
        before, after: the operand's gradient (backward), the parameter's data (update), the value (forward, after).
        waiting: how many further contributions the operand's gradient still waits for, after this one.
        of: how many it gets in all.
        text: the step in numbers. words: in a sentence. latex: as a formula.
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
    text: str
    words: str
    latex: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Stage:
    """Steps that are taken together at a coarser grain: ``start`` to ``stop`` in the plan's list."""

    start: int
    stop: int
    title: str
    steps: tuple[Step, ...] = field(repr=False)
    text: str = field(repr=False)

    @property
    def words(self) -> str:
        """The sentences of its steps."""
        return " ".join(step.words for step in self.steps)

    @property
    def latex(self) -> str:
        """The formulas of its steps, one a line."""
        rows = r" \\ ".join(step.latex for step in self.steps)
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


def plan(
    root: Value, *, grain: str = "edge", forward: bool = False, learning_rate: float | None = None, digits: int = 4
) -> Plan:
    """Every step of the backward pass of ``root``; with ``forward`` the values first, with a learning rate the updates.

    Raises:
        ValueError: an unknown grain.
        StaleGraphError: data was edited after the forward pass.
    """
    if grain not in GRAINS:
        raise ValueError(f"grain must be one of {', '.join(map(repr, GRAINS))}; got {grain!r}")
    verify(root)
    graph = Graph(topological(root))
    writer = _Writer(root, graph, digits)
    steps = [*(writer.forward() if forward else ()), writer.seed(), *writer.backward()]
    if learning_rate is not None:
        steps += writer.update(steps, learning_rate)
    return Plan(root, graph, writer.names, tuple(steps), tuple(_stages(steps, grain, writer)), digits)


class _Writer:
    """Makes the steps of one graph and says them."""

    def __init__(self, root: Value, graph: Graph, digits: int) -> None:
        self.root, self.graph, self.digits = root, graph, digits
        self.names = Names(graph.nodes, root, root, digits)
        self.scopes = {id(v): scope for v, scope in zip(graph.nodes, graph.scopes, strict=True)}
        self.uses = Counter(id(x) for v in graph.nodes for x, _ in edges(v))

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
            if v.is_leaf:
                continue
            name = self.names.of(v)
            expression = applied(v, [self.names.operand(x) for x in v.operands]) if len(v.operands) <= 40 else name
            value, latex_value = self.n(v.data), latex_decimal(v.data, self.digits)
            middle = "" if expression.text == name.text else f" = {expression.text}"
            latex_middle = "" if expression.text == name.text else f" = {expression.latex}"
            yield Step(
                "forward", v, None, 0, 0.0, 0.0, 0.0, 0.0, v.data, 0, 0, self.scopes[id(v)],
                f"{name.text}{middle} = {value}",
                f"{name.text} is computed: {value}.",
                f"{name.latex}{latex_middle} = {latex_value}",
            )  # fmt: skip

    def seed(self) -> Step:
        text, latex = self.d(self.root, self.root)
        name = self.names.of(self.root).text
        return Step(
            "seed", self.root, None, 0, 0.0, 0.0, 0.0, 0.0, 1.0, 0, 1, self.scopes[id(self.root)],
            f"{text} = 1", f"The backward pass starts at {name}: its gradient in itself is 1.", f"{latex} = 1",
        )  # fmt: skip

    def backward(self) -> Iterator[Step]:
        gradients = {id(self.root): 1.0}
        arrived: Counter[int] = Counter()
        for v in reversed(tape(self.root) if not self.root.is_leaf else []):
            upstream = gradients[id(v)]
            for slot, (x, local) in enumerate(edges(v)):
                before = gradients.get(id(x), 0.0)
                contribution = upstream * local
                after = gradients[id(x)] = before + contribution
                arrived[id(x)] += 1
                waiting = self.uses[id(x)] - arrived[id(x)]
                yield self.edge(v, x, slot, upstream, local, before, after, waiting)

    def edge(
        self, v: Value, x: Value, slot: int, upstream: float, local: float, before: float, after: float, waiting: int
    ) -> Step:
        goal, latex_goal = self.d(self.root, x)
        above, latex_above = self.d(self.root, v)
        below, latex_below = self.d(v, x)
        (u, latex_u), (p, latex_p) = self.factor(upstream), self.factor(local)
        product, latex_product = self.n(upstream * local), latex_decimal(upstream * local, self.digits)
        now, latex_now = self.n(after), latex_decimal(after, self.digits)
        of = self.uses[id(x)]
        name, from_name = self.names.of(x).text, self.names.of(v).text
        if of == 1:
            rest = f"That is all of it: {goal} = {now}."
        elif waiting:
            rest = f"{goal} is now {now} and waits for {waiting} more path{'s' if waiting > 1 else ''}."
        else:
            rest = f"All {of} paths are summed: {goal} = {now}."
        return Step(
            "backward", v, x, slot, upstream, local, upstream * local, before, after, waiting, of, self.scopes[id(v)],
            f"{goal} += {above} * {below} = {u} * {p} = {product} (now {now})",
            f"{from_name} passes its gradient {self.n(upstream)} to {name}, times the local derivative "
            f"{self.n(local)}: {product}. {rest}",
            rf"{latex_goal} \mathrel{{+}}= {latex_above} \cdot {latex_below} = {latex_u} \cdot {latex_p} "
            rf"= {latex_product} \quad (\text{{now }} {latex_now})",
        )  # fmt: skip

    def update(self, steps: Sequence[Step], learning_rate: float) -> Iterator[Step]:
        """Plain gradient descent on the parameters: named leaves that belong to a scope."""
        gradients = {id(s.operand): s.after for s in steps if s.kind == "backward"}
        for v in self.graph.nodes:
            if not v.is_leaf or not self.scopes[id(v)] or not v.name:
                continue
            g = gradients[id(v)]
            after = v.data - learning_rate * g
            name, (goal, latex_goal) = self.names.of(v), self.d(self.root, v)
            (shown, latex_shown), rate = self.factor(g), self.n(learning_rate)
            yield Step(
                "update", v, None, 0, g, learning_rate, -learning_rate * g, v.data, after, 0, 0, self.scopes[id(v)],
                f"{name.text} <- {name.text} - alpha * {goal} = {self.n(v.data)} - {rate} * {shown} = {self.n(after)}",
                f"{name.text} moves against its gradient, from {self.n(v.data)} to {self.n(after)}.",
                rf"{name.latex} \leftarrow {name.latex} - \alpha \, {latex_goal} "
                rf"= {latex_decimal(v.data, self.digits)} - {rate} \cdot {latex_shown} = {latex_decimal(after, self.digits)}",
            )  # fmt: skip


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
        yield Stage(start, stop, _title(members, grain, writer), members, _told(members, grain, writer))


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


def _told(members: Sequence[Step], grain: str, writer: _Writer) -> str:
    """The stage in numbers. A neuron's backward steps are folded: one line for each value outside that they reach."""
    if grain != "neuron" or members[0].kind != "backward":
        return "\n".join(step.text for step in members)
    inside = {id(step.node) for step in members}
    heads = [s.node for s in members if not any(t.operand is s.node for t in members)]
    if len({id(v) for v in heads}) != 1:
        return "\n".join(step.text for step in members)
    head = heads[0]
    factor = {id(head): 1.0}  # d head / d node, along the members' edges
    reached: dict[int, Step] = {}
    for step in members:
        x = step.operand
        assert x is not None
        factor[id(x)] = factor.get(id(x), 0.0) + factor[id(step.node)] * step.local
        if id(x) not in inside:
            reached[id(x)] = step
    upstream = next(step.upstream for step in members if step.node is head)
    lines = []
    for step in reached.values():
        x = step.operand
        assert x is not None
        goal, above, below = writer.d(writer.root, x)[0], writer.d(writer.root, head)[0], writer.d(head, x)[0]
        u, p = writer.factor(upstream)[0], writer.factor(factor[id(x)])[0]
        product = writer.n(upstream * factor[id(x)])
        lines.append(f"{goal} += {above} * {below} = {u} * {p} = {product} (now {writer.n(step.after)})")
    return "\n".join(lines)
