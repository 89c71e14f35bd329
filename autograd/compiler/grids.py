"""Find matrix products among dot products: which dots are the rows times the columns of what.

A dot is a set of pairs (u, v). Dots that have the same u's are the same *row* at different columns (one neuron at many
positions); dots that have the same v's in the same order are the same *column* under different rows (many neurons at
one position). A set of dots that has one for each of R rows and P columns is a matrix product, ``u (R, K) @ v (K, P)``.
Nothing is searched for: rows, columns and grids are found by hashing sets and sorting the hashes.

    row        the hash of the u's of a dot, in any order
    order      of the K terms: by the v's of the row's first dot, so that terms may be written in any order
    column     the hash of the v's in that order
    grid       the dots whose columns meet the same set of rows

Rows at the border of a 'same' convolution lack some of the u's of the others: they are padded with (u, zero) first.

Invariant: ``grid.u[g, r, k]`` and ``grid.v[g, k, p]`` are the operands of term k of dot ``grid.dots[g, r, p]``, or
padding; this is checked term by term, so that a collision of hashes costs a product and never an error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autograd.compiler.grouping import classes, runs, scramble, spread
from autograd.compiler.schedule import Bools
from autograd.compiler.tape import Ints

MISSING = -1
"""In ``Grid.dots``: no dot is at this row and column (grids that may be ragged)."""

WASTE = 2
"""Padding may make a grid this many times as large as what is in it."""

LONG, LONELY = 8, 64
"""A graph with more than 64 dots that share nothing and have fewer than 8 terms is irregular: those dots stay sums."""


@dataclass(eq=False)
class Dots:
    """Terms ``u[t] * v[t]`` of dots, sorted by dot; dots of a different ``kind`` never share a grid."""

    dot: Ints
    u: Ints
    v: Ints
    kind: Ints

    def __post_init__(self) -> None:
        self.length = np.bincount(self.dot, minlength=len(self.kind))
        self.start = np.cumsum(self.length) - self.length


@dataclass(eq=False)
class Grid:
    """G grids of one shape: ``dots`` (G, R, P), ``u`` (G, R, K), ``v`` (G, K, P)."""

    dots: Ints
    u: Ints
    v: Ints


def find_grids(dots: Dots, zero: int, *, pad: bool = True, ragged: bool = False) -> tuple[list[Grid], Ints]:
    """All grids, those of one kind and shape stacked; and for each dot its twin, the first that is the same dot.

    Args:
        dots: at least one, each of at least one term.
        zero: the node number that pads.
        pad: let dots that lack some of the u's of a larger one be padded.
        ragged: let half of a grid's places be empty, where rows share columns only in part (causal attention).
    """
    full = padded(dots, zero) if pad else dots
    order = np.lexsort((full.v, full.u, full.dot))
    full = Dots(full.dot[order], full.u[order], full.v[order], full.kind)
    row, column, place = rows_and_columns(full, dots.length)
    u, v = np.empty_like(full.u), np.empty_like(full.v)
    u[full.start[full.dot] + place] = full.u
    v[full.start[full.dot] + place] = full.v
    cell, first = classes(row, column)
    twin = np.where(equal(full, u, v, first[cell]), first[cell], np.arange(len(row)))
    single = np.sort(first)
    grid = np.full(len(row), MISSING)
    grid[single] = same_rows(full, row, column, single)
    if ragged:
        grid[single] = joined(grid[single], row[single], column[single])
    return stacked(full, u, v, row, column, grid, single), twin


def padded(dots: Dots, zero: int) -> Dots:
    """Dots whose u's are a proper subset of one larger dot's get the rest of them, times zero."""
    # the largest dot that has each u; a dot may be padded if one dot is that of all its u's
    kind = dots.kind[dots.dot]
    by_length = np.argsort(-dots.length[dots.dot], kind="stable")
    number, first = classes(kind[by_length], dots.u[by_length])
    largest = np.empty(len(kind), np.int64)
    largest[by_length] = dots.dot[by_length][first][number]
    low = np.minimum.reduceat(largest, dots.start)
    high = np.maximum.reduceat(largest, dots.start)
    small = np.flatnonzero((low == high) & (dots.length[high] > dots.length))
    if not len(small):
        return dots
    large = high[small]
    inside = np.bincount(large, weights=dots.length[small], minlength=len(dots.kind)) + dots.length
    outside = (np.bincount(large, minlength=len(dots.kind)) + 1) * dots.length
    small = small[(outside <= WASTE * inside)[large]]
    large = high[small]
    # every u of the large dot, for every small one; those that it has not are missing
    many = dots.length[large]
    offered = np.repeat(small, many)
    u = dots.u[spread(dots.start[large], many)]
    width = np.int64(max(int(dots.u.max()) + 1, 1))
    has = np.isin(offered * width + u, dots.dot * width + dots.u)
    subset = np.zeros(len(dots.kind), bool)
    subset[small] = np.bincount(offered[has], minlength=len(dots.kind))[small] == dots.length[small]
    lacks = ~has & subset[offered]
    dot = np.concatenate([dots.dot, offered[lacks]])
    order = np.argsort(dot, kind="stable")
    return Dots(
        dot[order],
        np.concatenate([dots.u, u[lacks]])[order],
        np.concatenate([dots.v, np.full(int(lacks.sum()), zero)])[order],
        dots.kind,
    )


def rows_and_columns(dots: Dots, length: Ints) -> tuple[Ints, Ints, Ints]:
    """Number every dot's row and column, and say the place of each term in its dot.

    Expects terms sorted by u inside a dot. ``length`` is that before padding: a row takes its order from a dot that
    was not padded.
    """
    sets = np.add.reduceat(scramble(dots.u), dots.start)
    full_first = np.argsort(dots.length != length, kind="stable")
    number, first = classes(*(key[full_first] for key in (dots.kind, dots.length, sets)))
    row = np.empty(len(sets), np.int64)
    row[full_first], leader = number, full_first[first]
    # the j-th u of a dot goes to the place that the j-th u of its leader has when that is sorted by v
    many = dots.length[leader]
    terms = spread(dots.start[leader], many)
    start = np.cumsum(many) - many
    place_in_row = np.empty(len(terms), np.int64)
    by_v = np.lexsort((dots.v[terms], np.repeat(np.arange(len(leader)), many)))
    place_in_row[by_v] = np.arange(len(terms)) - np.repeat(start, many)
    place = place_in_row[spread(start[row], dots.length)]
    vectors = np.add.reduceat(scramble(scramble(place) + scramble(dots.v)), dots.start)
    return row, classes(dots.kind, dots.length, vectors)[0], place


def equal(dots: Dots, u: Ints, v: Ints, other: Ints) -> Bools:
    """Which dots have the terms of another, given for each; rows and columns say so, but by their hashes."""
    some = np.flatnonzero(other != np.arange(len(other)))
    mine = spread(dots.start[some], dots.length[some])
    theirs = spread(dots.start[other[some]], dots.length[some])
    wrong = (u[mine] != u[theirs]) | (v[mine] != v[theirs])
    result = np.ones(len(other), bool)
    result[np.repeat(some, dots.length[some])[wrong]] = False
    return result


def same_rows(dots: Dots, row: Ints, column: Ints, single: Ints) -> Ints:
    """A number for each of these dots, the same for dots of one kind and length whose columns meet the same rows."""
    met = np.zeros(int(column.max()) + 1, np.uint64)
    np.add.at(met, column[single], scramble(row[single]))
    return classes(dots.kind[single], dots.length[single], met[column[single]])[0]


def joined(grid: Ints, row: Ints, column: Ints) -> Ints:
    """Join grids that share rows or columns, where the places are at least half full then."""
    label = grid.copy()
    for _ in range(64):  # a graph that needs more rounds is no product
        before = label
        for key in (row, column):
            least = np.full(int(key.max()) + 1, len(grid) + int(grid.max()))
            np.minimum.at(least, key, label)
            label = least[key]
        if (label == before).all():
            break
    else:
        return grid
    rows, columns = numbered(label, row)[2], numbered(label, column)[2]
    worth = rows * columns <= WASTE * np.bincount(label)
    return np.where(worth[label], label, int(label.max()) + 1 + grid)


def stacked(dots: Dots, u: Ints, v: Ints, row: Ints, column: Ints, grid: Ints, single: Ints) -> list[Grid]:
    """The grids as arrays. Grids, rows and columns stand in the order in which their first dots do."""
    label, _, _ = numbered(np.zeros_like(single), grid[single])
    r, first_in_row, rows = numbered(label, row[single])
    p, first_in_column, columns = numbered(label, column[single])
    kind, length = dots.kind[single], dots.length[single]
    order = np.argsort(label, kind="stable")
    lonely = (rows * columns == 1)[label] & (length < LONG)
    if lonely.sum() > LONELY:
        order = order[~lonely[order]]
    by_shape, starts = runs(*(key[order] for key in (kind, length, rows[label], columns[label])))
    found = []
    for each in np.split(order[by_shape], starts[1:]) if len(order) else ():
        K, R, P = int(length[each[0]]), int(rows[label[each[0]]]), int(columns[label[each[0]]])
        g = np.cumsum(np.diff(label[each], prepend=label[each[0]]) != 0)
        terms = np.arange(K)
        cells = np.full((int(g[-1]) + 1, R, P), MISSING)
        us, vs = np.empty((len(cells), R, K), np.int64), np.empty((len(cells), P, K), np.int64)
        cells[g, r[each], p[each]] = single[each]
        us[g, r[each]] = u[dots.start[single[first_in_row[each]]][:, None] + terms]
        vs[g, p[each]] = v[dots.start[single[first_in_column[each]]][:, None] + terms]
        at = dots.start[single[each]][:, None] + terms
        same = (u[at] == us[g, r[each]]).all(1) & (v[at] == vs[g, p[each]]).all(1)
        right = np.bincount(g[~same], minlength=len(cells)) == 0  # else two sets have one hash
        if right.any():
            found.append(Grid(cells[right], us[right], vs[right].swapaxes(1, 2)))
    return found


def numbered(label: Ints, key: Ints) -> tuple[Ints, Ints, Ints]:
    """Number the keys of each label in the order in which they appear.

    Returns:
        For each entry the number of its key, and the first entry with that label and key; for each label, how many
        keys it has.
    """
    pair, first = classes(label, key)
    many = np.bincount(label[first])
    by_first = np.lexsort((first, label[first]))
    number = np.empty(len(first), np.int64)
    number[by_first] = np.arange(len(first)) - np.repeat(np.cumsum(many) - many, many)
    return number[pair], first[pair], many
