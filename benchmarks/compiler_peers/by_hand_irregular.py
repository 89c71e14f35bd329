"""NumPy written by hand for the irregular graphs (row f): nodes of one level and one operation at once.

Slots are renumbered by (level, operation), so that a group's results are a slice; operands are gathered. Backward,
each use of a slot has a row of its own for the adjoint that it sends; the rows of one slot lie together, so the
adjoints of a group are one segmented sum, and nothing is scattered twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler_peers import irregular
from compiler_peers.engine import Engine
from compiler_peers.workloads import IRREGULAR, workload

Array = NDArray[Any]
BINARY = ("add", "sub", "mul", "ratio", "max")


@dataclass(frozen=True)
class Group:
    """Nodes of one level and kind; rows are where the adjoints that they send are put."""

    kind: str
    nodes: slice
    a: NDArray[np.intp]
    b: NDArray[np.intp]
    row_a: NDArray[np.intp]
    row_b: NDArray[np.intp]


@dataclass(frozen=True)
class Plan:
    """A graph in levels."""

    place: NDArray[np.intp]
    """Of each slot of the Dag, the slot here."""
    groups: list[Group]
    starts: NDArray[np.intp]
    """Of each slot, its first row of received adjoints; one more at the end."""


def plan(dag: irregular.Dag) -> Plan:
    """Groups in an order in which operands come first. A loss's slot without uses sends its seed to a row too."""
    leaves, total = len(dag.start), len(dag.start) + len(dag.nodes)
    kinds = sorted({kind for kind, _, _ in dag.nodes})
    level, code = np.zeros(total, int), np.zeros(total, int)
    for k, (kind, a, b) in enumerate(dag.nodes, start=leaves):
        level[k] = 1 + max(level[a], level[b])
        code[k] = kinds.index(kind)
    order = np.lexsort((np.arange(total), code, level))
    place = np.empty(total, np.intp)
    place[order] = np.arange(total)
    table = np.array([(a, b) for _, a, b in dag.nodes])
    operands = place[table[order[leaves:] - leaves]]  # of the nodes, in their new order
    kind_of = np.array(["", *kinds])[np.where(order < leaves, 0, code[order] + 1)][leaves:]
    second = np.isin(kind_of, BINARY)
    uses = np.bincount(operands[:, 0], minlength=total) + np.bincount(operands[second, 1], minlength=total)
    starts = np.concatenate([[0], np.cumsum(np.maximum(uses, 1))])  # an unused slot has one row: its seed
    sent = np.concatenate([operands[:, 0], operands[second, 1]])
    by_slot = np.argsort(sent, kind="stable")
    firsts = np.concatenate([[0], np.cumsum(uses)])[sent[by_slot]]
    rows = np.empty(len(sent), np.intp)
    rows[by_slot] = starts[sent[by_slot]] + np.arange(len(sent)) - firsts
    row_b = np.full(total - leaves, -1, np.intp)
    row_b[second] = rows[total - leaves :]
    keys = np.stack([level[order], code[order]])[:, leaves:]
    borders = np.flatnonzero(np.any(np.diff(keys, axis=1), axis=0)) + 1
    groups = []
    for i, j in zip([0, *borders], [*borders, total - leaves], strict=True):
        part = slice(i, j)
        nodes = slice(leaves + i, leaves + j)
        groups.append(Group(str(kind_of[i]), nodes, *operands[part].T.copy(), rows[part], row_b[part]))
    return Plan(place, groups, starts)


class Levels(Engine):
    """The graph on a batch: slots are rows, samples columns; with one sample, vectors."""

    def __init__(self, row: str, dtype: str) -> None:
        work = workload(row)
        nodes, window, _ = IRREGULAR[row]
        dag = irregular.random_dag(nodes, window)
        made = plan(dag)
        self.plan, self.rate = made, work.rate
        self.batch = work.batch.astype(dtype)
        self.leaves, self.inputs = len(dag.start), dag.inputs
        self.sinks = made.place[dag.sinks]
        total = len(made.place)
        self.parameters = dag.start[dag.inputs :].astype(dtype)
        shape = self.batch.shape[:1] if len(self.batch) > 1 else ()
        self.values = np.zeros((total, *shape), dtype)
        self.adjoints = np.zeros((total, *shape), dtype)
        self.received = np.zeros((made.starts[-1], *shape), dtype)

    def forward_backward(self) -> tuple[float, Array]:
        """The mean loss and the parameters' gradient."""
        v, g, received, starts = self.values, self.adjoints, self.received, self.plan.starts
        count = len(self.batch)
        v[: self.inputs] = self.batch.T if count > 1 else self.batch[0]
        v[self.inputs : self.leaves].T[...] = self.parameters
        for group in self.plan.groups:
            x, z = v[group.a], v[group.nodes]
            match group.kind:
                case "add":
                    np.add(x, v[group.b], out=z)
                case "sub":
                    np.subtract(x, v[group.b], out=z)
                case "mul":
                    np.multiply(x, v[group.b], out=z)
                case "half":
                    np.multiply(x, 0.5, out=z)
                case "tanh":
                    np.tanh(x, out=z)
                case "relu":
                    np.maximum(x, 0.0, out=z)
                case "sin":
                    np.sin(x, out=z)
                case "gauss":
                    np.exp(-(x * x), out=z)
                case "ratio":
                    y = v[group.b]
                    np.divide(x, y * y + 1.5, out=z)
                case "max":
                    np.maximum(x, v[group.b], out=z)
        last = v[self.sinks]
        share = 1.0 / (len(self.sinks) * count)
        loss = float(np.sin(last).sum()) * share
        received[starts[self.sinks]] = np.cos(last) * share
        for group in reversed(self.plan.groups):
            low, high = group.nodes.start, group.nodes.stop
            first = starts[low]
            dz = np.add.reduceat(received[first : starts[high]], starts[low:high] - first, axis=0)
            x, z = v[group.a], v[group.nodes]
            match group.kind:
                case "add":
                    received[group.row_a] = received[group.row_b] = dz
                case "sub":
                    received[group.row_a] = dz
                    received[group.row_b] = -dz
                case "mul":
                    received[group.row_a] = dz * v[group.b]
                    received[group.row_b] = dz * x
                case "half":
                    received[group.row_a] = 0.5 * dz
                case "tanh":
                    received[group.row_a] = dz * (1.0 - z * z)
                case "relu":
                    received[group.row_a] = dz * (x > 0.0)
                case "sin":
                    received[group.row_a] = dz * np.cos(x)
                case "gauss":
                    received[group.row_a] = dz * z * x * -2.0
                case "ratio":
                    y = v[group.b]
                    quotient = dz / (y * y + 1.5)
                    received[group.row_a] = quotient
                    received[group.row_b] = quotient * z * y * -2.0
                case "max":
                    y = v[group.b]
                    to_x = dz * (0.5 + 0.5 * (np.greater(x, y) * 1.0 - np.greater(y, x)))
                    received[group.row_a] = to_x
                    received[group.row_b] = dz - to_x
        end = starts[self.leaves]
        g = np.add.reduceat(received[:end], starts[: self.leaves], axis=0)[self.inputs :]
        return loss, g.reshape(len(g), -1).sum(axis=1)

    def gradients(self) -> tuple[float, NDArray[np.float64]]:
        """Of one pass."""
        loss, gradient = self.forward_backward()
        return loss, gradient.astype(np.float64)

    def step(self) -> float:
        """One pass and the update."""
        loss, gradient = self.forward_backward()
        self.parameters -= self.rate * gradient
        return loss
