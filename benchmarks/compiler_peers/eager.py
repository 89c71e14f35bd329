"""Our eager engine as it has always been used: the graph of every sample recorded anew, one node per number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import compiler_models as models
import numpy as np
from numpy.typing import NDArray

import autograd as ag
from autograd import Value
from compiler_peers import irregular
from compiler_peers.engine import Engine, NotForThis, Scalars
from compiler_peers.workloads import CONTEXT, IRREGULAR, workload


class Eager(Scalars):
    """A loss per sample, each differentiated by itself: the gradients add up, and the graph stays small."""

    def __init__(self, row: str) -> None:
        self.row, self.work = row, workload(row)
        self.rate = self.work.rate
        self.tensors = models.state(self.work)
        self.parameters = models.flat(self.tensors.values())
        self.samples = [self.prepare(sample) for sample in self.work.batch]

    def prepare(self, sample: NDArray[np.float64]) -> Any:
        """A sample as the user has it: numbers are plain floats, letters ints, words as long as they are."""
        if self.row != "e":
            return sample.tolist()
        letters, following, weights = sample.reshape(3, CONTEXT)
        return [part[weights > 0].astype(int).tolist() for part in (letters, following)]

    def loss(self, sample: Any) -> Value:
        """Of one sample."""
        tensors = self.tensors
        if self.row == "e":
            letters, following = sample
            scores = models.gpt(tensors, [tensors["letters"][letter] for letter in letters])
            losses = [ag.logsumexp(z) - z[y] for z, y in zip(scores, following, strict=True)]
            return ag.mean(losses)
        if self.row in IRREGULAR:
            nodes, window, _ = IRREGULAR[self.row]
            dag = irregular.random_dag(nodes, window)
            slots = irregular.values_of(dag, [*map(Value, sample), *self.parameters], models.FUNCTIONS)
            return ag.mean([ag.sin(slots[k]) for k in dag.sinks])
        if self.row == "d":
            return models.convolution_loss(tensors, sample, entropy)
        *x, y = sample
        layers = models.layers_of(tensors)
        if self.row == "c":
            return entropy(models.perceptron(layers, x, ag.relu), y)
        return (models.margin_loss if self.row == "b" else models.squared_loss)(layers, x, y)

    def losses(self) -> Iterator[Value]:
        """Of every sample, and the penalty."""
        for sample in self.samples:
            yield self.loss(sample) * (1.0 / len(self.samples))
        if self.row == "b":
            yield models.penalty(self.parameters)


def entropy(scores: list[Value], label: float) -> Value:
    """-log softmax(scores)[label]"""
    return ag.logsumexp(scores) - scores[int(label)]


def make(row: str, dtype: str) -> Engine:
    """The engine for a row."""
    if dtype != "float64":
        raise NotForThis("float64 only")
    if row.startswith("f256"):
        raise NotForThis("-")  # 256 times the row of batch 1
    return Eager(row)
