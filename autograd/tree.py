"""Numbers in structures: floats, sequences, dicts and arrays of them, taken apart and put together again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from autograd import arrays
from autograd.number import Number


class NotNumbers(TypeError):
    """Something in a structure is no number; ``what`` it is, and where."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is no number: give numbers, or lists, tuples, dicts or arrays of numbers")
        self.what = what


def is_number(x: Any) -> bool:
    """A float, an int, a NumPy scalar, a Value or a Dual; not a bool."""
    if isinstance(x, Number | float):
        return True
    return (
        (isinstance(x, int) and not isinstance(x, bool)) or arrays.is_scalar(x) or (arrays.is_array(x) and x.ndim == 0)
    )


def rebuild(tree: Any, leaf: Callable[[Any, str], Any], path: str = "") -> Any:
    """The same structure (lists, tuples, named tuples, dicts, arrays) with every number ``x`` as ``leaf(x, path)``.

    An array becomes an object array of what ``leaf`` returns. ``path`` reads like Python: ``["w"][2]``.

    Raises:
        NotNumbers: something in it is no number; says where.
    """
    if is_number(tree):
        return leaf(tree, path)
    if arrays.is_array(tree):
        return arrays.rebuilt(tree, lambda x, index: rebuild(x, leaf, f"{path}[{', '.join(map(str, index))}]"))
    if isinstance(tree, Mapping):
        return {key: rebuild(x, leaf, f"{path}[{key!r}]") for key, x in tree.items()}
    if isinstance(tree, list | tuple):
        return same_kind(tree, [rebuild(x, leaf, f"{path}[{i}]") for i, x in enumerate(tree)])
    raise NotNumbers(f"{type(tree).__name__} {tree!r:.40}{f' at {path}' if path else ''}")


def same_kind(sequence: Any, items: list[Any]) -> Any:
    """The items as a list, a tuple or a named tuple, whichever the sequence is."""
    if not isinstance(sequence, tuple):
        return items
    return type(sequence)(*items) if hasattr(sequence, "_fields") else tuple(items)


def leaves(tree: Any) -> list[Any]:
    """The numbers of a structure, in order."""
    found: list[Any] = []

    def collect(x: Any, path: str) -> Any:
        found.append(x)
        return x

    rebuild(tree, collect)
    return found


def tidy(tree: Any) -> Any:
    """The structure with object arrays of plain floats turned into float arrays."""
    if arrays.is_array(tree):
        return arrays.tidy(tree)
    if isinstance(tree, Mapping):
        return {key: tidy(x) for key, x in tree.items()}
    if isinstance(tree, list | tuple):
        return same_kind(tree, [tidy(x) for x in tree])
    return tree


def refill(tree: Any, numbers: list[Any]) -> Any:
    """The structure with its numbers replaced, in order, by ``numbers``."""
    rest = iter(numbers)
    return tidy(rebuild(tree, lambda x, path: next(rest)))
