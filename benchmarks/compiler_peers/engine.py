"""What a module of this folder gives: `make(row, dtype) -> Engine`."""

from __future__ import annotations

import abc

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
