"""What a picture of a program shows, as plain numbers: its groups, their work, and which reads which.

Groups beyond what a reader can take in are folded: of a graph of hundreds the few that do most of the work stay, and
what lies between them becomes one block for a stretch of levels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

import numpy as np

from autograd.compiler.explain import FEW
from autograd.compiler.schedule import Elementwise, Gather, Group, MatMul, Product, Schedule, Sum, operands
from autograd.op import Op

__all__ = ["Block", "Picture", "picture_of"]

MOST = 56
"""Groups beyond this are folded ..."""

KEPT, STRETCHES = 14, 10
"""... to the groups with most work, and about so many blocks for the rest."""

LITTLE = 64
"""A group of fewer than ``FEW`` numbers and fewer operations than this is small: its calls cost more than its work."""

INPUTS = -1


@dataclass(eq=False)
class Block:
    """A group, or many that were folded into one.

    Attributes:
        kind: "product", "pairs" (both factors vary along the batch), "gather", "sum", "each" (an operation, element by
            element) or "folded".
        sizes: (G, R, K, P) of a product; (rows of the table, columns, lookups); (sums, most terms).
        op: of "each", as the engine declares it.
        main: of "folded", the kind that does most of the work.
        nodes, work: numbers that it makes, and multiplications and other operations, for one row of the batch.
        batched: false for what is computed once for all rows.
        order: groups are read by groups of higher order only.
        groups, small: how many groups it is, and how many of those are small.
        inputs: how many inputs it reads; output: it makes an output.
        reads: places of the blocks that it reads, each with the number of numbers read.
    """

    kind: str
    sizes: tuple[int, ...]
    nodes: int
    work: int
    batched: bool
    order: int
    level: int
    op: Op | None = None
    main: str = ""
    groups: int = 1
    small: int = 0
    last_level: int = 0
    inputs: int = 0
    output: bool = False
    reads: dict[int, int] = field(default_factory=dict)


@dataclass(eq=False)
class Picture:
    """Blocks in an order in which they can run, and what they were made of."""

    blocks: list[Block]
    every: list[Block]
    """The groups themselves, before any folding."""
    nodes: int
    operations: int
    inputs: int
    parameters: int
    levels: int


def picture_of(schedule: Schedule) -> Picture:
    """The groups of a schedule and what they read, folded where they are many."""
    every = [_block(group) for group in schedule.groups]
    made_by = np.full(schedule.size, len(every))  # by nothing that is drawn: parameters and constants
    made_by[schedule.tape.inputs] = INPUTS
    for place, (block, group) in enumerate(zip(every, schedule.groups, strict=True)):
        read = np.unique(np.concatenate([ids.ravel() for ids in operands(group)]))
        sources, counts = np.unique(made_by[read], return_counts=True)
        for source, count in zip(sources.tolist(), counts.tolist(), strict=True):
            if source == INPUTS:
                block.inputs = count
            elif source < len(every):
                block.reads[source] = count
        made_by[group.out.ravel()] = place
    for place in set(made_by[schedule.tape.outputs].tolist()) & set(range(len(every))):
        every[place].output = True
    tape = schedule.tape
    return Picture(
        blocks=_folded(every) if len(every) > MOST else every,
        every=every,
        nodes=len(tape),
        operations=int((np.diff(tape.start) > 0).sum()),
        inputs=len(tape.inputs),
        parameters=len(tape.parameters),
        levels=max((block.level for block in every), default=0),
    )


def _block(group: Group) -> Block:
    nodes = group.out.size
    op: Op | None = None
    rank = 0
    sizes: tuple[int, ...]
    if isinstance(group, MatMul | Product):
        kind = "product" if isinstance(group, MatMul) else "pairs"
        left, right = (group.w, group.x) if isinstance(group, MatMul) else (group.x, group.y)
        sizes = (*left.shape, right.shape[2])
        work = nodes * sizes[2]
    elif isinstance(group, Gather):
        kind, work = "gather", nodes
        sizes = (*group.table.shape, len(group.index))
    elif isinstance(group, Sum):
        kind, rank = "sum", 1
        sizes = (nodes, sum(len(part.x) for part in group.parts))
        work = nodes * max(1, sizes[1])
    elif isinstance(group, Elementwise):
        kind, rank, op = "each", 2, group.op
        sizes, work = (nodes,), nodes * len(group.args)
    else:
        raise TypeError(f"no group: {group!r}")
    small = nodes < FEW and work < LITTLE
    order = 3 * group.level + rank
    return Block(kind, sizes, nodes, work, group.batched, order, group.level, op=op, small=int(small))


def _folded(every: Sequence[Block]) -> list[Block]:
    """Few blocks for many: those with most work, and the others by stretches of levels."""
    large = sorted((i for i, block in enumerate(every) if not block.small), key=lambda i: (-every[i].work, i))
    total = sum(block.work for block in every)
    kept = {i for i in large[:KEPT] if every[i].work * 25 >= total}
    rest = [i for i in range(len(every)) if i not in kept]
    stretch = _stretches([every[i].order for i in rest], sorted({every[i].order for i in kept}))
    members = [[i] for i in sorted(kept)]
    members += [[i for i, _ in run] for _, run in groupby(zip(rest, stretch, strict=True), key=lambda pair: pair[1])]
    members.sort(key=lambda run: (every[run[0]].order, run[0]))
    at = {i: place for place, run in enumerate(members) for i in run}
    blocks = []
    for place, run in enumerate(members):
        block = _merged([every[i] for i in run])
        for i in run:
            for source, count in every[i].reads.items():
                if at[source] != place:
                    block.reads[at[source]] = block.reads.get(at[source], 0) + count
        blocks.append(block)
    return blocks


def _stretches(orders: Sequence[int], cuts: Sequence[int]) -> list[int]:
    """For each of the orders, which ascend, the number of its stretch: no cut lies inside one."""
    each = max(1, -(-len(orders) // STRETCHES))
    found: list[int] = []
    number, since = 0, 0
    for before, order in pairwise([*orders[:1], *orders]):
        if order != before:
            crossed = any(before <= cut <= order for cut in cuts)
            if crossed or len(found) - since >= each:
                number, since = number + 1, len(found)
        found.append(number)
    return found


def _merged(run: Sequence[Block]) -> Block:
    if len(run) == 1:
        (one,) = run
        return Block(**{**vars(one), "reads": {}, "last_level": one.level})

    def total(of: Callable[[Block], int]) -> int:
        return sum(map(of, run))

    levels = [block.level for block in run]
    share: Counter[str] = Counter()
    for block in run:
        share[block.kind] += block.work
    return Block(
        kind="folded",
        main=share.most_common(1)[0][0],
        sizes=(),
        nodes=total(lambda b: b.nodes),
        work=total(lambda b: b.work),
        batched=any(block.batched for block in run),
        order=run[0].order,
        level=min(levels),
        last_level=max(levels),
        groups=len(run),
        small=total(lambda b: b.small),
        inputs=max(block.inputs for block in run),
        output=any(block.output for block in run),
    )
