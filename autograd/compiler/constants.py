"""What can be known or dropped before anything is raised: constants are folded, unneeded nodes peeled off.

Both walks start from a list of nodes that NumPy finds at once (operations of constants alone; operations that nobody
reads) and go on from there node by node, so that a graph in which there is nothing to do costs nothing.

Invariant: a folded node's number is that of ``op.quiet``, and finite, or a constant that a ``take`` has taken; any
other that is inf or nan stays an operation, for the eager engine's domain error to be found there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from autograd.compiler.schedule import Bools
from autograd.compiler.tape import CONSTANT, FIRST_OP, Floats, Ints, Tape


@dataclass(eq=False)
class Known:
    """A tape without what is constant and what no output needs.

    Attributes:
        fixed, value: which nodes are constants (folded ones too), and their numbers, which may be nan (0 elsewhere).
        alive: operations that some output needs and that are not constants.
        owner: for each entry of ``tape.args``, the node that reads it.
        read: which entries of ``tape.args`` are read by nodes that are alive; of a ``take`` whose index is constant,
            the one value it takes.
        uses: how many times each node is read; an output counts twice more, so that nothing takes it for its own.
    """

    fixed: Bools
    value: Floats
    alive: Bools
    owner: Ints
    read: Bools
    uses: Ints


def simplify(tape: Tape) -> Known:
    """Choose among constant indices, fold constants, and drop what no output needs."""
    owner = np.repeat(np.arange(len(tape)), np.diff(tape.start))
    read = np.ones(len(tape.args), bool)
    choose(tape, read)
    fixed, value = fold(tape, owner, read)
    alive = (tape.code >= FIRST_OP) & ~fixed
    read &= alive[owner]
    return Known(fixed, value, alive, owner, read, peel(tape, alive, owner, read))


def choose(tape: Tape, read: Bools) -> None:
    """Let a ``take`` whose index is constant read the value that it takes, and nothing else."""
    for k, op in enumerate(tape.ops):
        takes = np.flatnonzero(tape.code == FIRST_OP + k) if op.name == "take" else np.zeros(0, np.int64)
        for node in takes[tape.code[tape.args[tape.start[takes]]] == CONSTANT].tolist():
            start, stop = int(tape.start[node]), int(tape.start[node + 1])
            index = float(tape.data[tape.args[start]])
            if index in range(stop - start - 1):
                read[start:stop] = False
                read[start + 1 + int(index)] = True


def fold(tape: Tape, owner: Ints, read: Bools) -> tuple[Bools, Floats]:
    """Which nodes are constants, and their numbers."""
    fixed = tape.code == CONSTANT
    value = np.where(fixed, tape.data, 0.0)
    varying = np.bincount(owner[read & ~fixed[tape.args]], minlength=len(tape))  # operands that are not known
    ready = np.flatnonzero((tape.code >= FIRST_OP) & (varying == 0)).tolist()
    if ready:
        by_operand = np.argsort(tape.args, kind="stable")
        by_operand = by_operand[read[by_operand]]
        readers, first = owner[by_operand], np.searchsorted(tape.args[by_operand], np.arange(len(tape) + 1))
    while ready:
        node = ready.pop()
        number, taken = number_of(tape, read, value, node)
        if not (math.isfinite(number) or taken):
            continue
        fixed[node], value[node] = True, number
        for reader in readers[first[node] : first[node + 1]].tolist():
            varying[reader] -= 1
            if varying[reader] == 0:
                ready.append(reader)
    return fixed, value


def number_of(tape: Tape, read: Bools, value: Floats, node: int) -> tuple[float, bool]:
    """The number of an operation of constants, with IEEE results; and whether it is one of them, taken."""
    used = read[tape.start[node] : tape.start[node + 1]]
    numbers: list[float] = value[tape.operands(node)[used]].tolist()
    return (tape.op(node).quiet(*numbers), False) if used.all() else (numbers[0], True)


def peel(tape: Tape, alive: Bools, owner: Ints, read: Bools) -> Ints:
    """Clear ``alive`` and ``read`` of what no output needs; the uses of what is left."""
    uses = np.bincount(tape.args[read], minlength=len(tape))
    np.add.at(uses, tape.outputs, 2)
    useless = np.flatnonzero(alive & (uses == 0)).tolist()
    while useless:
        node = useless.pop()
        alive[node] = False
        for place in range(tape.start[node], tape.start[node + 1]):
            if read[place]:
                read[place] = False
                operand = tape.args[place]
                uses[operand] -= 1
                if uses[operand] == 0 and alive[operand]:
                    useless.append(int(operand))
    return uses
