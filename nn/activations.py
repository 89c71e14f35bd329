"""Activation functions by name."""

from __future__ import annotations

from collections.abc import Callable

import autograd as ag
from autograd import Value
from nn.checks import choose

__all__ = ["ACTIVATIONS", "Activation", "activation", "activation_name"]

Activation = Callable[[Value], Value]


def linear(x: Value) -> Value:
    """The input itself: a linear neuron."""
    return x


ACTIVATIONS: dict[str, Activation] = {
    "linear": linear,
    "sigmoid": ag.sigmoid,
    "tanh": ag.tanh,
    "relu": ag.relu,
    "leaky_relu": ag.leaky_relu,
    "elu": ag.elu,
    "gelu": ag.gelu,
    "silu": ag.silu,
    "softplus": ag.softplus,
    "sin": ag.sin,
}


def activation(choice: str | Activation) -> Activation:
    """The activation of this name; a function of one Value is returned as it is.

    Raises:
        ValueError: no activation has this name.
        TypeError: neither a name nor a function.
    """
    return choose("activation", choice, ACTIVATIONS, "of one Value")


def activation_name(function: Activation) -> str | None:
    """The name under which ``activation`` finds this function, or None for one of the user's own."""
    return next((name for name, known in ACTIVATIONS.items() if known is function), None)
