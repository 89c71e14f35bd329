"""Sums of products become matrix products.

``candidates`` says which terms of which sums may go into a product, ``grids`` finds the products among them, and here
they become groups. A sum that has other terms too, or a coefficient, a constant to add or a scale, reads the product's
result as one term of its own; the result gets a new node number then. So does a cell of a ragged product that no sum
asks for.

Invariant: the terms of a product and those that are left are the terms that were there, each once.
"""

from __future__ import annotations

import numpy as np

from autograd.compiler.candidates import Candidates, constant_weights, pairs, weights
from autograd.compiler.grids import LONG, MISSING, Dots, Grid, find_grids
from autograd.compiler.linear import ABSENT, Linear, TermTable
from autograd.compiler.nodes import Nodes
from autograd.compiler.schedule import Bools, Gather, Group, MatMul, Product
from autograd.compiler.tape import Ints

FEW = 8
"""Small products are products only where at least one sum in eight is part of one."""


def find_products(nodes: Nodes, linear: Linear) -> tuple[list[Group], TermTable, Bools]:
    """The products of a tape's sums, the terms that are left, and which sums the products have made whole."""
    groups: list[Group] = []
    terms = linear.terms
    whole = np.zeros(len(linear.is_sum), bool)
    for choose in (weights, pairs, constant_weights):
        chosen = choose(nodes, terms)
        if not len(chosen.at):
            continue
        roots, dot = np.unique(terms.root[chosen.at], return_inverse=True)
        kind = nodes.level[roots] * 2 + nodes.batched[roots]
        found = search(Dots(dot.ravel(), chosen.u, chosen.v, kind), chosen, nodes.zero)
        if FEW * sum(np.count_nonzero(grid.dots != MISSING) for grid in found.grids) < linear.is_sum.sum():
            found.grids = [grid for grid in found.grids if not small(grid)]
        if found.grids:
            nodes.add_constants(chosen.constants)
            made, terms, done = raised(nodes, linear, terms, chosen, roots, found)
            groups += made
            whole |= done
    return groups, terms, whole


def small(grid: Grid) -> bool:
    """A product that sums can do as well: a graph that has no order has some by chance."""
    return bool(grid.dots[0].size < 4 and grid.u.shape[2] < LONG)


class Found:
    """Grids among dots.

    Attributes:
        twin: for each dot the first that is the same.
        turned: dots whose second factors were taken for the rows.
    """

    def __init__(self, dots: Dots, grids: list[Grid], twin: Ints, turned: Bools) -> None:
        self.dots, self.grids, self.twin, self.turned = dots, grids, twin, turned


def search(dots: Dots, chosen: Candidates, zero: int) -> Found:
    """The grids that are worth it.

    Of pairs either factors may be the rows, and both ways are right; but attention's weights, rows of different
    length, can be padded from the side of the values alone. So both are tried, and at each level the one with fewer
    grids is taken.
    """
    if not chosen.symmetric:
        grids, twin = find_grids(dots, zero, pad=chosen.pad)
        return Found(dots, [grid for grid in grids if chosen.worth(grid)], twin, np.zeros(len(twin), bool))
    ways = [find_grids(each, zero, ragged=True) for each in (dots, Dots(dots.dot, dots.v, dots.u, dots.kind))]
    cost: list[dict[int, int]] = [{}, {}]
    for way, (grids, _) in enumerate(ways):
        for grid in grids:
            kind = int(dots.kind[grid.dots.max()])
            cost[way][kind] = cost[way].get(kind, 0) + 1
    better = [kind for kind in cost[0] if cost[1].get(kind, 1 << 60) < cost[0][kind]]
    turned = np.isin(dots.kind, better)
    grids = [
        grid
        for way, (grids, _) in enumerate(ways)
        for grid in grids
        if turned[grid.dots.max()] == bool(way) and chosen.worth(grid)
    ]
    return Found(dots, grids, np.where(turned, ways[1][1], ways[0][1]), turned)


def raised(
    nodes: Nodes, linear: Linear, terms: TermTable, chosen: Candidates, roots: Ints, found: Found
) -> tuple[list[Group], TermTable, Bools]:
    """The groups for these grids; the terms that are left, products read as terms; the sums that are products whole."""
    dots = found.dots
    c = chosen.c[dots.start]
    many = np.bincount(terms.root, minlength=len(nodes))[roots]
    pure = (many == dots.length) & (c == 1.0) & (found.twin == np.arange(len(roots)))
    pure &= (linear.bias[roots] == 0.0) & (linear.scale[roots] == 1.0)
    made = np.full(len(roots), MISSING)
    groups: list[Group] = []
    for grid in found.grids:
        there = grid.dots != MISSING
        some = grid.dots[there]
        level, batched = int(nodes.level[roots[some[0]]]), bool(nodes.batched[roots[some[0]]])
        out = np.where(there & pure[grid.dots], roots[grid.dots], MISSING)
        new = out == MISSING
        out[new] = nodes.add(int(new.sum()), level, batched)
        made[some] = out[there]
        u, v = grid.u, grid.v
        if found.turned[some[0]]:
            out, u, v = out.swapaxes(1, 2), grid.v.swapaxes(1, 2), grid.u.swapaxes(1, 2)
        out, u, v = map(np.ascontiguousarray, (out, u, v))
        groups.append((Product if chosen.symmetric and batched else MatMul)(out, level, batched, u, v))
    made = made[found.twin]
    took = made != MISSING
    whole = np.zeros(len(linear.is_sum), bool)
    whole[roots[took & pure]] = True
    left = np.ones(len(terms), bool)
    left[chosen.at[took[dots.dot]]] = False
    rest = np.flatnonzero(took & ~pure)
    return groups, terms.at(left).plus(TermTable(roots[rest], made[rest], np.full(len(rest), ABSENT), c[rest])), whole


def shape_of(group: Group) -> str:
    """A product as text, for ``explain``."""
    if isinstance(group, MatMul):
        (count, rows, length), columns, what = group.w.shape, group.x.shape[2], "MatMul"
    elif isinstance(group, Product):
        (count, rows, length), columns, what = group.x.shape, group.y.shape[2], "Product"
    elif isinstance(group, Gather):
        return f"Gather {group.index.size} of {group.table.shape[0]} rows of {group.table.shape[1]}"
    else:
        raise TypeError(f"no product: {group!r}")
    return f"{what} {f'{count} x ' if count > 1 else ''}({rows}, {length}) @ ({length}, {columns})"
