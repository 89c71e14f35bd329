"""In which order nodes lie in memory: so that what a group reads is, as often as can be, a view and no copy.

Each group's results are one block of rows. What is free is the order inside the block (for sums and elementwise
groups), the order of the terms of a product's inner dimension, and the order of the parameters. They are chosen group
by group, each following the order of what it reads; the parameters follow the products that use them, so that a weight
matrix is a matrix in memory and its gradient is written where it belongs. Columns of a product that are copied in any
case follow those who read the results (``slabs``).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from autograd.compiler.numpy.emit import contiguous, some, steps
from autograd.compiler.numpy.slabs import Readers, copied, in_slabs
from autograd.compiler.numpy.turned import turn, whole_readers
from autograd.compiler.schedule import (
    Elementwise,
    Gather,
    Group,
    MatMul,
    Product,
    Schedule,
    Softmax,
    Sum,
    Terms,
    operands,
)
from autograd.compiler.tape import Ints
from autograd.locks import cached

LAST = np.int64(1) << 60


class Order:
    """The groups of a schedule with their nodes in memory order, and the order of parameters and inputs.

    Attributes:
        groups: those of the schedule in its order, as copies whose arrays are permuted.
        parameters: node numbers in the order of ``theta``.
        inputs: node numbers in memory order.
        lead: how many of the inputs the first product reads.
        ones: for a group (its place in ``groups``; -1 the leading inputs): how many rows of ones follow its block, so
            that a bias column needs no copy.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        size, tape = schedule.size, schedule.tape
        self.position = np.full(size, -1, np.int64)
        self.is_parameter = np.zeros(size, bool)
        self.is_parameter[tape.parameters] = True
        self.theta = np.full(size, -1, np.int64)
        self.placed_parameters = self.placed = 0
        self.made_by = np.full(size, -2, np.int64)
        self.made_by[tape.inputs] = -1
        read: list[Ints] = []
        for k, group in enumerate(schedule.groups):
            self.made_by[group.out.ravel()] = k
            for ids in operands(group):
                read.append(ids.ravel())
        self.uses = np.bincount(np.concatenate(read), minlength=size) if read else np.zeros(size, np.int64)
        self.ones = self.bias_rows()
        self.whole_readers = whole_readers(schedule, self.made_by)
        self.inputs, self.lead = self.input_order()
        self.place(self.inputs)
        arranged: dict[int, Group] = {}
        for fixed in (False, True):  # what varies along the batch first: the products claim the parameters
            for k, group in enumerate(schedule.groups):
                if group.batched != fixed:
                    arranged[k] = self.arrange(group)
                    self.place(arranged[k].out)
        self.groups = [arranged[k] for k in range(len(schedule.groups))]
        self.claim(tape.parameters)
        self.parameters = tape.parameters[np.argsort(self.theta[tape.parameters])]

    @cached
    def readers(self) -> Readers:
        """Who reads what."""
        return Readers(self.schedule.groups, self.uses)

    def place(self, ids: Ints) -> None:
        """The next positions, for nodes in this order."""
        self.position[ids.ravel()] = np.arange(self.placed, self.placed + ids.size)
        self.placed += ids.size

    def claim(self, ids: Ints) -> None:
        """The next places in theta, for the parameters among these that have none."""
        flat = ids.ravel()
        flat = flat[self.is_parameter[flat] & (self.theta[flat] < 0)]
        if not len(flat):
            return
        _, first = np.unique(flat, return_index=True)
        flat = flat[np.sort(first)]
        self.theta[flat] = np.arange(self.placed_parameters, self.placed_parameters + len(flat))
        self.placed_parameters += len(flat)

    def claim_all(self, group: Group) -> None:
        """Places for all parameters that a group reads, in its order."""
        for ids in operands(group):
            self.claim(ids)

    def bias_rows(self) -> dict[int, int]:
        """For groups (-1: the inputs) all of whose readers want a row of ones behind them: how many."""
        ones: dict[int, int] = {}
        for group in self.schedule.groups:
            if isinstance(group, MatMul) and len(group.x) == 1 and group.x.shape[1] > 1:
                x = group.x[0]
                makers = self.made_by[x[:-1]].ravel()
                if (x[-1] == self.schedule.one).all() and (makers == makers[0]).all() and makers[0] >= -1:
                    maker = int(makers[0])
                    ones[maker] = max(ones.get(maker, 0), x.shape[1])
        return ones

    def input_order(self) -> tuple[Ints, int]:
        """The inputs, first those that the first product of inputs alone reads; and how many those are."""
        inputs = self.schedule.tape.inputs
        for group in self.schedule.groups:
            if isinstance(group, MatMul):
                read = group.x[0].ravel()
                read = read[read != self.schedule.one]
                if len(read) and (self.made_by[read] == -1).all():
                    first = dict.fromkeys(read.tolist())  # np.unique would import numpy.ma, which takes 20 ms
                    if len(first) == len(read):
                        return np.array([*(first | dict.fromkeys(inputs.tolist()))]), len(read)
        return inputs, len(inputs)

    # -- one group -------------------------------------------------------------------------------------------------

    def arrange(self, group: Group) -> Group:
        """A copy of the group in the order that suits what it reads."""
        if isinstance(group, MatMul):
            return self.arrange_matmul(group)
        if isinstance(group, Gather):
            self.claim(group.table.T)
            return group
        if isinstance(group, Product):
            return turn(group, self.whole_readers.get(int(self.made_by[group.out[0, 0, 0]])), self.schedule.size)
        if isinstance(group, Softmax):
            return self.arrange_softmax(group)
        if all(some(self.is_parameter[ids]) for ids in operands(group)):  # there is no other order to follow
            self.claim_all(group)
        arranged = self.arrange_in_rows(group)
        self.claim_all(arranged)
        return arranged

    def arrange_in_rows(self, group: Group) -> Group:
        """The members of an elementwise group, or the terms and the members of sums, in the order of what they read."""
        if isinstance(group, Elementwise):
            order = self.by_operands(group.out, list(group.args))
            return replace(group, out=group.out[order], args=group.args[:, order])
        assert isinstance(group, Sum)
        parts = [self.sort_terms(part) for part in group.parts]
        rows = [ids[0] for part in parts for ids in (part.x, part.y) if ids is not None]
        order = self.by_operands(group.out, rows)
        parts = [
            Terms(part.x[:, order], None if part.y is None else part.y[:, order], part.c[:, order]) for part in parts
        ]
        return replace(group, out=group.out[order], bias=group.bias[order], scale=group.scale[order], parts=parts)

    def where(self, ids: Ints) -> Ints:
        """A number for each node by which to sort: its place among the parameters, or among the others."""
        return np.where(self.is_parameter[ids], self.theta[ids], self.position[ids])

    def sort_terms(self, part: Terms) -> Terms:
        """The terms in memory order, judged by the first sum: a sum has no order of its own."""
        lead = part.x if part.y is None or self.is_parameter[part.y[0, 0]] else part.y
        order = np.argsort(self.where(lead[:, 0]), kind="stable")
        return Terms(part.x[order], None if part.y is None else part.y[order], part.c[order])

    def by_operands(self, out: Ints, rows: list[Ints]) -> Ints:
        """The order of a group's members that follows the operand row with most different nodes.

        Where that gives no even steps, members of equal use counts stand together: their adjoints are gathered so.
        """
        if len(out) == 1 or not rows:
            return np.arange(len(out))
        found = [self.where(ids) for ids in rows[:8]]
        moving = [where for where, ids in zip(found, rows, strict=False) if not some(self.is_parameter[ids])]
        rivals = moving or found
        lead = max(rivals, key=lambda where: len(set(where.tolist()))) if len(rivals) > 1 else rivals[0]
        order = np.argsort(lead, kind="stable")
        return order if steps(lead[order]) is not None else np.lexsort((lead, self.uses[out]))

    def arrange_softmax(self, group: Softmax) -> Softmax:
        """The sequences in the order of their first scores, but where they are a product's results as these lie."""
        where = self.position[group.x]
        if contiguous(where):
            return group
        order = np.argsort(where[0], kind="stable")
        return replace(group, out=group.out[:, order], x=group.x[:, order], live=group.live[:, order])

    def arrange_matmul(self, group: MatMul) -> MatMul:
        """The inner dimension in the order of x (ones last) where the weights are free to follow it, else of w.

        The columns are in slabs, by how they are read.
        """
        w, x = group.w, group.x
        first = np.where(x[:, :, 0] == self.schedule.one, LAST, self.where(x[:, :, 0]))
        known = self.is_parameter[w] & (self.theta[w] >= 0)
        if known.any():
            first = np.where(known[:, 0], self.theta[w[:, 0]], LAST)
        order = np.argsort(first, axis=1, kind="stable")
        w = np.take_along_axis(w, order[:, None], 2)
        x = np.take_along_axis(x, order[:, :, None], 1)
        self.claim(w)
        group = replace(group, w=w, x=x)
        return in_slabs(group, self.readers) if copied(group) else group
