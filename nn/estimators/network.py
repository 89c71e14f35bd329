"""Network: an MLP with its compiled outputs, which is pickled and copied as plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import autograd as ag
from autograd import Value
from autograd.compiler.parameters import assign
from autograd.compiler.program import Program
from nn.layers import MLP

__all__ = ["Network"]

Array = npt.NDArray[np.float64]

MOST_NUMBERS = 4_000_000
"""As many numbers (32 MB) a call of the program computes with: a longer batch is taken in pieces."""


class Network:
    """An MLP and what a prediction reads off it: its outputs, or the probabilities of the classes.

    ``pickle`` and ``copy`` see the architecture by its names and the parameters as an array, never a Value.
    """

    def __init__(self, model: MLP, *, classifies: bool) -> None:
        self.model, self.classifies = model, classifies
        self._program: Program | None = None

    def logits(self, x: Sequence[Any]) -> list[Value]:
        """The outputs of the last layer."""
        outputs = self.model(x)
        return [outputs] if isinstance(outputs, Value) else outputs

    def read(self, logits: list[Value]) -> list[Value]:
        """What is predicted: the logits themselves, or one probability for each class.

        One logit tells two classes apart, and its two probabilities keep their digits where one is close to 0.
        """
        if not self.classifies:
            return logits
        if len(logits) == 1:
            return [(-logits[0]).sigmoid(), logits[0].sigmoid()]
        found: list[Value] = ag.softmax(logits)
        return found

    def compile(self) -> Program:
        """The program that predicts, compiled once; it reads the numbers of the Values at every call."""
        if self._program is None:
            inputs = [Value(0.0) for _ in range(self.model.sizes[0])]
            self._program = ag.compile(self.read(self.logits(inputs)), inputs=inputs)
        return self._program

    def predict(self, rows: Array) -> Array:
        """What is predicted for every row, shape (rows, outputs or classes)."""
        program = self.compile()
        piece = max(1, MOST_NUMBERS // len(program.tape))
        return np.concatenate([program(rows[start : start + piece]) for start in range(0, len(rows), piece)])

    def __getstate__(self) -> dict[str, Any]:
        return {
            "architecture": self.model.architecture(),
            "parameters": np.array([parameter.data for parameter in self.model.parameters()]),
            "classifies": self.classifies,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        plan = state["architecture"]
        model = MLP(plan["inputs"], plan["layers"], plan["activation"], output=plan["output"], seed=0)
        assign(model.parameters(), state["parameters"].tolist())
        self.__init__(model, classifies=state["classifies"])  # type: ignore[misc]
