"""Slow, plain accounts of what a tape and a schedule mean, by which everything faster is judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from autograd.compiler.schedule import Elementwise, Gather, MatMul, Product, Schedule, Softmax, Sum
from autograd.compiler.tape import FIRST_OP, Tape
from autograd.errors import DomainError
from autograd.op import Op, domain_error

Array = npt.NDArray[Any]
E = TypeVar("E", bound=Exception)


def start(tape: Tape, batch: Array, theta: Array, size: int) -> Array:
    """Rows for ``size`` nodes over the batch, those of the leaves filled in; shape (size, B)."""
    rows = np.full((size, len(batch)), np.nan)
    rows[: len(tape)][tape.code < FIRST_OP] = tape.data[tape.code < FIRST_OP, None]
    rows[tape.parameters] = np.asarray(theta, float)[:, None]
    rows[tape.inputs] = np.asarray(batch, float).T
    return rows


def run_tape(tape: Tape, batch: Array, theta: Array) -> Array:
    """Every node's number for every row of the batch, with IEEE results: shape (nodes, B)."""
    rows, angles = start(tape, batch, theta, len(tape)), any(op.name == "atan2" for op in tape.ops)
    for i in np.flatnonzero(np.diff(tape.start)).tolist():
        op, operands = tape.op(i), rows[tape.operands(i)]
        rows[i] = on_rows(op, operands)
        odd = ~np.isfinite(rows[i]) | (rows[i] == 0.0) if angles else ~np.isfinite(rows[i])
        if odd.any():  # floats have the word: they add huge numbers without an overflow, and give a zero its sign
            for b in np.flatnonzero(odd & ~np.isnan(operands).any(axis=0)).tolist():
                rows[i, b] = op.quiet(*operands[:, b].tolist())
    return rows


def tape_gradients(tape: Tape, rows: Array, seed: Array) -> Array:
    """The adjoint of every node, row by row: shape (nodes, B); ``seed``, shape (B,), is that of the first output."""
    adjoint = np.zeros_like(rows)
    adjoint[tape.outputs[0]] = seed
    with np.errstate(all="ignore"):
        for i in np.flatnonzero(np.diff(tape.start)).tolist()[::-1]:
            args = tape.operands(i)
            for place, local in zip(args, partials_on_rows(tape.op(i), rows[i], rows[args]), strict=True):
                adjoint[place] += adjoint[i] * local
    return adjoint


def on_rows(op: Op, operands: Array) -> Array:
    """An operation over rows of its operands, shape (operands, ...): the reading of arrays."""
    with np.errstate(all="ignore"):
        if op.name == "dot":
            half = len(operands) // 2
            result = (operands[:half] * operands[half : 2 * half]).sum(0) + operands[2 * half :].sum(0)
        else:
            result = op.array(*operands) if op.arity is not None else op.array(np.moveaxis(operands, 0, -1))
        return np.asarray(result + 0.0 if op.name in ("dot", "sum", "mean") else result)  # fsum gives no -0.0


def partials_on_rows(op: Op, z: Array, operands: Array) -> list[Any]:
    """The local derivatives with respect to each operand, over rows."""
    if op.arity is None:
        return list(op.partials(z, *operands))  # type: ignore[operator]
    return [op.rule(k)(z, *operands) for k in range(op.arity)]


def run_schedule(schedule: Schedule, batch: Array, theta: Array) -> Array:
    """Every node's number for every row, group by group: shape (``schedule.size``, B); nan where none is made."""
    rows = start(schedule.tape, batch, theta, schedule.size)
    rows[schedule.known] = schedule.constant[schedule.known, None]
    with np.errstate(all="ignore"):
        for group in schedule.groups:
            if isinstance(group, Elementwise):
                rows[group.out] = on_rows(group.op, rows[group.args])
            elif isinstance(group, Sum):
                total = np.repeat(group.bias[:, None], len(batch), axis=1)
                for part in group.parts:
                    term = part.c[..., None] * rows[part.x]
                    total += (term if part.y is None else term * rows[part.y]).sum(0)
                rows[group.out] = total * group.scale[:, None]
            elif isinstance(group, MatMul):
                rows[group.out] = np.einsum("grkb,gkpb->grpb", rows[group.w], rows[group.x])
            elif isinstance(group, Product):
                rows[group.out] = np.einsum("grkb,gkpb->grpb", group.scale * rows[group.x], rows[group.y])
            elif isinstance(group, Gather):
                chosen = rows[group.index].astype(int)
                lines = np.arange(len(batch))
                for p, which in enumerate(chosen):
                    rows[group.out[:, p]] = rows[group.table[which].T, lines]
            elif isinstance(group, Softmax):
                scores = np.where(group.live[..., None], rows[group.x], -np.inf)
                powers = np.exp(scores - scores.max(0))
                rows[group.out] = np.where(group.live[..., None], powers / powers.sum(0), 0.0)
    return rows


def check_domains(tape: Tape, rows: Array, first_row: int = 0) -> None:
    """Raises the DomainError that the eager engine would, with the row of the batch; returns where it would not.

    Arrays give inf and nan where floats raise: such a node is looked at again on floats.

    Args:
        rows: every node's number, as ``run_tape`` gives them; ``first_row``: the number of the first row of a part.
    """
    inner = np.flatnonzero(np.diff(tape.start))
    for b, place in np.argwhere(~np.isfinite(rows[inner].T)).tolist():  # row by row, as the eager engine meets them
        i = int(inner[place])
        args, op = tape.operands(i), tape.op(i)
        numbers = rows[args, b].tolist()
        try:
            op.forward(*numbers)
        except (ValueError, ArithmeticError) as error:
            raise undefined(tape, i, numbers, first_row + b) from error


def undefined(tape: Tape, node: int, numbers: Sequence[float], row: int) -> DomainError:
    """The eager engine's error for a node at these operands, which are those of a row."""
    names = [tape.names.get(k, "") for k in tape.operands(node).tolist()]
    return with_place(domain_error(tape.op(node), numbers, names), tape, node, row)


def with_place(error: E, tape: Tape, node: int, row: int) -> E:
    """The error with a note of where."""
    error.add_note(f"in row {row} of the batch, at {tape.describe(node)}")
    return error
