"""Raise a tape to a schedule: the compiler's middle, one step a module.

1. ``constants``: fold what is constant, drop what no output needs.
2. ``linear``: chains of additions and scalings become sums of terms c * x and c * x * y.
3. ``nodes``: the level of every node that is left, and whether it varies along the batch.
4. ``products``: sums of products over shared operands (``candidates``) become matrix products (found by ``grids``);
   ``gathers``: lookups by numbers that vary become gathers.
5. ``grouping``: what is left, by level and kind.

All steps are linear in the size of the tape, but for sorting. The result is held to the tape by the tests:
``run_schedule(raise_tape(tape))`` gives what ``run_tape(tape)`` gives, to a few eps times the sum of the sizes of what
is added. Three things are not kept: sums that overflow on their way (they are added in any order), the sign of a zero,
and the reach of nan and inf where a product was padded: 0 * inf in a place that the graph never read makes nan. What
runs a schedule notices, and has ``interpret`` compute such a batch: see ``Bound.plainly``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.compiler.constants import Known, simplify
from autograd.compiler.gathers import find_gathers
from autograd.compiler.grouping import elementwise_groups, sum_groups
from autograd.compiler.linear import Linear, collapse, is_square
from autograd.compiler.nodes import Nodes, survey
from autograd.compiler.products import find_products, shape_of
from autograd.compiler.schedule import Bools, Elementwise, Gather, Group, MatMul, Product, Schedule, Sum
from autograd.compiler.tape import FIRST_OP, Tape
from autograd.ops import TABLE

FEW_FIXED = 10
"""A graph without products is uniform where at most one node in ten is a parameter or depends on parameters alone."""


def raise_tape(tape: Tape, *, products: bool = True, uniform: bool | None = None) -> Schedule:
    """The schedule of a tape: few large groups where the graph is regular.

    Args:
        tape: what was recorded.
        products: look for matrix products and gathers; without, sums keep their products as terms.
        uniform: let every node pass for one that varies along the batch, parameters and constants too: half as many
            groups for a graph without any order. There are no products then, and ``batched`` is true everywhere. By
            default, where no products were found and little is computed anew for every row then.

    Returns:
        Groups by level; within a level products first, then sums, then single operations. ``note`` counts what became
        of the nodes.
    """
    known = simplify(tape)
    linear = collapse(tape, known)
    nodes = survey(tape, known, linear)
    groups: list[Group] = []
    terms = linear.terms
    alone, whole = linear.alone, np.zeros(len(tape), bool)
    if products and not uniform:
        groups, terms, whole = find_products(nodes, linear)
        gathers, gathered = find_gathers(tape, known, nodes, alone)
        groups += gathers
        alone = alone & ~gathered
    if uniform or (uniform is None and products and not groups and mostly_varying(tape, known, linear, nodes)):
        nodes.batched[:] = True
    found = len(groups)
    groups += sum_groups(nodes, np.flatnonzero(linear.is_sum & known.alive & ~whole), terms, linear.bias, linear.scale)
    groups += single_operations(tape, known, nodes, alone)
    rank = {MatMul: 0, Product: 0, Gather: 0, Sum: 1, Elementwise: 2}
    order = sorted(range(len(groups)), key=lambda i: (groups[i].level, rank[type(groups[i])], i))
    note = summary(tape, known, linear, nodes, groups[:found], groups[found:])
    return Schedule(
        tape=tape,
        groups=[groups[i] for i in order],
        size=len(nodes),
        zero=nodes.zero,
        one=nodes.one,
        known=nodes.known,
        constant=nodes.constant,
        batched=nodes.batched,
        needed=nodes.needed,
        note=note,
    )


def mostly_varying(tape: Tape, known: Known, linear: Linear, nodes: Nodes) -> bool:
    """Is there little that does not vary along the batch?"""
    inner = linear.is_sum & known.alive | linear.alone
    fixed = len(tape.parameters) + np.count_nonzero(inner & ~nodes.batched[: len(tape)])
    return bool(FEW_FIXED * fixed <= np.count_nonzero(inner))


def single_operations(tape: Tape, known: Known, nodes: Nodes, alone: Bools) -> list[Group]:
    """Groups of the operations that are run as they stand; ``pow(x, 2)`` is run as ``square(x)``."""
    code = tape.code.astype(np.int64) - FIRST_OP
    ops = [*tape.ops, TABLE["square"]]
    square = is_square(tape, known) & alone
    code = np.where(square, len(tape.ops), code)
    use = alone[known.owner]
    use[tape.start[np.flatnonzero(square)] + 1] = False
    which = np.flatnonzero(alone)
    counts = np.diff(tape.start)[which] - square[which]
    return elementwise_groups(nodes, ops, which, code[which], tape.args[use], counts)


def summary(
    tape: Tape, known: Known, linear: Linear, nodes: Nodes, products: list[Group], others: list[Group]
) -> dict[str, Any]:
    """What became of the nodes, for ``explain``."""
    inner = int((tape.code >= FIRST_OP).sum())
    kinds = ("MatMul", "Product", "Gather", "Sum", "Elementwise")
    every = [*products, *others]
    names = [type(group).__name__ for group in every]
    return {
        "nodes": len(tape),
        "operations": inner,
        "folded": int((known.fixed & (tape.code >= FIRST_OP)).sum()),
        "dropped": inner - int((known.fixed & (tape.code >= FIRST_OP)).sum()) - int(known.alive.sum()),
        "absorbed into sums": linear.absorbed,
        "fused into sums as products": linear.fused,
        "sums": int((linear.is_sum & known.alive).sum()),
        "groups": {kind: names.count(kind) for kind in kinds if kind in names},
        "nodes by kind of group": {
            kind: sum(group.out.size for group, name in zip(every, names, strict=True) if name == kind)
            for kind in kinds
            if kind in names
        },
        "products": [shape_of(group) for group in sorted(products, key=lambda group: group.level)],
        "levels": max((group.level for group in every), default=0),
    }
