"""Operations of a sequence in place: their operands come as one table, shape (m, n, B), one sequence in each column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from autograd.compiler.numpy.call import Call
from autograd.compiler.numpy.emit import Array, number
from autograd.op import Op
from autograd.ops import TABLE


@dataclass(frozen=True)
class Sequence:
    """The short way of one operation.

    Attributes:
        emit_value: writes the lines for the value.
        emit_slopes: writes the lines that put g * slope to each of the targets that is not None.
        table: the operands from this one on are the sequence.
    """

    emit_value: Callable[[Call], None]
    emit_slopes: Callable[[Call, str, list[str | None]], None]
    table: int

    def reads_again(self, k: int) -> bool:
        """The values keep what the slopes need."""
        return False

    @property
    def flat(self) -> set[int]:
        """The operands whose slope is 0 everywhere: those before the table."""
        return set(range(self.table))


def invalid() -> None:
    """Raises, warns or does nothing, as NumPy's error state has it for an invalid operation."""
    np.subtract(np.inf, np.inf)


def value_logsumexp(c: Call) -> None:
    """top + log1p(the others): the powers that are exactly 1 are counted apart, so that small ones are not lost."""
    shape, emit, table = (c.m, c.n), c.emit, c.xs[0]
    largest = number(np.finfo(emit.dtype).max)
    c.line("maxreduce", table, 0, None, c.z)
    top = c.scratch()
    c.line("maximum", c.z, f"-{largest}", f"out={top}")
    c.line("minimum", top, largest, f"out={top}")
    powers = c.kept["powers"] = emit.kept(shape, c.store)
    c.line("subtract", table, top, powers)
    c.line("minimum", powers, 0.0, f"out={powers}")
    c.line("exp", powers, powers)
    c.line("floor", powers, ones := emit.scratch(shape, c.store))
    c.line("addreduce", ones, 0, None, top)
    c.line("subtract", powers, ones, ones)
    c.line("addreduce", ones, 0, None, others := c.scratch())
    total = c.kept["total"] = emit.kept((c.n,), c.store)
    c.line("add", top, others, total)
    c.line("subtract", top, 1.0, top)
    c.line("add", top, others, top)
    c.line("log1p", top, top)
    c.line("add", c.z, top, c.z)


def slopes_logsumexp(c: Call, g: str, to: list[str | None]) -> None:
    """The shares of the operands: their powers over the sum of all."""
    c.line("divide", g, c.kept["total"], share := c.scratch())
    c.line("multiply", c.kept["powers"], share, to[0])


def take_rows(
    table: Array, index: Array, rows: Array, found: Array, places: Array,
    numbers: Array, starts: Array, columns: Array, z: Array,
) -> None:  # fmt: skip
    """z = the value of each column of the table at its index; nan, reported as invalid, where there is none.

    Args:
        rows, places: memory for whole numbers, shape (n, B); found: memory of the table's dtype, shape (n, B).
        numbers: 0, 1, 2, ..., one for each row of the table; starts: the place of each row in its memory.
        columns: the places of the table's first row, shape (n, B).
    """
    np.copyto(rows, index, "unsafe")
    numbers.take(rows, None, found, "clip")
    starts.take(rows, None, places, "clip")
    np.add(places, columns, places)
    table.take(places, None, z, "clip")
    if found.tobytes() != index.tobytes():  # of so few numbers a quicker look than two calls of NumPy, but for -0.0
        wrong = found != index
        if wrong.any():
            z[wrong] = np.nan
            invalid()


def put_rows(places: Array, g: Array, to: Array) -> None:
    """The adjoints at the places that were taken, 0 elsewhere."""
    to.fill(0.0)
    to.reshape(-1)[places] = g


def value_take(c: Call) -> None:
    """The places of what is taken are kept for the slopes."""
    emit = c.emit
    columns = np.arange(c.n * emit.lengths[c.store]).reshape(c.n, -1)
    places = c.kept["places"] = emit.bound(np.zeros_like(columns))
    rows = np.arange(c.m)
    c.line(
        emit.bound(take_rows), c.xs[1], c.xs[0], c.scratch(np.intp), c.scratch(), places,
        emit.bound(rows.astype(emit.dtype)), emit.bound(rows * columns.size), emit.bound(columns), c.z,
    )  # fmt: skip


def slopes_take(c: Call, g: str, to: list[str | None]) -> None:
    """g to what was taken."""
    if to[1] is not None:
        c.line(c.emit.bound(put_rows), c.kept["places"], g, to[1])


SEQUENCES: dict[Op, Sequence] = {
    TABLE["logsumexp"]: Sequence(value_logsumexp, slopes_logsumexp, 0),
    TABLE["take"]: Sequence(value_take, slopes_take, 1),
}
