"""Where and when a program is held to the function that it was traced from: a row of the batch, on the eager engine.

At steps 1, 2, 4, 8 and the last one; as far as a share of the time allows, at every power of two and once an epoch too.
The rows rotate. Loss and gradient must be those of the program but for rounding, whose bound is measured (see
``rounding``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autograd.compiler import cost
from autograd.compiler.plans import schedule_of
from autograd.compiler.program import Program
from autograd.compiler.rounding import Ways, near, within
from autograd.compiler.tape import FIRST_OP, Tape

__all__ = ["Spots", "difference"]

Array = npt.NDArray[np.float64]

ALWAYS = 8
"""Up to this step, and at the last one, a look is taken whatever it costs."""

SHARE = 0.02
"""The share of a training's time that is taken for others."""

LOOK, NODE, OPERAND = 250e-6, 3e-6, 0.6e-6
"""Seconds: a look at anything, and for every operation and operand of a row, beside a compiled step."""

LEAST, COMPILE = 5e-3, 7e-6
"""Seconds: what tracing and compiling takes at least, and for every operand."""

GOLDEN = 0.6180339887498949
"""Multiples of it, less their whole part, are spread over [0, 1) evenly, however many there are."""


class Spots:
    """When to look, and at which row.

    Args:
        program: what makes the steps. rows: of a batch. epoch: how many steps take every row once.
        steps: how many there will be.
    """

    def __init__(self, program: Program, rows: int, epoch: int, steps: int) -> None:
        tape = program.tape
        python = program.choice(rows)[0] == "python"
        self.step = cost.python_cost(tape, rows) if python else cost.numpy_cost(schedule_of(tape), rows)
        self.look = LOOK + self.step + NODE * int((tape.code >= FIRST_OP).sum()) + OPERAND * len(tape.args)
        self.compile = LEAST + COMPILE * len(tape.args)
        self.epoch, self.steps = epoch, steps
        self.made = self.last = 0

    def due(self, step: int) -> bool:
        """Is a row to be looked at before this step (from 1)?"""
        power = not step & (step - 1)
        if step != self.steps and not (power and step <= ALWAYS):
            spent, allowed = (self.made + 1) * self.look, SHARE * (self.compile + step * self.step)
            if spent > allowed or not (power or step - self.last >= self.epoch):
                return False
        self.made, self.last = self.made + 1, step
        return True

    def place(self, count: int) -> int:
        """Which row of a batch of so many is next."""
        return int((self.made * GOLDEN) % 1.0 * count)


def difference(tape: Tape, row: Array, theta: Array, found: tuple[float, Array], expected: tuple[float, Array]) -> str:
    """ "" where two losses of a row and their gradients are the same but for rounding; else what differs."""
    pairs = [(np.array([a]), np.array([b])) for a, b in zip(found[:1], expected[:1], strict=True)]
    pairs.append((found[1], expected[1]))
    if all(near(a, b) for a, b in pairs):
        return ""
    ways = Ways(tape, row, theta)
    for what, (a, b), many in zip(("the loss", "the gradient"), pairs, (ways.outputs, ways.gradient), strict=True):
        assert many is not None
        if not (within(a, many) and within(b, many)):
            place = int(np.argmax(np.abs(a - b)))
            return f"{what} {a[place]:.6g} where the function gives {b[place]:.6g}"
    return ""
