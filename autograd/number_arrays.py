"""Arrays of Values: on those that autograd gives, NumPy's functions record operations, element by element.

NumPy goes through a plain array of objects by methods of its elements, which floats among them lack, and refuses some
functions altogether. ``number_array()`` is the class of the arrays that autograd gives; docs/numpy.md says what works
on which.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from autograd.arrays import Element, Elements, is_array, is_scalar

if TYPE_CHECKING:
    import numpy as np
else:
    from autograd.arrays import np


@cache
def number_array() -> Any:
    """The class of the arrays of Values (or Duals) that autograd gives."""

    class NumberArray(Elements, np.ndarray):
        """An array of Values: NumPy's functions on it record operations, element by element."""

        def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
            return on_elements(ufunc, method, inputs, options)

        def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
            return called(function, args, keywords)

    return NumberArray


def numbers(x: Any) -> Any:
    """An array of objects as a ``number_array``, another as a plain one; those in a list or tuple too."""
    if type(x) is np.ndarray:
        return x.view(number_array()) if x.dtype.char == "O" else x
    if isinstance(x, Elements):
        return x if x.dtype.char == "O" else plain(x)  # type: ignore[attr-defined]
    return type(x)(map(numbers, x)) if type(x) in (list, tuple) else x


def boxed(x: Any) -> Any:
    """A number with a graph as an array of no dimensions; what NumPy holds in more than 64 bits as float64.

    A longdouble keeps its class in an array of objects, and compares itself to a Value by asking NumPy again.
    """
    if not isinstance(x, Element):
        return np.float64(x) if is_scalar(x) else x.astype(np.float64) if is_array(x) and x.dtype.char == "g" else x
    box = np.empty((), dtype=object)
    box[()] = x
    return box


def lifted(x: Any) -> Any:
    """A number with a graph as a ``number_array`` of no dimensions; anything else as it is."""
    return numbers(boxed(x)) if isinstance(x, Element) else x


def data_of(x: Any) -> Any:
    """The plain numbers behind an array, or a list, of Values."""
    found = np.frompyfunc(lambda each: each.data if isinstance(each, Element) else each, 1, 1)(boxed(x))
    return np.asarray(found, dtype=np.float64)


# ufuncs --------------------------------------------------------------------------------------------------------------

OPERATORS = frozenset((
    "add", "subtract", "multiply", "divide", "power", "negative", "positive", "absolute", "conjugate",
    "matmul", "vecdot", "matvec", "vecmat", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal",
    "logical_and", "logical_or", "logical_not", "logical_xor",
))  # fmt: skip
"""The ufuncs that NumPy runs on objects by operators, which floats have too."""

PREDICATES = frozenset({"isfinite", "isinf", "isnan", "signbit"})
"""What NumPy asks of a number and answers with a truth value, as a comparison does: its data is looked at."""


def on_elements(ufunc: Any, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A ufunc over arrays of which one holds numbers with a graph: element by element, as on one number."""
    name = ufunc.__name__
    one_by_one = name not in OPERATORS and name not in PREDICATES and any(map(of_objects, inputs))
    if method != "__call__" or ufunc.nout != 1 or not one_by_one:
        return by_numpy(ufunc, method, inputs, options)

    def each(*elements: Any) -> Any:
        method = getattr(elements[0], name, None) if isinstance(elements[0], Element) else None
        if method is not None:
            return method(*elements[1:])
        found = ufunc(*elements)
        return found.item() if isinstance(found, np.generic) else found

    return by_numpy(np.frompyfunc(each, ufunc.nin, 1), method, inputs, options)


def by_numpy(ufunc: Any, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A ufunc as NumPy itself runs it on objects. TypeError: it does not; says what to do."""
    if ufunc.__name__ in PREDICATES and not options:
        return ufunc(*map(data_of, inputs))
    inputs = tuple([np.asarray(x) if isinstance(x, Elements) else boxed(x) for x in inputs])
    out = options.get("out", ())
    if out:
        options = {**options, "out": tuple(map(plain, out))}
    try:
        found = numbers(getattr(ufunc, method)(*inputs, **options))
    except TypeError as error:
        if "output" in str(error) and out:
            raise TypeError(f"an array of {out[0].dtype} holds no Values: make it with dtype=object") from None
        raise refusal(ufunc, error) from None
    return found if not out else out[0] if len(out) == 1 else out


def of_objects(x: Any) -> bool:
    """A number with a graph, or an array of objects."""
    return isinstance(x, Element) or (is_array(x) and x.dtype == object)


def plain(x: Any) -> Any:
    """A ``number_array`` as NumPy's own; anything else as it is."""
    return np.asarray(x) if isinstance(x, Elements) else x


REFUSED = "does not work on Values"

ELIMINATE = "eliminate row by row with +, -, * and /, and let autograd.dot(W, x) multiply"
NEIGHBOURS = "np.sort(x) works: take the neighbours of the place, and weigh them"
ADVICE = {
    "solve": ELIMINATE,
    "inv": ELIMINATE,
    "det": "a * d - b * c of two rows; of more, eliminate, and autograd.product(np.diag(U)) of the triangle",
    "percentile": NEIGHBOURS,
    "quantile": NEIGHBOURS,
    "cov": "autograd.mean((x - autograd.mean(x)) * (y - autograd.mean(y)))",
    "corrcoef": "autograd.mean((x - autograd.mean(x)) * (y - autograd.mean(y))), over np.std(x) * np.std(y)",
    "gradient": "np.diff(x)",
    "exp2": "2.0 ** x",
    "deg2rad": "x * (math.pi / 180.0)",
    "radians": "x * (math.pi / 180.0)",
    "rad2deg": "x * (180.0 / math.pi)",
    "degrees": "x * (180.0 / math.pi)",
    "fabs": "autograd.abs(x)",
    "rint": "autograd.floor(x + 0.5)",
    "round": "autograd.floor(x + 0.5)",
    "heaviside": "autograd.where(x > 0.0, 1.0, 0.0)",
}
"""What to write in place of a function that cannot work."""


# other functions -----------------------------------------------------------------------------------------------------


def called(function: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """A function of NumPy's that is no ufunc, on arrays of numbers with a graph. TypeError: NumPy's goes by floats."""
    ours: Any = {np.isclose: isclose, np.allclose: allclose, np.interp: interp, np.sinc: sinc}.get(function)
    try:
        if ours is not None:
            return ours(*args, **keywords)
        return numbers(np.ndarray.__array_function__(np.empty(0), function, (), args, keywords))
    except (TypeError, AttributeError) as error:
        raise refusal(function, error) from None


def isclose(a: Any, b: Any, *args: Any, **options: Any) -> Any:
    """``np.isclose``, of the data."""
    return np.isclose(data_of(a), data_of(b), *args, **options)


def allclose(a: Any, b: Any, *args: Any, **options: Any) -> bool:
    """``np.allclose``, of the data."""
    return bool(np.allclose(data_of(a), data_of(b), *args, **options))


def sinc(x: Any) -> Any:
    """``np.sinc``: sin(pi x) / (pi x); at 0 by its series, so that its derivatives are there too."""
    zero, angle = data_of(x) == 0.0, np.pi * x
    safe = np.where(zero, 1.0, angle)
    return np.where(zero, 1.0 - angle * angle / 6.0, np.sin(safe) / safe)[()]


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    """``np.interp``: straight lines between the points; at a point the slope of the line to its right."""
    at, points = data_of(x), data_of(xp)
    xs, xps, fps = (
        np.asarray(boxed(each) if isinstance(each, Element) else each, dtype=object) for each in (x, xp, fp)
    )
    start = np.clip(np.searchsorted(points, at, side="right") - 1, 0, len(points) - 1)
    line = np.minimum(start, max(len(points) - 2, 0))
    found = fps[start]
    if len(points) > 1:
        found = found + (xs - xps[start]) * ((fps[line + 1] - fps[line]) / (xps[line + 1] - xps[line]))
    found = np.where(at < points[0], boxed(fps[0] if left is None else left), found)
    return numbers(np.where(at > points[-1], boxed(fps[-1] if right is None else right), found))[()]


def refusal(function: Any, error: TypeError | AttributeError) -> TypeError:
    """What NumPy says where it goes by floats, with what to do."""
    if isinstance(error, TypeError) and ("autograd" in str(error) or REFUSED in str(error)):
        return error
    where = "linalg." if "linalg" in (getattr(function, "__module__", "") or "") else ""
    what = ADVICE.get(
        function.__name__, "write it with autograd's functions and arithmetic; docs/numpy.md says what works"
    )
    return TypeError(f"np.{where}{function.__name__} {REFUSED}: {what} (NumPy: {error})")
