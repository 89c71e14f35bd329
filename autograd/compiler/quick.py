"""A training step of a tiny graph: what surrounds the generated function costs less than the function."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autograd import modes
from autograd.compiler.bound import Bound
from autograd.op import FLOAT_ERRORS

if TYPE_CHECKING:
    from autograd.compiler.session import Session

QuickStep = Callable[[npt.ArrayLike, float], float | None]


def quick_step(session: Session, bound: Bound, size: int) -> QuickStep | None:
    """``step(batch, learning_rate)``: one step of gradient descent for batches of ``size`` rows; returns the mean.

    The step gives None, and has changed nothing, wherever it takes more care than this: another batch size, dtype or
    mode, numbers that are not finite, parameters that somebody else has written. There is no such step (None) for a
    large graph, or one whose batches have to be looked at first.
    """
    program = session.program
    plan: Any = bound.plan
    if bound.quiet or not plan.small or len(program.tape.outputs) != 1:
        return None
    step, lock, float64 = plan.whole.function("sgd", size == 1), program._lock, np.dtype(np.float64)
    shape, width, seen = (size, len(program.inputs)), len(program.inputs), None
    new: Any = tuple.__new__  # half the time of calling the class
    kind = session.state.__class__

    def quick(batch: Any, learning_rate: float) -> float | None:
        nonlocal seen
        if batch.__class__ is np.ndarray:
            if batch.dtype is not float64 or batch.shape != shape:
                return None
            rows = batch.tolist()
        else:
            if batch is not seen:  # tuples of floats cannot change: they are checked once
                if not all_floats(batch, size, width):
                    return None
                seen = batch
            rows = batch
        if modes.active or learning_rate.__class__ is not float or not 0.0 < learning_rate < inf:
            return None
        with lock:
            numbers = session.state[0]
            if numbers.__class__ is not list:
                return None
            try:
                loss, numbers = step(numbers, rows, learning_rate)
            except FLOAT_ERRORS:
                return None
            total = sum(numbers, loss)
            if total - total != 0.0:  # inf or nan
                return None
            program._last = size
            session.state = new(kind, (numbers, None))  # the step is complete
        return loss  # type: ignore[no-any-return]

    return quick


def all_floats(batch: Any, size: int, width: int) -> bool:
    """Is the batch a tuple of so many tuples of so many floats each?"""
    if batch.__class__ is not tuple or len(batch) != size:
        return False
    return all(row.__class__ is tuple and len(row) == width and all(x.__class__ is float for x in row) for row in batch)
