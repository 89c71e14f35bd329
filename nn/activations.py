"""Activation functions by name."""

from __future__ import annotations

from collections.abc import Callable

from autograd import Value
from nn.checks import choose

__all__ = ["ACTIVATIONS", "Activation", "activation", "activation_name", "linear", "name_to_save"]

Activation = Callable[[Value], Value]


def linear(x: Value) -> Value:
    """The input itself: a linear neuron."""
    return x


ACTIVATIONS: dict[str, Activation] = {
    "linear": linear,
    # methods, not autograd's functions, which would look first at what kind of number they were given
    "sigmoid": lambda x: x.sigmoid(),
    "tanh": lambda x: x.tanh(),
    "relu": lambda x: x.relu(),
    "leaky_relu": lambda x: x.leaky_relu(),
    "elu": lambda x: x.elu(),
    "gelu": lambda x: x.gelu(),
    "silu": lambda x: x.silu(),
    "softplus": lambda x: x.softplus(),
    "sin": lambda x: x.sin(),
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


def name_to_save(function: Activation) -> str:
    """The name of this function in a model file. ValueError: it has none, so that a file could not say what to run."""
    name = activation_name(function)
    if name is None:
        shown = getattr(function, "__name__", repr(function))
        raise ValueError(f"{shown} is an activation of your own: a model file holds only named ones")
    return name
