"""``JaxPlan``: a schedule compiled by XLA; calls from NumPy to NumPy, and training steps that stay on the device."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from autograd.compiler import rules
from autograd.compiler.accelerated.function import Functions
from autograd.compiler.accelerated.sharding import Placement
from autograd.compiler.numpy.sequences import invalid
from autograd.compiler.schedule import Schedule

Array = npt.NDArray[Any]

_enable_x64: Any = jax.enable_x64 if hasattr(jax, "enable_x64") else import_module("jax.experimental").enable_x64


class JaxPlan:
    """A schedule for JAX: a ``Plan``. XLA compiles at the first call of each function and batch size.

    Raises:
        CompileError (at the first call): the graph has an operation that JAX cannot run.
    """

    backend = "jax"

    def __init__(self, schedule: Schedule, dtype: npt.DTypeLike) -> None:
        self.schedule, self.dtype = schedule, np.dtype(dtype)
        self.padded = schedule.padded
        self.functions = Functions(schedule, dtype)
        self.order = self.functions.layout.order
        self.outputs = jax.jit(self.functions.outputs)
        self.slopes = jax.jit(self.functions.slopes)
        self.input_slopes = jax.jit(self.functions.input_slopes)
        self.rows = 1
        self._steps: dict[tuple[Any, ...], Any] = {}

    def wide(self) -> Any:
        """A context in which JAX computes in the plan's numbers, whatever the user has set for himself."""
        return _enable_x64(self.dtype == np.float64)

    @property
    def source(self) -> str:
        """What XLA is given for a step, in JAX's notation: of the batch size bound last."""
        with self.wide():
            shapes = [jax.ShapeDtypeStruct(s, self.dtype) for s in ((len(self.order),), self.shape(self.rows))]
            return str(jax.make_jaxpr(self.functions.slopes if self.single else self.functions.outputs)(*shapes))

    @property
    def single(self) -> bool:
        """Is there one output?"""
        return len(self.schedule.tape.outputs) == 1

    def shape(self, rows: int) -> tuple[int, int]:
        """The shape of a batch."""
        return rows, len(self.schedule.tape.inputs)

    def bind(self, batch_size: int, theta: Array, gradient: Array) -> JaxRun:
        """A run that reads ``theta`` and writes ``gradient``."""
        self.rows = batch_size
        return JaxRun(self, theta, gradient)

    def step(self, rule: str, settings: tuple[Any, ...], numbers: Any, memory: Any, batch: Array, rate: float,
             placement: Placement) -> tuple[float, bool, Any, Any, Any]:  # fmt: skip
        """One training step on the device.

        Args:
            rule, settings: "sgd" with (momentum, nesterov), or "adam" with (betas, epsilon).
            numbers, memory: as the step before has returned them; NumPy arrays, and None, at first.
            batch: shape (B, inputs). rate: the learning rate. placement: where the numbers are.

        Returns:
            The mean before the step; whether all numbers on the way were finite; and on the device the new numbers,
            the new memory and the gradient.
        """
        with self.wide():
            key = (rule, settings)
            if key not in self._steps:
                self._steps[key] = jax.jit(self.stepper(rule, settings))
            if not isinstance(numbers, jax.Array):
                numbers, memory = placement.everywhere(numbers), started(rule, memory, numbers, placement)
            counts: tuple[Any, ...] = ()
            if rule == "adam":
                steps, *memory = memory
                counts = rules.shares(steps + 1, settings[0])  # in 64 bits: 1 - 0.999 has few digits in 32
            rows = placement.shared(batch)
            loss, fine, numbers, memory, slope = self._steps[key](numbers, memory, rows, rate, counts)
            if rule == "adam":
                memory = (steps + 1, *memory)
            mean, good = jax.device_get((loss, fine))
        return float(mean), bool(good), numbers, memory, slope

    def stepper(self, rule: str, settings: tuple[Any, ...]) -> Callable[..., Any]:
        """The function of a step, for ``jax.jit``."""

        def step(numbers: Any, memory: Any, batch: Any, rate: Any, counts: Any) -> Any:
            (loss, fine), slope = self.functions.slopes(numbers, batch)
            rate = jnp.asarray(rate, self.dtype)
            if rule == "sgd":
                after, memory = rules.sgd(numbers, slope, memory, rate, *settings)
            else:
                counts = tuple(jnp.asarray(c, self.dtype) for c in counts)
                betas, epsilon = settings
                moments = (0, *memory)
                after, (_, *memory) = rules.adam(
                    numbers, slope, moments, rate, betas, epsilon, root=jnp.sqrt, counts=counts
                )
            fine = fine & jnp.isfinite(loss) & jnp.isfinite(after).all()
            return loss, fine, after, memory, slope

        return step


def started(rule: str, memory: Any, numbers: Array, placement: Placement) -> Any:
    """What the optimiser remembers, brought to the device."""
    if rule == "adam":
        steps, first, second = memory or (0, np.zeros_like(numbers), np.zeros_like(numbers))
        return steps, placement.everywhere(first), placement.everywhere(second)
    return None if memory is None else placement.everywhere(memory)


class JaxRun:
    """A plan with its parameters: a ``Run``."""

    def __init__(self, plan: JaxPlan, theta: Array, gradient: Array) -> None:
        self.plan, self.theta, self.gradient = plan, theta, gradient

    def forward(self, batch: Array) -> Array:
        """The outputs, shape (B, number of outputs)."""
        with self.plan.wide():
            found, fine = jax.device_get(self.plan.outputs(self.theta, batch))
        result: Array = self.noted(np.array(found), fine)
        return result

    def backward(self, batch: Array) -> float:
        """The mean over the batch of the only output; writes ``gradient`` of that mean."""
        self.one_output()
        with self.plan.wide():
            (mean, fine), slopes = jax.device_get(self.plan.slopes(self.theta, batch))
        self.gradient[:] = slopes
        return float(self.noted(mean, fine))

    def input_gradients(self, batch: Array) -> Array:
        """d output / d input, row by row: shape (B, number of inputs)."""
        self.one_output()
        with self.plan.wide():
            found, fine = jax.device_get(self.plan.input_slopes(self.theta, batch))
        result: Array = self.noted(np.array(found), fine)
        return result

    def noted(self, found: Any, fine: Any) -> Any:
        """The result; where an operation gave inf or nan it is reported as NumPy reports its own."""
        if not fine:
            invalid()
        return found

    def one_output(self) -> None:
        """ValueError where there are several outputs."""
        if not self.plan.single:
            count = len(self.plan.schedule.tape.outputs)
            raise ValueError(f"a gradient is that of one output; this program has {count}")
