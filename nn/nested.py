"""Nested lists of numbers: vectors, sequences of vectors, grids [channel][row][column].

What the layers beyond ``MLP`` pass to each other. Arrays are taken too, and become lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd import Value
from autograd.tree import is_number

__all__ = ["check_shape", "each_vector", "elementwise", "lists", "named", "parameters", "scoped", "shape_of"]


def lists(x: Any) -> Any:
    """The same numbers in lists: of an array, of tuples, of lists already."""
    if isinstance(x, np.ndarray):
        return x.tolist()
    return [lists(each) for each in x] if isinstance(x, list | tuple) else x


def shape_of(what: str, x: Any) -> tuple[int, ...]:
    """How many there are in each dimension, () for a number; ``what`` is named in errors.

    Raises:
        ValueError: lists side by side are not of one shape.
        TypeError: something in it is neither a number nor a list.
    """
    if is_number(x):
        return ()
    if not isinstance(x, list | tuple | np.ndarray):
        raise TypeError(f"{what} takes numbers in nested lists, and got a {type(x).__name__}: {x!r:.40}")
    inner = [shape_of(what, each) for each in x]
    if any(shape != inner[0] for shape in inner):
        odd = next(i for i, shape in enumerate(inner) if shape != inner[0])
        raise ValueError(
            f"{what} takes lists of one shape side by side: item {odd} (from 0) is {_shown(inner[odd])}, item 0 is "
            f"{_shown(inner[0])}"
        )
    return (len(inner), *(inner[0] if inner else ()))


def check_shape(what: str, x: Any, wanted: Sequence[int | str]) -> tuple[int, ...]:
    """The shape of ``x``, which has as many dimensions as ``wanted``, and the numbers there; text is any number from 1.

    Raises:
        ValueError: another shape. TypeError: no nested lists of numbers.
    """
    shape = shape_of(what, x)
    good = len(shape) == len(wanted) and all(
        n > 0 if isinstance(w, str) else n == w for n, w in zip(shape, wanted, strict=True)
    )
    if not good:
        raise ValueError(f"{what} takes {' x '.join(map(str, wanted))} numbers, not {_shown(shape)}")
    return shape


def elementwise(function: Callable[..., Any], *trees: Any) -> Any:
    """``function`` of every number; of several trees of one shape, of the numbers in one place."""
    if isinstance(trees[0], list | tuple | np.ndarray):
        return [elementwise(function, *parts) for parts in zip(*trees, strict=True)]
    return function(*trees)


def each_vector(function: Callable[[list[Any]], Any], x: Any) -> Any:
    """``function`` of every innermost list: PyTorch's "over the last dimension"."""
    x = lists(x)
    return [each_vector(function, part) for part in x] if isinstance(x[0], list) else function(x)


def parameters(shape: Sequence[int], draw: Callable[[], float], prefix: str) -> Any:
    """Nested lists of new Values, called ``prefix`` and their place, counted from 1: w2, or w2_3 in two dimensions."""
    return named(_filled(shape, draw), prefix)


def _filled(shape: Sequence[int], draw: Callable[[], float]) -> Any:
    return [_filled(shape[1:], draw) for _ in range(shape[0])] if shape else Value(draw())


def named(x: Any, prefix: str) -> Any:
    """``x`` itself, its Values without a name now called ``prefix`` and their place, counted from 1."""
    for place, value in _places(x, ()):
        if isinstance(value, Value) and not value.name:
            value.name = prefix + "_".join(str(i + 1) for i in place)
    return x


def scoped(outputs: Any, inputs: Any, scope: str) -> Any:
    """``outputs`` themselves, the nodes without a name between ``inputs`` and them now in ``scope``: "<scope>.exp".

    So that a picture draws what a layer computes on the way inside its box.
    """
    given = {id(x) for _, x in _places(inputs, ())}
    stack = [x for _, output in _places(outputs, ()) if isinstance(output, Value) for x in output.operands]
    while stack:
        node = stack.pop()
        if isinstance(node, Value) and node.op is not None and not node.name and id(node) not in given:
            node.name = f"{scope}.{node.op.name}"
            stack.extend(node.operands)
    return outputs


def _places(x: Any, place: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Any]]:
    if isinstance(x, list):
        for i, part in enumerate(x):
            yield from _places(part, (*place, i))
    else:
        yield place, x


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) if shape else "one number"
