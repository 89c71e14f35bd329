"""A plan with a program's parameters: one vector of numbers, one of their gradient, and the runs bound to them."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import modes
from autograd.compiler import faults
from autograd.compiler.plain import InterpretedPlan
from autograd.compiler.plans import plan_of
from autograd.compiler.tape import Tape
from autograd.errors import DomainError

Array = npt.NDArray[Any]

_binding = threading.Lock()
"""Plans are shared by programs, and so by threads."""

RUNS = 8
"""How many batch sizes keep their memory."""


class Bound:
    """What a program has for each executor that it uses; not for two threads at once.

    Attributes:
        theta, gradient: of the parameters, in the plan's own order.
        leaves: the parameters, in that order.
    """

    def __init__(self, tape: Tape, dtype: npt.DTypeLike, backend: str) -> None:
        self.tape = tape
        self.plan = plan_of(tape, dtype, backend)
        self.order = self.plan.order
        self.theta: Array = np.zeros(len(self.order), dtype)
        self.gradient: Array = np.zeros(len(self.order), dtype)
        self.leaves = [tape.leaves[i] for i in self.order.tolist()]
        self.runs: OrderedDict[int, Any] = OrderedDict()
        self.python = self.plan.backend == "python"
        self.device = self.plan.backend == "jax"
        self.watch = faults.watch()
        self.silent = faults.Silent(tape)
        self.quiet = self.silent.hidden or bool(self.silent.indices)

    def read(self) -> None:
        """Take the numbers of the Values."""
        self.theta[:] = [leaf._data for leaf in self.leaves]

    def in_tape_order(self, numbers: Array) -> Array:
        """Numbers of the plan's order in that of ``tape.parameters``; a new array."""
        found = np.empty(len(numbers), numbers.dtype)
        found[self.order] = numbers
        return found

    def run(self, size: int) -> Any:
        """The run for a batch size."""
        run: Any = self.runs.get(size)
        if run is None:
            with _binding:
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
        if self.quiet and (self.silent.hidden or self.silent.suspects(batch)):
            if not mode.ieee:
                self.check(batch)
            else:
                run = InterpretedPlan(self.tape).bind(len(batch), self.in_tape_order(self.theta), self.gradient)
                result = getattr(run, what)(batch)
                self.gradient[:] = self.gradient[self.order]
                return result
        function = getattr(self.run(len(batch)), what)
        if self.python:
            return self.straight(function, batch)
        result = self.watch.run(function, batch)
        if not mode.ieee and (self.watch.noted or not all_finite(result)):
            self.check(batch)
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
