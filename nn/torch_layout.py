"""PyTorch's ``state_dict``, in and out: plain arrays under PyTorch's names, in PyTorch's shapes. Without PyTorch.

    arrays = nn.to_torch(model)                         # {"0.weight": array of shape (16, 2), "0.bias": ...}
    torch_model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    nn.from_torch(model, torch_model.state_dict())

What stands for what:

    Neuron, Layer, Linear       nn.Linear                       weight (out, in), bias (out)
    MLP(2, [16, 16, 1])         nn.Sequential(Linear, f, Linear, f, Linear, ...): 0.weight, 0.bias, 2.weight, ...
    Figure5                     nn.Sequential(Linear(2, 2), f, Linear(2, 1), Sigmoid)
    Sequential                  nn.Sequential: the parts by number, those without parameters too
    Conv2d                      nn.Conv2d                       weight (out, in, rows, columns), bias (out)
    LayerNorm, RMSNorm          nn.LayerNorm, nn.RMSNorm        weight, bias
    Embedding                   nn.Embedding                    weight (things, length)
    Attention                   nn.MultiheadAttention           in_proj_weight (3 * length, length), out_proj, ...

Any other module is read as PyTorch reads one: what its attributes hold, by their names (``block.0.weight``). A module
that stands for something else says so in a method of its own::

    def torch_layout(self):
        return {"weight": [neuron.w for neuron in self.neurons], "norm": self.inner_norm}

which gives Values, nested lists of them, or modules, by name. Activations are no part of a ``state_dict``: that the two
networks compute the same is for whoever builds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import Value
from nn.attention import Attention
from nn.checks import few
from nn.figure5 import Figure5
from nn.layers import MLP, Layer, Neuron
from nn.module import Module, assign
from nn.sequential import Sequential

__all__ = ["from_torch", "to_torch"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


def to_torch(model: Module) -> dict[str, Floats]:
    """The parameters as PyTorch's ``state_dict`` has them: new float64 arrays by name; see the module's text.

    A parameter that stands in two places is in both arrays, as in PyTorch.

    Raises:
        TypeError: no module. ValueError: a parameter with no place, as of a subclass of ``MLP`` that has more of them.
    """
    return {
        name: np.array([value.data for value in values.flat], np.float64).reshape(values.shape)
        for name, values in layout(model).items()
    }


def from_torch(model: Module, state: Mapping[str, Any]) -> None:
    """Set every parameter from arrays (or tensors) under PyTorch's names: all of them, or none.

    Raises:
        ValueError: a name is missing or unknown, an array has another shape, a number is nan or infinite, or one
            parameter is given two numbers; the message names all of them, and nothing was changed.
        TypeError: no mapping, no module, or something in it is no array of real numbers.
    """
    places = layout(model)
    if not isinstance(state, Mapping):
        raise TypeError(
            f"a state is a mapping from names to arrays, as state_dict() gives it, not a {type(state).__name__}"
        )
    problems = [f"missing: {name} {shown(values.shape)}" for name, values in places.items() if name not in state]
    problems += [f"unexpected: {name!s:.60}" for name in state if name not in places]
    numbers: dict[int, float] = {}
    owner: dict[int, Value] = {}
    for name, values in places.items():
        if name not in state:
            continue
        array = read(name, state[name])
        if array.shape != values.shape:
            problems.append(f"{name} has shape {shown(array.shape)}, where {shown(values.shape)} is needed")
            continue
        if not np.isfinite(array).all():
            problems.append(f"{name} holds a number that is not finite")
            continue
        for value, number in zip(values.flat, array.flat, strict=True):
            if numbers.setdefault(id(value), float(number)) != number:
                problems.append(f"{name} gives a parameter that it shares another number than the array before")
                break
            owner[id(value)] = value
    if problems:
        more = f"; and {len(problems) - 12} more" if len(problems) > 12 else ""
        raise ValueError(f"the state does not fit {type(model).__name__}: {'; '.join(problems[:12])}{more}")
    assign(list(owner.values()), [numbers[key] for key in owner])


def read(name: str, given: Any) -> Floats:
    """An array of a state in float64. TypeError: it is none."""
    try:
        array = np.asarray(given)
    except Exception as error:  # a tensor may refuse, with an error of its own kind
        raise TypeError(f"{name} cannot be read as an array: {error}; give tensor.detach().cpu().numpy()") from error
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} is no array of real numbers: its dtype is {array.dtype}")
    return array.astype(np.float64)


# layouts --------------------------------------------------------------------------------------------------------------


def layout(model: Module) -> dict[str, Array]:
    """Every parameter's place: arrays of Values under PyTorch's names.

    Raises:
        TypeError: no module. ValueError: a parameter has no place, or two things have one name.
    """
    if not isinstance(model, Module):
        raise TypeError(f"to_torch and from_torch take an nn.Module, not a {type(model).__name__}")
    named = {id(value): path for path, value in model.named_parameters()}
    found: dict[str, Array] = {}
    for name, values in entries("", model):
        kept = [id(value) in named for value in values.flat]
        if not any(kept):
            continue
        if not all(kept) or name in found:
            what = "holds Values that are no parameters" if not all(kept) else "is there twice"
            raise ValueError(f"the layout of {type(model).__name__}: {name} {what}")
        found[name] = values
    placed = {id(value) for values in found.values() for value in values.flat}
    lost = [path for key, path in named.items() if key not in placed]
    if lost:
        raise ValueError(
            f"{type(model).__name__} has parameters without a place in PyTorch's layout: {few(lost)}; give "
            "it a method torch_layout() that returns a dictionary of Values, lists of them, and modules"
        )
    return found


def entries(prefix: str, thing: Any, around: tuple[int, ...] = ()) -> Iterator[tuple[str, Array]]:
    """(name, array of Values) of everything inside a module, a container or an array."""
    if id(thing) in around:  # a child that knows its parent
        return
    values = array_of_values(thing)
    if values is not None:
        yield prefix, values
        return
    if isinstance(thing, Module):
        inside = described(thing)
    elif isinstance(thing, Mapping):
        inside = {str(key): part for key, part in thing.items()}
    elif isinstance(thing, list | tuple):
        inside = {str(k): part for k, part in enumerate(thing)}
    else:
        return
    for name, part in inside.items():
        yield from entries(f"{prefix}.{name}" if prefix else name, part, (*around, id(thing)))


def array_of_values(thing: Any) -> Array | None:
    """A Value, or nested lists of one shape with Values alone, as an array of objects; None for anything else."""
    if isinstance(thing, Value):
        made = np.empty((), dtype=object)
        made[()] = thing
        return made
    if isinstance(thing, np.ndarray):
        good = thing.dtype == object and thing.size and all(isinstance(x, Value) for x in thing.flat)
        return thing if good else None
    if not isinstance(thing, list | tuple) or not thing:
        return None
    parts = [array_of_values(part) for part in thing]
    if any(part is None or part.shape != parts[0].shape for part in parts):  # type: ignore[union-attr]
        return None
    made = np.empty((len(parts), *parts[0].shape), dtype=object)  # type: ignore[union-attr]
    for k, part in enumerate(parts):
        made[k] = part if part.shape else part[()]  # type: ignore[union-attr, index]
    return made


def described(module: Module) -> Mapping[str, Any]:
    """What a module holds, by PyTorch's names: what it says itself, the table below, or its attributes."""
    own = getattr(module, "torch_layout", None)
    if own is not None:
        layout = own()
        if not isinstance(layout, Mapping):
            raise TypeError(
                f"torch_layout() of {type(module).__name__} returned a {type(layout).__name__}: it gives a dictionary "
                "of Values, lists of them, and modules"
            )
        return layout
    for kind in type(module).__mro__:
        if kind in LAYOUTS:
            return LAYOUTS[kind](module)
    return vars(module)


def of_attention(module: Attention) -> dict[str, Any]:
    """``torch.nn.MultiheadAttention`` keeps the three projections of its input in one matrix."""
    parts = (module.query, module.key, module.value)
    found: dict[str, Any] = {"in_proj_weight": [row for part in parts for row in part.weight]}
    if module.query.bias is not None:
        found["in_proj_bias"] = [b for part in parts for b in part.bias or ()]
    return {**found, "out_proj": module.out}


LAYOUTS: dict[type, Callable[[Any], dict[str, Any]]] = {
    Neuron: lambda module: {"weight": [module.w], "bias": [module.b]},
    Layer: lambda module: {"weight": [n.w for n in module.neurons], "bias": [n.b for n in module.neurons]},
    MLP: lambda module: {str(2 * k): layer for k, layer in enumerate(module.layers)},
    Sequential: lambda module: {str(k): part for k, part in enumerate(module.layers)},
    Attention: of_attention,
    Figure5: lambda module: {
        "0": {"weight": [[module.w1, module.w2], [module.w3, module.w4]], "bias": [module.b1, module.b2]},
        "2": {"weight": [[module.w5, module.w6]], "bias": [module.b3]},
    },
}
"""The modules that hold their parameters otherwise than PyTorch does."""


def shown(shape: tuple[int, ...]) -> str:
    """A shape for a message."""
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
