"""micrograd 0.1.0, as its demo is written: rows a and b. Its missing sigmoid is added as its own operations are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from micrograd.engine import Value

from compiler_peers.engine import Engine, NotForThis, Scalars
from compiler_peers.workloads import PENALTY, workload


def sigmoid(x: Value) -> Value:
    """1 / (1 + exp(-x)), with its backward function."""
    out = Value(1.0 / (1.0 + math.exp(-x.data)), (x,), "sigmoid")

    def _backward() -> None:
        x.grad += out.data * (1.0 - out.data) * out.grad

    out._backward = _backward
    return out


def relu(x: Value) -> Value:
    """micrograd's own."""
    return x.relu()


class Micrograd(Scalars):
    """All samples in one graph, as in the demo."""

    def __init__(self, row: str) -> None:
        work = workload(row)
        self.row, self.rate = row, work.rate
        self.layers: list[Any] = []
        self.parameters: list[Value] = []
        for number in range(1, len(work.parameters) // 2 + 1):
            w = [[Value(x) for x in line] for line in work.parameters[f"w{number}"].tolist()]
            b = [Value(x) for x in work.parameters[f"b{number}"].tolist()]
            self.layers.append((w, b))
            self.parameters += [x for line in w for x in line] + b
        self.samples = [[Value(x) for x in sample] for sample in work.batch.tolist()]

    def score(self, x: list[Value]) -> Value:
        """Of one sample."""
        activation = relu if self.row == "b" else sigmoid
        for number, (w, b) in enumerate(self.layers):
            x = [sum((wi * xi for wi, xi in zip(line, x, strict=True)), bias) for line, bias in zip(w, b, strict=True)]
            if number < len(self.layers) - 1 or self.row != "b":
                x = [activation(xi) for xi in x]
        return x[0]

    def losses(self) -> Iterator[Value]:
        """Of all samples together."""
        if self.row == "b":
            losses = [(1 + -y * self.score(x)).relu() for *x, y in self.samples]
            yield sum(losses) * (1.0 / len(losses)) + PENALTY * sum(p * p for p in self.parameters)
        else:
            losses = [(y - self.score(x)) ** 2 for *x, y in self.samples]
            yield sum(losses) * (1.0 / len(losses))


def make(row: str, dtype: str) -> Engine:
    """The engine for a row."""
    if dtype != "float64":
        raise NotForThis("float64 only")
    if row not in ("a1", "a200", "b"):
        raise NotForThis("-")
    return Micrograd(row)
