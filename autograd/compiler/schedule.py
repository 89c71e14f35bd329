"""What raising makes of a tape: groups of nodes that NumPy computes in a few calls each.

A schedule is a list of groups in an order in which they can run. Each group computes many nodes of the same kind at
once; node numbers are those of the tape, with a few more behind them: ``zero`` and ``one`` (the numbers 0 and 1), and
the pieces that raising had to name (a product that is one part of a sum). ``interpret.py`` runs a schedule slowly, and
says by its code what each kind of group means.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.compiler.tape import CONSTANT, INPUT, PARAMETER, Ints, Tape
from autograd.locks import cached
from autograd.op import Op

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(eq=False)
class Group:
    """Nodes that are computed together.

    Attributes:
        out: their node numbers; the order in memory is that of ``out.ravel()``, unless the executor permutes it.
        level: one more than the largest level among the operands' groups; a group may read lower levels, and, where
            raising cut a node in two, groups of its own level that stand before it.
        batched: they vary along the batch; false for what depends on parameters and constants alone.
    """

    out: Ints
    level: int
    batched: bool


@dataclass(eq=False)
class Elementwise(Group):
    """``out[i] = op(args[0][i], args[1][i], ...)``; an n-ary operation has one row of ``args`` for each operand.

    Attributes:
        args: shape (number of operands, n); ``out`` has shape (n,). Within one row either all operands vary along
            the batch or none does (``zero``, ``one`` and constants that pad count as either).
    """

    op: Op
    args: Ints


@dataclass(eq=False)
class Terms:
    """Terms of one kind: row j adds ``c[j, i] * x[j, i]`` or, with ``y``, ``c[j, i] * x[j, i] * y[j, i]`` to out i.

    Attributes:
        x, y, c: shape (m, n). All of x vary along the batch or none does, and so with y; where one of the two does,
            it is y. A square has x equal to y.
    """

    x: Ints
    y: Ints | None
    c: Floats


@dataclass(eq=False)
class Sum(Group):
    """``out = scale * (bias + all terms)``; ``out``, ``bias`` and ``scale`` have shape (n,)."""

    parts: list[Terms]
    bias: Floats
    scale: Floats


@dataclass(eq=False)
class MatMul(Group):
    """``out[g] = w[g] @ x[g]`` with w fixed along the batch and x varying (or, in a group that is not batched, fixed).

    Attributes:
        w: shape (G, R, K), x: shape (G, K, P), out: shape (G, R, P). A bias is a last column of w against a row of
            ``one`` in x. ``zero`` pads either.
    """

    w: Ints
    x: Ints


@dataclass(eq=False)
class Product(Group):
    """``out[g] = scale * x[g] @ y[g]``, both varying along the batch, sample by sample: attention's q.k and weights.v.

    Attributes:
        x: shape (G, R, K), y: shape (G, K, P), out: shape (G, R, P); ``zero`` pads. Where rows share columns in part
            only (a position sees those before it), the other cells of ``out`` are new numbers that nothing reads.
        scale: 1 as raising makes them; see ``softmaxes.py``.
    """

    x: Ints
    y: Ints
    scale: float = 1.0


@dataclass(eq=False)
class Gather(Group):
    """``out[d, p] = table[index[p], d]``: rows of a table of parameters, chosen by whole numbers (an embedding).

    Attributes:
        index: shape (P,), node numbers; table: shape (V, D), node numbers of what is fixed along the batch;
            out: shape (D, P).
    """

    index: Ints
    table: Ints


@dataclass(eq=False)
class Softmax(Group):
    """``out[:, i]`` = the softmax of ``x[:, i]`` over the places that are live; 0 in the others.

    Raising does not make them: ``softmaxes.py`` finds them in a schedule, for an executor that wants them.

    Attributes:
        x: shape (m, n), a sequence in each column; what stands where it is not live is not read. ``out``: the same.
        live: shape (m, n).
    """

    x: Ints
    live: Bools


@dataclass(eq=False)
class Schedule:
    """Groups in an order in which they can run, and what is known of every node.

    Attributes:
        tape: what was raised.
        groups: each node that is needed for an output is made by one group, or is a leaf.
        size: the number of node numbers in use; those from ``len(tape)`` on are new.
        zero, one: the node numbers of the constants 0 and 1.
        known, constant: which nodes are constants (of the tape, found by folding, or new), and their numbers, which may
            be inf and nan (0 elsewhere).
        batched, needed: by node number: varies along the batch; a parameter or input lies behind it.
        note: what raising found, for ``explain``: counts of nodes and groups by what became of them, and the products
            as lines of text.
    """

    tape: Tape
    groups: list[Group]
    size: int
    zero: int
    one: int
    known: Bools
    constant: Floats
    batched: Bools
    needed: Bools
    note: dict[str, Any]

    @cached
    def padded(self) -> bool:
        """Does a product multiply something by ``zero`` that the graph does not? Beside nan and inf that makes nan."""
        products = [group for group in self.groups if isinstance(group, MatMul | Product)]
        return any((ids == self.zero).any() for group in products for ids in operands(group))

    def changed(self, groups: list[Group], batched: Bools) -> Schedule:
        """The schedule with other groups, which make new nodes too; ``batched`` says which of these vary."""
        new = len(batched)
        return replace(
            self,
            groups=groups,
            size=self.size + new,
            known=np.concatenate([self.known, np.zeros(new, bool)]),
            constant=np.concatenate([self.constant, np.zeros(new)]),
            batched=np.concatenate([self.batched, batched]),
            needed=np.concatenate([self.needed, np.ones(new, bool)]),
        )


def operands(group: Group) -> list[Ints]:
    """Every array of node numbers that a group reads."""
    if isinstance(group, Elementwise):
        return [group.args]
    if isinstance(group, Sum):
        return [ids for part in group.parts for ids in (part.x, part.y) if ids is not None]
    if isinstance(group, MatMul):
        return [group.w, group.x]
    if isinstance(group, Product):
        return [group.x, group.y]
    if isinstance(group, Gather):
        return [group.index, group.table]
    if isinstance(group, Softmax):
        return [group.x]
    raise TypeError(f"no group: {group!r}")


def elementwise_schedule(tape: Tape) -> Schedule:
    """The schedule that raises nothing: every operation as it stands, grouped by level and kinds of operands.

    Right for every graph, and the plainest account of what a schedule is; the tests hold ``raising`` to it.
    """
    n = len(tape)
    zero, one = n, n + 1
    known = np.append(tape.code == CONSTANT, [True, True])
    constant = np.where(known, np.append(tape.data, [0.0, 1.0]), 0.0)
    batched, needed, level = np.zeros(n + 2, bool), np.zeros(n + 2, bool), np.zeros(n + 2, np.int64)
    batched[:n] = tape.code == INPUT
    needed[:n] = (tape.code == PARAMETER) | (tape.code == INPUT)
    together: dict[tuple[Any, ...], list[int]] = {}
    for i in np.flatnonzero(np.diff(tape.start)).tolist():
        args = tape.operands(i)
        level[i] = 1 + level[args].max()
        batched[i], needed[i] = batched[args].any(), needed[args].any()
        key = (int(level[i]), int(tape.code[i]), bool(batched[i]), batched[args].tobytes())
        together.setdefault(key, []).append(i)
    groups: list[Group] = [
        Elementwise(
            out=np.array(nodes, np.int64),
            level=key[0],
            batched=key[2],
            op=tape.op(nodes[0]),
            args=np.stack([tape.operands(i) for i in nodes], axis=1),
        )
        for key, nodes in sorted(together.items(), key=lambda item: item[0][0])
    ]
    return Schedule(tape, groups, n + 2, zero, one, known, constant, batched, needed, {})
