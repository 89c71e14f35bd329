"""A relu behind the maximum that reads it: of the four relus of a 2 x 2 pool one is left.

    maximum(relu(a), relu(b)) = relu(maximum(a, b)),    minimum(relu(a), relu(b)) = relu(minimum(a, b))

So it is with the slopes: where the larger of a and b is above 0 the relus change neither which one that is nor a tie,
and where it is not, nothing reaches a or b on either side. With a minimum it is the smaller one that decides.

That holds for inf, and for an adjoint that is inf, but not for nan: as recorded, where a is nan half of the adjoint
goes to b if b is above 0; behind the maximum is nan then, and the slope of its relu is 0. No operation of the engine
makes a number of a nan and has a slope there that is neither 0 nor nan. So it matters only where the output is nan too:
then a program is run as it was recorded (see ``Bound.plainly``).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from autograd.compiler.numpy.emit import every
from autograd.compiler.schedule import Elementwise, Group, Schedule, operands
from autograd.compiler.tape import Ints
from autograd.ops import TABLE

RELU = TABLE["relu"]
CHOICES = (TABLE["maximum"], TABLE["minimum"])


class RelusLast:
    """The groups of a schedule, relus being moved behind the maxima and minima that read them.

    Groups of relus are moved as a whole, if nothing else reads them.

    Attributes:
        groups: in an order in which they can run, not yet that of their levels; None where relus were.
        behind: of a node that a relu makes, the operand; -1 of others.
        place: of such a node, where its group stands.
        batched: of every new node, a maximum before its relu.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.size = schedule.size
        read = [ids.ravel() for group in schedule.groups for ids in operands(group)]
        self.uses = np.bincount(np.concatenate([schedule.tape.outputs, *read]), minlength=self.size)
        self.behind, self.place = (np.full(self.size, -1, np.int64) for _ in range(2))
        self.groups: list[Group | None] = []
        self.batched: list[bool] = []
        for group in schedule.groups:
            if isinstance(group, Elementwise) and group.op in CHOICES and self.reads_relus(group.args):
                self.move(group)
            else:
                self.add(group)

    def add(self, group: Group) -> None:
        """One more group, as it is."""
        if isinstance(group, Elementwise) and group.op is RELU:
            self.behind[group.out] = group.args[0]
            self.place[group.out] = len(self.groups)
        self.groups.append(group)

    def reads_relus(self, nodes: Ints) -> bool:
        """Are these nodes relus, read here alone, and all of their groups?"""
        if not (every(self.place[nodes] >= 0) and every(self.uses[nodes] == 1)):
            return False
        groups = [self.groups[place] for place in np.unique(self.place[nodes]).tolist()]
        return sum(len(group.out) for group in groups if group is not None) == nodes.size

    def move(self, group: Elementwise) -> None:
        """The group on what its relus read, and its relus behind it."""
        for place in np.unique(self.place[group.args]).tolist():
            self.groups[place] = None
        first = self.size + len(self.batched)
        chosen = np.arange(first, first + len(group.out))
        self.batched += [group.batched] * len(chosen)
        self.add(replace(group, out=chosen, args=self.behind[group.args], level=group.level - 1))
        self.add(replace(group, op=RELU, args=chosen[None]))


def relus_last(schedule: Schedule) -> Schedule:
    """The schedule with its relus behind maxima and minima; the same one where there is nothing to move.

    Nothing is moved in the company of an operation of a user's own, which may make a number of a nan.
    """
    ops = schedule.tape.ops
    if RELU not in ops or not any(op in ops for op in CHOICES) or any(op is not TABLE.get(op.name) for op in ops):
        return schedule
    moved = RelusLast(schedule)
    if not moved.batched:
        return schedule
    groups = sorted([group for group in moved.groups if group is not None], key=lambda group: group.level)
    return schedule.changed(groups, np.array(moved.batched))


def count_relus(schedule: Schedule) -> int:
    """How many relus a schedule computes."""
    return sum(len(group.out) for group in schedule.groups if isinstance(group, Elementwise) and group.op is RELU)
