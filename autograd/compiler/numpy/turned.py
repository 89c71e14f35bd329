"""Products whose results lie in the order in which they are read.

A product for every sample may write its results with any strides. So where a softmax or a product of matrices reads all
of them in another order than (G, R, P), they lie in that, and neither they nor their adjoints are copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from autograd.compiler.numpy.emit import Emitter, contiguous
from autograd.compiler.schedule import MatMul, Product, Schedule, Softmax
from autograd.compiler.tape import Ints


@dataclass(eq=False)
class Turned(Product):
    """A product with the axes of ``out`` exchanged.

    Attributes:
        axes: the places in ``out`` of what are the axes (G, R, P) elsewhere.
    """

    axes: tuple[int, ...] = (0, 1, 2)


def whole_readers(schedule: Schedule, made_by: Ints) -> dict[int, Ints]:
    """For groups that a softmax or a matrix product reads: how, as rows; those of the latter are in any order."""
    readers: dict[int, Ints] = {}
    for group in schedule.groups:
        if isinstance(group, Softmax) or (isinstance(group, MatMul) and len(group.x) == 1):
            x = group.x if isinstance(group, Softmax) else group.x[0]
            x = x[(x != schedule.one).all(1)]
            if len(x):
                readers.setdefault(int(made_by[x[0, 0]]), x)
    return readers


def turn(group: Product, x: Ints | None, size: int) -> Product:
    """The product with its results in the order of ``x``, where that is one of their axes; ``size``: of all nodes."""
    if x is None or x.size != group.out.size:
        return group
    place = np.full(size, -1)
    for axes in permutations(range(3)):
        out = group.out.transpose(axes)
        place[out] = np.arange(out.size).reshape(out.shape)
        if contiguous(place[x[np.argsort(place[x[:, 0]])]]):
            turned = tuple(np.argsort(axes).tolist())
            return Turned(out, group.level, group.batched, group.x, group.y, group.scale, turned)
    return group


def in_grid(emit: Emitter, group: Product, results: str) -> str:
    """The array of the results, or of their adjoints, with the axes (G, R, P, B), whatever their order in memory."""
    if not isinstance(group, Turned):
        return results
    axes = (*group.axes, 3)
    return emit.derived(results, ("axes", axes), lambda array: array.transpose(axes))
