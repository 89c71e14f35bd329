"""How far two right computations of one row may be apart: a tape is run many times, each node rounded another way.

A number that is computed in another order differs by a rounding error in the size of what was added; what becomes of
that further on is the graph's affair (a kink may lie between, a difference may cancel). So nothing is assumed: every
result, and every step of the chain rule, is moved by a random part of its own rounding error, and the spread of what
comes out is the bound. This is stochastic arithmetic (Vignes; Parker's Monte Carlo arithmetic), here over a batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.compiler.interpret import on_rows, partials_on_rows, start
from autograd.compiler.tape import FIRST_OP, Tape
from autograd.op import Op

Array = npt.NDArray[Any]

NEAR = 1e-10
"""Numbers closer than this, relative to the largest of them, are one without further ado."""

RUNS = 24
UNIT = 16 * 2.0**-53
CELLS = 4_000_000
"""So many numbers are computed with: a large tape is run fewer times."""

SPREAD = 8.0
"""So many times the spread of the runs is allowed on either side of it."""

ADDED = ("add", "sub", "dot", "sum", "mean", "logsumexp")
"""The operations whose rounding error is in the size of their terms."""


class Ways:
    """The outputs of one row, and the gradient of the first of them, in many ways of rounding.

    Attributes:
        outputs: shape (outputs, runs). gradient: shape (parameters, runs), in the order of the tape; None without one.
    """

    def __init__(self, tape: Tape, row: Array, theta: Array, *, gradient: bool = True) -> None:
        runs = max(6, min(RUNS, CELLS // max(1, len(tape))))
        self.chance = np.random.default_rng(len(tape))
        rows = start(tape, np.repeat(row[None, :], runs, axis=0), theta, len(tape))
        inner = np.flatnonzero(tape.code >= FIRST_OP).tolist()
        with np.errstate(all="ignore"):
            for i in inner:
                op, operands = tape.op(i), rows[tape.operands(i)]
                rows[i] = self.moved(on_rows(op, operands), size_of(op, operands))
            self.outputs = rows[tape.outputs]
            self.gradient = self.slopes(tape, rows, inner) if gradient else None

    def slopes(self, tape: Tape, rows: Array, inner: list[int]) -> Array:
        """The gradient of the first output, every contribution rounded another way."""
        adjoint = np.zeros_like(rows)
        adjoint[tape.outputs[0]] = 1.0
        for i in reversed(inner):
            args = tape.operands(i)
            locals_ = np.broadcast_arrays(rows[i], *partials_on_rows(tape.op(i), rows[i], rows[args]))[1:]
            np.add.at(adjoint, args, self.moved(adjoint[i] * np.stack(locals_)))
        found: Array = adjoint[tape.parameters]
        return found

    def moved(self, numbers: Array, size: Array | float = 0.0) -> Array:
        """The numbers, each moved by a part of its rounding error."""
        share = self.chance.uniform(-UNIT, UNIT, np.shape(numbers))
        found: Array = numbers + share * (np.abs(numbers) + size)
        return found


def size_of(op: Op, operands: Array) -> Any:
    """The size of what an operation adds up, beside its result."""
    if op.name == "dot":
        half = len(operands) // 2
        return np.abs(operands[:half] * operands[half : 2 * half]).sum(0) + np.abs(operands[2 * half :]).sum(0)
    return np.abs(operands).sum(0) if op.name in ADDED else 0.0


def near(a: Array, b: Array) -> bool:
    """Are these the same numbers, for all that matters? nan is like nan, inf like inf."""
    if a.shape != b.shape:
        return False
    size = np.max(np.abs(a), initial=0.0)
    if np.isfinite(size):
        return bool((np.abs(a - b) <= NEAR * size).all())
    return bool(np.array_equal(a, b, equal_nan=True))


def within(numbers: Array, ways: Array) -> bool:
    """Could rounding have made these numbers, shape (n,), of what the runs, shape (n, runs), computed?"""
    low, high = ways.min(axis=1), ways.max(axis=1)
    with np.errstate(invalid="ignore"):
        slack = SPREAD * (high - low) + NEAR * np.max(np.abs(ways), initial=0.0)
        inside = (numbers >= low - slack) & (numbers <= high + slack)
    return bool((inside | ~np.isfinite(ways).all(axis=1)).all())  # where a run is not finite nothing is known
