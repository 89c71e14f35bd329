"""Optimisers: SGD with momentum, Adam and AdamW, with PyTorch's update rules and defaults; clipping of gradients.

    loss = ...; model.zero_grad(); loss.backward(); optimizer.step()

A step is all or nothing: every new number is computed and found finite before the first parameter is written,
and what interrupts the writing (Ctrl-C, say) puts every parameter back. A parameter that no backward pass has
reached is left alone.

The rules themselves stand in ``autograd.compiler.rules``: on floats here, on arrays where training is compiled.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

from autograd import Value
from autograd.compiler import rules
from autograd.compiler.parameters import assign, label
from nn.checks import check_range

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "clip_gradients"]

Memory = TypeVar("Memory")


def clipping(gradients: Sequence[float], max_norm: float) -> tuple[float, float]:
    """The norm of a gradient, sqrt(g1² + g2² + ...), and the factor that makes it ``max_norm`` where it is larger.

    The factor is that of PyTorch's ``clip_grad_norm_``, which adds 1e-6 to the norm; of a gradient with nan or inf it
    is 1, so that the step after it finds the number that is not finite, and its parameter.
    """
    norm = math.hypot(*gradients)
    if not (math.isfinite(norm) or all(map(math.isfinite, gradients))):
        return norm, 1.0
    return norm, min(1.0, max_norm / (norm + 1e-6))


def values_in(parameters: Iterable[Value]) -> list[Value]:
    """The parameters in a list. TypeError: they are no list, or something in it is no Value."""
    try:
        found = list(parameters)
    except TypeError:
        raise TypeError(
            f"parameters are a list of Values, as model.parameters() gives it, not a {type(parameters).__name__}"
        ) from None
    for index, parameter in enumerate(found):
        if not isinstance(parameter, Value):
            raise TypeError(f"parameter {index} is a {type(parameter).__name__}: give model.parameters()")
    return found


def clip_gradients(parameters: Iterable[Value], max_norm: float) -> float:
    """Make the gradients of all parameters together no longer than ``max_norm``; returns how long they were.

    For a loop of one's own, between ``backward`` and ``step``; an optimiser with a ``clip_norm`` does it in its step.

    Raises:
        ValueError: a max_norm that is not positive. TypeError: it is no number; something that is no Value.
    """
    max_norm = check_range("max_norm", max_norm, 0.0, math.inf, low_open=True)
    reached = [parameter for parameter in values_in(parameters) if parameter.has_grad]
    norm, factor = clipping([parameter.grad for parameter in reached], max_norm)
    for parameter in reached:
        parameter.grad *= factor
    return norm


class Optimizer(ABC, Generic[Memory]):
    """What the optimisers share; a subclass gives ``start`` and ``update`` for one parameter.

    Args:
        parameters: what to move; each once.
        learning_rate: see the rule; it may be changed between steps.
        clip_norm: the norm of the gradient of all parameters together above which a step is taken with a shorter one,
            as ``clip_gradients`` would make it; None for any. ``grad`` stays as it is.

    Raises:
        ValueError: no parameters, one of them twice, a computed Value among them, or a learning rate or clip_norm that
            is not positive.
        TypeError: something that is no Value.
    """

    def __init__(self, parameters: Iterable[Value], learning_rate: float, clip_norm: float | None = None) -> None:
        self.parameters = values_in(parameters)
        if not self.parameters:
            raise ValueError("there are no parameters to optimise")
        for index, parameter in enumerate(self.parameters):
            if not parameter.is_leaf:
                raise ValueError(f"{label(parameter, index)} is a computed Value: a parameter is a leaf of the graph")
        if len({id(parameter) for parameter in self.parameters}) < len(self.parameters):
            raise ValueError("a parameter is in the list twice, and would be updated twice")
        self.learning_rate = check_range("learning_rate", learning_rate, 0.0, math.inf, low_open=True)
        self.clip_norm = (
            None if clip_norm is None else check_range("clip_norm", clip_norm, 0.0, math.inf, low_open=True)
        )
        self._memory: list[Memory | None] = [None] * len(self.parameters)

    @abstractmethod
    def start(self) -> Memory:
        """What is remembered of a parameter before its first step."""

    @abstractmethod
    def update(self, number: Any, gradient: Any, memory: Any) -> tuple[Any, Any]:
        """The parameter's new number, and what to remember of it."""

    def update_all(self, numbers: Any, gradient: Any, memory: Any) -> tuple[Any, Any]:
        """``update`` of all parameters that the gradient reaches at once, in arrays, the gradient clipped."""
        if self.clip_norm is not None:
            gradient = gradient * clipping(gradient.tolist(), self.clip_norm)[1]
        return self.update(numbers, gradient, memory)

    def step(self) -> None:
        """Move every parameter against its gradient: all of them, or none.

        Raises:
            FloatingPointError: a gradient or a new number is nan or infinite; the message names the
                parameter, and nothing has changed.
        """
        numbers: list[float] = []
        memories = self._memory.copy()
        factor = 1.0
        if self.clip_norm is not None:
            _, factor = clipping([p.grad for p in self.parameters if p.has_grad], self.clip_norm)
        for index, parameter in enumerate(self.parameters):
            number = parameter.data
            if parameter.has_grad:
                gradient = parameter.grad
                if math.isfinite(gradient):
                    memory = memories[index]
                    memory = self.start() if memory is None else memory
                    number, memories[index] = self.update(number, gradient * factor, memory)
                if not (math.isfinite(gradient) and math.isfinite(number)):
                    raise rules.not_finite(label(parameter, index), gradient, number, self.learning_rate)
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
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(parameters, learning_rate, clip_norm)
        self.momentum = check_range("momentum", momentum, 0.0, 1.0)
        self.nesterov = nesterov
        if nesterov and not momentum:
            raise ValueError("nesterov needs a momentum above 0")

    def start(self) -> float | None:
        """No velocity yet: the first step takes the gradient itself."""
        return None

    def update(self, number: Any, gradient: Any, memory: Any) -> tuple[Any, Any]:
        """The parameter's new number, and its velocity; of an array of parameters, arrays."""
        return rules.sgd(number, gradient, memory, self.learning_rate, self.momentum, self.nesterov)


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
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(parameters, learning_rate, clip_norm)
        self.betas = (
            check_range("betas[0]", betas[0], 0.0, 1.0),
            check_range("betas[1]", betas[1], 0.0, 1.0),
        )
        self.epsilon = check_range("epsilon", epsilon, 0.0, math.inf, low_open=True)

    def start(self) -> tuple[int, float, float]:
        """No steps, and both moments at 0."""
        return 0, 0.0, 0.0

    def update(self, number: Any, gradient: Any, memory: Any) -> tuple[Any, Any]:
        """The parameter's new number; how many steps it has had, and its two moments. Of an array, arrays."""
        return rules.adam(number, gradient, memory, self.learning_rate, self.betas, self.epsilon)


class AdamW(Adam):
    """Adam with decoupled weight decay: p <- p (1 - learning_rate * weight_decay), then Adam's step.

    Loshchilov and Hutter 2019, "Decoupled weight decay regularization", ICLR, algorithm 2, as in ``torch.optim.AdamW``.

    Raises:
        ValueError: as for ``Adam``, or a negative weight decay.
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        learning_rate: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(parameters, learning_rate, betas=betas, epsilon=epsilon, clip_norm=clip_norm)
        self.weight_decay = check_range("weight_decay", weight_decay, 0.0, math.inf)

    def update(self, number: Any, gradient: Any, memory: Any) -> tuple[Any, Any]:
        """As ``Adam``'s, of the number that the decay leaves."""
        return super().update(number * (1.0 - self.learning_rate * self.weight_decay), gradient, memory)
