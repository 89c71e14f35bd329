"""The function under check: of one flat list of floats, whatever it takes and returns."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd import tree
from autograd.errors import AutogradError, GraphError
from autograd.modes import no_grad
from autograd.number import Number
from autograd.reverse import adjoints
from autograd.value import Value

UNDEFINED = (AutogradError, ArithmeticError, ValueError, RuntimeWarning)
"""What a function may raise where it is not defined."""


class Subject:
    """``f`` at a point.

    Args:
        f: the function.
        inputs: its positional arguments: numbers, or lists, tuples, dicts, arrays of numbers.
        plain: call it with the plain numbers of the caller (a hand-written gradient), else with Values.

    Attributes:
        point: the inputs as floats, in order; ``names``: how each reads in a report; ``types``: the NumPy type of each.
        calls: how often f was called.
    """

    def __init__(self, f: Callable[..., Any], inputs: Sequence[Any], plain: bool) -> None:
        if not callable(f):
            raise TypeError(f"a check takes a function, and then its inputs; got {type(f).__name__} {f!r:.40}")
        self.f = f
        self.inputs = tuple(inputs)
        self.plain = plain
        self.calls = 0
        self.title = getattr(f, "__name__", type(f).__name__)
        self.paths: list[str] = []
        self.types: list[type] = []
        self.point: list[float] = []
        tree.rebuild(self.inputs, self._remember)
        if not self.point:
            raise TypeError(f"{self.title} was called without numbers: there is nothing to check")
        self.values = any(isinstance(x, Number) for x in tree.leaves(self.inputs))
        self.names = readable(f, self.inputs, self.paths)

    def _remember(self, x: Any, path: str) -> Any:
        self.paths.append(path)
        self.types.append(type(x) if isinstance(x, np.floating) else float)
        self.point.append(plain(x))
        return x

    @property
    def single(self) -> bool:
        """Is any input in single precision or less?"""
        return any(np.finfo(t).eps > 1e-10 for t in self.types if t is not float)

    def rounded(self, i: int, x: float) -> float:
        """``x`` as input ``i`` can hold it."""
        t = self.types[i]
        return x if t is float else float(t(x))

    def plain_arguments(self, point: Sequence[float]) -> list[Any]:
        """The inputs with these numbers, in the types the caller gave (Values where the caller gave Values)."""
        rest = iter(point)
        return [refilled(x, rest) for x in self.inputs]

    def value(self, point: Sequence[float]) -> float:
        """f there, as a float; nan where it is not defined."""
        try:
            with np.errstate(all="ignore"):
                return self.strict(point)
        except GraphError:
            raise
        except UNDEFINED:
            return math.nan

    def strict(self, point: Sequence[float]) -> float:
        """f there; its errors are not caught."""
        self.calls += 1
        if self.plain:
            return number(self.f(*self.plain_arguments(point)), self.title)
        with no_grad():
            y = self.f(*tree.refill(self.inputs, [Value(x) for x in point]))
        return number(y, self.title)

    def trace(self) -> tuple[Value, list[Value]]:
        """The recorded graph of f at the point, and its variables.

        Raises whatever f raises on Values; GraphError where the result has no graph.
        """
        self.calls += 1
        names = [name if name.isprintable() else "" for name in self.names]
        variables = [Value(x, name) for x, name in zip(self.point, names, strict=True)]
        y = self.f(*tree.refill(self.inputs, list(variables)))
        if isinstance(y, np.ndarray) and y.size == 1:
            y = y.reshape(-1)[0]
        if not isinstance(y, Value):
            raise GraphError(f"{self.title} returned no Value")
        return y, variables


class Closure(Subject):
    """A function without arguments of Values that it holds on to, as a loss of a model's parameters is."""

    def __init__(self, f: Callable[..., Any], inputs: Sequence[Any], parameters: Any) -> None:
        named = parameters.items() if isinstance(parameters, Mapping) else parameters
        pairs = [
            p if isinstance(p, tuple) else (getattr(p, "name", "") or f"parameter {i}", p)
            for i, p in enumerate(named if isinstance(named, Iterable) else ())
        ]
        if not pairs or not all(isinstance(p, Value) for _, p in pairs):
            raise TypeError("parameters= takes Values, as model.parameters() or model.named_parameters() give them")
        self.parameters = [p for _, p in pairs]
        self.arguments = tuple(inputs)
        super().__init__(f, [p.data for p in self.parameters], plain=False)
        self.names = [name for name, _ in pairs]

    def strict(self, point: Sequence[float]) -> float:
        """f with the parameters set to ``point`` for as long as the call lasts."""
        self.calls += 1
        kept = [p.data for p in self.parameters]
        try:
            for p, x in zip(self.parameters, point, strict=True):
                p.data = x
            with no_grad():
                return number(self.f(*self.arguments), self.title)
        finally:
            for p, x in zip(self.parameters, kept, strict=True):
                p.data = x

    def trace(self) -> tuple[Value, list[Value]]:
        """The graph that f records from the parameters themselves."""
        self.calls += 1
        y = self.f(*self.arguments)
        if not isinstance(y, Value):
            raise GraphError(f"{self.title} returned no Value")
        return y, self.parameters

    def gradient(self) -> list[float]:
        """What the reverse sweep gives."""
        y, variables = self.trace()
        found = adjoints(y)
        return [found.get(id(v), 0.0) for v in variables]


def number(y: Any, title: str) -> float:
    """A function's result as a float.

    Raises:
        TypeError: it is not one number.
    """
    if isinstance(y, np.ndarray) and y.size == 1:
        y = y.reshape(-1)[0]
    if isinstance(y, Number):
        return float(y.data)
    if tree.is_number(y) or isinstance(y, bool | np.bool_):
        return float(y)
    shape = f" of shape {y.shape}" if isinstance(y, np.ndarray) else ""
    raise TypeError(
        f"{title} returned {type(y).__name__}{shape}, and a gradient needs one number: "
        "sum it, or check a layer with check_vjp(f, backward, *inputs)"
    )


def plain(x: Any) -> float:
    """A Value, a Dual or a number as a float."""
    return float(x.data if isinstance(x, Number) else x)


def usual_size(point: Sequence[float]) -> float:
    """The median size of the inputs that are not 0; 0 where there is none."""
    nonzero = sorted(abs(x) for x in point if x and math.isfinite(x))
    return nonzero[len(nonzero) // 2] if nonzero else 0.0


def refilled(x: Any, rest: Any) -> Any:
    """The same structure with the next numbers, in the same number types."""
    if isinstance(x, np.ndarray) and x.dtype != object:
        kind = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
        return np.array([next(rest) for _ in range(x.size)], dtype=kind).reshape(x.shape)
    if isinstance(x, np.floating):
        return type(x)(next(rest))
    if isinstance(x, Value):
        return Value(next(rest), x.name)
    if tree.is_number(x):
        return float(next(rest))
    if isinstance(x, Mapping):
        return {key: refilled(each, rest) for key, each in x.items()}
    if isinstance(x, list | tuple):
        return tree.same_kind(x, [refilled(each, rest) for each in x])
    out = np.empty(x.shape, dtype=object)
    for index in np.ndindex(x.shape):
        out[index] = refilled(x[index], rest)
    return out


def readable(f: Callable[..., Any], inputs: Sequence[Any], paths: Sequence[str]) -> list[str]:
    """Paths as the caller would write them: ``[0]['w'][2]`` as ``p['w'][2]`` where f calls its first argument p."""
    try:
        parameters = [
            p.name if p.kind is not p.VAR_POSITIONAL else ""
            for p in inspect.signature(f).parameters.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)
        ]
    except (TypeError, ValueError):
        parameters = []
    if "" in parameters or len(parameters) < len(inputs):
        parameters = []
    own = [x.name if isinstance(x, Value) else "" for x in tree.leaves(tuple(inputs))]
    names = []
    for path, name in zip(paths, own, strict=True):
        first = re.match(r"\[(\d+)\]", path)
        if name:
            names.append(name)
        elif first and parameters:
            names.append(parameters[int(first[1])] + path[first.end() :])
        else:
            names.append(f"input{path}")
    return names
