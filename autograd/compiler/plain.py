"""A plan that raises nothing and generates nothing: a tape run as ``interpret`` runs it, with IEEE results.

Slow and right. It computes what the others cannot (a table looked up outside of its range inside ``ieee()``), and the
tests hold them to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.compiler.interpret import run_tape, tape_gradients
from autograd.compiler.tape import Tape

Array = npt.NDArray[Any]


class InterpretedPlan:
    """A tape as it stands: a ``Plan`` of any batch size."""

    backend = "interpreted"
    source = ""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.order: Array = np.arange(len(tape.parameters))

    def bind(self, batch_size: int, theta: Array, gradient: Array) -> InterpretedRun:
        """A run that reads ``theta`` and writes ``gradient``; it takes any batch size."""
        return InterpretedRun(self.tape, theta, gradient)


class InterpretedRun:
    """A tape with its parameters: a ``Run`` without memory of its own."""

    def __init__(self, tape: Tape, theta: Array, gradient: Array) -> None:
        self.tape, self.theta, self.gradient = tape, theta, gradient

    def forward(self, batch: Array) -> Array:
        """The outputs, shape (B, number of outputs)."""
        return run_tape(self.tape, batch, self.theta)[self.tape.outputs].T.astype(self.theta.dtype)

    def backward(self, batch: Array) -> float:
        """The mean over the batch of the only output; writes ``gradient`` of that mean."""
        rows = run_tape(self.tape, batch, self.theta)
        adjoint = tape_gradients(self.tape, rows, np.full(len(batch), 1.0 / len(batch)))
        self.gradient[:] = adjoint[self.tape.parameters].sum(axis=1)
        return float(rows[self.tape.outputs[0]].mean())

    def input_gradients(self, batch: Array) -> Array:
        """d output / d input, row by row: shape (B, number of inputs)."""
        rows = run_tape(self.tape, batch, self.theta)
        adjoint = tape_gradients(self.tape, rows, np.ones(len(batch)))
        return adjoint[self.tape.inputs].T.astype(self.theta.dtype)
