"""A plan with a program's parameters: one vector of numbers, one of their gradient, and the runs bound to them."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import modes
from autograd.compiler import faults
from autograd.compiler.plain import InterpretedPlan
from autograd.compiler.run import Plan
from autograd.compiler.tape import Tape
from autograd.errors import DomainError
from autograd.locks import new_lock

Array = npt.NDArray[Any]

_binding = new_lock()
"""Plans are shared by programs, and so by threads."""

RUNS = 8
"""How many batch sizes keep their memory."""


class Bound:
    """What a program has for each executor that it uses; not for two threads at once.

    Attributes:
        theta, gradient: of the parameters, in the plan's own order.
        leaves: the parameters, in that order.
    """

    def __init__(self, tape: Tape, dtype: npt.DTypeLike, plan: Plan) -> None:
        self.tape = tape
        self.plan = plan
        self.order = self.plan.order
        self.theta: Array = np.zeros(len(self.order), dtype)
        self.gradient: Array = np.zeros(len(self.order), dtype)
        self.leaves = [tape.leaves[i] for i in self.order.tolist()]
        self.runs: OrderedDict[int, Any] = OrderedDict()
        self.python = self.plan.backend == "python"
        self.device = self.plan.backend == "jax"
        self.watch = faults.watch()
        self.silent = faults.Silent(tape)
        self.padded = self.plan.padded
        self.quiet = self.silent.hidden or bool(self.silent.indices) or self.padded

    def read(self) -> None:
        """Take the numbers of the Values."""
        numbers = [leaf._data for leaf in self.leaves]
        if self.theta.dtype == np.float64:
            self.theta[:] = numbers
        else:
            with np.errstate(over="ignore"):
                self.theta[:] = numbers

    def in_tape_order(self, numbers: Array) -> Array:
        """Numbers of the plan's order in that of ``tape.parameters``; a new array."""
        found = np.empty(len(numbers), numbers.dtype)
        found[self.order] = numbers
        return found

    def run(self, size: int) -> Any:
        """The run for a batch size."""
        run: Any = self.runs.get(size)
        if run is None:
            with _binding, np.errstate(all="ignore"):
                run = self.runs[size] = self.plan.bind(size, self.theta, self.gradient)
            if self.python:  # its numbers are shared by all runs, also where the plan has served another program
                run.parameters = next(iter(self.runs.values())).parameters
            if len(self.runs) > RUNS:
                self.runs.popitem(last=False)
        else:
            self.runs.move_to_end(size)
        return run

    def call(self, what: str, batch: Array) -> Any:
        """``forward``, ``backward`` or ``input_gradients`` of the batch, with the errors of the eager engine.

        Raises:
            DomainError, AnomalyError: as the eager engine does in this mode, with a note on the row.
        """
        mode = modes.current()
        if mode.anomaly:
            self.check_anomalies(batch, what != "forward")
        if self.quiet:
            beside_padding = self.padded and not all_finite(self.theta)
            if beside_padding or (self.silent.hidden and mode.ieee) or self.suspects(batch):
                return self.plainly(what, batch)
            if self.silent.hidden:
                self.check(batch)
        function = getattr(self.run(len(batch)), what)
        result = self.straight(function, batch) if self.python else self.watch.run(function, batch)
        noted = self.watch.noted and not self.python
        if noted or not all_finite(result) or (what == "backward" and not all_finite(self.gradient)):
            return self.plainly(what, batch)
        return result

    def suspects(self, batch: Array) -> bool:
        """Is there something in the batch that a program would not notice: an index outside, nan beside padding?"""
        return self.silent.suspects(batch) or (self.padded and not all_finite(batch))

    def plainly(self, what: str, batch: Array) -> Any:
        """``call``, operation by operation as the eager engine: where something is not finite, or may be wrong.

        A program adds and multiplies in another order than was recorded, and pads: what is the same on finite numbers
        is not beside inf and nan, nor where a sum overflows on its way.
        """
        run = InterpretedPlan(self.tape).bind(len(batch), self.in_tape_order(self.theta), self.gradient)
        result = getattr(run, what)(batch)
        if what == "backward":
            self.gradient[:] = self.gradient[self.order]
        return result

    def straight(self, function: Any, *arguments: Any) -> Any:
        """A function of the Python executor, which finds domains itself; here it learns the nodes' names."""
        try:
            return function(*arguments)
        except DomainError:
            self.check(arguments[0])
            raise

    def check(self, batch: Array) -> None:
        """Raises the eager engine's DomainError for this batch, if it has one."""
        faults.check(self.tape, batch, self.in_tape_order(self.theta))

    def check_anomalies(self, batch: Array, backward: bool) -> None:
        """Raises AnomalyError (or DomainError) at the first nan or inf."""
        ieee = modes.current().ieee
        faults.check_anomalies(self.tape, batch, self.in_tape_order(self.theta), ieee=ieee, backward=backward)


def all_finite(numbers: Any) -> bool:
    """Is a number, or every number of an array, finite?"""
    return math.isfinite(numbers) if numbers.__class__ is float else bool(np.isfinite(numbers).all())
