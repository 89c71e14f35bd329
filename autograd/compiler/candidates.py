"""Which terms of which sums may go into matrix products.

    weights            w * x, one factor fixed along the batch and the other varying, and at most one w alone (the bias,
                       w * one): a layer
    pairs              x * y, both varying: attention's q.k and weights.v; or both fixed: products of parameters
    constant weights   c * x, other numbers for other sums: a frozen layer, a filter, data written as plain numbers

The terms of one sum must have one coefficient (c = 1 where the coefficient is itself the weight). Squares, sums of
x * x, are left to the sums: there is nothing that two of them share.

Invariant: a sum offers a term once, no more than one coefficient, and no constant that is inf or nan: products pad.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from autograd.compiler.grids import LONG, Grid
from autograd.compiler.linear import ABSENT, TermTable
from autograd.compiler.nodes import Nodes
from autograd.compiler.schedule import Bools
from autograd.compiler.tape import Floats, Ints


@dataclass(eq=False)
class Candidates:
    """Terms that may go into products, sorted by sum.

    Attributes:
        at: their places in the term table.
        u, v, c: the factors, weights first, and the coefficient of their sum.
        symmetric: either factor may be the row.
        pad: rows that lack some weights may be padded.
        constants: the numbers of nodes to be added, if a product is found.
        least: rows, rows * columns and terms that make a product worth it; see ``worth``.
    """

    at: Ints
    u: Ints
    v: Ints
    c: Floats
    symmetric: bool = False
    pad: bool = True
    constants: Floats = field(default_factory=lambda: np.zeros(0))
    least: tuple[int, int, int] = (1, 1, 2)

    def worth(self, grid: Grid) -> bool:
        """Is a product better than sums of terms? Where vectors are shared, or long, or where it is a rare one."""
        count, rows, columns = grid.dots.shape
        length = grid.u.shape[2]
        few, cells, short = self.least
        if not (rows >= few and rows * columns >= cells and length >= short):
            return False
        return bool(rows * columns >= 4 or length >= LONG or count <= 4)


def rank_of(nodes: Nodes, ids: Ints) -> Ints:
    """Constants 0, leaves that are fixed 1, other fixed nodes 2, varying nodes 3: the lower is the weight."""
    rank = np.where(nodes.batched[ids], 3, np.where(nodes.level[ids] > 0, 2, 1))
    return np.where(nodes.known[ids], 0, rank)


def first_coefficient(size: int, terms: TermTable, which: Bools) -> Floats:
    """For each term, the coefficient of the first of these terms of its sum; nan where there is none."""
    at = np.flatnonzero(which)[::-1]
    found = np.full(size, np.nan)
    found[terms.root[at]] = terms.c[at]
    return found[terms.root]


def weights(nodes: Nodes, terms: TermTable) -> Candidates:
    """Terms w * x, and the bias."""
    factor = terms.y != ABSENT
    x, y = rank_of(nodes, terms.x), np.where(factor, rank_of(nodes, terms.y), -1)
    swap = factor & (y < x)
    u, v = np.where(swap, terms.y, terms.x), np.where(swap, terms.x, terms.y)
    right = factor & (x != y) & nodes.finite(u) & ~nodes.batched[u] & (nodes.batched[v] == nodes.batched[terms.root])
    c = first_coefficient(len(nodes), terms, right)
    right &= terms.c == c
    # the first w alone is the bias: one column more, times one
    alone = np.flatnonzero(~factor & (x < 3) & (terms.c == c) & nodes.finite(terms.x))
    _, first = np.unique(terms.root[alone], return_index=True)
    right[alone[first]] = True
    v = np.where(factor, v, nodes.one)
    right &= np.bincount(terms.root[right], minlength=len(nodes))[terms.root] >= 2
    at = np.flatnonzero(right)
    return Candidates(at, u[at], v[at], terms.c[at])


def pairs(nodes: Nodes, terms: TermTable) -> Candidates:
    """Terms x * y of two varying factors, or of two fixed ones."""
    right = (terms.y != ABSENT) & (terms.x != terms.y) & nodes.finite(terms.x) & nodes.finite(terms.y)
    right &= (nodes.batched[terms.x] == nodes.batched[terms.y]) & (nodes.batched[terms.x] == nodes.batched[terms.root])
    right &= terms.c == first_coefficient(len(nodes), terms, right)
    at = np.flatnonzero(right)
    return Candidates(at, terms.x[at], terms.y[at], terms.c[at], symmetric=True, least=(1, 4, 2))


def constant_weights(nodes: Nodes, terms: TermTable) -> Candidates:
    """Terms c * x: the coefficients become the numbers of new nodes, if a product is found."""
    right = (terms.y == ABSENT) & (nodes.batched[terms.x] == nodes.batched[terms.root])
    right &= np.bincount(terms.root[right], minlength=len(nodes))[terms.root] >= 3
    at = np.flatnonzero(right)
    numbers, which = np.unique(terms.c[at], return_inverse=True)
    return Candidates(
        at,
        len(nodes) + which.ravel(),
        terms.x[at],
        np.ones(len(at)),
        pad=False,
        constants=numbers,
        least=(4, 16, 3),
    )
