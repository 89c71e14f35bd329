"""Which row of which store holds which node."""

from __future__ import annotations

import numpy as np

from autograd.compiler.numpy.emit import some
from autograd.compiler.numpy.order import Order
from autograd.compiler.numpy.sequences import SEQUENCES
from autograd.compiler.schedule import Elementwise, Gather, Group, MatMul, operands
from autograd.compiler.tape import Ints

CONSTANT, PARAMETER, FIXED, VARYING = 0, 1, 2, 3
"""What a node is to the layout: varying ones live in V, fixed ones in S, parameters in T, constants wherever read."""


class Layout:
    """Rows for every node; one operand array is always read from one store.

    A node that is read beside nodes of another store (a constant; a parameter beside a computed number) gets a second
    row there. Those of parameters, the mirrors, are filled at the start of every run.

    Args:
        single: the batch size is 1, and one store, V, holds what is fixed and what varies.

    Attributes:
        row: for each of the stores "T", "S" and "V" the rows of nodes; -1 for a node that has none there.
        first: the first row of each group's block, of the inputs (-1) and of the mirrors in V (-3).
        count: the number of rows of "S" and "V".
        ones: blocks of rows of ones, as (store, first row, number).
        mirrors: for "S" and "V" the parameters that have rows there, in the order of those rows.
    """

    def __init__(self, order: Order, single: bool) -> None:
        schedule = order.schedule
        self.order, self.single = order, single
        self.shared = "V" if single else "S"
        size = schedule.size
        self.zero, self.one = schedule.zero, schedule.one
        self.kind = np.where(schedule.batched, VARYING, FIXED).astype(np.int8)
        self.kind[order.is_parameter & ~schedule.batched] = PARAMETER
        self.kind[schedule.known & ~order.is_parameter] = CONSTANT
        self.kind[[self.zero, self.one]] = CONSTANT
        self.kind[schedule.tape.inputs] = VARYING
        self.row = {"T": order.theta, "S": np.full(size, -1, np.int64), "V": np.full(size, -1, np.int64)}
        self.count = {"S": 0, "V": 0}
        self.first: dict[int, int] = {}
        self.ones: list[tuple[str, int, int]] = []
        for store in self.count:
            self.add(store, np.array([self.zero, self.one]))
        self.mirrors = self.add_strays()
        self.first[-1] = self.add("V", order.inputs[: order.lead], order.ones.get(-1, 0))
        self.add("V", order.inputs[order.lead :])
        for k, group in enumerate(order.groups):
            self.first[k] = self.add(self.home(group.batched), group.out.ravel(), order.ones.get(k, 0))

    def add(self, store: str, ids: Ints, ones: int = 0) -> int:
        """Rows for nodes, in this order, and rows of ones behind them; the first."""
        start = self.count[store]
        self.row[store][ids] = np.arange(start, start + len(ids))
        self.count[store] += len(ids) + ones
        if ones:
            self.ones.append((store, start + len(ids), ones))
        return start

    def home(self, batched: bool) -> str:
        """The store of a group's results."""
        return "V" if batched else self.shared

    def varies(self, node: int) -> bool:
        """Is this node's own number one for each row of the batch? (A mirror is a copy.)"""
        maker = int(self.order.made_by[node])
        return self.order.groups[maker].batched if maker >= 0 else maker == -1

    def store(self, ids: Ints, fixed: bool = False) -> str:
        """The store from which an operand array is read; ``fixed``: it is a matrix of weights or a table."""
        if fixed:
            return "T" if self.order.is_parameter[ids].all() else self.shared
        kinds = self.kind[ids].tobytes()
        if VARYING in kinds:
            return "V"
        return "T" if kinds.count(PARAMETER) == len(kinds) else self.shared

    def rows(self, ids: Ints, fixed: bool = False) -> tuple[str, Ints]:
        """The store and the rows from which to read nodes."""
        store = self.store(ids, fixed)
        return store, self.row[store][ids]

    def table(self, group: Elementwise) -> int | None:
        """From which operand on those of a sequence can be read as one array from the store of the results, if so."""
        if group.op not in SEQUENCES or len(group.args) == SEQUENCES[group.op].table:
            return None
        start = SEQUENCES[group.op].table
        whole = group.args[start:]
        mixed = not self.single and group.batched and some(self.kind[whole] == FIXED)
        return None if mixed or self.store(whole) != self.home(group.batched) else start

    def reads(self, group: Group) -> list[tuple[Ints, bool]]:
        """The operand arrays of a group, each of which is read from one store; and whether it must be fixed."""
        if isinstance(group, Elementwise):
            start = self.table(group)
            lead = list(group.args[:start])
            return [(ids, False) for ids in ([*lead, group.args[start:]] if start is not None else lead)]
        if isinstance(group, MatMul):
            return [(group.w, True), (group.x, False)]
        if isinstance(group, Gather):
            return [(group.index, False), (group.table, True)]
        return [(ids, False) for ids in operands(group)]

    def add_strays(self) -> dict[str, Ints]:
        """Rows for constants and parameters in the stores where they are read beside others."""
        size = len(self.kind)
        stray = {store: np.zeros(size, bool) for store in self.count}
        for group in self.order.groups:
            for ids, fixed in self.reads(group):
                store = self.store(ids, fixed)
                if store != "T":
                    stray[store][ids.ravel()] = True
        parameters = self.order.is_parameter
        mirrors = {}
        for store, needed in stray.items():
            constants = np.flatnonzero(needed & (self.kind == CONSTANT) & (self.row[store] < 0))
            self.add(store, constants)
            mirrors[store] = np.flatnonzero(needed & parameters)
            mirrors[store] = mirrors[store][np.argsort(self.order.theta[mirrors[store]])]
            start = self.add(store, mirrors[store])
            if store == "V":
                self.first[-3] = start
        return mirrors

    def bias_behind(self, group: MatMul, store: str, rows: Ints) -> Ints:
        """The rows of x with those of its ones put right behind the others, where there are ones in that place."""
        x = group.x[0]
        if len(group.x) == 1 and len(x) > 1 and (x[-1] == self.one).all() and not (x[:-1] == self.one).any():
            last = int(rows[0, :-1].max()) + 1
            for where, start, number in self.ones:
                if where == store and start == last and number >= x.shape[1]:
                    rows = rows.copy()
                    rows[0, -1] = start + np.arange(x.shape[1])
        return rows
