"""The update rules of the optimisers, each once: on floats and on arrays, by the same formula.

``nn.SGD`` and ``nn.Adam`` apply them to one parameter at a time or to all at once, a ``Session`` to all at once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["adam", "not_finite", "sgd", "shares"]


def sgd(
    number: Any, gradient: Any, velocity: Any, learning_rate: float, momentum: float = 0.0, nesterov: bool = False
) -> tuple[Any, Any]:
    """Gradient descent: the new number, and the velocity (None without momentum, and before the first step).

    The velocity starts at the first gradient, as in PyTorch's ``torch.optim.SGD``.
    """
    if not momentum:
        return number - learning_rate * gradient, None
    velocity = gradient * 1.0 if velocity is None else momentum * velocity + gradient  # a number of its own
    direction = gradient + momentum * velocity if nesterov else velocity
    return number - learning_rate * direction, velocity


def adam(
    number: Any,
    gradient: Any,
    memory: tuple[int, Any, Any],
    learning_rate: float,
    betas: tuple[float, float],
    epsilon: float,
    root: Any = None,
    counts: tuple[Any, Any] | None = None,
) -> tuple[Any, tuple[int, Any, Any]]:
    """Adam (Kingma and Ba 2015, algorithm 1): the new number; the number of steps made, and the two moments.

    Where the second moment overflows the number is nan. ``root`` is the square root of another kind of numbers than
    floats and NumPy's, ``counts`` are ``shares(steps + 1, betas)`` where those were computed before.
    """
    steps, first, second = memory
    beta1, beta2 = betas
    steps += 1
    first = beta1 * first + (1.0 - beta1) * gradient
    second = beta2 * second + (1.0 - beta2) * gradient * gradient
    root = root or (math.sqrt if second.__class__ is float else np.sqrt)
    share1, share2 = counts or shares(steps, betas)
    size = root(second / share2) + epsilon
    step = learning_rate * (first / share1) / size
    return number - (step + 0.0 * second), (steps, first, second)  # inf / inf would pass for no step at all


def shares(steps: int, betas: tuple[float, float]) -> tuple[float, float]:
    """The share of the gradients in Adam's two moments after so many steps: the rest is the zero they began with."""
    return 1.0 - betas[0] ** steps, 1.0 - betas[1] ** steps


def not_finite(label: str, gradient: float, number: float, learning_rate: float) -> FloatingPointError:
    """The error of a step that is not made, because of a parameter's gradient or else of its new number."""
    if not math.isfinite(gradient):
        return FloatingPointError(
            f"the gradient of {label} is {gradient}: no parameter was changed; autograd.detect_anomaly() names the "
            "operation that made it"
        )
    return FloatingPointError(
        f"a step of learning rate {learning_rate:g} takes {label} to {number}: no parameter was changed; lower the "
        "learning rate"
    )
