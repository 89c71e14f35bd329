"""Find gathers: rows of a table of parameters, chosen by whole numbers that vary (an embedding).

A ``take`` is a cell: the values it chooses from are its column (one dimension of the embedding, over the vocabulary),
the node of its index is its row (one letter). Columns that meet the same indices are one gather; nothing is searched
for, as in ``grids``.

Invariant: ``out[d, p]`` was recorded as the take of ``index[p]`` from column d of ``table``, value by value.
"""

from __future__ import annotations

import numpy as np

from autograd.compiler.constants import Known
from autograd.compiler.grouping import runs, scramble
from autograd.compiler.linear import nodes_of
from autograd.compiler.nodes import Nodes
from autograd.compiler.schedule import Bools, Gather, Group
from autograd.compiler.tape import Ints, Tape


def find_gathers(tape: Tape, known: Known, nodes: Nodes, alone: Bools) -> tuple[list[Group], Bools]:
    """Gathers for the ``take`` operations whose values are fixed along the batch, and which operations those are."""
    gathered = np.zeros(len(tape), bool)
    groups: list[Group] = []
    which = nodes_of(tape, "take") & alone
    takes = np.flatnonzero(which)
    if not len(takes):
        return groups, gathered
    args, counts = tape.args[which[known.owner]], np.diff(tape.start)[takes]
    start = np.cumsum(counts) - counts
    position = np.arange(len(args)) - np.repeat(start, counts)
    values = position > 0
    fixed = np.add.reduceat(values & nodes.batched[args], start) == 0
    columns = np.add.reduceat(np.where(values, scramble(scramble(position) + scramble(args)), np.uint64(0)), start)
    takes, counts, start, columns = takes[fixed], counts[fixed], start[fixed], columns[fixed]
    index, kind = args[start], nodes.level[takes] * 2 + nodes.batched[takes]
    for each in grids_of_takes(index, columns, kind, counts):
        every = args[start[each][..., None] + 1 + np.arange(counts[each[0, 0]] - 1)]
        if (every != every[:, :1]).any() or (index[each] != index[each[0]]).any():
            continue  # two columns with one hash
        out = takes[each]
        gathered[out] = True
        level, batched = int(nodes.level[out[0, 0]]), bool(nodes.batched[out[0, 0]])
        groups.append(Gather(out, level, batched, index[each[0]], np.ascontiguousarray(every[:, 0].T)))
    return groups, gathered


def grids_of_takes(index: Ints, columns: Ints, kind: Ints, counts: Ints) -> list[Ints]:
    """Takes by column and index, shape (columns, indices) each; a take that is there twice is left out."""
    if not len(index):
        return []
    cells, starts = runs(kind, counts, columns, index)
    first = cells[starts]
    index, columns, kind, counts = index[first], columns[first], kind[first], counts[first]
    key, inverse = np.unique(columns, return_inverse=True)
    met = np.zeros(len(key), np.uint64)
    np.add.at(met, inverse.ravel(), scramble(index))
    order, starts = runs(kind, counts, met[inverse.ravel()])
    found = []
    for each in np.split(order, starts[1:]):
        rows, many = np.unique(columns[each], return_counts=True)
        if len(each) != len(rows) * many[0]:
            continue  # two sets with one hash
        sort = np.lexsort((index[each], columns[each]))
        grid = first[each[sort]].reshape(len(rows), int(many[0]))
        grid = grid[np.argsort(grid[:, 0])]
        found.append(grid[:, np.argsort(grid[0])])
    return found
