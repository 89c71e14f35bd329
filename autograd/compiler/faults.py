"""nan, inf and numbers outside a domain, in a program as in the eager engine: the same error, with the row.

A program computes with IEEE results; NumPy notes on the way that something was divided by zero, overflowed or was
invalid. Only then (or where a result is not finite) the batch is looked at again, node by node, as the eager engine
would have met it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import Context
from itertools import pairwise
from typing import Any
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from autograd.compiler.interpret import (
    check_domains,
    on_rows,
    partials_on_rows,
    run_tape,
    start,
    undefined,
    with_place,
)
from autograd.compiler.tape import CONSTANT, FIRST_OP, INPUT, Tape
from autograd.errors import AnomalyError
from autograd.locks import in_child
from autograd.op import FLOAT_ERRORS

Array = npt.NDArray[Any]

CELLS = 4_000_000
"""How many numbers are looked at together: a large graph takes few rows at a time."""


class Remarks:
    """What NumPy calls. It holds nothing of the watch, whose context keeps it where the collector does not look."""

    __slots__ = ("made",)

    def __init__(self) -> None:
        self.made = False

    def __call__(self, kind: str, flag: int) -> None:
        """A remark of NumPy's."""
        self.made = True


class Watch:
    """Runs functions while NumPy's flags are noted, at the price of a call.

    ``np.errstate`` takes microseconds, a training step of a small network not many more; so the setting is made once,
    in a context (PEP 567) that the functions run in. One thread at a time.
    """

    def __init__(self) -> None:
        self.remarks = Remarks()
        self.renew()
        _watches.add(self)

    @property
    def noted(self) -> bool:
        """NumPy had a remark since the last run began."""
        return self.remarks.made

    def renew(self) -> None:
        """A context of its own, which nobody is in."""
        self.context = Context()
        self.context.run(self.listen)

    def listen(self) -> None:
        """The setting; NumPy 2 keeps it in the context."""
        np.seterr(divide="call", over="call", invalid="call", under="ignore")
        np.seterrcall(self.remarks)

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """``function(*arguments)``; ``noted`` says whether NumPy had a remark."""
        self.remarks.made = False
        return self.context.run(function, *arguments)


_watches: WeakSet[Watch] = WeakSet()


@in_child
def renew_watches() -> None:
    """In a forked child: a thread that it does not have may be in a context."""
    for watch in list(_watches):
        watch.renew()


class OldWatch(Watch):
    """The same for NumPy 1, which keeps the setting by the thread."""

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """``function(*arguments)``; ``noted`` says whether NumPy had a remark."""
        self.remarks.made = False
        with np.errstate(divide="call", over="call", invalid="call", under="ignore", call=self.remarks):
            return function(*arguments)

    def listen(self) -> None:
        """Nothing is set for good."""


def watch() -> Watch:
    """The one for this NumPy."""
    return Watch() if int(np.__version__.split(".")[0]) >= 2 else OldWatch()


class Silent:
    """What leaves its domain without inf or nan to show for it: bounds in disorder, an index outside.

    Attributes:
        indices: the columns of the batch that are an index, and into how many values; ``columns`` and ``counts``: the
            same as arrays.
        hidden: there is such an operation on computed numbers, so that every batch is looked at node by node.
    """

    def __init__(self, tape: Tape) -> None:
        self.indices: list[tuple[int, int]] = []
        self.hidden = False
        suspects = [FIRST_OP + k for k, op in enumerate(tape.ops) if op.name in ("clip", "take")]
        for node in np.flatnonzero(np.isin(tape.code, suspects)).tolist() if suspects else []:
            args = tape.operands(node)
            kinds = tape.code[args]
            if tape.op(node).name == "clip":
                low, high = tape.data[args[1:]]
                self.hidden |= not (kinds[1:] == CONSTANT).all() or not low <= high
            elif kinds[0] == INPUT:
                self.indices.append((int(args[0]), len(args) - 1))
            else:
                self.hidden |= not (kinds[0] == CONSTANT and tape.op(node).defined(*tape.data[args]))  # type: ignore
        self.indices = sorted(set(self.indices))
        self.columns, self.counts = np.array(self.indices, np.int64).reshape(-1, 2).T

    def suspects(self, batch: Array) -> bool:
        """Is there an index outside its values?"""
        index = batch[:, self.columns]
        return not ((index >= 0) & (index < self.counts) & (index == np.floor(index))).all()


def parts(tape: Tape, batch: Array) -> list[int]:
    """Where to cut the batch."""
    return [*range(0, len(batch), max(1, CELLS // max(1, len(tape)))), len(batch)]


def check(tape: Tape, batch: Array, theta: Array) -> None:
    """Raises the DomainError that the eager engine would, naming node and row; returns where it would not raise."""
    cuts = parts(tape, batch)
    for low, high in pairwise(cuts):
        check_rows(tape, run_tape(tape, batch[low:high], theta), low)


def check_rows(tape: Tape, rows: Array, first_row: int) -> None:
    """``check``, of the numbers of all nodes for some rows."""
    check_domains(tape, rows, first_row)
    check_order(tape, rows, first_row)


def check_order(tape: Tape, rows: Array, first_row: int) -> None:
    """The part of ``check`` that inf and nan do not show: clip with its bounds in disorder."""
    clips = [FIRST_OP + k for k, op in enumerate(tape.ops) if op.name == "clip"]
    for node in np.flatnonzero(np.isin(tape.code, clips)).tolist() if clips else []:
        args = tape.operands(node)
        for row in np.flatnonzero(rows[args[1]] > rows[args[2]]).tolist():
            raise undefined(tape, node, rows[args, row].tolist(), first_row + row)


def check_anomalies(tape: Tape, batch: Array, theta: Array, *, ieee: bool, backward: bool) -> None:
    """What ``detect_anomaly()`` asks for: AnomalyError at the first nan or inf, forward and then backward.

    Raises:
        DomainError: where the eager engine raises it, before it asks for anomalies (not inside ``ieee()``).
    """
    cuts = parts(tape, batch)
    inner = np.flatnonzero(np.diff(tape.start)).tolist()
    for low, high in pairwise(cuts):
        rows = start(tape, batch[low:high], theta, len(tape))
        for node in inner:
            args, op = tape.operands(node), tape.op(node)
            rows[node] = on_rows(op, rows[args])
            first = ~np.isfinite(rows[node]) & np.isfinite(rows[args]).all(axis=0)
            for row in np.flatnonzero(first).tolist():
                numbers = rows[args, row].tolist()
                try:
                    z = op.quiet(*numbers) if ieee else op.forward(*numbers)
                except FLOAT_ERRORS as error:
                    raise undefined(tape, node, numbers, low + row) from error
                if not math.isfinite(z):
                    shown = f"{op.name}({', '.join(map(repr, numbers[:6]))})"
                    line = f" at {tape.lines[node]}" if node in tape.lines else ""
                    raise with_place(AnomalyError(f"forward: {shown} gives {z}{line}"), tape, node, low + row)
        if not ieee:
            check_order(tape, rows, low)
        if backward:
            check_slopes(tape, rows, low)


def check_slopes(tape: Tape, rows: Array, first_row: int) -> None:
    """The backward half of ``check_anomalies``: the first contribution to an adjoint that is not finite."""
    adjoint = np.zeros_like(rows)
    adjoint[tape.outputs[0]] = 1.0
    varies = tape.code != CONSTANT
    with np.errstate(all="ignore"):
        for node in np.flatnonzero(np.diff(tape.start)).tolist()[::-1]:
            args, op = tape.operands(node), tape.op(node)
            for place, local in zip(args.tolist(), partials_on_rows(op, rows[node], rows[args]), strict=True):
                sent = adjoint[node] * local
                adjoint[place] += sent
                bad = ~np.isfinite(sent) & np.isfinite(adjoint[node])
                if varies[place] and bad.any():
                    row = int(np.flatnonzero(bad)[0])
                    name = f" named {tape.names[node]!r}" if node in tape.names else ""
                    operand = f" {tape.names[place]!r}" if place in tape.names else ""
                    slope = np.broadcast_to(local, sent.shape)[row]
                    raise with_place(
                        AnomalyError(
                            f"backward: {op.name}{name} sends {sent[row]} to its operand{operand} (upstream "
                            f"{adjoint[node, row]} * local {slope}); the node was made at "
                            f"{tape.lines.get(node, 'a line outside detect_anomaly()')}"
                        ),
                        tape, node, first_row + row,
                    )  # fmt: skip


__all__ = ["Silent", "Watch", "check", "check_anomalies", "check_rows", "parts", "watch"]
