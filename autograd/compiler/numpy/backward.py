"""The backward pass: from each group's adjoint the contributions to what it read, last group first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.compiler.numpy.adjoints import INPUTS, MIRRORS, PARAMETERS, Adjoint, Adjoints, Block, Piece
from autograd.compiler.numpy.emit import Array, Emitter, contiguous, every, number, some
from autograd.compiler.numpy.forward import Done, coefficient
from autograd.compiler.numpy.layout import Layout
from autograd.compiler.numpy.products import contract
from autograd.compiler.numpy.slabs import same_weights
from autograd.compiler.numpy.turned import Turned, in_grid
from autograd.compiler.schedule import Elementwise, Gather, MatMul, Product, Schedule, Softmax, Sum, Terms, operands
from autograd.compiler.tape import Ints

Bools = npt.NDArray[np.bool_]


def depends(schedule: Schedule, leaves: Ints) -> Bools:
    """By node: does one of ``leaves`` lie behind it?"""
    found = np.zeros(schedule.size, bool)
    found[leaves] = True
    for group in schedule.groups:
        if isinstance(group, Elementwise | Softmax):
            found[group.out] = found[operands(group)[0]].any(0)
        elif isinstance(group, Sum):
            behind = np.zeros(len(group.out), bool)
            for ids in operands(group):
                behind |= found[ids].any(0)
            found[group.out] = behind
        else:
            found[group.out.ravel()] = any(found[ids].any() for ids in operands(group))
    return found


class Backward:
    """Emits the backward pass of the only output.

    Args:
        seed: the adjoint of the output, for each row of the batch.
        leaves: the nodes whose adjoints are wanted: the parameters, or the inputs.
    """

    def __init__(
        self, layout: Layout, emit: Emitter, done: list[Done], seed: float, leaves: Ints, direct: bool
    ) -> None:
        self.layout, self.emit, self.done = layout, emit, done
        self.schedule = layout.order.schedule
        self.adjoints = Adjoints(layout, emit, depends(self.schedule, leaves))
        self.direct = self.written_in_place() if direct else np.zeros(self.schedule.size, bool)
        self.dirty = np.zeros(len(self.schedule.tape.parameters), bool)
        self.seed(int(self.schedule.tape.outputs[0]), seed)
        emitters: dict[type, Callable[[Any, Done, Adjoint], None]] = {
            Elementwise: self.elementwise,
            Sum: self.sum,
            MatMul: self.matmul,
            Product: self.product,
            Turned: self.product,
            Gather: self.gather,
            Softmax: self.softmax,
        }
        for k in range(len(layout.order.groups) - 1, -1, -1):
            pieces = self.adjoints.pending.pop(k, None)
            if pieces is None:
                continue
            group = layout.order.groups[k]
            emit.fresh()
            store = self.adjoints.store(layout.home(group.batched))
            adjoint = self.adjoints.pull(pieces, group.out.size, store)
            emitters[type(group)](group, done[k], adjoint)
            self.finished(adjoint, pieces)

    @property
    def hoisted(self) -> list[str]:
        """Lines to be run once, when the run is bound: what depends on no data."""
        return self.adjoints.hoisted

    def finished(self, adjoint: Adjoint, pieces: list[Piece]) -> None:
        """The memory of a group's adjoint may be used again."""
        self.adjoints.release(adjoint.block)
        for piece in pieces:
            self.adjoints.release(piece.block)

    def seed(self, root: int, seed: float) -> None:
        """The contribution to the output itself. One that is fixed along the batch counts once and not B times."""
        varying = self.layout.varies(root)
        block = self.adjoints.block(self.adjoints.store("V" if varying else self.layout.shared), 1, hoisted=True)
        self.hoisted.append(f"{self.adjoints.view(block, (1,))}.fill({number(seed if varying else 1.0)})")
        self.adjoints.record(np.array([root]), block, np.array([block.row]))

    def written_in_place(self) -> Bools:
        """Parameters that one matrix of weights reads, once: its product writes the gradient where it belongs."""
        size = self.schedule.size
        count = np.zeros(size, np.int64)
        for group in self.layout.order.groups:
            ids = group.w if isinstance(group, MatMul) else group.table if isinstance(group, Gather) else None
            if ids is not None:
                read = ids[0] if isinstance(group, MatMul) and same_weights(group) else ids
                np.add.at(count, read.ravel(), 1)
        once: Bools = (count == 1) & self.layout.order.is_parameter
        return once

    # -- contributions ---------------------------------------------------------------------------------------------

    def varies(self, ids: Ints) -> bool:
        """Do contributions to these nodes vary along the batch?"""
        return self.adjoints.store(self.layout.store(ids)) == "EV"

    def wanted(self, ids: Ints) -> bool:
        """Is the adjoint of any of these nodes wanted?"""
        return some(self.adjoints.wanted[ids])

    def contribute(self, ids: Ints, store: str) -> Block:
        """A block for one contribution to each of the nodes, in their order."""
        block = self.adjoints.block(store, ids.size)
        self.adjoints.record(ids, block, np.arange(block.row, block.row + ids.size))
        return block

    def name(self, adjoint: Adjoint, shape: tuple[int, ...], form: str = "rows") -> str:
        """The name of the rows of an adjoint."""
        return self.emit.view(adjoint.block.store, adjoint.row, shape, form)

    # -- the kinds of groups ---------------------------------------------------------------------------------------

    def elementwise(self, group: Elementwise, done: Done, adjoint: Adjoint) -> None:
        """To each operand goes the adjoint times the slope in it."""
        call, way, emit = done.call, done.way, self.emit
        assert call is not None
        assert way is not None
        n = len(group.out)
        to: list[str | None] = []
        sums: list[tuple[str, str]] = []
        for k, ids in enumerate(done.reads):
            if not self.wanted(ids) or k in way.flat:
                to.append(None)
            elif self.varies(ids) or adjoint.block.store == "ES":
                store = "EV" if self.varies(ids) else "ES"
                to.append(self.adjoints.target(ids, store))
            else:  # fixed along the batch: its contributions are added up over it
                to.append(emit.scratch((n,), "V"))
                sums.append((str(to[-1]), self.adjoints.view(self.contribute(ids, "ES"), (n,), "flat")))
        if any(to):
            way.emit_slopes(call, self.name(adjoint, (n,)), to)
        for varying, total in sums:
            emit.total(varying, n, "EV", total)

    def sum(self, group: Sum, done: Done, adjoint: Adjoint) -> None:
        """Part by part; what is fixed along the batch gets the adjoint added up over it."""
        adjoint, summed = self.scaled(group, adjoint), None
        n = len(group.out)
        for part, names in zip(group.parts, done.reads, strict=True):
            source = adjoint
            if adjoint.block.store == "EV" and not any(self.varies(ids) for ids in (part.x, part.y) if ids is not None):
                if summed is None:  # for what is fixed along the batch: the adjoint added up over it, once
                    block = self.adjoints.block("ES", n, adjoint.block.hoisted)
                    block.uses = 1
                    into = self.adjoints.lines(block.hoisted)
                    self.emit.total(self.name(adjoint, (n,)), n, "EV", self.adjoints.view(block, (n,), "flat"), into)
                    summed = Adjoint(block, block.row)
                source = summed
            if part.y is None:
                self.plain_part(part, source)
            else:
                self.product_part(part, names, source)
        for each in (adjoint, summed):
            if each is not None:
                self.adjoints.release(each.block)

    def scaled(self, group: Sum, adjoint: Adjoint) -> Adjoint:
        """The adjoint of a sum before it is multiplied by its scale; the caller releases its block."""
        factor = coefficient(self.emit, group.scale)
        if factor is None:
            adjoint.block.uses += 1
            return adjoint
        n, block = len(group.out), self.adjoints.block(adjoint.block.store, len(group.out), adjoint.block.hoisted)
        block.uses = 1
        into = self.adjoints.lines(block.hoisted)
        self.emit.line("multiply", self.name(adjoint, (n,)), factor, self.adjoints.view(block, (n,)), into=into)
        return Adjoint(block, block.row)

    def plain_part(self, part: Terms, source: Adjoint) -> None:
        """Terms c * x: the contribution is the adjoint itself, or the adjoint times c."""
        m, n = part.x.shape
        if not self.wanted(part.x):
            return
        by_coefficient: dict[bytes, list[int]] = {}
        for j in range(m):
            by_coefficient.setdefault(part.c[j].tobytes(), []).append(j)
        if len(by_coefficient) > 8 or (len(by_coefficient) == m > 1 and not some((part.c == 1.0).all(1))):
            block = self.adjoints.block(source.block.store, m * n, source.block.hoisted)
            block.uses += 1
            self.emit.line(
                "multiply", self.name(source, (1, n)), self.emit.constant(part.c),
                self.adjoints.view(block, (m, n)), into=self.adjoints.lines(block.hoisted),
            )  # fmt: skip
            self.adjoints.record(part.x, block, np.arange(block.row, block.row + m * n))
            self.adjoints.release(block)
            return
        for members in by_coefficient.values():
            c = part.c[members[0]]
            if not self.wanted(part.x[members]):
                continue
            if every(c == 1.0):
                block, start = source.block, source.row
            else:
                block = self.adjoints.block(source.block.store, n, source.block.hoisted)
                start = block.row
                self.emit.line(
                    "multiply", self.name(source, (n,)), coefficient(self.emit, c),
                    self.adjoints.view(block, (n,)), into=self.adjoints.lines(block.hoisted),
                )  # fmt: skip
            block.uses += 1
            for ids in part.x[members] if n > 1 else [part.x[members]]:
                self.adjoints.record(ids, block, np.tile(np.arange(start, start + n), ids.size // n))
            self.adjoints.release(block)

    def product_part(self, part: Terms, names: list[str], source: Adjoint) -> None:
        """Terms c * x * y: to x goes the adjoint times c * y, and to y times c * x."""
        assert part.y is not None
        emit = self.emit
        m, n = part.x.shape
        x, y = names
        same = x == y
        shape = (m, n) if m > 1 else (n,)
        c = part.c if m > 1 else part.c[0]
        factor = coefficient(emit, 2.0 * c if same else c)
        g = self.name(source, (1, n) if m > 1 else (n,))
        if factor is not None and (m == 1 or not factor.startswith("v")):
            block = self.adjoints.block(source.block.store, n, source.block.hoisted)
            block.uses = 1
            into = self.adjoints.lines(block.hoisted)
            emit.line("multiply", self.name(source, (n,)), factor, self.adjoints.view(block, (n,)), into=into)
            g = self.adjoints.view(block, (1, n) if m > 1 else (n,))
            scaled: Block | None = block
            factor = None
        else:
            scaled = None
        varying = source.block.store == "EV"
        for ids, other in ((part.x, y),) if same else ((part.x, y), (part.y, x)):
            if not self.wanted(ids):
                continue
            if self.varies(ids) or not varying:
                target = self.adjoints.target(ids.reshape(shape), "EV" if self.varies(ids) else "ES")
                emit.line("multiply", other, g, target)
                if factor is not None:
                    emit.line("multiply", target, factor, target)
                continue
            total = self.contribute(ids, "ES")
            if n == 1:
                length = emit.lengths["EV"]
                table, row = emit.reshaped(other, (m, length)), emit.reshaped(g, (length,))
                emit.line("dot", table, row, self.adjoints.view(total, (m,), "flat"))
            else:
                terms = emit.scratch(shape, "EV")
                emit.line("multiply", other, g, terms)
                emit.line("addreduce", terms, -1, None, self.adjoints.view(total, shape, "flat"))
            if factor is not None:
                target = self.adjoints.view(total, shape)
                emit.line("multiply", target, factor, target)
        if scaled is not None:
            self.adjoints.release(scaled)

    def matmul(self, group: MatMul, done: Done, adjoint: Adjoint) -> None:
        """To w goes g x^T, to x goes w^T g."""
        emit = self.emit
        single = len(group.w) == 1
        product = "dot" if single else "matmul"
        w, x = (group.w[0], group.x[0]) if single else (group.w, group.x)
        w_name, x_name = done.reads
        g = self.name(adjoint, group.out.shape[1:] if single else group.out.shape, "mat")
        size = group.w.shape[1] * group.x.size // len(group.w) * emit.lengths[adjoint.block.store]
        if self.wanted(w):
            shared = same_weights(group)
            target = self.weights(w[0] if shared else w)
            each = emit.reshaped(emit.scratch(w.shape, "ES"), w.shape) if shared else target
            emit.product(product, g, emit.transposed(x_name), each, size)
            if shared:
                emit.line("addreduce", each, 0, None, target)
        if self.wanted(x):
            inner = w.shape[-1]
            if (x[..., -1, :] == self.schedule.one).all():
                inner -= 1
                x = x[..., :-1, :]
            across = emit.derived(w_name, ("T", inner), lambda array: array[..., :inner].swapaxes(-1, -2))
            store = self.adjoints.store(self.layout.store(x))
            emit.product(product, across, g, self.adjoints.target(x, store, "mat"), size)

    def weights(self, ids: Ints) -> str:
        """Where the gradient of a matrix of weights goes: into the gradient itself, where it can."""
        rows = self.layout.order.theta[ids]
        if self.direct[ids].all() and contiguous(rows):
            self.dirty[rows.ravel()] = True
            return self.emit.view("G", int(rows.flat[0]), ids.shape, "flat")
        return self.adjoints.view(self.contribute(ids, self.adjoints.store(self.layout.shared)), ids.shape, "flat")

    def product(self, group: Product, done: Done, adjoint: Adjoint) -> None:
        """To x goes g y^T, to y goes x^T g, sample by sample."""
        emit = self.emit
        x, y = done.reads
        groups, r, k = group.x.shape
        p, batch = group.y.shape[2], emit.lengths[adjoint.block.store]
        g = in_grid(emit, group, self.name(adjoint, group.out.shape))
        if self.wanted(group.x):
            z = self.adjoints.target(group.x, "EV")
            contract(emit, g, emit.derived(y, "turned", turned), z, (groups, r, p, k), batch)
            if group.scale != 1.0:
                emit.line("multiply", z, number(group.scale), z)
        if self.wanted(group.y):
            z = self.adjoints.target(group.y, "EV")
            contract(emit, emit.derived(x, "turned", turned), g, z, (groups, k, r, p), batch)

    def softmax(self, group: Softmax, done: Done, adjoint: Adjoint) -> None:
        """share * (g - sum(share * g))."""
        if not self.wanted(group.x):
            return
        emit, shares, g = self.emit, done.reads[0], self.name(adjoint, group.out.shape)
        to, total = self.adjoints.target(group.x, "EV"), emit.scratch(group.x.shape[1:])
        emit.line("multiply", g, shares, to)
        emit.line("addreduce", to, 0, None, total)
        emit.line("subtract", g, total, to)
        emit.line("multiply", to, shares, to)

    def gather(self, group: Gather, done: Done, adjoint: Adjoint) -> None:
        """Each chosen row of the table gets the adjoints of those that chose it, by one weighted count."""
        if not self.wanted(group.table):
            return
        emit, (d, p), size = self.emit, group.out.shape, len(group.table)
        columns = p * emit.lengths[adjoint.block.store]
        shifts = emit.bound(np.arange(0, d * size, size)[:, None])
        places = emit.bound(np.zeros((d, columns), np.intp))  # kept: new memory for each step costs as much as the sums
        target = self.weights(group.table.T)
        emit.line(emit.bound(add_columns), done.reads[0], shifts, places, self.name(adjoint, (d, p)), target)

    # -- the leaves ------------------------------------------------------------------------------------------------

    def to_parameters(self) -> None:
        """The gradient: what products have not written there already."""
        self.emit.fresh()
        adjoints = self.adjoints
        mirrors = adjoints.pending.pop(MIRRORS, None)
        if mirrors is not None:
            ids = self.layout.mirrors["V"]
            adjoint = adjoints.pull(mirrors, len(ids), "EV")
            total = adjoints.view(self.contribute_fixed(ids), (len(ids),), "flat")
            self.emit.total(self.name(adjoint, (len(ids),)), len(ids), "EV", total)
            self.finished(adjoint, mirrors)
        rest: list[Piece] = []
        dirty = self.dirty
        for piece in adjoints.pending.pop(PARAMETERS, []):
            covered = dirty[piece.slots]
            if len(piece.slots) > 1 and piece.aligned and (covered.all() or not covered.any()):
                g = self.emit.view("G", int(piece.slots[0]), (len(piece.slots),))
                e = self.emit.view(piece.block.store, int(piece.rows[0]), (len(piece.slots),))
                if covered.all():
                    self.emit.line("add", g, e, g)
                else:
                    self.emit.line("copyto", g, e)
                dirty[piece.slots] = True
            else:
                rest.append(piece)
        clean = np.flatnonzero(~dirty)
        if len(clean) and contiguous(clean):
            self.emit.lines.append(f"{self.emit.view('G', int(clean[0]), (len(clean),))}.fill(0.0)")
        elif len(clean):
            self.emit.lines.append(f"{self.emit.view('G', 0, (len(dirty),), 'flat')}[{self.emit.index(clean)}]=0.0")
        if rest:
            slots = np.concatenate([piece.slots for piece in rest])
            rows = np.concatenate([piece.rows for piece in rest])
            store = rest[0].block.store
            low, high = int(slots.min()), int(slots.max()) + 1
            values = self.emit.scratch((len(rows),), store)
            self.emit.gather(store, rows, values)
            flat = self.emit.reshaped(values, (len(rows),))
            g = self.emit.view("G", low, (high - low,), "flat")
            self.emit.line("add", g, f"bincount({self.emit.index(slots - low)},{flat},{high - low})", g)

    def contribute_fixed(self, ids: Ints) -> Block:
        """A block of contributions, fixed along the batch, to parameters."""
        return self.contribute(ids, "ES")

    def to_inputs(self) -> str:
        """The name of the adjoints of all inputs, shape (inputs, B), in the order of the tape."""
        self.emit.fresh()
        n = len(self.schedule.tape.inputs)
        pieces = self.adjoints.pending.pop(INPUTS, [])
        if not pieces:
            block = self.adjoints.block("EV", n, hoisted=True)
            return self.adjoints.view(block, (n,))
        return self.name(self.adjoints.pull(pieces, n, "EV"), (n,))


def turned(array: Array) -> Array:
    """Each sample's matrix transposed."""
    return array.swapaxes(1, 2)


def add_columns(chosen: Array, shifts: Array, places: Array, g: Array, target: Array) -> None:
    """target[d, v] = the sum of g[d] over the places where v was chosen; shapes (P, B), (D, P, B), (D, V).

    Args:
        shifts: where each row of ``target`` starts, shape (D, 1).
        places: memory for whole numbers, shape (D, P * B).
    """
    np.add(chosen.ravel(), shifts, places)
    target[...] = np.bincount(places.ravel(), g.ravel(), target.size).reshape(target.shape)
