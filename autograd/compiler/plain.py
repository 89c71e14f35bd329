"""A plan that raises nothing and generates nothing: a tape run as ``interpret`` runs it.

Slow, and the eager engine's in all that it does: with its errors outside of a domain, its inf and nan, its slopes. The
others compute finite numbers; where one is not, a program is run by this. The tests hold the others to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import modes
from autograd.compiler.faults import check_rows, parts
from autograd.compiler.interpret import run_tape, tape_gradients
from autograd.compiler.tape import Tape

Array = npt.NDArray[Any]


class InterpretedPlan:
    """A tape as it stands: a ``Plan`` of any batch size."""

    backend = "interpreted"
    source = ""
    padded = False

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.order: Array = np.arange(len(tape.parameters))

    def bind(self, batch_size: int, theta: Array, gradient: Array) -> InterpretedRun:
        """A run that reads ``theta`` and writes ``gradient``; it takes any batch size."""
        return InterpretedRun(self.tape, theta, gradient)


class InterpretedRun:
    """A tape with its parameters: a ``Run`` without memory of its own; a large batch is taken in parts.

    Raises (when called):
        DomainError: as the eager engine does in this mode, with a note on the row.
    """

    def __init__(self, tape: Tape, theta: Array, gradient: Array) -> None:
        self.tape, self.theta, self.gradient = tape, theta, gradient

    def forward(self, batch: Array) -> Array:
        """The outputs, shape (B, number of outputs)."""
        return self.rounded(np.concatenate([rows[self.tape.outputs].T for rows in self.rows(batch)]))

    def backward(self, batch: Array) -> float:
        """The mean over the batch of the only output; writes ``gradient`` of that mean."""
        mean, slopes, share = 0.0, np.zeros(len(self.gradient)), 1.0 / len(batch)
        with np.errstate(all="ignore"):
            for rows in self.rows(batch):
                adjoint = tape_gradients(self.tape, rows, np.full(rows.shape[1], share))
                slopes += adjoint[self.tape.parameters].sum(axis=1)
                mean += float((rows[self.tape.outputs[0]] * share).sum())
            self.gradient[:] = slopes
        return float(self.rounded(np.array(mean)))

    def input_gradients(self, batch: Array) -> Array:
        """d output / d input, row by row: shape (B, number of inputs)."""
        found = [tape_gradients(self.tape, rows, np.ones(rows.shape[1])) for rows in self.rows(batch)]
        return self.rounded(np.concatenate([adjoint[self.tape.inputs].T for adjoint in found]))

    def rows(self, batch: Array) -> Iterator[Array]:
        """Every node's number, for a part of the batch at a time."""
        for low, high in pairwise(parts(self.tape, batch)):
            rows = run_tape(self.tape, batch[low:high], self.theta)
            if not modes.current().ieee:
                check_rows(self.tape, rows, low)
            yield rows

    def rounded(self, numbers: Array) -> Array:
        """Numbers of the program's kind."""
        with np.errstate(over="ignore"):
            return numbers.astype(self.theta.dtype)
