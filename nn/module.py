"""Module: whatever holds parameters.

    class Line(Module):
        def __init__(self) -> None:
            self.slope = Value(1.0, name="slope")
            self.offset = Value(0.0, name="offset")

        def __call__(self, x: float) -> Value:
            return self.slope * x + self.offset

    Line().named_parameters()      # [("slope", Value(1.0)), ("offset", Value(0.0))]

There is nothing to declare: attributes that are Values are parameters, and Modules, lists, tuples, dicts and
NumPy arrays of either are followed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Self

import numpy as np

from autograd import Value
from autograd.compiler.parameters import assign
from nn.checks import few

__all__ = ["Module", "assign"]


class Module:
    """The base class of everything with parameters; a subclass needs no constructor of this one.

    Attributes:
        training: whether ``Dropout`` drops; True until ``eval()`` is called.
    """

    training: bool = True

    def named_parameters(self) -> list[tuple[str, Value]]:
        """Every parameter with its path, in the order in which the attributes were set.

        Paths join attribute names, dictionary keys and positions (from 0) by dots: ``layers.0.neurons.1.b``.
        A Value that stands in two places counts once, under the first path; so does a Module.

        An attribute whose name starts with an underscore may hold a computed Value, say the last output; it
        is passed over.

        Raises:
            ValueError: an attribute holds a computed Value, which no update could change, or two parameters
                have one path.
            TypeError: a set holds Values (it has no order), or a dictionary with a key that is no text or
                whole number.
        """
        found: dict[str, Value] = {}
        for path, value in _walk(self):
            if isinstance(value, Module):
                continue
            if not value.is_leaf:
                if any(part.startswith("_") for part in path.split(".")):
                    continue
                raise ValueError(
                    f"{type(self).__name__}.{path} is computed by {_operation(value)!r}, so it is no "
                    f"parameter: keep {path}.detach(), or give the attribute a name "
                    "that starts with an underscore"
                )
            if path in found:
                raise ValueError(f"two parameters of {type(self).__name__} have the path {path!r}: rename one")
            found[path] = value
        return list(found.items())

    def parameters(self) -> list[Value]:
        """Every parameter, each once, in the order of ``named_parameters``."""
        return [value for _, value in self.named_parameters()]

    def modules(self) -> list[Module]:
        """This module and all inside it, each once, in the order in which the attributes were set."""
        return [thing for _, thing in _walk(self) if isinstance(thing, Module)]

    def train(self, mode: bool = True) -> Self:
        """Set ``training`` of this module and all inside it; returns itself, as in PyTorch."""
        for module in self.modules():
            module.training = bool(mode)
        return self

    def eval(self) -> Self:
        """``train(False)``: for predictions after the training."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters, before the next backward pass."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def state_dict(self) -> dict[str, float]:
        """The parameters' numbers by path: plain floats, a copy."""
        return {path: value.data for path, value in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Set every parameter from ``state``, as ``state_dict`` gave it: all of them, or none.

        Raises:
            ValueError: a parameter is missing, a path is unknown, or a number is nan or infinite; the message
                names them.
            TypeError: something in ``state`` is no number; the message names it.
        """
        named = self.named_parameters()
        if not isinstance(state, Mapping):
            raise TypeError(f"a state is a mapping from paths to floats, as state_dict() gives it, not {_kind(state)}")
        paths = [path for path, _ in named]
        numbers: list[float] = []
        wrong: list[str] = []
        infinite: list[str] = []
        for path in paths:
            if path in state:
                number = _number(state[path])
                if number is None:
                    wrong.append(f"{path} is {_kind(state[path])}")
                elif not math.isfinite(number):
                    infinite.append(f"{path} is {number}")
                else:
                    numbers.append(number)
        if wrong:
            raise TypeError(f"a parameter is one number: {few(wrong)}")
        missing = [path for path in paths if path not in state]
        known = set(paths)
        unexpected = [str(path) for path in state if path not in known]
        problems = [
            f"{what} {few(which)}"
            for what, which in (("missing:", missing), ("unexpected:", unexpected), ("not finite:", infinite))
            if which
        ]
        if problems:
            raise ValueError(f"the state does not fit {type(self).__name__}: {'; '.join(problems)}")
        assign([value for _, value in named], numbers)


def _walk(root: Module) -> Iterator[tuple[str, Value | Module]]:
    """Every Value and Module with its path: depth first, in order, without recursion; whatever was met before is passed
    over, so cycles end.
    """
    met: set[int] = set()
    stack: list[tuple[str, object]] = [("", root)]
    while stack:
        path, thing = stack.pop()
        inside: list[tuple[str, object]]
        if isinstance(thing, Value):
            if id(thing) not in met:
                met.add(id(thing))
                yield path, thing
            continue
        if isinstance(thing, Module):
            inside = list(vars(thing).items())
        elif isinstance(thing, list | tuple):
            inside = [(str(index), item) for index, item in enumerate(thing)]
        elif isinstance(thing, dict):
            inside = [(_key(path, key, item), item) for key, item in thing.items()]
        elif isinstance(thing, np.ndarray) and thing.dtype == object:
            inside = [(str(index), item) for index, item in enumerate(thing.flat)]
        elif isinstance(thing, set | frozenset) and any(isinstance(item, Value | Module) for item in thing):
            raise TypeError(f"{path} is a set, which has no order: keep parameters in a list")
        else:
            continue
        if id(thing) in met:
            continue
        met.add(id(thing))
        if isinstance(thing, Module):
            yield path, thing
        prefix = f"{path}." if path else ""
        stack.extend((prefix + name, item) for name, item in reversed(inside))


def _key(path: str, key: object, item: object) -> str:
    if isinstance(key, str) or (isinstance(key, int) and not isinstance(key, bool)):
        return str(key)
    if isinstance(item, Value | Module | list | tuple | dict):
        raise TypeError(f"{path} has the key {key!r}: a path to parameters needs text or whole numbers as keys")
    return str(key)


def _operation(value: Value) -> str:
    return "" if value.op is None else value.op.name


def _number(thing: object) -> float | None:
    """The thing as a float, or None where it is no real number."""
    if isinstance(thing, bool) or not isinstance(thing, Real):
        return None
    try:
        return float(thing)
    except OverflowError:
        return math.inf


def _kind(thing: object) -> str:
    return "None" if thing is None else f"a {type(thing).__name__}"
