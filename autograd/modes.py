"""Contexts that change how operations are recorded: no_grad, ieee, detect_anomaly; and the compiler's, tracing.

Each thread (and each asyncio task) has its own mode; ``blocks`` says how far a block reaches. The engine's fast path
asks one module variable, ``active``: is anybody, anywhere, inside a context? Only then does an operation look its own
mode up.
"""

from __future__ import annotations

import itertools
import os
import sys
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from types import FrameType
from typing import NamedTuple

from autograd.blocks import Blocks, Switch
from autograd.errors import CompileError


class Mode(NamedTuple):
    """What an operation does beside computing: record the graph, allow inf and nan, note source lines."""

    record: bool = True
    ieee: bool = False
    anomaly: bool = False


ORDINARY = Mode()
active = Blocks("autograd.mode")
"""The contexts that are open, in all threads together."""


def current() -> Mode:
    """The mode of this thread."""
    mode = ORDINARY
    if active:
        for block in active.here():
            mode = block.change[mode]
    return mode


@cache
def changed(changes: tuple[tuple[str, bool], ...]) -> dict[Mode, Mode]:
    """Of every mode, the mode inside a block that makes these changes."""
    every = itertools.starmap(Mode, itertools.product((False, True), repeat=len(ORDINARY)))
    return {mode: mode._replace(**dict(changes)) for mode in every}


def switched(**changes: bool) -> Switch:
    """Run the block in a changed mode."""
    return Switch(active, changed(tuple(changes.items())))


def recording() -> AbstractContextManager[object]:
    """Inside, operations record, whatever ``no_grad()`` is around it."""
    return switched(record=True) if active else nullcontext()


def no_grad() -> Switch:
    """Inside, operations compute but record nothing: the results have no graph behind them."""
    return switched(record=False)


def ieee() -> Switch:
    """Inside, an operation outside its domain gives inf or nan, as PyTorch's do, and raises no DomainError."""
    return switched(ieee=True)


def detect_anomaly() -> Switch:
    """Inside, every node knows its source line, and the first nan or inf, forward or backward, raises AnomalyError.

    Slow: for finding a fault. Outside of it nothing is recorded and nothing is paid.
    """
    return switched(anomaly=True)


ENGINE = frozenset(("autograd", "nn"))
LIBRARY = ENGINE | {"numpy"} | sys.stdlib_module_names
"""The packages whose lines are not the user's."""

traces = Blocks("autograd.tracing")
"""The functions that are being traced, in all threads together; comparisons ask it, as arithmetic asks ``active``."""


class Trace:
    """A function while it is traced: the kind of its nodes, and the first look that it took at a number.

    Attributes:
        kind: the class of the nodes that are recorded meanwhile.
        line: where it looked, as ``model.py:12``; "" where no line is the user's.
        looked: what it did; "" where it did not look.
    """

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.line = self.looked = ""

    def refusal(self) -> CompileError:
        """What to say about the look."""
        return CompileError(
            f"the function looks at data ({self.looked}), and a program would do for ever what it does for this row. "
            f"{BRANCH_ADVICE}"
        )


def tracing(trace: Trace) -> Switch:
    """Inside, a look at a number with a graph raises CompileError: what hangs on it would be frozen."""
    return Switch(traces, trace)


def traced() -> Trace | None:
    """The function that this thread is tracing for the compiler, if it is."""
    here = traces.here() if traces else ()
    return here[-1].change if here else None


def is_tracing() -> bool:
    """Is a function being traced for the compiler, in this thread?"""
    return traced() is not None


BRANCH_ADVICE = (
    "Write the choice as an operation: maximum, minimum, clip, relu, logsumexp, where(relu(u - v), a, b) for "
    "'a if u > v else b', take(values, index)"
)


def refuse_look(what: str) -> None:
    """Raises CompileError where this thread is tracing a function, and says what to write instead."""
    trace = traced()
    if trace is None:
        return
    if not trace.looked:  # a function may catch the error: the first look is remembered
        trace.looked, trace.line = what, user_line(sys._getframe(1))
    raise trace.refusal()


def user_line(frame: FrameType | None) -> str:
    """The nearest line of the user's, as ``file.py:12``; "" where there is none."""
    while frame is not None and package(frame) in LIBRARY:
        frame = frame.f_back
    return "" if frame is None else f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


def package(frame: FrameType) -> str:
    """The package whose code runs in this frame."""
    return str(frame.f_globals.get("__name__")).partition(".")[0]
