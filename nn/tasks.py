"""What ``fit`` trains, and what makes its steps: the protocol, and the eager engine.

Engines make the same steps, end at a complete one, and raise the same errors: where a compiled step goes wrong, the
eager engine makes it again and has the word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from autograd import modes
from nn.dropout import nothing_dropped
from nn.losses import Loss, mean
from nn.optim import Optimizer

__all__ = ["Eager", "Engine", "Rows", "Task"]

Rows = tuple[Sequence[Any], Sequence[Any]]


class Task:
    """What is trained: a model, its loss, rows with targets, the optimiser; the rows of a step, and how many steps."""

    def __init__(
        self,
        model: Callable[[Any], Any],
        loss: Loss,
        rows: Rows,
        held_out: Rows | None,
        optimizer: Optimizer[Any],
        batch_size: int,
        steps: int,
    ) -> None:
        self.model, self.loss, self.rows, self.held_out, self.optimizer = model, loss, rows, held_out, optimizer
        self.batch_size, self.steps = batch_size, steps

    def loss_of(self, x: Any, y: Any) -> Any:
        """The loss of one row."""
        return self.loss(self.model(x), y)

    def eager_step(self, batch: Sequence[int]) -> float:
        """Forward, backward, update; returns the batch's mean loss. All or nothing.

        Raises:
            FloatingPointError: the loss, a gradient or a new parameter is not finite; and whatever the model raises.
        """
        inputs, targets = self.rows
        total = mean([self.loss_of(inputs[i], targets[i]) for i in batch])
        if not math.isfinite(total.data):
            raise FloatingPointError(f"the loss is {total.data}: autograd.detect_anomaly() names the operation")
        self.optimizer.zero_grad()
        total.backward()
        self.optimizer.step()
        return total.data


class Engine(Protocol):
    """Makes the steps of a training.

    Attributes:
        name: what ``history.engine`` says of it.
        confirmed: how many steps were made when it was last held to the function and found the same.
    """

    name: str
    confirmed: int

    def step(self, batch: Sequence[int], publish: bool) -> float:
        """One complete step, or an error and none; the model shows its numbers at once where ``publish`` says so."""
        ...

    def refresh(self) -> Engine:
        """Take what a callback has done to the model; the engine to go on with."""
        ...

    def show(self) -> None:
        """Let the parameters have the numbers of the last complete step now."""
        ...

    def held_out_loss(self) -> float:
        """The mean loss over the rows held out."""
        ...

    def close(self) -> None:
        """Let model and optimiser have the last complete step, whatever happened."""
        ...


class Eager:
    """One graph for every row of every step. ``name`` says why."""

    confirmed = -1

    def __init__(self, task: Task, reason: str) -> None:
        self.task = task
        self.name = f"eager: {reason}"

    def step(self, batch: Sequence[int], publish: bool) -> float:
        """See ``Task.eager_step``."""
        return self.task.eager_step(batch)

    def refresh(self) -> Engine:
        """Nothing is kept from step to step."""
        return self

    def show(self) -> None:
        """They have them."""

    def held_out_loss(self) -> float:
        """The mean, with no graph recorded."""
        assert self.task.held_out is not None
        with modes.no_grad(), nothing_dropped():
            losses = [self.task.loss_of(x, y).data for x, y in zip(*self.task.held_out, strict=True)]
        return math.fsum(losses) / len(losses)

    def close(self) -> None:
        """Nothing to do."""
