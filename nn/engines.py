"""Which engine makes the steps of a training: compiled where the loss of a row is one graph for all rows."""

from __future__ import annotations

from autograd import modes
from autograd.errors import CompileError
from nn.compiled import Compiled
from nn.tasks import Eager, Engine, Task

__all__ = ["engine"]


def engine(task: Task, wanted: bool | None) -> Engine:
    """The engine for a task: compiled unless told otherwise or where it cannot be.

    Raises:
        CompileError: it cannot be, and ``wanted`` is True.
    """
    if wanted is False:
        return Eager(task, "as asked for")
    if modes.current() != modes.ORDINARY:
        reason = "inside no_grad(), ieee() or detect_anomaly()"
        if wanted:
            raise CompileError(f"fit compiles nothing {reason}: leave the context, or give compile=False")
        return Eager(task, reason)
    try:
        return Compiled(task)
    except CompileError as error:
        if wanted:
            raise
        return Eager(task, str(error))
