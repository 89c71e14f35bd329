"""Contexts that change how operations are recorded: no_grad, ieee, detect_anomaly; and the compiler's, no_branches.

Each thread (and each asyncio task) has its own mode. The engine's fast path asks one module variable, ``active``: is
anybody, anywhere, inside a context? Only then does an operation look its own mode up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from autograd.errors import CompileError


class Mode(NamedTuple):
    """What an operation does beside computing: record the graph, allow inf and nan, note source lines."""

    record: bool = True
    ieee: bool = False
    anomaly: bool = False


ORDINARY = Mode()
active = 0
"""How many contexts are open in all threads together."""

_mode: ContextVar[Mode] = ContextVar("autograd.mode", default=ORDINARY)
_lock = threading.Lock()


def current() -> Mode:
    """The mode of this thread."""
    return _mode.get() if active else ORDINARY


@contextmanager
def switched(**changes: bool) -> Iterator[None]:
    """Run the block in a changed mode."""
    global active
    with _lock:
        active += 1
    token = _mode.set(_mode.get()._replace(**changes))
    try:
        yield
    finally:
        _mode.reset(token)
        with _lock:
            active -= 1


def no_grad() -> AbstractContextManager[None]:
    """Inside, operations compute but record nothing: the results have no graph behind them."""
    return switched(record=False)


def ieee() -> AbstractContextManager[None]:
    """Inside, an operation outside its domain gives inf or nan, as PyTorch's do, and raises no DomainError."""
    return switched(ieee=True)


def detect_anomaly() -> AbstractContextManager[None]:
    """Inside, every node knows its source line, and the first nan or inf, forward or backward, raises AnomalyError.

    Slow: for finding a fault. Outside of it nothing is recorded and nothing is paid.
    """
    return switched(anomaly=True)


traces = 0
"""How many functions are being traced in all threads together; comparisons ask it, as arithmetic asks ``active``."""

_tracing: ContextVar[bool] = ContextVar("autograd.tracing", default=False)


@contextmanager
def no_branches() -> Iterator[None]:
    """Inside, a comparison of numbers with a graph raises CompileError: what hangs on it would be frozen."""
    global traces
    with _lock:
        traces += 1
    token = _tracing.set(True)
    try:
        yield
    finally:
        _tracing.reset(token)
        with _lock:
            traces -= 1


def is_tracing() -> bool:
    """Is a function being traced for the compiler, in this thread?"""
    return _tracing.get()


BRANCH_ADVICE = (
    "Write the choice as an operation: maximum, minimum, clip, relu, logsumexp, where(relu(u - v), a, b) for "
    "'a if u > v else b', take(values, index)"
)


def refuse_branch(what: str) -> None:
    """Raises CompileError where this thread is tracing a function, and says what to write instead."""
    if is_tracing():
        raise CompileError(
            f"the function looks at data ({what}), and a program would do for ever what it does for this row. "
            f"{BRANCH_ADVICE}"
        )
