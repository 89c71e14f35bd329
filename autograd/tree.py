"""Numbers in structures: taken apart, paired with other structures, and put together again.

A structure is a number, or a list, tuple, named tuple, mapping or array of structures; an array of no dimensions is
the number in it. Two structures pair by kind, length, key and shape: a list and a tuple do not, two mappings with the
same keys do, whatever their order and type.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from autograd import arrays
from autograd.number import Number
from autograd.number_arrays import numbers

KNOWN = (Number, float)


class NotNumbers(TypeError):
    """Something in a structure is no number; ``what`` it is, and where."""

    def __init__(self, what: str, hint: str = "give numbers, or lists, tuples, dicts or arrays of numbers") -> None:
        super().__init__(f"{what} is no number: {hint}")
        self.what, self.hint = what, hint


def bare(x: Any) -> Any:
    """What an array of no dimensions holds; anything else as it is."""
    return x[()] if arrays.is_array(x) and x.ndim == 0 else x


def is_number(x: Any) -> bool:
    """A float, an int, a NumPy scalar, a Value or a Dual, or an array of no dimensions with one in it; not a bool."""
    if isinstance(x, KNOWN):
        return True
    x = bare(x)
    return isinstance(x, Number) or (arrays.is_real(x) and not (isinstance(x, bool) or arrays.is_bool(x)))


def rebuild(tree: Any, leaf: Callable[[Any, str], Any], path: str = "") -> Any:
    """The same structure with every number ``x`` as ``leaf(x, path)``.

    An array becomes an object array of what ``leaf`` returns. ``path`` reads like Python: ``["w"][2]``.

    Raises:
        NotNumbers: something in it is no number; says where.
    """
    if isinstance(tree, KNOWN):
        return leaf(tree, path)
    if is_number(tree):
        return leaf(bare(tree), path)
    if arrays.is_plain(tree):
        return numbers(arrays.rebuilt(tree, lambda x, index: rebuild(x, leaf, f"{path}[{', '.join(map(str, index))}]")))
    if isinstance(tree, Mapping):
        return same_keys(tree, {key: rebuild(x, leaf, f"{path}[{key!r}]") for key, x in tree.items()})
    if isinstance(tree, (list, tuple)):
        return same_kind(tree, [rebuild(x, leaf, f"{path}[{i}]") for i, x in enumerate(tree)])
    raise NotNumbers(f"{described(tree)}{f' at {path}' if path else ''}", *hints(tree))


def hints(x: Any) -> tuple[str, ...]:
    """What to give in place of some types that hold numbers and are no structure."""
    if arrays.is_array(x) and x.ndim:
        return ("give numpy.asarray(...) of it: its own arithmetic is not that of an array",)
    if isinstance(x, set | frozenset):
        return ("a set has no order: give a list, or a dict",)
    if hasattr(x, "__dataclass_fields__"):
        return ("give its numbers in a dict (dataclasses.asdict), or make it a NamedTuple",)
    if hasattr(x, "to_numpy"):
        return ("give x.to_numpy()",)
    return ()


def same_kind(sequence: Any, items: list[Any]) -> Any:
    """The items as a list, a tuple or a named tuple, whichever the sequence is; of a class of lists, that class."""
    if isinstance(sequence, tuple):
        return type(sequence)(*items) if hasattr(sequence, "_fields") else tuple(items)
    if type(sequence) is list:
        return items
    out = copy.copy(sequence)
    out[:] = items
    return out


def same_keys(mapping: Mapping[Any, Any], items: dict[Any, Any]) -> Any:
    """The items as the kind of dict that the mapping is: a defaultdict keeps its default, your class its methods."""
    if isinstance(mapping, MappingProxyType):
        return MappingProxyType(items)
    if type(mapping) is dict or not isinstance(mapping, dict):
        return items
    out = copy.copy(mapping)
    out.update(items)
    return out


def leaves(tree: Any) -> list[Any]:
    """The numbers of a structure, in order."""
    found: list[Any] = []

    def collect(x: Any, path: str) -> Any:
        found.append(x)
        return x

    rebuild(tree, collect)
    return found


def matched(tree: Any, other: Any, names: tuple[str, str], *, loose: bool = False, path: str = "") -> list[Any]:
    """The numbers of ``other`` in the order of those of ``tree``, paired by key and by shape.

    Args:
        names: what the two are called in an error, in this order.
        loose: lists, tuples and arrays of one shape stand for one another.

    Raises:
        ValueError: the structures differ; shows both, and where.
    """
    if is_number(tree) and is_number(other):
        return [bare(other)]
    wanted, got = form(tree, loose), form(other, loose)
    if wanted != got or wanted is None:
        raise ValueError(
            f"{names[1]} and {names[0]} differ in structure{f' at {path}' if path else ''}: "
            f"{described(other)} where {described(tree)} stands"
        )
    theirs = parts(other, loose)
    return [
        x
        for key, each in parts(tree, loose).items()
        for x in matched(each, theirs[key], names, loose=loose, path=f"{path}[{key!r}]")
    ]


def form(tree: Any, loose: bool) -> tuple[Any, ...] | None:
    """What two structures must share one level down; None of what is no structure, or a number."""
    if isinstance(tree, Mapping):
        return "dict", frozenset(tree)
    if arrays.is_plain(tree) and not loose:
        return "array", tree.shape
    if isinstance(tree, (list, tuple)) or arrays.is_plain(tree):
        kind = "" if loose else getattr(tree, "_fields", "list" if isinstance(tree, list) else "tuple")
        return kind, len(tree)
    return None


def parts(tree: Any, loose: bool) -> dict[Any, Any]:
    """The structures one level down, by key, by index, by place in an array."""
    if isinstance(tree, Mapping):
        return dict(tree)
    if isinstance(tree, (list, tuple)) or loose:
        return dict(enumerate(tree))
    return arrays.by_index(tree)


def described(tree: Any) -> str:
    """A structure in words, one level deep."""
    if is_number(tree):
        return "a number"
    if isinstance(tree, Mapping):
        return f"a dict with the keys {', '.join(map(repr, tree))}" if tree else "an empty dict"
    if arrays.is_array(tree):
        return f"{'an array' if arrays.is_plain(tree) else f'a {type(tree).__name__}'} of shape {tree.shape}"
    if isinstance(tree, (list, tuple)):
        kind = "list" if isinstance(tree, list) else type(tree).__name__
        return f"a {kind} of {len(tree)}"
    return f"{type(tree).__name__} {' '.join(repr(tree).split()):.40}"


def tidy(tree: Any) -> Any:
    """The structure with object arrays of plain numbers turned into float arrays."""
    if arrays.is_array(tree):
        return arrays.tidy(tree)
    if isinstance(tree, Mapping):
        return same_keys(tree, {key: tidy(x) for key, x in tree.items()})
    if isinstance(tree, (list, tuple)):
        return same_kind(tree, [tidy(x) for x in tree])
    return tree


def refill(tree: Any, numbers: list[Any]) -> Any:
    """The structure with its numbers replaced, in order, by ``numbers``."""
    rest = iter(numbers)
    return tidy(rebuild(tree, lambda x, path: next(rest)))
