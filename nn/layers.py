"""Neuron, Layer and MLP, called as in micrograd: ``MLP(2, [16, 16, 1])([x1, x2])``.

A neuron is f(w1 x1 + w2 x2 + ... + b), and its weighted sum is one node of the graph (``autograd.dot``).
Values are named after the neuron, "layer1.n2.w3", so that a picture can put a box around it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import autograd as ag
from autograd import Value
from nn.activations import Activation, activation_name, linear, name_to_save
from nn.activations import activation as find_activation
from nn.checks import check_count
from nn.init import Initialiser, generator, initialiser
from nn.module import Module

__all__ = ["MLP", "Layer", "Neuron"]

Seed: TypeAlias = int | random.Random | None
Input: TypeAlias = Sequence[Value | float]


class Neuron(Module):
    """``activation(w . x + b)``.

    Args:
        nin: how many inputs it has, 1 or more.
        activation: a name ("relu", "sigmoid", "tanh", "linear", ...) or a function of one Value.
        nonlin: micrograd's way to ask for a linear neuron: ``nonlin=False``.
        name: the scope of its Values: weights "<name>.w1", ..., bias "<name>.b", weighted sum "<name>.s".
        init: an initialiser for the weights, by name or function (see ``nn.init``); the bias starts at 0.
        seed: an int, a ``random.Random``, or None for the ``random`` module's own generator.
        nout: how many neurons stand beside it, for initialisers that ask.

    Raises:
        ValueError: nin below 1, an unknown activation or initialiser.
        TypeError: nin is no int.
    """

    def __init__(
        self,
        nin: int,
        activation: str | Activation = "relu",
        *,
        nonlin: bool = True,
        name: str = "n1",
        init: str | Initialiser = "uniform",
        seed: Seed = None,
        nout: int = 1,
    ) -> None:
        check_count("nin", nin)
        check_count("nout", nout)
        draw = initialiser(init)
        rng = generator(seed)
        self.w = [Value(draw(rng, nin, nout), name=f"{name}.w{i + 1}") for i in range(nin)]
        self.b = Value(0.0, name=f"{name}.b")
        self.name = name
        self.activation = find_activation(activation if nonlin else linear)
        self._names = (f"{name}.s", f"{name}.{name.rpartition('.')[2]}")

    def __call__(self, x: Input) -> Value:
        """The neuron's output for one input of ``nin`` Values or numbers."""
        _check_input(f"neuron {self.name}", x, len(self.w))
        return self._output(x)

    def _output(self, x: Input) -> Value:
        total: Value = ag.dot(self.w, x, self.b)
        total.name = self._names[0]
        if self.activation is linear:
            return total
        output = self.activation(total)
        output.name = self._names[1]
        return output

    def __repr__(self) -> str:
        return f"Neuron({len(self.w)}, {_shown(self.activation)}, name={self.name!r})"


class Layer(Module):
    """``nout`` neurons that see the same ``nin`` inputs; the arguments are ``Neuron``'s."""

    def __init__(
        self,
        nin: int,
        nout: int,
        activation: str | Activation = "relu",
        *,
        nonlin: bool = True,
        name: str = "layer1",
        init: str | Initialiser = "uniform",
        seed: Seed = None,
    ) -> None:
        check_count("nin", nin)
        check_count("nout", nout)
        rng = generator(seed)
        self.neurons = [
            Neuron(nin, activation, nonlin=nonlin, name=f"{name}.n{i + 1}", init=init, seed=rng, nout=nout)
            for i in range(nout)
        ]
        self.name = name

    def __call__(self, x: Input) -> Value | list[Value]:
        """The outputs for one input: a list, or the Value itself where there is one neuron."""
        _check_input(self.name, x, len(self.neurons[0].w))
        outputs = self._outputs(x)
        return outputs[0] if len(outputs) == 1 else outputs

    def _outputs(self, x: Input) -> list[Value]:
        return [neuron._output(x) for neuron in self.neurons]

    def __repr__(self) -> str:
        first = self.neurons[0]
        return f"Layer({len(first.w)}, {len(self.neurons)}, {_shown(first.activation)}, name={self.name!r})"


class MLP(Module):
    """A multi-layer perceptron: ``MLP(2, [16, 16, 1])`` has 2 inputs, two hidden layers of 16, and 1 output.

    Args:
        nin: how many inputs, 1 or more.
        nouts: how many neurons in each layer, the last one's being the outputs.
        activation: of the hidden layers, by name or function; micrograd's relu unless told.
        output: the activation of the last layer; linear unless told.
        init: an initialiser for the weights, by name or function (see ``nn.init``); biases start at 0.
        seed: an int, a ``random.Random``, or None for the ``random`` module's own generator: after
            ``random.seed(1337)`` the weights are those that micrograd draws.

    Raises:
        ValueError: no layers, a layer without neurons, an unknown activation or initialiser.
        TypeError: a size that is no int.
    """

    def __init__(
        self,
        nin: int,
        nouts: Iterable[int],
        activation: str | Activation = "relu",
        *,
        output: str | Activation = "linear",
        init: str | Initialiser = "uniform",
        seed: Seed = None,
    ) -> None:
        check_count("nin", nin)
        if isinstance(nouts, int | str):
            raise TypeError(f"nouts is the list of layer sizes, such as [16, 16, 1], not {nouts!r}")
        sizes = [nin, *nouts]
        if len(sizes) == 1:
            raise ValueError("an MLP needs one layer at least: nouts is empty")
        for index, size in enumerate(sizes[1:]):
            check_count(f"nouts[{index}]", size)
        rng = generator(seed)
        last = len(sizes) - 2
        self.sizes = tuple(sizes)
        self.activation = find_activation(activation)
        self.layers = [
            Layer(
                sizes[i],
                sizes[i + 1],
                output if i == last else activation,
                name=f"layer{i + 1}",
                init=init,
                seed=rng,
            )
            for i in range(last + 1)
        ]

    def __call__(self, x: Input) -> Value | list[Value]:
        """The outputs for one input of ``nin`` Values or numbers: a list, or the Value where there is one.

        Raises:
            ValueError: another number of inputs.
            TypeError: not a sequence.
        """
        _check_input("the MLP", x, self.sizes[0])
        for layer in self.layers:
            x = layer._outputs(x)
        return x[0] if len(x) == 1 else list(x)  # type: ignore[arg-type, return-value]

    def architecture(self) -> dict[str, object]:
        """What a saved model says about this network, beside its parameters.

        Raises:
            ValueError: an activation is a function without a name here; a file cannot hold it.
        """
        names = {
            "activation": name_to_save(self.activation),
            "output": name_to_save(self.layers[-1].neurons[0].activation),
        }
        return {"type": "MLP", "inputs": self.sizes[0], "layers": list(self.sizes[1:]), **names}

    def __repr__(self) -> str:
        shown = ", ".join(str(layer) for layer in self.layers)
        return f"MLP of [{shown}]"


def _shown(function: Activation) -> str:
    return activation_name(function) or str(getattr(function, "__name__", repr(function)))


def _check_input(what: str, x: object, nin: int) -> None:
    try:
        count = len(x)  # type: ignore[arg-type]
    except TypeError:
        kind = "one number" if isinstance(x, Value | float | int) else f"a {type(x).__name__}"
        raise TypeError(f"{what} takes a list of {nin} inputs, not {kind}: write model([x1, x2, ...])") from None
    if count != nin:
        raise ValueError(f"{what} takes {nin} input{'s' * (nin != 1)}, not {count}")
