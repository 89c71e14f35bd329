"""Losses: one prediction and its target to one Value; ``mean`` for a batch.

A target that is a plain number is a constant of the graph; a target that is a Value (named "y") is drawn with
it. A target that is a row of one number (of a column of shape (n, 1), say) is that number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autograd as ag
from autograd import Value, modes
from autograd.errors import DomainError
from nn.checks import choose
from nn.rows import number_in

__all__ = [
    "LOSSES",
    "Loss",
    "absolute_error",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "hinge",
    "loss",
    "mean",
    "squared_error",
]

Loss = Callable[[Any, Any], Value]
"""``loss(prediction, target)``."""


def absolute_error(prediction: Value, target: Value | float) -> Value:
    """The lesson's loss, |y - ŷ|; slope 0 where the two are equal."""
    _check_prediction("absolute_error", prediction)
    error: Value = number_in("absolute_error", target) - prediction
    return error.abs()


def squared_error(prediction: Value, target: Value | float) -> Value:
    """(y - ŷ)²."""
    _check_prediction("squared_error", prediction)
    error: Value = number_in("squared_error", target) - prediction
    return error.square()


def binary_cross_entropy(prediction: Value, target: Value | float) -> Value:
    """-(y log p + (1 - y) log(1 - p)), in nats, of a probability p and a target y from 0 to 1.

    For a network that ends in a sigmoid, ``binary_cross_entropy_with_logits`` of what the sigmoid was given
    is exact where p rounds to 0 or 1, and this is not.

    Raises:
        TypeError: a list of predictions, as of all these losses.
        DomainError: p is outside [0, 1], or the loss is infinite: p is 0 where y is not, or 1 where y is not.
        ValueError: y is outside [0, 1].
    """
    _check_prediction("binary_cross_entropy", prediction)
    p = prediction._data  # ours: a look at `data` is the user's
    if not 0.0 <= p <= 1.0:
        raise DomainError(
            f"binary_cross_entropy of {_named(prediction)} = {p}: a probability lies between 0 and 1; for a "
            "score before the sigmoid call binary_cross_entropy_with_logits"
        )
    target = number_in("binary_cross_entropy", target)
    y = _check_probability(target)
    if (p == 0.0 and y > 0.0) or (p == 1.0 and y < 1.0):
        raise DomainError(
            f"binary_cross_entropy is infinite: {_named(prediction)} is {p} for the target {y}; "
            "binary_cross_entropy_with_logits stays finite"
        )
    gain: Value
    if modes.is_tracing():  # the same for every target: a factor whose weight is 0 is the logarithm of 1
        gain = target * ag.where(target, prediction, 1.0).log()
        gain += (1.0 - target) * (-ag.where(1.0 - target, prediction, 0.0)).log1p()
    elif y == 1.0:  # a term of weight 0 is left out: 0 * log(0) is 0 here
        gain = target * prediction.log()
    elif y == 0.0:
        gain = (1.0 - target) * (-prediction).log1p()
    else:
        gain = target * prediction.log() + (1.0 - target) * (-prediction).log1p()
    return -gain


def binary_cross_entropy_with_logits(logit: Value, target: Value | float) -> Value:
    """The binary cross-entropy of sigmoid(logit), in nats, for a target y from 0 to 1.

    y softplus(-logit) + (1 - y) softplus(logit): a sum of positive terms, which neither overflows nor loses
    digits at any logit; softplus(logit) - y logit would.

    Raises:
        ValueError: y is outside [0, 1].
    """
    _check_prediction("binary_cross_entropy_with_logits", logit)
    target = number_in("binary_cross_entropy_with_logits", target)
    y = _check_probability(target)
    if not isinstance(target, Value) and y in (0.0, 1.0):  # the term of weight 0 need not be recorded
        return (-logit).softplus() if y else logit.softplus()
    loss: Value = target * (-logit).softplus() + (1.0 - target) * logit.softplus()
    return loss


def hinge(score: Value, target: Value | float) -> Value:
    """max(0, 1 - y score) for a target y of -1 or 1.

    Raises:
        ValueError: y is neither -1 nor 1.
    """
    _check_prediction("hinge", score)
    target = number_in("hinge", target)
    _check_sign(target)
    shortfall: Value = 1.0 - target * score
    return shortfall.relu()


def cross_entropy(logits: Sequence[Value], target: int | Value) -> Value:
    """-log softmax(logits)[target], in nats: ``target`` is the index of the right class, from 0.

    A Value as the target is an index that a compiled program looks up again for every row.

    Raises:
        ValueError: no logits, or an index outside them.
        TypeError: the index is no int.
        DomainError: the index is a Value, and no whole number from 0 up to the last class.
    """
    loss: Value
    if isinstance(logits, Value):
        raise TypeError("cross_entropy takes a list of logits, one for each class, not one Value")
    target = number_in("cross_entropy", target)
    if isinstance(target, Value):
        loss = ag.logsumexp(list(logits)) - ag.take(logits, target)
        return loss
    _check_class(target)
    if not 0 <= target < len(logits):
        raise ValueError(f"cross_entropy: there is no class {target} among {len(logits)} logits (they count from 0)")
    loss = ag.logsumexp(list(logits)) - logits[target]
    return loss


def mean(losses: Sequence[Value]) -> Value:
    """The mean of a batch's losses.

    Raises:
        ValueError: there are none.
    """
    if not len(losses):
        raise ValueError("the mean of no losses is not defined: the batch is empty")
    average: Value = ag.mean(list(losses))
    return average


LOSSES: dict[str, Loss] = {
    "absolute_error": absolute_error,
    "squared_error": squared_error,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "hinge": hinge,
}


def loss(choice: str | Loss) -> Loss:
    """The loss of this name; a function of a prediction and a target is returned as it is.

    Raises:
        ValueError: no loss has this name.
        TypeError: neither a name nor a function.
    """
    return choose("loss", choice, LOSSES, "(prediction, target) -> Value")


def _check_prediction(loss: str, prediction: Any) -> None:
    if isinstance(prediction, list | tuple | np.ndarray):
        raise TypeError(
            f"{loss} takes one prediction, a Value, not {len(prediction)} in a {type(prediction).__name__}: take one "
            "of them, prediction[0], or add up the losses of each"
        )


def _check_probability(target: Any) -> float:
    target = number_in("binary cross-entropy", target)
    y = target._data if isinstance(target, Value) else target
    try:
        good = 0.0 <= y <= 1.0
    except (TypeError, ValueError):  # no number, or an array of several
        good = False
    if not good:
        raise ValueError(f"binary cross-entropy takes a target from 0 to 1, not {y!r}")
    return float(y)


def _check_sign(target: Any) -> None:
    target = number_in("hinge", target)
    y = target._data if isinstance(target, Value) else target
    if y not in (-1, 1):
        raise ValueError(f"hinge takes a target of -1 or 1, not {y!r}: write 2 * y - 1 for targets of 0 and 1")


def _check_class(target: Any) -> None:
    target = number_in("cross_entropy", target)
    if isinstance(target, bool) or not isinstance(target, int | np.integer | Value):
        raise TypeError(f"cross_entropy takes the index of the right class, an int, not {target!r}")


TARGETS: dict[Loss, Callable[[Any], object]] = {
    binary_cross_entropy: _check_probability,
    binary_cross_entropy_with_logits: _check_probability,
    hinge: _check_sign,
    cross_entropy: _check_class,
}
"""What each loss asks of a target, for those who know all targets before the first loss."""


def _named(value: Value) -> str:
    return value.name or "the prediction"
