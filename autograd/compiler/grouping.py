"""What no product took: sums and single operations, grouped by level and by the kinds of their operands.

A group of sums has one rectangle of operands for each kind of term. Sums of one level that differ in length share a
group where the rectangles stay at least half full; the free places hold 0 * zero.

Invariant: a group's operands are of lower levels, or made by a product of its own level, which stands before it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from autograd.compiler.linear import ABSENT, TermTable
from autograd.compiler.nodes import Nodes
from autograd.compiler.schedule import Elementwise, Group, Sum, Terms
from autograd.compiler.tape import Floats, Ints
from autograd.op import Op
from autograd.ops import TABLE

KINDS = 7
"""Of terms: fixed x, varying x; products fixed*fixed, fixed*varying, varying*varying; squares fixed, varying."""

Hashes = npt.NDArray[np.uint64]


def scramble(numbers: npt.NDArray[np.generic]) -> Hashes:
    """64 well-mixed bits of each whole number (splitmix64), so that sums of them tell sets apart.

    Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    z = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def runs(*keys: npt.NDArray[np.generic]) -> tuple[Ints, Ints]:
    """A stable order that brings equal keys together, the first key leading, and where each run starts in it."""
    order = np.lexsort(keys[::-1])
    new = np.zeros(len(order), bool)
    new[:1] = True
    for key in keys:
        ordered = key[order]
        new[1:] |= ordered[1:] != ordered[:-1]
    return order, np.flatnonzero(new)


def classes(*keys: npt.NDArray[np.generic]) -> tuple[Ints, Ints]:
    """Number the different keys: the number of each entry's, and the first entry with each."""
    order, starts = runs(*keys)
    number = np.empty(len(order), np.int64)
    number[order] = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(order)))
    return number, order[starts]


def spread(starts: Ints, counts: Ints) -> Ints:
    """``starts[0], starts[0] + 1, ...``, ``counts[0]`` of them, then so on for the next."""
    shifts: Ints = np.repeat(starts - (np.cumsum(counts) - counts), counts)
    return shifts + np.arange(len(shifts))


def rounded(counts: Ints) -> Ints:
    """The next of 0, 1, 2, 3, 4, 6, 8, 12, 16, 24, ..."""
    power = 2 ** np.ceil(np.log2(np.maximum(counts, 1))).astype(np.int64)
    less = np.where((power >= 4) & (counts <= power * 3 // 4), power * 3 // 4, power)
    result: Ints = np.where(counts == 0, 0, less)
    return result


def sum_groups(nodes: Nodes, sums: Ints, terms: TermTable, bias: Floats, scale: Floats) -> list[Group]:
    """Groups for these sums, whose terms the table has."""
    if not len(sums):
        return []
    factor = terms.y != ABSENT
    varies, other = nodes.batched[terms.x], factor & nodes.batched[terms.y]
    swap = factor & varies & ~other
    x, y = np.where(swap, terms.y, terms.x), np.where(swap, terms.x, terms.y)
    kind = np.where(factor, 2 + varies + other + 0, 0 + varies)
    kind = np.where(factor & (x == y), 5 + varies, kind)
    row = np.searchsorted(sums, terms.root)
    counts = np.bincount(row * KINDS + kind, minlength=len(sums) * KINDS).reshape(len(sums), KINDS)
    level, batched = nodes.level[sums], nodes.batched[sums]
    order, starts, sizes = rectangles(level, batched, counts)

    many = np.diff(starts, append=len(sums))
    group, column = np.empty(len(sums), np.int64), np.empty(len(sums), np.int64)
    group[order] = np.repeat(np.arange(len(starts)), many)
    column[order] = np.arange(len(sums)) - np.repeat(starts, many)
    within, first = runs(row, kind)
    line = np.empty(len(row), np.int64)
    line[within] = np.arange(len(row)) - np.repeat(first, np.diff(first, append=len(row)))

    # all rectangles one after the other in three long arrays
    area = sizes * many[:, None]
    begin = (np.cumsum(area) - area.ravel()).reshape(area.shape)
    place = begin[group[row], kind] + line * many[group[row]] + column[row]
    xs, ys, cs = np.full(area.sum(), nodes.zero), np.full(area.sum(), nodes.zero), np.zeros(area.sum())
    xs[place], ys[place], cs[place] = x, y, terms.c

    def part(g: int, k: int) -> Terms:
        at = slice(begin[g, k], begin[g, k] + area[g, k])
        shape = sizes[g, k], many[g]
        return Terms(xs[at].reshape(shape), ys[at].reshape(shape) if k > 1 else None, cs[at].reshape(shape))

    parts: list[list[Terms]] = [[] for _ in starts]
    for g, k in np.argwhere(sizes).tolist():
        parts[g].append(part(g, k))
    out, firsts = sums[order], order[starts]
    bias, scale = bias[out], scale[out]
    return [
        Sum(out[start:stop], one_level, one_kind, terms_of, bias[start:stop], scale[start:stop])
        for start, stop, one_level, one_kind, terms_of in zip(
            starts.tolist(), [*starts[1:].tolist(), len(sums)], level[firsts].tolist(), batched[firsts].tolist(), parts,
            strict=True,
        )
    ]  # fmt: skip


RARE = 32
"""Sums of fewer than so many in a level share a group: a call costs more than a few free places."""


def rectangles(level: Ints, batched: npt.NDArray[np.bool_], counts: Ints) -> tuple[Ints, Ints, Ints]:
    """Which sums share a group: an order, the start of each group in it, and its size for each kind of term.

    All of a level where half of the places are in use then; else those whose rounded lengths are equal, and all the
    rare ones of a level where half of their places are in use.
    """
    alike, _ = classes(level, batched)
    fits = half_full(alike, counts)
    key = np.where(fits[:, None], 0, rounded(counts))
    alike, _ = classes(level, batched, *key.T)
    rare = ~fits & (np.bincount(alike)[alike] < RARE)
    some = np.flatnonzero(rare)
    rare[some] = half_full(classes(level[some], batched[some])[0], counts[some])
    key[rare] = -1
    order, starts = runs(level, batched, *key.T)
    return order, starts, np.maximum.reduceat(counts[order], starts)


def half_full(group: Ints, counts: Ints) -> npt.NDArray[np.bool_]:
    """For each sum, whether its group's rectangles would be half full."""
    if not len(group):
        return np.zeros(0, bool)
    order, starts = runs(group)
    places = np.maximum.reduceat(counts[order], starts).sum(1) * np.diff(starts, append=len(order))
    found: npt.NDArray[np.bool_] = places <= 2 * np.bincount(group, counts.sum(1))
    return found[group]


def elementwise_groups(nodes: Nodes, ops: list[Op], alone: Ints, code: Ints, args: Ints, counts: Ints) -> list[Group]:
    """Groups for the operations ``ops[code]`` at the nodes ``alone``; ``args`` has the ``counts`` operands of each.

    A group's nodes have the same number of operands, and at each place operands of one kind: constant, fixed, varying.
    """
    if not len(alone):
        return []
    kind = np.where(nodes.known[args], 0, 1 + nodes.batched[args])
    args, kind, counts = lengthened(nodes, ops, alone, code, args, kind, counts)
    start = np.cumsum(counts) - counts
    position = np.arange(len(args)) - np.repeat(start, counts)
    kinds = np.add.reduceat(scramble(position * 4 + kind), start)
    order, starts = runs(nodes.level[alone], code, counts, nodes.batched[alone], kinds)
    args = args[spread(start[order], counts[order])]
    out, firsts = alone[order], order[starts]
    groups: list[Group] = []
    place = 0
    for begin, end, level, batched, which, many in zip(
        starts.tolist(), [*starts[1:].tolist(), len(order)], nodes.level[alone[firsts]].tolist(),
        nodes.batched[alone[firsts]].tolist(), code[firsts].tolist(), counts[firsts].tolist(), strict=True,
    ):  # fmt: skip
        stop = place + many * (end - begin)
        operands = np.ascontiguousarray(args[place:stop].reshape(end - begin, many).T)
        groups.append(Elementwise(out[begin:end], level, batched, ops[which], operands))
        place = stop
    return groups


NEUTRAL = {TABLE["logsumexp"]: -math.inf, TABLE["product"]: 1.0}
"""Operands that change nothing, for as many as one likes."""


def lengthened(
    nodes: Nodes, ops: list[Op], alone: Ints, code: Ints, args: Ints, kind: Ints, counts: Ints
) -> tuple[Ints, Ints, Ints]:
    """Pad the operands of operations that have a neutral one, so that those of one level share a group.

    To the length of the longest where half of the places are in use then; else to the next round one. Returns the
    operands, their kinds (padding passes for what stands beside it), and how many each operation has now.
    """
    longer = counts.copy()
    filler = np.full(len(alone), nodes.zero)
    start = np.cumsum(counts) - counts
    alike = np.minimum.reduceat(kind, start) == np.maximum.reduceat(kind, start)
    for k, op in enumerate(ops):
        some = np.flatnonzero(alike & (code == k)) if op in NEUTRAL else ()
        if len(some) and counts[some].min() < counts[some].max():
            filler[some] = nodes.add_constants(np.array([NEUTRAL[op]]))[0]
            order, starts = runs(nodes.level[alone[some]], kind[start[some]])
            for each in np.split(some[order], starts[1:]):
                longest = counts[each].max()
                full = longest * len(each) <= 2 * counts[each].sum()
                longer[each] = longest if full else rounded(counts[each])
    if (longer == counts).all():
        return args, kind, counts
    owner = np.repeat(np.arange(len(alone)), longer)
    place = spread(np.cumsum(longer) - longer, counts)
    padded, kinds = filler[owner], kind[start][owner]
    padded[place], kinds[place] = args, kind
    return padded, kinds, longer
