"""The array layer: all that the engine knows of NumPy, which is imported when an array first appears.

Nothing else in the engine imports NumPy, so that ``import autograd`` costs what its own modules cost. What asks "is
this an array?" asks here: where NumPy has not been imported by anybody, nothing is one.

The rules: arrays of numbers of any kind are read as float64; arrays of Values (of objects) go element by element; a
0-d array is the number in it; what takes a sequence takes an array along its last axis, or along ``axis``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from functools import partial
from operator import index
from typing import TYPE_CHECKING, Any

from autograd.locks import importing

if TYPE_CHECKING:
    import numpy as np
else:

    class _Later:
        """NumPy, imported when somebody looks into it."""

        def __getattr__(self, name):
            with importing:
                import numpy

            found = self.__dict__[name] = getattr(numpy, name)
            return found

    np = _Later()

ArrayFunction = str | Callable[..., Any]
"""How a declaration names its function on arrays: NumPy's name for it, or a function of (np, *arrays)."""

Axis = int | tuple[int, ...] | None
"""The axes that a reduction goes along: one, several, or (None) all of them."""


class Element:
    """A number that arrays of objects hold: Value, Dual and Expr are such. ``data`` is the plain float behind it."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def data(self) -> float:
            """The plain float."""


class Elements:
    """An array of such numbers, of the class that autograd gives: ``number_arrays.number_array``."""

    __slots__ = ()


# what is what ---------------------------------------------------------------------------------------------------------


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


def is_single(x: Any) -> bool:
    """An array of no dimensions, which stands for the number in it."""
    return is_array(x) and not x.ndim


def is_numeric(x: Any) -> bool:
    """A real number, or an array of such: what declarations run on at NumPy's speed."""
    return is_real(x) or (is_array(x) and x.dtype != object)


def has_axes(x: Any) -> bool:
    """An array of one dimension or more."""
    return is_array(x) and x.ndim > 0


def is_many(x: Any) -> bool:
    """An array, or what NumPy can make one of: a pandas Series or DataFrame, say."""
    return hasattr(type(x), "__array__") and is_loaded()


def is_masked(x: Any) -> bool:
    """One of NumPy's masked arrays."""
    return is_array(x) and isinstance(x, np.ma.MaskedArray)


def is_ready(x: Any) -> bool:
    """An array of float64 with dimensions, as ``read`` gives it: the usual case, at one look."""
    return is_loaded() and type(x) is np.ndarray and x.dtype.char == "d" and x.ndim > 0


def read(x: Any) -> Any:
    """Real numbers as float64, whatever they were; an array of objects as it is.

    Raises:
        TypeError: an array of something else, or one that masks its elements; says what to do.
    """
    if is_ready(x):
        return x
    if not is_array(x):
        return np.float64(x) if is_real(x) else read(np.asarray(x))
    if is_masked(x):
        raise TypeError("a masked array is refused, its mask would be lost: give x.compressed(), or x.filled(number)")
    x = np.asarray(x)
    if x.dtype == object or x.dtype == np.float64:
        return x
    if x.dtype.kind in "biuf":
        return x.astype(np.float64)
    hint = "use .real and .imag" if x.dtype.kind == "c" else "convert it first, as in array.astype(float)"
    raise TypeError(f"an array of {x.dtype} holds no real numbers: {hint}")


def sequence(x: Any) -> Any:
    """What holds numbers in a row as an array: of floats where it holds nothing else, else of objects."""
    if is_many(x):
        return read(x)
    items = list(x)
    if all(map(is_real, items)):
        return np.array(items, dtype=np.float64)
    out = np.empty(len(items), dtype=object)
    for place, item in enumerate(items):
        out[place] = item[()] if is_single(item) else item
    return out


# declarations over arrays --------------------------------------------------------------------------------------------


def with_namespace(namespace: Any, function: ArrayFunction) -> Callable[..., Any]:
    """A declaration's function on arrays, in NumPy's words or in those of another library that speaks them."""
    return getattr(namespace, function) if isinstance(function, str) else partial(function, namespace)


def quietly(function: ArrayFunction, *operands: Any) -> Any:
    """Run a function on arrays with IEEE results and no warnings."""
    with np.errstate(all="ignore"):
        return with_namespace(np, function)(*operands)


def on_arrays(function: ArrayFunction | None, alone: Callable[..., float], operands: Sequence[Any]) -> Any:
    """Run a declaration over arrays that broadcast, with IEEE results; without ``function``, each element ``alone``."""
    return quietly(function or (lambda np, *each: np.vectorize(alone, otypes=[np.float64])(*each)), *operands)


def ieee(function: Callable[..., Any], *operands: float) -> Any:
    """``function`` of the operands as NumPy's floats, which give inf or nan where Python's raise."""
    with np.errstate(all="ignore"):
        return function(*map(np.float64, operands))


def ieee_value(function: ArrayFunction, operands: Sequence[float], together: bool) -> float:
    """The value of a declaration at floats, by its function on arrays: of the operands ``together``, or of each."""
    return float(quietly(function, *([np.array(operands)] if together else map(np.float64, operands))))


def elementwise(function: Callable[..., Any], operands: Sequence[Any]) -> Any:
    """``function`` of each element of arrays that broadcast, as an array of objects."""
    return np.frompyfunc(function, len(operands), 1)(
        *(np.asarray(x) if isinstance(x, Elements) else x for x in operands)
    )


# along axes ----------------------------------------------------------------------------------------------------------


def axes_of(axis: Axis, dimensions: int) -> tuple[int, ...]:
    """The axes as numbers from 0 up. TypeError: no axis. ValueError: the array has no such axis, or it comes twice."""
    if axis == -1 and dimensions:
        return (dimensions - 1,)
    if axis is None:
        return tuple(range(dimensions))
    chosen = axis if isinstance(axis, tuple) else (axis,)
    if any(isinstance(x, bool) or not hasattr(x, "__index__") for x in chosen):
        raise TypeError(f"axis is a whole number, a tuple of them, or None for all axes; got {axis!r:.40}")
    for x in map(index, chosen):
        if not -dimensions <= x < dimensions:
            raise ValueError(f"axis {x} is out of range: the array has {dimensions} dimension{'s' * (dimensions != 1)}")
    found = tuple(index(x) % dimensions for x in chosen)
    if len(set(found)) < len(found):
        raise ValueError(f"an axis comes twice in {axis!r}")
    return found


def rows_of(values: Any, axes: tuple[int, ...]) -> tuple[Any, tuple[int, ...]]:
    """The array with its axes put last and made one, and the shape before they were made one."""
    kept = values.ndim - len(axes)
    if axes == (kept,):
        return values, values.shape
    moved = np.moveaxis(values, axes, range(kept, values.ndim))
    return moved.reshape(*moved.shape[:kept], math.prod(moved.shape[kept:])), moved.shape


def reduced(
    values: Any, axis: Axis, keepdims: bool, on_floats: Callable[[Any], Any], on_row: Callable[[tuple[Any, ...]], Any]
) -> Any:
    """An array with one number in place of every row along ``axis``: shape as NumPy's; a number if nothing is left.

    An array of floats goes as a whole by ``on_floats``; one of objects, and an empty row, by ``on_row``.
    """
    axes = axes_of(axis, values.ndim)
    rows, _ = rows_of(values, axes)
    if rows.dtype != object and rows.shape[-1]:
        found = np.asarray(on_floats(rows))
    elif rows.ndim == 1 and not keepdims:
        return on_row(tuple(rows))
    else:
        found = np.empty(rows.shape[:-1], dtype=rows.dtype)
        for place in np.ndindex(found.shape):
            found[place] = on_row(tuple(rows[place]))
    return (np.expand_dims(found, axes) if keepdims else found)[()]


def replaced(
    values: Any, axis: Axis, on_floats: Callable[[Any], Any], on_row: Callable[[Sequence[Any]], Sequence[Any]]
) -> Any:
    """An array of the same shape, every row along ``axis`` replaced by another; the two functions as in ``reduced``."""
    axes = axes_of(axis, values.ndim)
    rows, shape = rows_of(values, axes)
    if rows.dtype != object:
        found = on_floats(rows) if rows.shape[-1] else rows
    else:
        found = np.empty(rows.shape, dtype=object)
        for place in np.ndindex(rows.shape[:-1]):
            found[place] = on_row(list(rows[place]))
    return np.moveaxis(found.reshape(shape), range(len(shape) - len(axes), len(shape)), axes)


def last(values: Any, axis: Any) -> Any:
    """The array with one axis moved to the end. TypeError, ValueError: see ``axes_of``; of no dimensions."""
    if not values.ndim:
        raise TypeError(f"a sequence or an array with an axis is needed; got the number {values[()]!r:.60}")
    if axis is None or isinstance(axis, tuple):
        raise TypeError(f"axis is one whole number here; got {axis!r:.40}")
    return np.moveaxis(values, axes_of(axis, values.ndim)[0], -1)


def expanded(x: Any, axis: int) -> Any:
    """The array with an axis of length 1 where one was taken away."""
    return np.expand_dims(x, axis) if is_array(x) else sequence([x])


def beside(*blocks: Any) -> Any:
    """Arrays one after the other along their last axis, the others broadcast."""
    shape = np.broadcast_shapes(*(block.shape[:-1] for block in blocks))
    return np.concatenate([np.broadcast_to(block, (*shape, block.shape[-1])) for block in blocks], axis=-1)


def column(x: Any) -> Any:
    """A number, an array or a list as ``beside`` takes what has one number a row."""
    if isinstance(x, list | tuple):
        return sequence(x)[..., None]
    return (read(x) if is_array(x) or is_real(x) else sequence([x])[0:1].reshape(()))[..., None]


# structures ----------------------------------------------------------------------------------------------------------


def is_plain(x: Any) -> bool:
    """An array with dimensions that means what NumPy's own do: no matrix with its other product, no mask, no unit."""
    return is_loaded() and (type(x) in (np.ndarray, np.memmap) or isinstance(x, Elements)) and x.ndim > 0


def by_index(array: Any) -> dict[tuple[int, ...], Any]:
    """The elements by their indices, in order."""
    return {index: array[index] for index in np.ndindex(array.shape)}


def rebuilt(array: Any, leaf: Callable[[Any, tuple[int, ...]], Any]) -> Any:
    """An array of objects of the same shape: ``leaf(x, index)`` for each element."""
    out = np.empty(array.shape, dtype=object)
    for place in np.ndindex(array.shape):
        out[place] = leaf(array[place], place)
    return out


def tidy(array: Any) -> Any:
    """An array of objects as one of floats, where it holds nothing but plain numbers."""
    return np.array(array, dtype=np.float64) if all(is_real(x) for x in array.flat) else array


def outer(rows: Any, shape: tuple[int, ...]) -> Any:
    """An array of arrays of one shape as one array."""
    flat = np.stack(list(rows.flat)) if rows.size else np.empty((0, *shape))
    return flat.reshape(rows.shape + shape)


def is_ufunc(function: Any) -> bool:
    """One of the ufuncs that stand in NumPy itself; ``np.clip`` is a function over one of its name."""
    return function.__name__ == "clip" or getattr(np, function.__name__, None) is function
