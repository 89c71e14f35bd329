"""The columns of a product in slabs, by how they are read: operands that meet lie in memory one behind the other.

A convolution's positions are columns, and a pool takes the larger of two neighbours, then of two rows. As the positions
stand, the first operands of all these maxima are every second column, and NumPy copies what lies in steps through a
buffer: 9216 maxima of numbers in steps of 64 take 8 us, of numbers that follow one another 3. So a product of (R, K) by
(K, P) whose columns are read as different operands becomes G products by (K, P / G), each of columns that are read
alike: in a 2 x 2 pool the upper left corners, the upper right ones, and so on. The results are the same numbers.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from autograd.compiler.numpy.emit import every
from autograd.compiler.schedule import Elementwise, Group, MatMul
from autograd.compiler.tape import Ints

MOST = 8
"""Slabs: each one costs a call of BLAS."""


class Readers:
    """Who reads a node, of nodes that one elementwise group reads.

    Args:
        groups: those of a schedule, each node being made by one.
        uses: how often each node is read.
    """

    def __init__(self, groups: list[Group], uses: Ints) -> None:
        self.groups, self.uses = groups, uses
        self.group, self.operand, self.member = (np.full(len(uses), -1, np.int64) for _ in range(3))
        for k, group in enumerate(groups):
            if isinstance(group, Elementwise) and group.batched:
                self.group[group.args] = k
                self.operand[group.args] = np.arange(len(group.args))[:, None]
                self.member[group.args] = np.arange(len(group.out))

    def of(self, nodes: Ints) -> tuple[Ints, Ints] | None:
        """As which operand each node is read, and what is made of it; None unless one group reads all, each once."""
        reader = self.group[nodes]
        if reader.flat[0] < 0 or not every(reader == reader.flat[0]) or not every(self.uses[nodes] == 1):
            return None
        return self.operand[nodes], self.groups[reader.flat[0]].out[self.member[nodes]]


def slab_order(out: Ints, readers: Readers) -> Ints | None:
    """The columns of ``out``, shape (R, P), by slab, shape (G, P / G); None where one slab does for all.

    Columns j of all slabs are combined with each other; a chain of readers (a relu, two maxima) is followed as long
    as that is so.
    """
    found: Ints | None = None
    label = np.zeros(out.shape[1], np.int64)
    while (read := readers.of(out)) is not None:
        operand, out = read
        if not every(operand == operand[:1]):
            break
        label = label * (operand.max() + 1) + operand[0]
        count = len(np.unique(label))
        if count > MOST or out.shape[1] % count:
            break
        order = np.lexsort((out[0], label)).reshape(count, -1)
        if not every(label[order] == label[order[:, :1]]) or not every(out[:, order] == out[:, None, order[0]]):
            break
        found = order if count > 1 else None
    return found


def copied(group: MatMul) -> bool:
    """Do columns of x overlap, as patches of an image do? These are copied in any case, in whatever order."""
    x = group.x[0]
    return len(group.x) == 1 and x.shape[1] > 1 and len(np.unique(x)) <= x.size // 2


def in_slabs(group: MatMul, readers: Readers) -> MatMul:
    """A single product as one for each slab; columns that are copied anyway cost nothing more in that order."""
    order = slab_order(group.out[0], readers)
    if order is None:
        return group
    w = np.broadcast_to(group.w, (len(order), *group.w.shape[1:]))
    return replace(group, w=w, x=group.x[0][:, order].swapaxes(0, 1), out=group.out[0][:, order].swapaxes(0, 1))


def same_weights(group: MatMul) -> bool:
    """Are these slabs of one product?"""
    return len(group.w) > 1 and every(group.w == group.w[:1])
