"""What became of a graph: raised to what, run by what and why; as text and as plain data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.compiler.plans import schedule_of
from autograd.compiler.schedule import Elementwise, Gather, Group, MatMul, Product, Schedule, Sum
from autograd.compiler.tape import CONSTANT

if TYPE_CHECKING:
    from autograd.compiler.program import Program

FEW = 4
"""A group of fewer nodes than this costs about as much as one of many: it stayed irregular."""
SHOWN = 30
CALLS = {"numpy": "NumPy calls", "python": "operations a row", "jax": "operations, fused by XLA,"}
HIDDEN = (
    "every batch is looked at node by node first: the index of a take, or the bounds of a clip, are computed, and what "
    "is wrong with them shows in no number"
)


@dataclass(frozen=True)
class Explanation:
    """What ``Program.explain`` gives: ``print`` it, or read ``data``.

    Attributes:
        data: plain data (dicts, lists, text, numbers):

            nodes, inputs, parameters, constants, outputs: how many; operations: how many of each.
            backend, why, dtype, rows: what runs a batch of ``rows`` rows.
            groups: in the order in which they run: kind, operation, level, batched, nodes, shape as text.
            irregular: how many nodes are in groups of fewer than 4 that are no products; ``irregular_share`` of all.
            calls: NumPy's calls for forward and backward (lines of generated source); of Python, operations a row; of
                JAX, operations on arrays before XLA fuses them.
            memory: bytes for the numbers and adjoints of one batch, at most.
            note: what raising has counted.
            remarks: what the executor has changed in the groups, in words; mostly nothing.
            slow: what else makes it slow, in words; mostly nothing.
    """

    data: dict[str, Any]

    def __str__(self) -> str:
        d = self.data
        operations = ", ".join(f"{count:,} {name}" for name, count in d["operations"].items())
        lines = [
            f"{d['nodes']:,} nodes: {d['inputs']:,} inputs, {d['parameters']:,} parameters, {d['constants']:,} "
            f"constants, {d['outputs']:,} output{'s' * (d['outputs'] != 1)}",
            f"  operations: {operations or 'none'}",
            f"{d['rows']:,} row{'s' * (d['rows'] != 1)} by {d['backend']} ({d['dtype']}): {d['why']}",
            f"  about {d['calls']:,} {CALLS[d['backend']]} a step, {size(d['memory'])} of memory at most",
            f"raised to {len(d['groups']):,} group{'s' * (len(d['groups']) != 1)}"
            + (f"; {d['irregular']:,} nodes ({d['irregular_share']:.0%}) stayed irregular" if d["irregular"] else ""),
        ]
        lines += [f"  {remark}" for remark in d["remarks"]]
        lines += [f"slow: {reason}" for reason in d["slow"]]
        for group in d["groups"][:SHOWN]:
            what = f"{group['kind']}{' ' + group['operation'] if group['operation'] else ''}"
            fixed = "" if group["batched"] else "  once for all rows"
            lines.append(f"  level {group['level']:<4} {what:<24} {group['shape']:<28} {group['nodes']:,} nodes{fixed}")
        if len(d["groups"]) > SHOWN:
            lines.append(f"  ... and {len(d['groups']) - SHOWN:,} groups more")
        return "\n".join(lines)


def size(count: int) -> str:
    """Bytes for a reader."""
    for unit in ("bytes", "KB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000  # type: ignore[assignment]
    return f"{count:.3g} GB"


def explained(program: Program, rows: int) -> Explanation:
    """The account of a program for a batch of so many rows. TypeError, ValueError: that is no number of rows."""
    if isinstance(rows, bool) or not isinstance(rows, int | np.integer):
        raise TypeError(f"rows is how many rows a batch has, a whole number, not {rows!r:.40}")
    if rows < 1:
        raise ValueError(f"rows is {rows}: a batch has one row at least")
    rows, tape = int(rows), program.tape
    schedule = schedule_of(tape)
    backend, why = program.choice(rows)
    groups = [described(group) for group in schedule.groups]
    made = sum(group["nodes"] for group in groups)
    irregular = sum(group["nodes"] for group in groups if group["kind"] in ("sums", "each") and group["nodes"] < FEW)

    counts = Counter(tape.op(int(i)).name for i in np.flatnonzero(np.diff(tape.start)))
    return Explanation(
        {
            "nodes": len(tape),
            "inputs": len(tape.inputs),
            "parameters": len(tape.parameters),
            "constants": int((tape.code == CONSTANT).sum()),
            "outputs": len(tape.outputs),
            "operations": dict(counts.most_common()),
            "backend": backend,
            "why": why,
            "dtype": program.dtype.name,
            "rows": rows,
            "groups": groups,
            "irregular": irregular,
            "irregular_share": irregular / made if made else 0.0,
            "calls": calls(program, rows),
            "memory": memory(schedule, rows, program.dtype.itemsize),
            "note": dict(schedule.note),
            "remarks": remarks(program, rows),
            "slow": [HIDDEN] if program.bound(rows).silent.hidden else [],
        }
    )


def described(group: Group) -> dict[str, Any]:
    """One group as plain data."""
    operation, nodes = "", group.out.size
    if isinstance(group, MatMul | Product):
        kind = "matrix product" if isinstance(group, MatMul) else "batched product"
        left, right = (group.w, group.x) if isinstance(group, MatMul) else (group.x, group.y)
        count, r, k = left.shape
        shape = f"{f'{count} of ' if count > 1 else ''}{r}x{k} by {k}x{right.shape[2]}"
    elif isinstance(group, Sum):
        kind = "sums"
        terms = sum(part.x.shape[0] for part in group.parts)
        shape = f"{nodes} of up to {terms} term{'s' * (terms != 1)}"
    elif isinstance(group, Gather):
        kind, shape = "rows of a table", f"{len(group.index)} of {group.table.shape[0]}x{group.table.shape[1]}"
    else:
        assert isinstance(group, Elementwise)
        kind, operation, shape = "each", group.op.name, f"{nodes}"
    return {"kind": kind, "operation": operation, "level": group.level, "batched": group.batched, "nodes": nodes,
            "shape": shape}  # fmt: skip


def remarks(program: Program, rows: int) -> list[str]:
    """What the executor for so many rows does otherwise than the groups say."""
    from autograd.compiler.numpy import NumpyPlan

    plan = program.bound(rows).plan
    return plan.remarks if isinstance(plan, NumpyPlan) else []


def calls(program: Program, rows: int) -> int:
    """The lines of the source that a batch runs: forward and backward, or forward alone of several outputs."""
    bound = program.bound(rows)
    if bound.python:
        return int((np.diff(program.tape.start) > 0).sum())
    if bound.device:
        bound.plan.bind(rows, bound.theta, bound.gradient)
        return sum(1 for line in bound.plan.source.splitlines() if " = " in line)
    run: Any = bound.plan.bind(rows, bound.theta, bound.gradient)
    _ = run.backward_function if len(program.tape.outputs) == 1 else run.forward_function
    return sum(1 for line in bound.plan.source.splitlines() if line.strip() and not line.startswith("def "))


def memory(schedule: Schedule, rows: int, itemsize: int) -> int:
    """Bytes for every number and every adjoint, where none shares its place with another."""
    wide = int(schedule.batched.sum())
    return 2 * itemsize * (wide * rows + schedule.size - wide)


__all__ = ["Explanation", "explained"]
