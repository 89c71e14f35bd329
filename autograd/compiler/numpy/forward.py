"""The forward pass: every group as a few calls of NumPy that write to its block of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd.compiler.numpy.call import Call
from autograd.compiler.numpy.declared import Declared
from autograd.compiler.numpy.emit import Array, Emitter, contiguous, every, number, some
from autograd.compiler.numpy.layout import Layout
from autograd.compiler.numpy.products import contract
from autograd.compiler.numpy.sequences import SEQUENCES, Sequence, invalid
from autograd.compiler.numpy.short import Short, short_way
from autograd.compiler.numpy.turned import Turned, in_grid
from autograd.compiler.schedule import Elementwise, Floats, Gather, Group, MatMul, Product, Softmax, Sum, Terms
from autograd.compiler.tape import Ints


@dataclass
class Done:
    """What the forward pass of a group leaves to its backward pass: the names of what it read.

    Attributes:
        reads: for each operand array its name, as the backward pass needs it.
        call, way: of an elementwise group.
    """

    reads: list[Any] = field(default_factory=list)
    call: Call | None = None
    way: Short | Sequence | Declared | None = None


def coefficient(emit: Emitter, c: Floats) -> str | None:
    """None for coefficients that are all one; a number if they are all equal; else a bound array."""
    if every(c == c.flat[0]):
        return None if c.flat[0] == 1.0 else number(c.flat[0])
    return emit.constant(c)


class Forward:
    """Emits the forward pass.

    Attributes:
        done: what every group leaves to the backward pass, by its place in the order.
    """

    def __init__(self, layout: Layout, emit: Emitter) -> None:
        self.layout, self.emit = layout, emit
        self.schedule = layout.order.schedule
        self.done: list[Done] = []
        self.load()
        emitters: dict[type, Callable[[int, Any], Done]] = {
            Elementwise: self.elementwise,
            Sum: self.sum,
            MatMul: self.matmul,
            Product: self.product,
            Turned: self.product,
            Gather: self.gather,
            Softmax: self.softmax,
        }
        for k, group in enumerate(layout.order.groups):
            emit.fresh()
            self.done.append(emitters[type(group)](k, group))

    def load(self) -> None:
        """The batch into the rows of the inputs, and the mirrors of the parameters."""
        rows = self.layout.row["V"][self.schedule.tape.inputs]
        cuts = np.flatnonzero(np.diff(rows) != 1) + 1
        if len(rows) == 0:
            pass
        elif len(cuts) < 4:
            for run in np.split(np.arange(len(rows)), cuts):
                a, b = int(run[0]), int(run[-1]) + 1
                whole = "X" if len(run) == len(rows) else f"X[{a}:{b}]"
                self.emit.line("copyto", self.emit.view("V", int(rows[a]), (b - a,)), whole)
        else:
            self.emit.lines.append(f"V[{self.emit.index(rows)}]=X")
        for store, ids in self.layout.mirrors.items():
            if len(ids):
                self.emit.fresh()
                source = self.emit.take("T", self.layout.row["T"][ids])
                self.emit.line(
                    "copyto", self.emit.view(store, int(self.layout.row[store][ids[0]]), (len(ids),)), source
                )

    # -- reading and writing ---------------------------------------------------------------------------------------

    def read(self, ids: Ints, form: str = "rows", keep: bool = False, fixed: bool = False) -> str:
        """The name of an operand array."""
        store, rows = self.layout.rows(ids, fixed)
        return self.emit.take(store, rows, form, keep)

    def result(self, k: int, group: Group, form: str = "rows") -> str:
        """The name of a group's block."""
        return self.emit.view(self.layout.home(group.batched), self.layout.first[k], group.out.shape, form)

    # -- the kinds of groups ---------------------------------------------------------------------------------------

    def elementwise(self, k: int, group: Elementwise) -> Done:
        """By the short way of the operation, or by its declaration."""
        known, numbers = self.schedule.known, self.schedule.constant
        store = self.layout.home(group.batched)
        table = self.layout.table(group)
        lead = group.args if table is None else group.args[:table]
        constants = [numbers[ids] if every(known[ids]) else None for ids in lead]
        way = (short_way(group.op, constants) or Declared()) if table is None else SEQUENCES[group.op]
        xs = [
            self.operand(ids, known, way.reads_again(j))
            for j, (ids, known) in enumerate(zip(lead, constants, strict=True))
        ]
        call = Call(self.emit, group.op, self.result(k, group), xs, len(group.out), store, constants)
        if table is not None:
            whole = group.args[table:]
            call.m = len(whole)
            call.xs.append(self.table(*self.layout.rows(whole)))
        way.emit_value(call)
        return Done(reads=[*lead] if table is None else [*lead, group.args[table:]], call=call, way=way)

    def table(self, store: str, rows: Ints) -> str:
        """Operands of an n-ary operation as one array whose numbers follow one another."""
        if contiguous(rows):
            return self.emit.view(store, int(rows.flat[0]), rows.shape)
        copy = self.emit.scratch(rows.shape, store)
        self.emit.gather(store, rows, copy)
        return copy

    def operand(self, ids: Ints, known: Floats | None, keep: bool) -> str:
        """An operand row: where it is the same constant throughout, as one number."""
        if known is not None and (known == known[0]).all():
            return self.emit.bound(np.array([[known[0]]], self.emit.dtype))
        return self.read(ids, keep=keep)

    def sum(self, k: int, group: Sum) -> Done:
        """The parts one after the other: the first is written to the block, the others are added to it."""
        emit, z = self.emit, self.result(k, group)
        done = Done()
        home = self.layout.home(group.batched)
        pieces: list[tuple[str, int]] = []
        biased = some(group.bias != 0.0)
        for part in group.parts:
            store = self.part_store(part)
            sign = 1
            c = part.c
            if every(c == c.flat[0]) and c.flat[0] < 0.0:
                c, sign = -c, -1
            # the first piece may go to the block itself, unless something has to be subtracted from something first
            first = not pieces and store == home and (sign > 0 or (len(group.parts) == 1 and not biased))
            target = z if first else emit.scratch((len(group.out),), store)
            piece, names = self.part(Terms(part.x, part.y, c), target, store)
            done.reads.append(names)
            pieces.append((piece, sign))
        if biased or not pieces:
            same = every(group.bias == group.bias[0])
            pieces.append((number(group.bias[0]) if same else emit.constant(group.bias), 1))
        self.join(pieces, z)
        factor = coefficient(emit, group.scale)
        if factor is not None:
            emit.line("multiply", z, factor, z)
        return done

    def join(self, pieces: list[tuple[str, int]], z: str) -> None:
        """z = the signed sum of the pieces, where z may be one of them."""
        emit = self.emit
        pieces.sort(key=lambda piece: (piece[0] != z, -piece[1]))
        current, sign = pieces[0]
        if sign < 0:
            emit.line("negative", current, z)
            current = z
        elif len(pieces) == 1 and current != z:
            emit.line("copyto", z, current)
        for other, sign in pieces[1:]:
            emit.line("add" if sign > 0 else "subtract", current, other, z)
            current = z

    def part_store(self, part: Terms) -> str:
        """Where the sum over the terms of one part lies: it varies if one of its operands does."""
        stores = [self.layout.store(ids) for ids in (part.x, part.y) if ids is not None]
        return "V" if "V" in stores else self.layout.shared

    def part(self, part: Terms, target: str, store: str) -> tuple[str, list[str]]:
        """The sum over the terms of one part, in ``target`` or in place; and the names of x and y."""
        emit = self.emit
        m, n = part.x.shape
        c = part.c if m > 1 else part.c[0]
        if part.y is None:
            return self.plain_part(part, c, target, store), []
        same = part.x is part.y or every(part.x == part.y)
        x = self.read(part.x if m > 1 else part.x[0], keep=True)
        y = x if same else self.read(part.y if m > 1 else part.y[0], keep=True)
        factor = coefficient(emit, c)
        shared_x = self.layout.store(part.x) != "V"
        if (
            n == 1
            and m > 1
            and (factor is None or not factor.startswith("v"))
            and (shared_x or emit.lengths[store] == 1)
        ):
            length = emit.lengths[self.layout.store(part.y)]
            row = emit.reshaped(x, (m,))
            table = emit.reshaped(y, (m,) if length == 1 else (m, length))
            emit.line("dot", row, table, emit.reshaped(target, () if length == 1 else (length,)))
            if factor is not None:
                emit.line("multiply", target, factor, target)
            return target, [x, y]
        terms = target if m == 1 else emit.scratch((m, n), store)
        emit.line("multiply", x, y, terms)
        if factor is not None and factor.startswith("v"):
            emit.line("multiply", terms, factor, terms)
            factor = None
        if m > 1:
            emit.reduce(terms, m, target)
        if factor is not None:
            emit.line("multiply", target, factor, target)
        return target, [x, y]

    def plain_part(self, part: Terms, c: Floats, target: str, store: str) -> str:
        """The sum over terms without a second factor."""
        emit = self.emit
        m, n = part.x.shape
        factor = coefficient(emit, c)
        if m == 1:
            x = self.read(part.x[0])
            if factor is None:
                return x
            emit.line("multiply", x, factor, target)
            return target
        signs = part.c[:, 0]
        if m <= 3 and every(np.abs(part.c) == 1.0) and every(part.c == part.c[:, :1]):
            lead = int(np.argmax(signs))
            source, rows = self.layout.rows(part.x)  # all of them from one store, as the layout has it
            names = [emit.take(source, each) for each in rows]
            current = names[lead]
            if signs[lead] < 0.0:
                emit.line("negative", current, target)
                current = target
            for j in range(m):
                if j != lead:
                    emit.line("add" if signs[j] > 0.0 else "subtract", current, names[j], target)
                    current = target
            return target
        x = self.read(part.x)
        if factor is not None and factor.startswith("v"):
            emit.line("multiply", x, factor, terms := emit.scratch((m, n), store))
            x, factor = terms, None
        emit.reduce(x, m, target)
        if factor is not None:
            emit.line("multiply", target, factor, target)
        return target

    def matmul(self, k: int, group: MatMul) -> Done:
        """One product of matrices: the batch is merged into the columns of x."""
        emit, layout = self.emit, self.layout
        single = len(group.w) == 1
        w = self.read(group.w[0] if single else group.w, "flat", keep=True, fixed=True)
        store, rows = layout.rows(group.x)
        rows = layout.bias_behind(group, store, rows)
        x = emit.take(store, rows[0] if single else rows, "mat", keep=True)
        shape = group.out.shape[1:] if single else group.out.shape
        z = emit.view(layout.home(group.batched), layout.first[k], shape, "mat")
        size = group.w.shape[1] * group.x.size // len(group.w) * emit.lengths[layout.home(group.batched)]
        emit.product("dot" if single else "matmul", w, x, z, size)
        return Done(reads=[w, x])

    def product(self, k: int, group: Product) -> Done:
        """A product of matrices for every sample; a scale is that of x, which has fewer numbers than the results."""
        x, y = self.read(group.x, keep=True), self.read(group.y, keep=True)
        if group.scale != 1.0:
            scaled = self.emit.kept(group.x.shape, self.layout.home(group.batched))
            self.emit.line("multiply", x, number(group.scale), scaled)
            x = scaled
        batch = self.emit.lengths[self.layout.home(group.batched)]
        z = in_grid(self.emit, group, self.result(k, group))
        contract(self.emit, x, y, z, (*group.x.shape, group.y.shape[2]), batch)
        return Done(reads=[x, y])

    def softmax(self, k: int, group: Softmax) -> Done:
        """The powers of what is left of the scores when the largest is taken off, over their total.

        NumPy passes over what is not live: that costs no exponentials, and the zeros in the block stay. An infinite
        score makes nan of its sequence, as x - logsumexp(xs) does.
        """
        emit, shape = self.emit, group.x.shape
        z, scores = self.result(k, group), self.table(*self.layout.rows(group.x))
        top, over, masked = emit.scratch(shape[1:]), [], ""
        if not group.live.all():
            length = emit.lengths[self.layout.home(group.batched)]
            live = emit.bound(np.repeat(group.live[..., None], length, 2))  # broadcast, it would take twice as long
            over, masked = ["False", "-inf", live], f",where={live}"
        emit.line("maxreduce", scores, 0, None, top, *over)
        emit.line("subtract", scores, top, f"{z}{masked}")
        emit.line("exp", z, f"{z}{masked}")
        emit.line("addreduce", z, 0, None, top)
        emit.line("reciprocal", top, top)
        emit.line("multiply", z, top, f"{z}{masked}")
        return Done(reads=[z])

    def gather(self, k: int, group: Gather) -> Done:
        """Rows of a table by number: along the columns of the transposed table, so that results fill their block."""
        emit = self.emit
        length = emit.lengths[self.layout.home(group.batched)]
        store, rows = self.layout.rows(group.table.T, fixed=True)
        table = emit.take(store, rows, "flat", keep=True)
        index = self.read(group.index, keep=True)
        chosen = emit.name(("chosen", k), lambda env: np.zeros((len(group.index), length), np.intp))
        z = self.result(k, group)
        emit.line(emit.bound(take_columns), table, index, chosen, z)
        return Done(reads=[chosen])


def take_columns(table: Array, index: Array, chosen: Array, z: Array) -> None:
    """z[d] = table[d, index]; where the index is no whole number of the table's, nan, reported as invalid."""
    np.copyto(chosen, index, "unsafe")
    # seen as numbers without sign, a negative one lies above all others
    wrong = chosen.view(np.uintp).max() >= table.shape[1] or not np.array_equal(chosen, index)
    if wrong:
        lost = (chosen != index) | (chosen < 0) | (chosen >= table.shape[1])
        chosen[lost] = 0
    np.take(table, chosen, 1, z, "clip")
    if wrong:
        z[:, lost] = np.nan
        invalid()
