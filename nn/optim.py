"""Optimisers: SGD with momentum, and Adam, with PyTorch's update rules and defaults.

    loss = ...; model.zero_grad(); loss.backward(); optimizer.step()

A step is all or nothing: every new number is computed and found finite before the first parameter is written,
and what interrupts the writing (Ctrl-C, say) puts every parameter back. A parameter that no backward pass has
reached is left alone.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Generic, TypeVar

from autograd import Value
from nn.checks import check_range
from nn.module import assign

__all__ = ["SGD", "Adam", "Optimizer"]

Memory = TypeVar("Memory")


class Optimizer(ABC, Generic[Memory]):
    """What the optimisers share; a subclass gives ``start`` and ``update`` for one parameter.

    Raises:
        ValueError: no parameters, one of them twice, a computed Value among them, or a learning rate that is
            not positive.
        TypeError: something that is no Value.
    """

    def __init__(self, parameters: Iterable[Value], learning_rate: float) -> None:
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError("there are no parameters to optimise")
        for index, parameter in enumerate(self.parameters):
            if not isinstance(parameter, Value):
                raise TypeError(f"parameter {index} is a {type(parameter).__name__}: give model.parameters()")
            if not parameter.is_leaf:
                raise ValueError(
                    f"{_label(parameter, index)} is a computed Value: a parameter is a leaf of the graph"
                )
        if len({id(parameter) for parameter in self.parameters}) < len(self.parameters):
            raise ValueError("a parameter is in the list twice, and would be updated twice")
        self.learning_rate = check_range("learning_rate", learning_rate, 0.0, math.inf, low_open=True)
        self._memory: list[Memory | None] = [None] * len(self.parameters)

    @abstractmethod
    def start(self) -> Memory:
        """What is remembered of a parameter before its first step."""

    @abstractmethod
    def update(self, number: float, gradient: float, memory: Memory) -> tuple[float, Memory]:
        """The parameter's new number, and what to remember of it."""

    def step(self) -> None:
        """Move every parameter against its gradient: all of them, or none.

        Raises:
            FloatingPointError: a gradient or a new number is nan or infinite; the message names the
                parameter, and nothing has changed.
        """
        numbers: list[float] = []
        memories = self._memory.copy()
        for index, parameter in enumerate(self.parameters):
            number = parameter.data
            if parameter.has_grad:
                gradient = parameter.grad
                if not math.isfinite(gradient):
                    raise FloatingPointError(
                        f"the gradient of {_label(parameter, index)} is {gradient}: no parameter was "
                        "changed; autograd.detect_anomaly() names the operation that made it"
                    )
                memory = memories[index]
                number, memories[index] = self.update(
                    number, gradient, self.start() if memory is None else memory
                )
                if not math.isfinite(number):
                    raise FloatingPointError(
                        f"a step of learning rate {self.learning_rate:g} takes {_label(parameter, index)} to "
                        f"{number}: no parameter was changed; lower the learning rate"
                    )
            numbers.append(number)
        before = self._memory
        try:
            self._memory = memories
            assign(self.parameters, numbers)
        except BaseException:
            self._memory = before
            raise

    def zero_grad(self) -> None:
        """Forget the gradients, before the next backward pass."""
        for parameter in self.parameters:
            parameter.zero_grad()


class SGD(Optimizer[float | None]):
    """Gradient descent: p <- p - learning_rate * g.

    With a momentum m, the step is along v, which starts at the first g, and then v <- m v + g; with
    ``nesterov`` it is along g + m v. The rules are those of PyTorch's ``torch.optim.SGD``.

    Raises:
        ValueError: momentum outside [0, 1), or nesterov without momentum.
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        learning_rate: float = 1e-3,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.momentum = check_range("momentum", momentum, 0.0, 1.0)
        self.nesterov = nesterov
        if nesterov and not momentum:
            raise ValueError("nesterov needs a momentum above 0")

    def start(self) -> float | None:
        """No velocity yet: the first step takes the gradient itself."""
        return None

    def update(self, number: float, gradient: float, memory: float | None) -> tuple[float, float | None]:
        """The parameter's new number, and its velocity."""
        if not self.momentum:
            return number - self.learning_rate * gradient, None
        velocity = gradient if memory is None else self.momentum * memory + gradient
        direction = gradient + self.momentum * velocity if self.nesterov else velocity
        return number - self.learning_rate * direction, velocity


class Adam(Optimizer[tuple[int, float, float]]):
    """Adam: Kingma and Ba 2015, "Adam: a method for stochastic optimization", ICLR, algorithm 1, as in
    ``torch.optim.Adam``.

    Raises:
        ValueError: a beta outside [0, 1), or an epsilon that is not positive.
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        learning_rate: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.betas = (
            check_range("betas[0]", betas[0], 0.0, 1.0),
            check_range("betas[1]", betas[1], 0.0, 1.0),
        )
        self.epsilon = check_range("epsilon", epsilon, 0.0, math.inf, low_open=True)

    def start(self) -> tuple[int, float, float]:
        """No steps, and both moments at 0."""
        return 0, 0.0, 0.0

    def update(
        self, number: float, gradient: float, memory: tuple[int, float, float]
    ) -> tuple[float, tuple[int, float, float]]:
        """The parameter's new number; how many steps it has had, and its two moments."""
        steps, first, second = memory
        beta1, beta2 = self.betas
        steps += 1
        first = beta1 * first + (1.0 - beta1) * gradient
        second = beta2 * second + (1.0 - beta2) * gradient * gradient
        if second == math.inf:
            return math.nan, memory
        size = math.sqrt(second / (1.0 - beta2**steps)) + self.epsilon
        number -= self.learning_rate * (first / (1.0 - beta1**steps)) / size
        return number, (steps, first, second)


def _label(parameter: Value, index: int) -> str:
    return parameter.name or f"parameter {index}"
