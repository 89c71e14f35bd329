"""What is known of every node number while a tape is raised: its level, whether it varies along the batch.

Levels are those of the collapsed graph: a sum of a thousand terms is one step, however long the chain was that it was
written as. This is the one walk from node to node in plain Python; the rest of raising is NumPy.

Invariant: a node's level is one more than the largest among its operands; leaves and constants have level 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autograd.compiler.constants import Known
from autograd.compiler.linear import ABSENT, Linear
from autograd.compiler.schedule import Bools
from autograd.compiler.tape import INPUT, PARAMETER, Floats, Ints, Tape


@dataclass(eq=False)
class Nodes:
    """Facts by node number: those of the tape, then ``zero`` and ``one``, then what raising adds.

    Attributes:
        level: 0 for leaves and constants.
        batched, needed: varies along the batch; has a parameter or an input behind it.
        known, constant: which are constants, and their numbers (0 elsewhere).
    """

    zero: int
    one: int
    level: Ints
    batched: Bools
    needed: Bools
    known: Bools
    constant: Floats

    def __len__(self) -> int:
        return len(self.level)

    def finite(self, ids: Ints) -> Bools:
        """Which of these are no constants that are inf or nan."""
        found: Bools = np.isfinite(self.constant[ids])
        return found

    def add(self, count: int, level: int, batched: bool) -> Ints:
        """New node numbers, of parts that a group computes."""
        first = len(self)
        self.level = np.concatenate([self.level, np.full(count, level)])
        self.batched = np.concatenate([self.batched, np.full(count, batched)])
        self.needed = np.concatenate([self.needed, np.full(count, True)])
        self.known = np.concatenate([self.known, np.full(count, False)])
        self.constant = np.concatenate([self.constant, np.zeros(count)])
        return np.arange(first, first + count)

    def add_constants(self, numbers: Floats) -> Ints:
        """New node numbers for constants."""
        new = self.add(len(numbers), 0, bool(self.batched[self.zero]))
        self.needed[new] = False
        self.known[new] = True
        self.constant[new] = numbers
        return new


def survey(tape: Tape, known: Known, linear: Linear) -> Nodes:
    """Levels and kinds of all nodes of the collapsed graph."""
    n = len(tape)
    terms, factors = linear.terms, linear.terms.y != ABSENT
    lone = known.read & linear.alone[known.owner]
    owner = np.concatenate([terms.root, terms.root[factors], known.owner[lone]])
    operand = np.concatenate([terms.x, terms.y[factors], tape.args[lone]])
    order = np.argsort(owner, kind="stable")
    owner, operand = owner[order], operand[order]
    inner = np.flatnonzero(linear.is_sum & known.alive | linear.alone)
    first = np.searchsorted(owner, inner)
    last = np.searchsorted(owner, inner, "right")
    level = [0] * n
    batched = (tape.code == INPUT).tolist()
    needed = ((tape.code == INPUT) | (tape.code == PARAMETER)).tolist()
    operands = operand.tolist()
    level_of, batched_of, needed_of = level.__getitem__, batched.__getitem__, needed.__getitem__
    for i, start, stop in zip(inner.tolist(), first.tolist(), last.tolist(), strict=True):
        behind = operands[start:stop]
        level[i] = 1 + max(map(level_of, behind))
        batched[i] = True in map(batched_of, behind)
        needed[i] = True in map(needed_of, behind)
    pair = np.array([False, False])
    return Nodes(
        zero=n,
        one=n + 1,
        level=np.concatenate([np.array(level, np.int64), np.zeros(2, np.int64)]),
        batched=np.concatenate([np.array(batched, bool), pair]),
        needed=np.concatenate([np.array(needed, bool), pair]),
        known=np.concatenate([known.fixed, ~pair]),
        constant=np.concatenate([known.value, [0.0, 1.0]]),
    )
