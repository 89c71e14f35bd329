"""What a model file says about a network: its layers as JSON values, from which the same network can be built.

    describe(nn.Sequential(nn.Linear(2, 3), "relu"))
    # {"type": "Sequential", "layers": [{"type": "Linear", "in_features": 2, ...}, {"type": "Elementwise", ...}]}

A layer is described by the arguments of its constructor. Nothing in a description is executed: a type and a function
are names in the tables here, and whatever stands in none of them is refused, when a model is saved and when it is read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import autograd as ag
from autograd.showing import shown
from nn.activations import name_to_save
from nn.attention import Attention
from nn.dropout import Dropout
from nn.embedding import Embedding
from nn.grids import AvgPool2d, Conv2d, MaxPool2d
from nn.layers import MLP, Layer, Neuron
from nn.linear import Linear
from nn.module import Module
from nn.norms import LayerNorm, RMSNorm
from nn.sequential import Elementwise, Residual, Sequential, flatten

__all__ = ["build", "checked", "describe", "register"]

Part = Callable[[Any], Any]

FUNCTIONS: dict[str, Part] = {"flatten": flatten, "softmax": ag.softmax}
"""The functions that may stand in a ``Sequential`` that is saved."""

BUILDERS: dict[str, Callable[[Mapping[str, Any]], Module]] = {}
"""How to build a network that describes itself, by its type."""

COUNTS: dict[str, Callable[[Mapping[str, Any]], int]] = {}
"""How many parameters such a network has, before it is built."""

MAX_PARAMETERS = 10_000_000
"""More than a scalar engine trains; a file that asks for more, or for more than it holds, is refused before the memory
is taken."""

MOST_NAME = 200
"""Characters of a layer's name."""


def register(
    name: str,
    build: Callable[[Mapping[str, Any]], Module],
    count: Callable[[Mapping[str, Any]], int] = lambda description: 0,
) -> None:
    """Let files hold a network of another type: ``build`` makes it from what its ``architecture()`` returned.

    ``architecture()`` gives a dict of JSON values with ``"type": name``; ``build`` raises ValueError,
    TypeError or KeyError where an entry is wrong or missing. ``count`` says of the same how many parameters are asked
    for; where a file holds fewer, nothing is built.
    """
    BUILDERS[name], COUNTS[name] = build, count


@dataclass(frozen=True)
class Kind:
    """A layer of this package, as a file describes it.

    Attributes:
        layer: its class.
        arguments: those of its constructor that make this module, as JSON values.
        sizes: which of them must be whole numbers, or lists of them.
        weights: how many weights they ask for; the product of the sizes unless told.
    """

    layer: Callable[..., Module]
    arguments: Callable[[Any], dict[str, Any]]
    sizes: tuple[str, ...] = ()
    weights: Callable[[Mapping[str, Any]], int] | None = None

    def count(self, arguments: Mapping[str, Any]) -> int:
        """How many weights a layer of these arguments has, biases apart."""
        if self.weights is not None:
            return self.weights(arguments)
        return math.prod(n for size in self.sizes for n in _numbers(arguments[size])) if self.sizes else 0


def of(*names: str) -> Callable[[Any], dict[str, Any]]:
    """The arguments that a module keeps as attributes of their name, pairs as lists."""

    def arguments(module: Any) -> dict[str, Any]:
        found = {name: getattr(module, name) for name in names}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}

    return arguments


def of_linear(module: Linear) -> dict[str, Any]:
    """``bias`` is a list in the module, and a bool in its constructor."""
    return {**of("in_features", "out_features", "name")(module), "bias": module.bias is not None}


def of_conv2d(module: Conv2d) -> dict[str, Any]:
    """As ``of_linear``."""
    sizes = of("in_channels", "out_channels", "kernel_size", "stride", "padding", "name")(module)
    return {**sizes, "bias": module.bias is not None}


def of_norm(module: LayerNorm | RMSNorm) -> dict[str, Any]:
    """A norm without weights has none to learn."""
    found = {**of("normalized_shape", "eps", "name")(module), "elementwise_affine": module.weight is not None}
    return {**found, "bias": module.bias is not None} if isinstance(module, LayerNorm) else found


def of_attention(module: Attention) -> dict[str, Any]:
    """All four projections have a bias, or none has."""
    return {**of("embed_dim", "num_heads", "causal", "name")(module), "bias": module.query.bias is not None}


def of_neuron(module: Neuron) -> dict[str, Any]:
    """The activation by its name."""
    return {"nin": len(module.w), "activation": name_to_save(module.activation), "name": module.name}


def of_layer(module: Layer) -> dict[str, Any]:
    """Its neurons are alike."""
    return {"nout": len(module.neurons), **of_neuron(module.neurons[0]), "name": module.name}


def of_elementwise(module: Elementwise) -> dict[str, Any]:
    """The activation by its name."""
    return {"function": name_to_save(module.activation), "name": module.name}


def weights_of_conv2d(given: Mapping[str, Any]) -> int:
    """A kernel of one size is square."""
    kernel = _numbers(given["kernel_size"])
    return math.prod([given["in_channels"], given["out_channels"], *(kernel if len(kernel) > 1 else kernel * 2)])


def weights_of_norm(given: Mapping[str, Any]) -> int:
    """None without the entry that asks for them."""
    return math.prod(_numbers(given["normalized_shape"])) if given["elementwise_affine"] else 0


KINDS: dict[str, Kind] = {
    "Linear": Kind(Linear, of_linear, ("in_features", "out_features")),
    "Layer": Kind(Layer, of_layer, ("nin", "nout")),
    "Neuron": Kind(Neuron, of_neuron, ("nin",)),
    "Conv2d": Kind(Conv2d, of_conv2d, ("in_channels", "out_channels", "kernel_size"), weights_of_conv2d),
    "MaxPool2d": Kind(MaxPool2d, of("kernel_size", "stride", "padding", "name")),
    "AvgPool2d": Kind(AvgPool2d, of("kernel_size", "stride", "padding", "name")),
    "Embedding": Kind(Embedding, of("num_embeddings", "embedding_dim", "name"), ("num_embeddings", "embedding_dim")),
    "LayerNorm": Kind(LayerNorm, of_norm, ("normalized_shape",), weights_of_norm),
    "RMSNorm": Kind(RMSNorm, of_norm, ("normalized_shape",), weights_of_norm),
    "Attention": Kind(Attention, of_attention, ("embed_dim",), lambda given: 4 * int(given["embed_dim"]) ** 2),
    "Dropout": Kind(Dropout, of("p", "name")),
    "Elementwise": Kind(Elementwise, of_elementwise),
}
"""The layers without parts; ``Sequential`` and ``Residual`` have some."""


# -- describing --------------------------------------------------------------------------------------------------------


def checked(model: Any) -> dict[str, Any]:
    """``describe(model)``, once it was seen that a model of the same parameters is built from it.

    Raises:
        TypeError, ValueError: as ``describe``; ValueError too where a parameter stands in two places.
    """
    description = describe(model)
    ours, theirs = ([path for path, _ in each.named_parameters()] for each in (model, build(description)))
    if ours != theirs:
        odd = next(iter(set(theirs).symmetric_difference(ours)))
        raise ValueError(
            f"a file would not give this model back: {odd} stands in two places, or is none that its layers have by "
            "themselves"
        )
    return description


def describe(part: Any) -> dict[str, Any]:
    """A module, or a function in a ``Sequential``, as JSON values.

    Raises:
        TypeError: a module of a type that no file may hold.
        ValueError: a function, or an activation, that has no name in a file.
    """
    if not isinstance(part, Module):
        names = [name for name, function in FUNCTIONS.items() if function is part]
        if not names:
            raise ValueError(
                f"{getattr(part, '__name__', repr(part))} is a function of your own: a model file holds "
                f"{', '.join(FUNCTIONS)} alone; a module with an architecture() of its own can do what it does"
            )
        return {"type": "function", "name": names[0]}
    found = _of_module(part)
    return found if part.training else {**found, "training": False}


def _of_module(module: Module) -> dict[str, Any]:
    if type(module) is Sequential:
        return {"type": "Sequential", "layers": [describe(part) for part in module.layers]}
    if type(module) is Residual:
        return {"type": "Residual", "part": describe(module.part), "name": module.name}
    for name, kind in KINDS.items():
        if type(module) is kind.layer:
            return {"type": name, **kind.arguments(module)}
    own = getattr(module, "architecture", None)
    if own is None:
        raise _unknown(module)
    found: dict[str, Any] = own()
    if found.get("type") not in BUILDERS:
        raise TypeError(f"no network of type {found.get('type')!r} is registered: see nn.persistence.register")
    if type(BUILDERS[found["type"]](found)) is not type(module):  # a subclass, which computes something else
        raise _unknown(module)
    return found


def _unknown(module: Module) -> TypeError:
    name = type(module).__name__
    return TypeError(
        f"{name} has no architecture() of its own: a model file could not say what to build; give it one, and tell "
        "nn.persistence.register how to read it"
    )


# -- building ----------------------------------------------------------------------------------------------------------


def build(description: Mapping[str, Any], most: int | None = None) -> Module:
    """The module that ``describe`` described, with other parameters: ``most`` of them, where a file holds so many.

    Raises:
        ValueError, TypeError: an unknown type or function, an entry that is missing, unknown or wrong; more parameters.
    """
    most = MAX_PARAMETERS if most is None else min(most, MAX_PARAMETERS)
    built = _build(description, [most, most])
    if not isinstance(built, Module):
        raise ValueError("the architecture is a function, and not a network")
    return built


def _build(description: Any, room: list[int]) -> Any:
    """A module or function; ``room`` is how many weights may still be asked for, and of how many in all."""
    if not isinstance(description, Mapping):
        raise ValueError(f"a layer of the architecture is no object: {shown(description)}")
    kind = description.get("type")
    known = [*sorted(BUILDERS), *KINDS, "Sequential", "Residual", "function"]
    if not isinstance(kind, str) or kind not in known:
        raise ValueError(f"the architecture's type is {shown(kind)}: known are {', '.join(known)}")
    if kind == "function":
        name = description.get("name")
        if not isinstance(name, str) or name not in FUNCTIONS:
            raise ValueError(f"no function of a model file is called {shown(name)}: known are {', '.join(FUNCTIONS)}")
        return FUNCTIONS[name]
    try:
        module = _module(kind, description, room)
    except KeyError as error:
        raise ValueError(f"the architecture has no entry {error}") from None
    training = description.get("training", True)
    if not isinstance(training, bool):
        raise ValueError(f'"training" is {shown(training)}, and not true or false')
    if not training:
        module.training = False
    return module


def _module(kind: str, description: Mapping[str, Any], room: list[int]) -> Module:
    if kind in BUILDERS:
        _take(room, _asked(kind, description))
        return BUILDERS[kind](description)
    if kind == "Sequential":
        layers = description["layers"]
        if not isinstance(layers, list):
            raise ValueError("the layers of a Sequential are no list")
        _only(kind, description, ("layers",))
        return Sequential(*(_build(layer, room) for layer in layers))
    if kind == "Residual":
        _only(kind, description, ("part", "name"))
        return Residual(_build(description["part"], room), name=_typed("name", description["name"], str))
    layer = KINDS[kind]
    arguments = {key: value for key, value in description.items() if key not in ("type", "training")}
    for size in layer.sizes:
        _whole(size, arguments[size])
    _take(room, layer.count(arguments))
    for key, value in arguments.items():
        if key in ("name", "activation", "function"):
            _typed(key, value, str)
        elif key in ("bias", "causal", "elementwise_affine"):
            _typed(key, value, bool)
    try:
        module = layer.layer(**arguments)
    except TypeError as error:
        raise ValueError(f"a {kind} is not made of {', '.join(arguments)}: {error}") from None
    wanted = layer.arguments(module)
    if missing := [key for key in wanted if key not in arguments]:
        raise KeyError(missing[0])
    _only(kind, description, wanted)
    return module


def _asked(kind: str, description: Mapping[str, Any]) -> int:
    return COUNTS[kind](description) if kind in COUNTS else 0


def _take(room: list[int], weights: int) -> None:
    room[0] -= weights
    if room[0] < 0:
        raise ValueError(
            f"the architecture asks for more than {room[1]:,} parameters: the file holds fewer, or it is too large"
        )


def _only(kind: str, description: Mapping[str, Any], wanted: Iterable[str]) -> None:
    unknown = [key for key in description if key not in {"type", "training", *wanted}]
    if unknown:
        raise ValueError(f"a {kind} of a model file has no entry {shown(unknown[0])}")


def _typed(key: str, value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f'"{key}" is {shown(value)}, and no {"text" if kind is str else "true or false"}')
    if isinstance(value, str) and len(value) > MOST_NAME:  # it stands in the name of every parameter
        raise ValueError(f'"{key}" has {len(value):,} characters: {MOST_NAME} at most')
    return value


def _numbers(size: Any) -> list[Any]:
    return size if isinstance(size, list) else [size]


def _whole(key: str, size: Any) -> None:
    if not all(type(number) is int and number > 0 for number in _numbers(size)):
        raise ValueError(f'"{key}" is {shown(size)}, and not made of whole numbers from 1 up')


def _mlp(description: Mapping[str, Any]) -> Module:
    inputs, layers = description["inputs"], description["layers"]
    activation, output = description["activation"], description["output"]
    if not (isinstance(activation, str) and isinstance(output, str)):
        raise ValueError("the architecture's activations are not given by name")
    return MLP(inputs, layers, activation, output=output, seed=0)


def _mlp_weights(description: Mapping[str, Any]) -> int:
    sizes = description["layers"]
    if not isinstance(sizes, list) or not all(
        type(size) is int and size > 0 for size in [description["inputs"], *sizes]
    ):
        raise ValueError("the architecture's inputs and layers are not whole numbers from 1 up")
    return sum((before + 1) * size for before, size in zip([description["inputs"], *sizes], sizes, strict=False))


register("MLP", _mlp, _mlp_weights)
