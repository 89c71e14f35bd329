"""PythonPlan: a tape made ready for the straight-line executor, and the runs that are bound to it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.compiler.plain import InterpretedRun
from autograd.compiler.straightline.blocks import Blocks
from autograd.compiler.straightline.sweep import Nodes
from autograd.compiler.straightline.whole import Whole
from autograd.compiler.tape import Tape
from autograd.op import FLOAT_ERRORS

Array = npt.NDArray[Any]
Batch = Array | Sequence[Sequence[float]]
Step = Callable[[list[float], Any, float], tuple[float, list[float]]]

SMALL = 2000
"""How many operands the operations of a graph have that becomes one function."""


class Parameters:
    """The parameters as a list of floats, beside the array that the rest of the program reads and writes.

    A training step of a tiny graph takes a microsecond, and NumPy takes as long to turn nine numbers into floats. So
    steps leave the numbers in ``numbers``: ``push`` writes them to the array, ``pull`` reads what others wrote there.
    All runs that are bound to one array share one of these.
    """

    def __init__(self, theta: Array) -> None:
        self.theta = theta
        self.numbers: list[float] = theta.tolist()

    def pull(self) -> None:
        """Take what the array holds."""
        self.numbers = self.theta.tolist()

    def push(self) -> None:
        """Put the numbers into the array."""
        self.theta[:] = self.numbers


class PythonPlan:
    """A tape as generated Python on floats: a ``Plan``, for tiny graphs and deep irregular ones.

    Floats are float64. For a program in float32 they are computed as they are, and results are rounded: outputs,
    gradients, and the parameters after every step.

    Sums and dot products are added from left to right, where the eager engine rounds once (``math.fsum``); all else is
    computed by the same operations in the same order. Local derivatives are the declared ones, so their digits at
    saturation are kept.

    Where plain floats raise (``log(-1)``, 1/0, overflow of exp), the whole batch is run by ``plain`` instead, which
    raises the DomainError that the eager engine would, with the node and the row; where the eager engine would not
    raise (inside ``autograd.ieee()``, or where only a slope is infinite, as that of sqrt at 0), it gives inf and nan.
    """

    backend = "python"
    padded = False

    def __init__(self, tape: Tape, dtype: npt.DTypeLike = np.float64) -> None:
        self.tape = tape
        self.dtype = np.dtype(dtype)
        self.single = self.dtype == np.float32
        self.order: Array = np.arange(len(tape.parameters))
        self.nodes = Nodes(tape)
        self._whole: Whole | None = None
        self._blocks: Blocks | None = None
        self._parameters: Parameters | None = None
        self.small = len(tape.args) <= SMALL

    @property
    def whole(self) -> Whole:
        """The graph as one function."""
        if self._whole is None:
            self._whole = Whole(self.nodes)
        return self._whole

    @property
    def blocks(self) -> Blocks:
        """The graph as many functions."""
        if self._blocks is None:
            self._blocks = Blocks(self.nodes)
        return self._blocks

    @property
    def source(self) -> str:
        """The generated source of a small graph: forward and backward, or forward alone where there are more outputs.

        Of a large one, the functions of its first block.
        """
        kind = "gradient" if len(self.tape.outputs) == 1 else "outputs"
        if self.small:
            self.whole.function(kind)
            return "\n".join(self.whole.sources.values())
        return self.blocks.forward_source(0)

    def descent(self, one_row: bool) -> Step:
        """``step(numbers, rows, learning_rate)`` of a small graph: the mean before the step, and the new numbers."""
        step: Step = self.whole.function("sgd", one_row)
        return in_single(step) if self.single else step

    def bind(self, batch_size: int, theta: Array, gradient: Array) -> PythonRun:
        """A run for this batch size that reads ``theta`` and writes ``gradient``, both of the plan's dtype.

        Raises:
            TypeError: another dtype.
        """
        for what, vector in (("theta", theta), ("gradient", gradient)):
            if vector.dtype != self.dtype or vector.shape != self.order.shape:
                raise TypeError(
                    f"{what} must be a {self.dtype} vector of {len(self.order)} parameters; "
                    f"got {vector.dtype} of shape {vector.shape}"
                )
        if self._parameters is None or self._parameters.theta is not theta:
            self._parameters = Parameters(theta)
        return PythonRun(self, batch_size, self._parameters, gradient)


class PythonRun:
    """One program at one batch size: a ``Run``, with a training step of its own.

    ``forward``, ``backward`` and ``input_gradients`` read ``theta``, as every run does. ``sgd`` reads and writes
    ``parameters.numbers``, and leaves the array alone: see ``Parameters``. A batch is an array, or rows of floats.
    """

    def __init__(self, plan: PythonPlan, batch_size: int, parameters: Parameters, gradient: Array) -> None:
        self.plan = plan
        self.batch_size = batch_size
        self.parameters = parameters
        self.gradient = gradient
        self.one_row = batch_size == 1
        self._sgd: Any = None

    def forward(self, batch: Batch) -> Array:
        """The outputs, shape (B, number of outputs): a new array."""
        plan, rows = self.plan, as_rows(batch)
        theta = self.parameters.theta.tolist()
        try:
            found = plan.whole.function("outputs")(theta, rows) if plan.small else plan.blocks.outputs(theta, rows)
        except FLOAT_ERRORS:
            found = self.plainly(theta).forward(np.array(rows, float))
        return self.table(found, len(rows), len(plan.tape.outputs))

    def backward(self, batch: Batch) -> float:
        """The mean over the batch of the only output; writes ``gradient`` of that mean.

        Raises:
            ValueError: no rows, or not exactly one output.
        """
        mean, slopes = self.slopes(self.parameters.theta.tolist(), as_rows(batch))
        if self.plan.single:
            (mean,), slopes = to_single([mean]), to_single(slopes)
        self.gradient[:] = slopes
        return mean

    def input_gradients(self, batch: Batch) -> Array:
        """d output / d input, row by row: shape (B, number of inputs), a new array.

        Raises:
            ValueError: not exactly one output.
        """
        self.check_output()
        plan, rows = self.plan, as_rows(batch)
        theta = self.parameters.theta.tolist()
        try:
            found = plan.whole.function("inputs")(theta, rows) if plan.small else plan.blocks.inputs(theta, rows)
        except FLOAT_ERRORS:
            found = self.plainly(theta).input_gradients(np.array(rows, float))
        return self.table(found, len(rows), len(plan.tape.inputs))

    def sgd(self, batch: Batch, learning_rate: float) -> float:
        """One step of gradient descent on the mean of the output; returns the mean before it.

        An error leaves the parameters as they were.

        Raises:
            ValueError: no rows, or not exactly one output.
        """
        parameters = self.parameters
        rows: Any = batch.tolist() if batch.__class__ is np.ndarray else batch
        step = self._sgd
        if step is None:
            step = self.prepare_sgd()
        try:
            mean, parameters.numbers = step(parameters.numbers, rows, learning_rate)
        except FLOAT_ERRORS:
            mean, slopes = self.slopes(parameters.numbers, rows)
            numbers = [w - learning_rate * g for w, g in zip(parameters.numbers, slopes, strict=True)]
            parameters.numbers = to_single(numbers) if self.plan.single else numbers
        return mean  # type: ignore[no-any-return]

    def prepare_sgd(self) -> Any:
        """The function behind ``sgd``."""
        self.check_output()
        plan = self.plan
        if plan.small:
            self._sgd = plan.descent(self.one_row)
        else:

            def step(theta: list[float], rows: list[Any], rate: float) -> tuple[float, list[float]]:
                mean, slopes = self.slopes(theta, rows)
                return mean, [w - rate * g for w, g in zip(theta, slopes, strict=True)]

            self._sgd = in_single(step) if plan.single else step
        return self._sgd

    # -- pieces ----------------------------------------------------------------------------------------------------

    def table(self, found: Any, rows: int, columns: int) -> Array:
        """Numbers as an array of the plan's dtype."""
        with np.errstate(over="ignore"):
            return np.array(found, float).astype(self.plan.dtype, copy=False).reshape(rows, columns)

    def slopes(self, theta: list[float], rows: Sequence[Sequence[float]]) -> tuple[float, Sequence[float]]:
        """The mean of the output and its gradient."""
        self.check_output()
        if not len(rows):
            raise ValueError("a mean over a batch of no rows is not defined: give at least one row")
        plan = self.plan
        try:
            if plan.small:
                return plan.whole.function("gradient", self.one_row)(theta, rows)  # type: ignore[no-any-return]
            return plan.blocks.gradient(theta, rows)
        except FLOAT_ERRORS:
            run = self.plainly(theta)
            return run.backward(np.array(rows, float)), run.gradient.tolist()

    def plainly(self, theta: list[float]) -> InterpretedRun:
        """The slow way, with a gradient of its own."""
        return InterpretedRun(self.plan.tape, np.array(theta, float), np.empty(len(theta)))

    def check_output(self) -> None:
        """ValueError unless there is exactly one output."""
        if len(self.plan.tape.outputs) != 1:
            raise ValueError(
                f"a gradient needs a program of one output; this one has {len(self.plan.tape.outputs)}: "
                "compile their sum, or each by itself"
            )


def to_single(numbers: Sequence[float]) -> list[float]:
    """Rounded to float32; beyond its range inf, without a warning."""
    return array("f", numbers).tolist()


def in_single(step: Step) -> Step:
    """A step whose results are rounded to float32."""

    def rounded(numbers: list[float], rows: Any, rate: float) -> tuple[float, list[float]]:
        mean, moved = step(numbers, rows, rate)
        return to_single([mean])[0], to_single(moved)

    return rounded


def as_rows(batch: Batch) -> Sequence[Sequence[float]]:
    """The rows of a batch as lists of floats."""
    return batch.tolist() if isinstance(batch, np.ndarray) else batch
