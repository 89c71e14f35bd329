"""The 2-2-1 network of figure 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import autograd as ag
from autograd import Value
from nn.activations import Activation, activation_name, name_to_save
from nn.activations import activation as find_activation
from nn.architectures import register
from nn.init import Initialiser, generator, initialiser
from nn.layers import Seed
from nn.module import Module
from nn.scaler import Scaler

__all__ = ["COLUMNS", "Figure5"]

COLUMNS = ("weight_kg", "height_cm")
"""What x1 and x2 are before the scaler."""

WEIGHTS = {"w1": "h1", "w2": "h1", "w3": "h2", "w4": "h2", "w5": "o1", "w6": "o1"}
BIASES = {"b1": "h1", "b2": "h2", "b3": "o1"}
"""Every parameter and the neuron that it belongs to."""


class Figure5(Module):
    """The network of figure 5: is this person a man, from weight and height?

        h1 = f(w1 x1 + w2 x2 + b1)
        h2 = f(w3 x1 + w4 x2 + b2)          x1, x2: weight and height, standardised
        o1 = sigmoid(w5 h1 + w6 h2 + b3)    the probability of a man

    The lesson writes f on all three neurons. Here ``activation`` is f on the hidden neurons, and the output
    is a sigmoid whatever f is: o1 is a probability, which tanh (-1 to 1) and relu (0 up) do not give. With
    the default f, sigmoid, this is the lesson's network exactly.

    The Values of a neuron are named after it: "h1.w1", "h1.b1", the weighted sum "h1.s1", the output "h1.h1";
    those of the output neuron are "o1.w5", ..., "o1.s3", "o1.o1".

    Args:
        activation: f, by name ("sigmoid", "tanh", "relu", ...) or a function of one Value.
        seed: of the initial weights: an int, a ``random.Random``, or None for the ``random`` module's own
            generator.
        init: an initialiser for the weights (see ``nn.init``); biases start at 0.
        scaler: standardises weight in kg and height in cm for ``predict``.

    Raises:
        ValueError: an unknown activation or initialiser, or a scaler of other columns.
    """

    def __init__(
        self,
        activation: str | Activation = "sigmoid",
        *,
        seed: Seed = None,
        init: str | Initialiser = "uniform",
        scaler: Scaler | None = None,
    ) -> None:
        draw = initialiser(init)
        rng = generator(seed)

        def weight(name: str) -> Value:
            return Value(draw(rng, 2, 1 if WEIGHTS[name] == "o1" else 2), name=f"{WEIGHTS[name]}.{name}")

        def bias(name: str) -> Value:
            return Value(0.0, name=f"{BIASES[name]}.{name}")

        self.w1, self.w2, self.w3, self.w4, self.w5, self.w6 = (weight(name) for name in WEIGHTS)
        self.b1, self.b2, self.b3 = (bias(name) for name in BIASES)
        self.activation = find_activation(activation)
        self.scaler = scaler

    @property
    def scaler(self) -> Scaler | None:
        """What turns kg and cm into x1 and x2; None before there is one."""
        return self._scaler

    @scaler.setter
    def scaler(self, scaler: Scaler | None) -> None:
        if scaler is not None and scaler.columns != COLUMNS:
            raise ValueError(f"Figure5 takes a scaler of {', '.join(COLUMNS)}, not of {', '.join(scaler.columns)}")
        self._scaler = scaler

    def __call__(self, x1: Value | float | Sequence[Value | float], x2: Value | float | None = None) -> Value:
        """The output o1, from standardised inputs: ``model(x1, x2)`` or, as for an MLP, ``model([x1, x2])``.

        Raises:
            TypeError: one input is missing.
            ValueError: a sequence of another length than 2.
        """
        output = self.logit(x1, x2).sigmoid()
        output.name = "o1.o1"
        return output

    def logit(self, x1: Value | float | Sequence[Value | float], x2: Value | float | None = None) -> Value:
        """The output neuron's weighted sum s3, before its sigmoid: what ``binary_cross_entropy_with_logits``
        takes."""
        x = _pair(x1, x2)
        h1 = self._hidden(ag.dot((self.w1, self.w2), x, self.b1), "h1.s1", "h1.h1")
        h2 = self._hidden(ag.dot((self.w3, self.w4), x, self.b2), "h2.s2", "h2.h2")
        s3: Value = ag.dot((self.w5, self.w6), (h1, h2), self.b3)
        s3.name = "o1.s3"
        return s3

    def _hidden(self, total: Value, sum_name: str, output_name: str) -> Value:
        total.name = sum_name
        output = self.activation(total)
        if output is not total:
            output.name = output_name
        return output

    def predict(self, weight_kg: float, height_cm: float) -> float:
        """The probability, from 0 to 1, that a person of this weight in kg and height in cm is a man.

        Raises:
            ValueError: no scaler yet, or a weight or height that is not positive and finite.
        """
        x1, x2 = self.standardise(weight_kg, height_cm)
        with ag.no_grad():
            return self(x1, x2).data

    def standardise(self, weight_kg: float, height_cm: float) -> tuple[float, float]:
        """x1 and x2 of a person; raises as ``predict`` does."""
        if self.scaler is None:
            raise ValueError("this Figure5 has no scaler: it takes x1 and x2, not kg and cm; set model.scaler")
        for what, value, unit in (("weight", weight_kg, "kg"), ("height", height_cm, "cm")):
            if not 0 < value < float("inf"):
                raise ValueError(f"the {what} is {value} {unit}: it must be positive and finite")
        x1, x2 = self.scaler.transform((weight_kg, height_cm))
        return x1, x2

    def architecture(self) -> dict[str, object]:
        """What a saved model says about this network, beside its parameters.

        Raises:
            ValueError: the activation is a function without a name in ``nn.activations``.
        """
        return {"type": "Figure5", "activation": name_to_save(self.activation)}

    def __repr__(self) -> str:
        name = activation_name(self.activation) or getattr(self.activation, "__name__", repr(self.activation))
        return f"Figure5({name!r})"


def _pair(x1: Any, x2: Any) -> Sequence[Value | float]:
    if x2 is not None:
        return (x1, x2)
    try:
        count = len(x1)
    except TypeError:
        raise TypeError(
            "Figure5 takes two inputs, x1 and x2 (weight and height, standardised): x2 is missing"
        ) from None
    if count != 2:
        raise ValueError(f"Figure5 takes 2 inputs, x1 and x2 (weight and height, standardised), not {count}")
    pair: Sequence[Value | float] = x1
    return pair


def _build(architecture: Mapping[str, Any]) -> Module:
    name = architecture["activation"]
    if not isinstance(name, str):
        raise ValueError("the architecture's activation is not given by name")
    return Figure5(name, seed=0)


register("Figure5", _build, lambda architecture: 9)
