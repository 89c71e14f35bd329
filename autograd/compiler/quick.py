"""Training steps without what cannot change from one to the next: a step of a small graph takes microseconds.

A quick step is made once a careful one (``Session.step``) has succeeded, for batches of as many rows. It computes what
the careful one computes. Where it would take more care than this it gives None, and nothing has changed: for a batch
of another kind or size, inside a mode, after a remark of NumPy's, for a number that is not finite. The careful step is
made then, and raises what it raises.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite, nan
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autograd import modes
from autograd.compiler.bound import Bound
from autograd.compiler.rules import shares
from autograd.op import FLOAT_ERRORS

if TYPE_CHECKING:
    from autograd.compiler.session import Session

Array = npt.NDArray[Any]
Step = Callable[..., float | None]


class Quick(NamedTuple):
    """The quick steps of a session; None where there is none. Each returns the mean before the step, or None.

    Attributes:
        sgd: ``(batch, learning_rate)``, without momentum.
        adam: ``(batch, learning_rate, betas, epsilon)``.
        by_rule: ``(batch, update)``, by any rule on arrays; see ``Session.step``.
    """

    sgd: Step | None = None
    adam: Step | None = None
    by_rule: Step | None = None


NONE = Quick()


def quick_steps(session: Session, bound: Bound, size: int) -> Quick:
    """The quick steps for batches of ``size`` rows."""
    if bound.silent.hidden or len(session.program.tape.outputs) != 1:
        return NONE
    if bound.python:
        plan: Any = bound.plan
        return NONE if bound.quiet or not plan.small else on_floats(session, plan, size)
    return NONE if bound.device else on_arrays(session, bound, size)


# -- the generated Python ----------------------------------------------------------------------------------------------


def on_floats(session: Session, plan: Any, size: int) -> Quick:
    """Steps of a graph that is one generated function: numbers stay lists of floats from step to step.

    They take no lock, which would be a tenth of the step: the function has no memory of its own, what it reads is one
    object and what it leaves is one store. A step that finds another thread's in between is left to the careful one.
    (Between that look and the store CPython changes no threads; without its global lock a step could be lost there.)
    """
    program = session.program
    one_row = size == 1
    descend, whole = plan.descent(one_row), plan.whole
    dtype, single, shape = program.dtype, plan.single, (size, len(program.inputs))
    rate = 0.0
    seen: Any = None
    before: list[float] = []
    rows: Any = ()

    def rows_of(batch: Any) -> Any:
        """The batch as rows of floats, which nobody can change; None where it is something else."""
        nonlocal seen
        if batch.__class__ is np.ndarray:
            return batch.tolist() if batch.dtype is dtype and batch.shape == shape else None
        if batch is seen:  # tuples of floats are looked at once
            return batch
        if single:  # they have to be rounded
            return None
        found = in_tuples(batch, *shape)
        if found == batch:  # a list is unlike every tuple
            seen = batch
        return found

    def sgd(batch: Any, learning_rate: float) -> float | None:
        nonlocal before, rows, rate
        if batch.__class__ is np.ndarray:
            found = batch.tolist() if batch.dtype is dtype and batch.shape == shape else None
        else:
            found = rows_of(batch)
        if found is None or modes.active:
            return None
        if learning_rate is not rate:
            if learning_rate.__class__ is not float or not 0.0 < learning_rate < inf:
                return None
            rate = learning_rate
        state = session._state
        numbers = state[0]
        if numbers.__class__ is not list:
            numbers = numbers.tolist()
        try:
            loss, moved = descend(numbers, found, learning_rate)
        except FLOAT_ERRORS:
            return None
        total = sum(moved, loss)
        if total - total != 0.0:  # inf or nan
            return None
        if session._state is not state:  # another thread was faster
            return None
        session._state = (moved, None)  # the step is complete
        before, rows = numbers, found
        program._last = size
        session._slopes = slopes
        return loss  # type: ignore[no-any-return]

    def adam(batch: Any, learning_rate: float, betas: tuple[float, float], epsilon: float) -> float | None:
        nonlocal before, rows
        found = rows_of(batch)
        if found is None or modes.active:
            return None
        step = whole.function("adam", one_row)
        state = session._state
        numbers, memory = state
        zeros = [0.0] * len(numbers)
        steps, *moments = memory or (0, zeros, zeros)
        numbers, first, second = [x if x.__class__ is list else x.tolist() for x in (numbers, *moments)]
        steps += 1
        share1, share2 = shares(steps, betas)
        try:
            scaled, scale = learning_rate / share1, 1.0 / share2
            loss, moved, first, second = step(numbers, found, first, second, scaled, scale, *betas, epsilon)
        except FLOAT_ERRORS:
            return None
        total = sum(moved, loss)
        if total.__class__ is not float or not (isfinite(total) and isfinite(sum(second))):
            return None
        if session._state is not state:
            return None
        session._state = (moved, (steps, first, second))  # the step is complete
        before, rows = numbers, found
        program._last = size
        session._slopes = slopes
        return loss  # type: ignore[no-any-return]

    def slopes() -> list[float]:
        """The gradient of the last of these steps, which has kept none."""
        return whole.function("gradient", one_row)(before, rows)[1]  # type: ignore[no-any-return]

    return Quick(sgd, None if single else adam)


def in_tuples(batch: Any, size: int, width: int) -> tuple[tuple[float, ...], ...] | None:
    """A batch of so many rows of so many floats each, lists or tuples, as tuples; None for any other."""
    if batch.__class__ not in (list, tuple) or len(batch) != size:
        return None
    for row in batch:
        if row.__class__ not in (list, tuple) or len(row) != width:
            return None
        for x in row:
            if x.__class__ is not float:
                return None
    return tuple(map(tuple, batch))


# -- NumPy -------------------------------------------------------------------------------------------------------------


def on_arrays(session: Session, bound: Bound, size: int) -> Quick:
    """Steps of the NumPy executor, forward, backward and update together under one watch."""
    program, theta, gradient, watch = session.program, bound.theta, bound.gradient, bound.watch
    shape, dtype, lock = (size, len(program.inputs)), program.dtype, program._lock
    suspects = bound.suspects if bound.quiet else None
    backward = bound.run(size).backward_function
    # one of these is the last complete step, the next one is written into the other
    one, other = [(np.empty_like(theta), None) for _ in range(2)]
    rate, seen = np.zeros((), dtype), nan
    copyto, multiply, subtract = np.copyto, np.multiply, np.subtract

    def descend(columns: Array, state: Any, learning_rate: float) -> Any:
        """A step of ``rules.sgd`` without momentum; NumPy multiplies by an array without a dimension fastest."""
        nonlocal seen
        if learning_rate != seen:
            seen = nan  # Ctrl-C between these lines leaves no wrong rate behind
            if learning_rate.__class__ is not float or not 0.0 < learning_rate < inf:
                return nan, state, nan
            rate.fill(learning_rate)
            seen = learning_rate
        numbers = state[0]
        copyto(theta, numbers)
        loss = backward(columns)
        done = other if numbers is one[0] else one
        into = done[0]
        multiply(gradient, rate, into)
        subtract(numbers, into, into)
        return loss, done, into.dot(into)

    def apply(columns: Array, state: Any, update: Any) -> Any:
        """A step of another rule, which makes new arrays."""
        numbers, memory = state
        copyto(theta, numbers)
        loss = backward(columns)
        numbers, memory = update(numbers, gradient, memory)
        return loss, (numbers, memory), numbers.dot(numbers)

    def quick(body: Any) -> Step:
        def step(batch: Any, argument: Any) -> float | None:
            if batch.__class__ is not np.ndarray or batch.dtype is not dtype or batch.shape != shape or modes.active:
                return None
            if suspects is not None and suspects(batch):
                return None
            with lock:
                session._loaded = None
                loss, done, square = watch.run(body, batch.T, session._state, argument)
                if watch.noted or not (isfinite(square) and isfinite(loss)):  # squares overflow before a number does
                    return None
                program._last = size
                session._state = done  # the step is complete
            return loss  # type: ignore[no-any-return]

        return step

    return Quick(quick(descend), None, quick(apply))
