"""A training as far as it has come: its history, when it ends, its best step; and how it is put back to a step."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from autograd import Value
from autograd.compiler.parameters import assign
from nn.checks import check_count, check_range
from nn.history import History
from nn.tasks import Engine

__all__ = ["Course", "EarlyStop"]


@dataclass(frozen=True)
class EarlyStop:
    """Stop once the loss has not fallen by ``improvement`` for ``patience`` measurements in a row.

    It watches the loss over the rows held out where there are any, and the batch's loss otherwise.

    Raises:
        ValueError: a patience below 1, or a negative improvement.
    """

    patience: int = 20
    improvement: float = 1e-4

    def __post_init__(self) -> None:
        check_count("patience", self.patience)
        check_range("improvement", self.improvement, 0.0, math.inf)


class Best:
    """The parameters of the lowest loss over the rows held out so far."""

    def __init__(self, parameters: Sequence[Value]) -> None:
        self.parameters = parameters
        self.loss = math.inf
        self.step: int | None = None
        self.numbers: list[float] = []

    def see(self, maker: Engine, step: int, loss: float) -> None:
        if loss < self.loss:
            maker.show()
            self.loss, self.step, self.numbers = loss, step, [parameter.data for parameter in self.parameters]

    def restore(self) -> int | None:
        if self.step is not None:
            assign(self.parameters, self.numbers)
            for parameter in self.parameters:
                parameter.zero_grad()
        return self.step


class Patience:
    def __init__(self, rule: EarlyStop | None) -> None:
        self.rule = rule
        self.best = math.inf
        self.waited = 0

    def ends(self, loss: float) -> bool:
        if self.rule is None:
            return False
        if loss < self.best - self.rule.improvement:
            self.best, self.waited = loss, 0
        else:
            self.waited += 1
        return self.waited >= self.rule.patience


class Course:
    """What ``fit`` keeps beside the numbers."""

    def __init__(self, order: Iterator[list[int]], early_stop: EarlyStop | None, parameters: Sequence[Value]) -> None:
        self.history = History()
        self.patience, self.best = Patience(early_stop), Best(parameters)
        self.order = order
        self.taken: list[list[int]] = []
        self.marked: Any = None
        self.mark(0)

    def batch(self) -> list[int]:
        """The rows of the next step."""
        self.taken.append(next(self.order))
        return self.taken[-1]

    def measured(self, maker: Engine, step: int, loss: float, keep_best: bool) -> bool:
        """Note the loss over the rows held out, and say whether to stop."""
        self.history.held_out.append((step, loss))
        if keep_best:
            self.best.see(maker, step, loss)
        return self.patience.ends(loss)

    def mark(self, step: int) -> None:
        """Here the training can be put back to: before the batch taken last, where one was."""
        self.taken = self.taken[-1:]
        self.marked = step, len(self.history.held_out), copy.copy(self.patience), copy.copy(self.best)

    def back(self) -> int:
        """Back to the mark; returns how many steps were made then."""
        step, measured, self.patience, self.best = self.marked
        del self.history.losses[step:], self.history.held_out[measured:]
        self.order, self.taken = chain(self.taken, self.order), []
        self.mark(step)
        return int(step)
