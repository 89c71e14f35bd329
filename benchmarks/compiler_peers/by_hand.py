"""NumPy written by hand, forward and backward: rows a to d. Buffers are made once; a layer is one matrix product, whose
last column is the bias against a row of ones; the update is one call for all parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler_peers import by_hand_irregular, by_hand_language
from compiler_peers.engine import Engine
from compiler_peers.workloads import IRREGULAR, PENALTY, workload

Array = NDArray[Any]


class Store:
    """Matrices [weights | bias] behind each other in one vector, and their gradient likewise."""

    def __init__(self, pairs: list[tuple[Array, Array]], dtype: str) -> None:
        blocks = [np.column_stack([w.reshape(len(w), -1), b]) for w, b in pairs]
        self.flat = np.concatenate([block.ravel() for block in blocks]).astype(dtype)
        self.gradient = np.zeros_like(self.flat)
        ends = np.cumsum([block.size for block in blocks])
        spans = [(block.shape, slice(end - block.size, end)) for block, end in zip(blocks, ends, strict=True)]
        self.matrices = [self.flat[span].reshape(shape) for shape, span in spans]
        self.gradients = [self.gradient[span].reshape(shape) for shape, span in spans]
        self.scratch = np.empty_like(self.flat)

    def descend(self, rate: float) -> None:
        """Gradient descent."""
        np.multiply(self.gradient, rate, out=self.scratch)
        np.subtract(self.flat, self.scratch, out=self.flat)

    def in_order(self) -> NDArray[np.float64]:
        """The gradient in the workload's order."""
        parts = [part for block in self.gradients for part in (block[:, :-1].ravel(), block[:, -1])]
        return np.concatenate(parts).astype(np.float64)


class Perceptron(Engine):
    """Layers; what lies before them and the loss are the subclasses'. Columns are samples."""

    penalty = 0.0

    def __init__(self, row: str, dtype: str) -> None:
        work = workload(row)
        self.rate, self.batch = work.rate, work.batch.astype(dtype)
        self.count = len(self.batch)
        self.store = Store(self.pairs(work.parameters), dtype)
        self.weights = self.store.matrices[-self.depth(work.parameters) :]
        self.slopes = self.store.gradients[-self.depth(work.parameters) :]
        self.inputs = [np.ones((m.shape[1], self.count), dtype) for m in self.weights]
        self.scores = np.empty((len(self.weights[-1]), self.count), dtype)
        self.adjoints = [np.empty((m.shape[1] - 1, self.count), dtype) for m in self.weights]
        self.transposed = [m[:, :-1].T for m in self.weights]
        self.masks = [np.empty(a.shape, bool) for a in self.adjoints]
        self.seed = np.empty_like(self.scores)

    @staticmethod
    def depth(parameters: dict[str, Array]) -> int:
        """How many layers are perceptron layers."""
        return sum(name.startswith("w") for name in parameters)

    @staticmethod
    def pairs(parameters: dict[str, Array]) -> list[tuple[Array, Array]]:
        """Weights and bias of each block."""
        tensors = list(parameters.values())
        return list(zip(tensors[::2], tensors[1::2], strict=True))

    def load(self) -> None:
        """Bring the batch into the first layer's inputs."""
        np.copyto(self.inputs[0][:-1], self.batch[:, :-1].T)

    def activate(self, x: Array) -> None:
        """The activation, in place."""
        np.maximum(x, 0.0, out=x)

    def slope(self, layer: int) -> None:
        """Multiply the adjoint of a layer's inputs by the activation's slope there."""
        np.greater(self.inputs[layer][:-1], 0.0, out=self.masks[layer])
        np.multiply(self.adjoints[layer], self.masks[layer], out=self.adjoints[layer])

    def loss(self) -> float:
        """The mean loss, its slope along the scores being left in `seed`."""
        raise NotImplementedError

    def forward_backward(self, to_inputs: bool = False) -> float:
        """The mean loss; its gradient is in the store."""
        self.load()
        last = len(self.weights) - 1
        for layer, (weights, x) in enumerate(zip(self.weights, self.inputs, strict=True)):
            out = self.scores if layer == last else self.inputs[layer + 1][:-1]
            np.matmul(weights, x, out=out)
            if layer != last:
                self.activate(out)
        loss = self.loss()
        adjoint = self.seed
        for layer in range(last, -1, -1):
            np.matmul(adjoint, self.inputs[layer].T, out=self.slopes[layer])
            if layer or to_inputs:
                np.matmul(self.transposed[layer], adjoint, out=self.adjoints[layer])
                self.slope(layer)
                adjoint = self.adjoints[layer]
        if self.penalty:
            flat = self.store.flat
            loss += self.penalty * float(flat @ flat)
            np.multiply(flat, 2.0 * self.penalty, out=self.store.scratch)
            np.add(self.store.gradient, self.store.scratch, out=self.store.gradient)
        return loss

    def gradients(self) -> tuple[float, NDArray[np.float64]]:
        """Of one pass."""
        loss = self.forward_backward()
        return loss, self.store.in_order()

    def step(self) -> float:
        """One pass and the update."""
        loss = self.forward_backward()
        self.store.descend(self.rate)
        return loss


class Figure5(Perceptron):
    """(a)"""

    def activate(self, x: Array) -> None:
        """The activation, in place."""
        np.negative(x, out=x)
        np.exp(x, out=x)
        np.add(x, 1.0, out=x)
        np.reciprocal(x, out=x)

    def slope(self, layer: int) -> None:
        """Multiply the adjoint of a layer's inputs by the activation's slope there."""
        x = self.inputs[layer][:-1]
        np.multiply(self.adjoints[layer], x, out=self.adjoints[layer])
        np.multiply(self.adjoints[layer], 1.0 - x, out=self.adjoints[layer])

    def loss(self) -> float:
        """The mean loss; its slope is in `seed`."""
        p, seed = self.scores, self.seed
        self.activate(p)
        np.subtract(p, self.batch[:, -1], out=seed)
        loss = float(np.vdot(seed, seed)) / self.count
        np.multiply(seed, p, out=seed)
        np.multiply(seed, 1.0 - p, out=seed)
        np.multiply(seed, 2.0 / self.count, out=seed)
        return loss


class Margin(Perceptron):
    """(b)"""

    penalty = PENALTY

    def loss(self) -> float:
        """The mean loss; its slope is in `seed`."""
        y, z, seed = self.batch[:, -1], self.scores, self.seed
        np.multiply(z, y, out=z)
        np.subtract(1.0, z, out=z)
        np.maximum(z, 0.0, out=z)
        np.multiply(np.greater(z, 0.0), y, out=seed)
        np.multiply(seed, -1.0 / self.count, out=seed)
        return float(z.sum()) / self.count


class Classifier(Perceptron):
    """(c)"""

    def loss(self) -> float:
        """The mean loss; its slope is in `seed`."""
        z, p = self.scores, self.seed
        columns = np.arange(self.count)
        labels = self.batch[:, -1].astype(np.intp)
        np.subtract(z, z.max(axis=0), out=z)
        np.exp(z, out=p)
        total = p.sum(axis=0)
        loss = float((np.log(total) - z[labels, columns]).sum()) / self.count
        np.multiply(p, 1.0 / (self.count * total), out=p)
        p[labels, columns] -= 1.0 / self.count
        return loss


class Convolution(Classifier):
    """(d) Patches are gathered so that the four taps of a pool lie in four slabs, and the pooled numbers are the dense
    layer's inputs as they stand. The pool comes before the relu, which is the same."""

    def __init__(self, row: str, dtype: str) -> None:
        super().__init__(row, dtype)
        images = np.arange(self.count)
        m, n, down, right, i, j = np.ix_(range(3), range(3), range(2), range(2), range(3), range(3))
        pixel = (2 * i + down + m) * 8 + 2 * j + right + n
        index = pixel[..., None] + images * self.batch.shape[1]
        self.index = index.reshape(9, -1)
        self.patches = np.ones((10, self.index.shape[1]), dtype)
        self.taps = np.empty((8, 4, 9 * self.count), dtype)
        self.routed = np.empty_like(self.taps)
        self.highest = np.empty(self.taps.shape, bool)

    def load(self) -> None:
        """The batch, as the first layer wants it."""
        np.take(self.batch, self.index, out=self.patches[:-1], mode="clip")
        np.matmul(self.store.matrices[0], self.patches, out=self.taps.reshape(8, -1))
        pooled = self.inputs[0][:-1].reshape(8, -1)
        np.max(self.taps, axis=1, out=pooled)
        np.equal(self.taps, pooled[:, None], out=self.highest)
        np.maximum(pooled, 0.0, out=pooled)

    def forward_backward(self, to_inputs: bool = True) -> float:
        """The mean loss; its gradient is in the store."""
        loss = super().forward_backward(to_inputs)
        np.multiply(self.highest, self.adjoints[0].reshape(8, 1, -1), out=self.routed)
        np.matmul(self.routed.reshape(8, -1), self.patches.T, out=self.store.gradients[0])
        return loss


def make(row: str, dtype: str) -> Engine:
    """The engine for a row."""
    if row == "e":
        return by_hand_language.Language(dtype)
    if row in IRREGULAR:
        return by_hand_irregular.Levels(row, dtype)
    classes = {"a1": Figure5, "a200": Figure5, "b": Margin, "c": Classifier, "d": Convolution}
    return classes[row](row, dtype)
