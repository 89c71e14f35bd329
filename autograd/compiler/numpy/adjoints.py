"""Adjoints are pulled, never scattered.

Every consumer writes its contributions to rows of its own; a block of such rows is known to the nodes it contributes
to. When a group's turn comes, its adjoint is one of those blocks as it stands (one contribution per node, in order), a
sum of blocks, or gathered rows that are added up. So no two calls ever add to the same memory, and nothing has to be
set to zero first. A block is used again once every group that it contributes to has had its turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autograd.compiler.numpy.emit import Emitter, contiguous, every, some, steps
from autograd.compiler.numpy.layout import Layout
from autograd.compiler.tape import Ints

INPUTS, PARAMETERS, MIRRORS = -1, -2, -3
"""Owners of adjoints beside the groups; the mirrors are rows of parameters that vary along the batch."""

CHAIN, SMALL = 3, 8192
"""More contributions than these, of fewer numbers than these, are gathered and reduced, not added one by one."""


@dataclass(eq=False)
class Block:
    """Rows of a store of contributions.

    Attributes:
        hoisted: its numbers depend on no data, and are computed once, when the run is bound.
        uses: how many things still have to read it.
    """

    store: str
    row: int
    size: int
    hoisted: bool = False
    uses: int = 0


@dataclass
class Piece:
    """Contributions to nodes of one owner: row ``rows[i]`` of the block's store belongs to its node ``slots[i]``."""

    slots: Ints
    rows: Ints
    block: Block

    @property
    def aligned(self) -> bool:
        """Nodes in their order, and rows in theirs: a view of the rows is the contribution to a run of nodes."""
        return contiguous(self.slots) and contiguous(self.rows)


@dataclass
class Adjoint:
    """The adjoints of a group's nodes, in its order: rows of a block."""

    block: Block
    row: int


def changes(numbers: Ints) -> list[int]:
    """Where a number differs from the one before it."""
    if len(numbers) < 2:
        return []
    found: list[int] = (np.flatnonzero(numbers[1:] != numbers[:-1]) + 1).tolist()
    return found


def width_for(count: int) -> int:
    """How many contributions a node with so many is padded to: 0, 1, 2, 3, 4, 6, 8, 16, 32, ..."""
    if count <= 4:
        return count
    return 6 if count <= 6 else 1 << (count - 1).bit_length()


class Rows:
    """Rows of one store, given out and taken back; neighbours that are free are joined."""

    def __init__(self) -> None:
        self.high = 0
        self.free: dict[int, int] = {}
        self.ends: dict[int, int] = {}

    def take(self, size: int) -> int:
        """The first of ``size`` rows."""
        for tried, (start, room) in enumerate(self.free.items()):
            if room >= size:
                del self.free[start], self.ends[start + room]
                if room > size:
                    self.free[start + size], self.ends[start + room] = room - size, start + size
                return start
            if tried == 30:  # one look must not cost more than a little
                break
        self.high += size
        return self.high - size

    def give(self, start: int, size: int) -> None:
        """Rows that nobody needs any more."""
        before = self.ends.pop(start, None)
        if before is not None:
            size += self.free.pop(before)
            start = before
        behind = self.free.pop(start + size, None)
        if behind is not None:
            del self.ends[start + size + behind]
            size += behind
        self.free[start], self.ends[start + size] = size, start


class Adjoints:
    """The contributions that are on their way, during the emission of one backward pass.

    Args:
        wanted: by node, whether its adjoint is wanted.
    """

    def __init__(self, layout: Layout, emit: Emitter, wanted: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        self.layout, self.emit, self.wanted = layout, emit, wanted
        self.rows = {"ES": Rows(), "EV": Rows()}
        self.pending: dict[int, list[Piece]] = {}
        self.hoisted: list[str] = []
        self.zeros: dict[str, int] = {}
        self.homes: dict[int, Block] = {}
        order = layout.order
        self.owner = order.made_by.copy()
        self.owner[order.schedule.tape.parameters] = PARAMETERS
        self.slot = self.places()
        mirrored = layout.mirrors["V"]
        self.mirror_owner, self.mirror_slot = self.owner.copy(), self.slot.copy()
        self.mirror_owner[order.schedule.tape.parameters] = MIRRORS
        self.mirror_slot[mirrored] = np.arange(len(mirrored))
        self.size = [group.out.size for group in order.groups]

    def store(self, node_store: str) -> str:
        """Where contributions to nodes of a store lie."""
        return "EV" if node_store == "V" or self.layout.single else "ES"

    def block(self, store: str, size: int, hoisted: bool = False) -> Block:
        """A new block, read by nobody yet. A hoisted one is never given back."""
        rows = self.rows[store]
        if hoisted:
            rows.high += size
            return Block(store, rows.high - size, size, True, 1)
        return Block(store, rows.take(size), size)

    def release(self, block: Block) -> None:
        """One reader less; ``uses`` may be 0 already, of a block that nobody came to read."""
        block.uses -= 1
        if block.uses <= 0 and not block.hoisted and block.store in self.rows:
            self.rows[block.store].give(block.row, block.size)

    def lines(self, hoisted: bool) -> list[str]:
        """Where a call that depends on no data (or does) is written."""
        return self.hoisted if hoisted else self.emit.lines

    def view(self, block: Block, shape: tuple[int, ...], form: str = "rows", at: int = 0) -> str:
        """The name of a block's rows."""
        return self.emit.view(block.store, block.row + at, shape, form)

    def record(self, ids: Ints, block: Block, rows: Ints) -> None:
        """Row ``rows[i]`` of the block's store is a contribution to node ``ids[i]``."""
        ids, rows = ids.ravel(), rows.ravel()
        keep = self.wanted[ids]
        if not every(keep):
            ids, rows = ids[keep], rows[keep]
        mirrored = block.store == "EV" and not self.layout.single
        owners = (self.mirror_owner if mirrored else self.owner)[ids]
        cuts = changes(owners)
        if len(cuts) > 16:
            order = np.argsort(owners, kind="stable")
            owners, ids, rows = owners[order], ids[order], rows[order]
            cuts = changes(owners)
        slots = (self.mirror_slot if mirrored else self.slot)[ids]
        for a, b in zip([0, *cuts], [*cuts, len(ids)], strict=True):
            if b > a:
                self.pending.setdefault(int(owners[a]), []).append(Piece(slots[a:b], rows[a:b], block))
                block.uses += 1

    def places(self) -> Ints:
        """By node: its place among those of its owner. The inputs are the first nodes of a tape."""
        order = self.layout.order
        places = np.arange(order.schedule.size)
        for group in order.groups:
            places[group.out.ravel()] = np.arange(group.out.size)
        parameters = order.schedule.tape.parameters
        places[parameters] = order.theta[parameters]
        return places

    def sole_owner(self, ids: Ints) -> int | None:
        """The group that makes all these nodes, if nothing else reads any of them: then its block can be filled."""
        owner = int(self.owner[ids[0]])
        alone = owner >= 0 and every(self.layout.order.uses[ids] == 1) and every(self.owner[ids] == owner)
        return owner if alone and every(self.wanted[ids]) else None

    def target(self, ids: Ints, store: str, form: str = "rows") -> str:
        """Where to write one contribution to each of the nodes; the name of an array of the shape of ``ids``.

        Contributions to nodes that are read once go to their places in a block that is to be their group's adjoint, if
        these lie evenly: then nothing has to be gathered. Others get a block of their own.
        """
        flat = ids.ravel()
        owner = self.sole_owner(flat)
        if owner is not None:
            slots = self.slot[ids]
            by = steps(slots)
            if form == "mat" and slots.ndim == 2 and not contiguous(slots):
                by = None  # np.dot takes operands that lie in steps, but no such result
            if by is not None and self.emit.even(ids.shape, by, form, self.emit.lengths[store]):
                home = self.homes.get(owner)
                if home is None:
                    home = self.homes[owner] = self.block(store, self.size[owner])
                self.record(ids, home, home.row + slots)
                return self.emit.take(store, home.row + slots, form)
        block = self.block(store, ids.size)
        self.record(ids, block, np.arange(block.row, block.row + ids.size))
        return self.view(block, ids.shape, form)

    # -- pulling ---------------------------------------------------------------------------------------------------

    def pull(self, pieces: list[Piece], size: int, store: str) -> Adjoint:
        """The adjoint of ``size`` nodes: rows in which their contributions are added up.

        The caller releases its block and those of the pieces when nothing reads them any more.
        """
        whole: list[Piece] = []
        parts: list[Piece] = []
        for piece in pieces:
            (whole if len(piece.slots) == size and piece.aligned else parts).append(piece)
        if len(whole) > CHAIN and size * self.emit.lengths[store] < SMALL:
            whole, parts = [], pieces
        if len(whole) == 1 and not parts:
            whole[0].block.uses += 1
            return Adjoint(whole[0].block, int(whole[0].rows[0]))
        in_place = self.in_place(parts, size)
        if in_place is not None and not whole:
            return in_place
        hoisted = all(piece.block.hoisted for piece in pieces)
        into = self.lines(hoisted)
        total = self.block(store, size, hoisted)
        total.uses = 1
        z = self.view(total, (size,))
        names = [self.emit.view(store, int(piece.rows[0]), (size,)) for piece in whole]
        if parts:
            self.add_rows(parts, size, total, into)
            names.insert(0, z)
        if len(names) > 1:
            self.emit.line("add", names[0], names[1], z, into=into)
        for name in names[2:]:
            self.emit.line("add", z, name, z, into=into)
        return Adjoint(total, total.row)

    @staticmethod
    def in_place(pieces: list[Piece], size: int) -> Adjoint | None:
        """The pieces as one adjoint, if together they fill the rows of one block in order."""
        if not pieces or any(piece.block is not pieces[0].block for piece in pieces):
            return None
        if sum([len(piece.slots) for piece in pieces]) != size:
            return None
        slots = np.concatenate([piece.slots for piece in pieces])
        shifts = np.concatenate([piece.rows for piece in pieces]) - slots
        if some(shifts != shifts[0]) or not np.bincount(slots, minlength=size).all():
            return None
        pieces[0].block.uses += 1
        return Adjoint(pieces[0].block, int(shifts[0]))

    def add_rows(self, pieces: list[Piece], size: int, total: Block, into: list[str]) -> None:
        """Contributions in any order, none or many to a node: gathered by node and added up."""
        rows = np.concatenate([piece.rows for piece in pieces])
        if size == 1 and self.emit.lengths[total.store] > 1:
            self.add_table(rows[:, None], total.store, self.view(total, (1,)), into)
            return
        slots = np.concatenate([piece.slots for piece in pieces])
        order = np.argsort(slots, kind="stable")
        slots, rows = slots[order], rows[order]
        counts = np.bincount(slots, minlength=size)
        emit, store = self.emit, total.store
        if every(counts == 1):
            emit.gather(store, rows, self.view(total, (size,)), into=into)
        elif emit.lengths[store] == 1:
            values = emit.scratch((len(rows),), store)
            emit.gather(store, rows, values, into=into)
            flat = emit.reshaped(values, (len(rows),))
            numbers = f"bincount({emit.index(slots)},{flat},{size})"
            emit.line("copyto", self.view(total, (size,), "flat"), numbers, into=into)
        else:
            self.add_by_count(rows, counts, total, into)

    def add_by_count(self, rows: Ints, counts: Ints, total: Block, into: list[str]) -> None:
        """Nodes with (nearly) the same number of contributions together: gather and reduce; padded with a zero row.

        All of them together where half of the table is in use then.
        """
        emit, store = self.emit, total.store
        starts = np.cumsum(counts) - counts
        widest = int(counts.max())
        if widest * total.size <= 2 * len(rows):
            j = np.arange(widest)[:, None]
            chosen = np.where(j < counts, rows[np.minimum(starts + j, len(rows) - 1)], self.zero_row(store))
            self.add_table(chosen, store, self.view(total, (total.size,)), into)
            return
        by_width: dict[int, list[int]] = {}
        for node, count in enumerate(counts.tolist()):
            by_width.setdefault(width_for(count), []).append(node)
        for width, members in sorted(by_width.items()):
            nodes = np.array(members)
            mark = emit.scratch_used
            run = contiguous(nodes)
            target = self.view(total, (len(nodes),), at=int(nodes[0])) if run else emit.scratch((len(nodes),), store)
            if width == 0:
                into.append(f"{target}.fill(0.0)")
            else:
                j = np.arange(width)[:, None]
                chosen = rows[np.minimum(starts[nodes] + j, len(rows) - 1)]
                if width > 4:
                    chosen = np.where(j < counts[nodes], chosen, self.zero_row(store))
                self.add_table(chosen, store, target, into)
            if not run:
                into.append(f"{self.view(total, (total.size,))}[{emit.index(nodes)}]={target}")
            emit.scratch_used = mark

    def add_table(self, chosen: Ints, store: str, target: str, into: list[str]) -> None:
        """target[i] = the sum over j of row ``chosen[j, i]``."""
        emit = self.emit
        width = len(chosen)
        if width == 1:
            emit.gather(store, chosen, target, into=into)
        elif width == 2:
            emit.line("add", *[emit.take(store, rows, into=into) for rows in chosen], target, into=into)
        else:
            if contiguous(chosen):
                table = emit.view(store, int(chosen[0, 0]), chosen.shape)
            else:
                emit.gather(store, chosen, table := emit.scratch(chosen.shape, store), into=into)
            emit.line("addreduce", table, 0, None, target, into=into)

    def zero_row(self, store: str) -> int:
        """A row that stays 0."""
        if store not in self.zeros:
            self.zeros[store] = self.block(store, 1, hoisted=True).row
        return self.zeros[store]
