"""One elementwise group, while its lines are written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd.compiler.numpy.emit import Emitter, number
from autograd.compiler.schedule import Floats
from autograd.op import Op

Constants = list[Floats | None]
"""For each operand its numbers, where they are constants; else None."""


def same_number(numbers: Floats | None) -> float | None:
    """The number that an operand is throughout the group, if it is the same constant."""
    return float(numbers[0]) if numbers is not None and (numbers == numbers[0]).all() else None


@dataclass
class Call:
    """The arrays of a group, by name.

    Attributes:
        emit: where the lines go.
        z, xs: the results and the operands, shape (n, B); an operand fixed along the batch has shape (n, 1). The last
            operand of a short way for sequences is a table, shape (m, n, B).
        n, store: the number of results and where they lie, for scratch arrays of their shape.
        constants: the numbers of operands that are constants, else None.
        kept: what the value leaves behind for the slopes.
        m: the number of rows of the table.
    """

    emit: Emitter
    op: Op
    z: str
    xs: list[str]
    n: int
    store: str
    constants: Constants
    kept: dict[str, str] = field(default_factory=dict)
    m: int = 1

    def line(self, function: str, *args: Any) -> None:
        """One call."""
        self.emit.line(function, *args)

    def scratch(self, kind: Any = None) -> str:
        """Scratch memory of the results' shape."""
        return self.emit.scratch((self.n,), self.store, kind)

    def letter(self, letter: str) -> str:
        """What a letter of a short way stands for, beside operands, result and adjoints (see ``short``)."""
        if letter == "s":
            return self.kept.get("s") or self.kept.setdefault("s", self.emit.kept((self.n,), self.store))
        if letter in ("low", "high"):  # so far exp(x/2) and its reciprocal are finite, and the sigmoid is 0 or 1 beyond
            limit = 1400.0 if self.emit.dtype == np.float64 else 170.0
            return number(limit if letter == "high" else -limit)
        if letter in "kj":
            numbers = self.constants[1]
            assert numbers is not None
            shift = 0.0 if letter == "k" else 1.0
            one = same_number(numbers)
            return number(one - shift) if one is not None else self.emit.constant(numbers - shift)
        if letter in ("pi", "qi"):
            return self.emit.derived(self.letter(letter[0]), "int8", lambda truths: truths.view(np.int8))
        return self.emit.letter(letter, (self.n,), self.store, bool if letter in "pq" else None)
