"""Rows and what belongs to each of them, paired by position whatever holds them; and as one table of numbers.

Item i of the inputs belongs to item i of the targets: of a list or tuple its i-th item, of an array its i-th along the
first axis, of a pandas Series or DataFrame its i-th number or row, whatever its index says. What has no order (a set, a
dict) or is gone once it was read (a generator) is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import Value, tree
from autograd.compiler.program import refuse_masked
from autograd.errors import CompileError

__all__ = ["columns_of", "in_order", "number_in", "paired", "structure"]

Array = npt.NDArray[Any]

SEVERAL = (list, tuple, np.ndarray)


def in_order(what: str, x: Any) -> Sequence[Any]:
    """The rows that ``x`` holds, by position.

    Raises:
        TypeError: it is no sequence of rows, or a masked array.
    """
    refuse_masked(what, x)
    if isinstance(x, np.ndarray) and x.ndim:
        return np.asarray(x)  # type: ignore[return-value]
    if isinstance(x, Sequence) and not isinstance(x, str | bytes | bytearray):
        return x
    if hasattr(x, "to_numpy") and hasattr(x, "__len__"):  # of pandas and polars
        found: Any = x.to_numpy()
        return found  # type: ignore[no-any-return]
    if hasattr(x, "__array__") and hasattr(x, "__len__") and not isinstance(x, Value | np.ndarray):
        return np.asarray(x)  # type: ignore[return-value]
    if hasattr(x, "__getitem__") and hasattr(x, "__len__") and not isinstance(x, Mapping | str | bytes | np.ndarray):
        return [x[i] for i in range(len(x))]
    kind = type(x).__name__
    hint = "give list(...) of it" if hasattr(x, "__iter__") and not isinstance(x, Mapping | str) else "give a list"
    raise TypeError(f"{what} are a {kind}, whose rows have no positions: {hint}, or an array, a Series, a DataFrame")


def paired(what: str, inputs: Any, targets: Any) -> tuple[Sequence[Any], Sequence[Any]]:
    """The rows and their targets, by position.

    Raises:
        TypeError: as ``in_order``. ValueError: no rows, or another number of targets than rows.
    """
    rows, answers = in_order(what, inputs), in_order("targets" if what == "inputs" else f"targets of {what}", targets)
    if not len(rows):
        raise ValueError(f"{what}: there are no rows")
    if len(rows) != len(answers):
        raise ValueError(f"{what}: {len(rows)} rows and {len(answers)} targets: one target for each row is needed")
    return rows, answers


def number_in(what: str, target: Any) -> Any:
    """The one number of a target: itself, or what a row of one number holds, of a column of shape (n, 1), say.

    Raises:
        TypeError: several numbers, or none.
    """
    if isinstance(target, SEVERAL):
        numbers = np.ravel(np.asarray(target, dtype=object))
        if len(numbers) != 1:
            raise TypeError(f"{what} takes one target for each row, and got {len(numbers)}: {target!r:.60}")
        return numbers[0]
    return target


def columns_of(rows: tuple[Sequence[Any], ...], template: Any, trained: set[int]) -> Array:
    """The numbers of all rows and their targets, shape (rows, numbers).

    Raises:
        CompileError: a row is of another structure than the first, holds a parameter, or what is no number.
    """
    shape = structure(template)
    table: list[list[float]] = []
    for i, row in enumerate(zip(*rows, strict=True)):
        try:
            leaves = tree.leaves(row)
        except TypeError as error:
            raise CompileError(f"row {i} is not made of numbers: {error}") from None
        if structure(row) != shape:
            raise CompileError(f"row {i} is of another shape than the first")
        if any(id(x) in trained for x in leaves):
            raise CompileError(f"row {i} holds a parameter, which does not vary along the batch")
        if any(isinstance(x, Value) and not x.is_leaf for x in leaves):
            raise CompileError(f"row {i} holds a computed Value, whose graph a batch of numbers does not have")
        table.append([x.data if isinstance(x, Value) else float(x) for x in leaves])
    return np.array(table, float).reshape(len(table), -1)


def structure(x: Any) -> Any:
    """Equal for rows that hold their numbers in the same way."""
    if isinstance(x, np.ndarray):
        return x.shape
    if isinstance(x, dict):
        return [(key, structure(each)) for key, each in x.items()]
    if isinstance(x, list | tuple):
        return (type(x), *[structure(each) for each in x])
    return None
