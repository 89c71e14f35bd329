"""What a module of this folder gives: `make(row, dtype) -> Engine`."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray


class NotForThis(Exception):
    """The engine cannot do this row, or not in this precision; the text is the table's cell."""


class Engine(abc.ABC):
    """One model of one library, at the workload's parameters, ready to train on the workload's batch."""

    @abc.abstractmethod
    def gradients(self) -> tuple[float, NDArray[np.float64]]:
        """The batch's mean loss and its gradient, in the order of the workload's tensors; no parameter changes."""

    @abc.abstractmethod
    def step(self) -> object:
        """One training step: forward, backward, SGD update."""

    def run(self, steps: int) -> None:
        """So many steps, all complete when it returns."""
        for _ in range(steps):
            self.step()

    def figures(self) -> dict[str, float]:
        """What else it measured."""
        return {}


class Scalars(Engine):
    """An engine of scalars: its ``parameters`` are objects with ``data`` and ``grad``, in the workload's order."""

    parameters: list[Any]
    rate: float

    @abc.abstractmethod
    def losses(self) -> Iterator[Any]:
        """Graphs, each made when it is asked for, whose sum is the batch's mean loss."""

    def backward(self) -> float:
        """Gradients in the parameters; the mean loss."""
        for p in self.parameters:
            p.grad = 0.0
        total = 0.0
        for loss in self.losses():
            loss.backward()
            total += loss.data
        return total

    def gradients(self) -> tuple[float, NDArray[np.float64]]:
        """Of one pass."""
        loss = self.backward()
        return loss, np.array([p.grad for p in self.parameters])

    def step(self) -> float:
        """One pass and the update."""
        loss = self.backward()
        for p in self.parameters:
            p.data -= self.rate * p.grad
        return loss
