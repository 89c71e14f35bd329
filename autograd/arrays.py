"""The array layer: all that the engine knows of NumPy, which is imported when an array first appears.

Nothing else in the engine imports NumPy, so that ``import autograd`` costs what its own modules cost. What asks "is
this an array?" asks here: where NumPy has not been imported by anybody, nothing is one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
else:

    class _Later:
        """NumPy, until somebody looks into it."""

        def __getattr__(self, name):
            import numpy

            globals()["np"] = numpy
            return getattr(numpy, name)

    np = _Later()

ArrayFunction = str | Callable[..., Any]
"""How a declaration names its function on arrays: NumPy's name for it, or a function of (np, *arrays)."""


def is_loaded() -> bool:
    """Has anybody imported NumPy? Before, nothing can be of its types."""
    return "numpy" in sys.modules


def is_array(x: Any) -> bool:
    """An array, of any number of dimensions."""
    return is_loaded() and isinstance(x, np.ndarray)


def is_scalar(x: Any) -> bool:
    """One of NumPy's real numbers."""
    return is_loaded() and isinstance(x, np.integer | np.floating)


def is_bool(x: Any) -> bool:
    """NumPy's truth value."""
    return is_loaded() and isinstance(x, np.bool_)


def is_real(x: Any) -> bool:
    """A real number of Python's or NumPy's; bools too."""
    return isinstance(x, int | float) or is_scalar(x) or is_bool(x)


def of_objects(x: Any) -> bool:
    """An array of Values, or of other objects."""
    return is_array(x) and x.dtype == object


def of_floats(x: Any) -> bool:
    """An array of numbers, not of objects."""
    return is_array(x) and x.dtype != object


def with_namespace(namespace: Any, function: ArrayFunction) -> Callable[..., Any]:
    """A declaration's function on arrays, in NumPy's words or in those of another library that speaks them."""
    return getattr(namespace, function) if isinstance(function, str) else partial(function, namespace)


def on_arrays(function: ArrayFunction | None, alone: Callable[..., float], operands: Sequence[Any]) -> Any:
    """Run a declaration over arrays that broadcast, with IEEE results; without ``function``, each element ``alone``."""
    return quietly(function or (lambda np, *each: np.vectorize(alone, otypes=[np.float64])(*each)), *operands)


def quietly(function: ArrayFunction, *operands: Any) -> Any:
    """Run a function on arrays with IEEE results and no warnings."""
    with np.errstate(all="ignore"):
        return with_namespace(np, function)(*operands)


def ieee(function: Callable[..., Any], *operands: float) -> Any:
    """``function`` of the operands as NumPy's floats, which give inf or nan where Python's raise."""
    with np.errstate(all="ignore"):
        return function(*map(np.float64, operands))


def ieee_value(function: ArrayFunction, operands: Sequence[float], together: bool) -> float:
    """The value of a declaration at floats, by its function on arrays: of the operands ``together``, or of each."""
    return float(quietly(function, *([np.array(operands)] if together else map(np.float64, operands))))


def elementwise(function: Callable[..., Any], operands: Sequence[Any]) -> Any:
    """``function`` of each element of arrays that broadcast, as an array of objects."""
    return np.frompyfunc(function, len(operands), 1)(*operands)


def stacked(operands: Sequence[Any]) -> Any:
    """Arrays that broadcast as one array, side by side along a new last axis."""
    return np.stack(np.broadcast_arrays(*operands), axis=-1)


def from_sequence(items: list[Any]) -> Any:
    """A sequence of numbers as an array."""
    return np.array(items)


def beside_rows(index: Any, values: Any) -> Any:
    """An index in front of each row of values, broadcast: shape (..., 1 + n)."""
    rows = np.broadcast_shapes(values.shape[:-1], np.shape(index))
    places = np.broadcast_to(np.asarray(index)[..., None], (*rows, 1))
    return np.concatenate([places, np.broadcast_to(values, (*rows, values.shape[-1]))], axis=-1)


def boxed(x: Any) -> Any:
    """A number as an array of no dimensions, so that a ufunc treats it as an element."""
    box = np.empty((), dtype=object)
    box[()] = x
    return box


def is_plain(x: Any) -> bool:
    """An array with dimensions that means what NumPy's own do: no matrix with its other product, no mask, no unit."""
    return is_loaded() and type(x) in (np.ndarray, np.memmap) and x.ndim > 0


def by_index(array: Any) -> dict[tuple[int, ...], Any]:
    """The elements by their indices, in order."""
    return {index: array[index] for index in np.ndindex(array.shape)}


def rebuilt(array: Any, leaf: Callable[[Any, tuple[int, ...]], Any]) -> Any:
    """An array of objects of the same shape: ``leaf(x, index)`` for each element."""
    out = np.empty(array.shape, dtype=object)
    for index in np.ndindex(array.shape):
        out[index] = leaf(array[index], index)
    return out


def tidy(array: Any) -> Any:
    """An array of objects as one of floats, where it holds nothing but plain numbers."""
    return array.astype(np.float64) if all(is_real(x) for x in array.flat) else array


def outer(rows: Any, shape: tuple[int, ...]) -> Any:
    """An array of arrays of one shape as one array."""
    flat = np.stack(list(rows.flat)) if rows.size else np.empty((0, *shape))
    return flat.reshape(rows.shape + shape)


def is_ufunc(function: Any) -> bool:
    """One of the ufuncs that stand in NumPy itself."""
    return getattr(np, function.__name__, None) is function
