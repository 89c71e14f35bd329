"""What an executor gives: a program bound to a batch size, a kind of number, and its buffers."""

from __future__ import annotations

from typing import Any, Protocol

import numpy.typing as npt

Array = npt.NDArray[Any]


class Run(Protocol):
    """One program at one batch size; its buffers are its own, so it is not for two threads at once.

    ``theta`` and ``gradient`` are vectors in the executor's own order of the parameters (``Plan.order``), shared by all
    runs of a plan and given to ``bind``.
    """

    def forward(self, batch: Array) -> Array:
        """The outputs, shape (B, number of outputs), of ``batch``, shape (B, number of inputs): a new array."""
        ...

    def backward(self, batch: Array) -> float:
        """Forward and backward: the mean over the batch of the only output; writes ``gradient`` of that mean."""
        ...

    def input_gradients(self, batch: Array) -> Array:
        """d output / d input, row by row: shape (B, number of inputs), of the only output: a new array."""
        ...


class Plan(Protocol):
    """A schedule made ready for an executor: one for all batch sizes.

    Attributes:
        order: ``theta[i]`` is parameter ``order[i]`` of the tape (its place in ``tape.parameters``).
        backend: "numpy", "python" or "jax".
        source: the generated source, for a reader; of the last run that was bound.
        padded: see ``Schedule.padded``.
    """

    order: npt.NDArray[Any]
    backend: str
    source: str
    padded: bool

    def bind(self, batch_size: int, theta: Array, gradient: Array) -> Run:
        """A run for this batch size that reads ``theta`` and writes ``gradient`` (both of the plan's dtype)."""
        ...
