"""What every kind of number with a graph or a tangent has in common: operators, methods, comparisons.

Value, Dual and Expr inherit from ``Number``. Its operators run the declared operations; every unary operation of the
table is a method too, under its own name and under the name that NumPy looks for (``np.arcsin`` of an object array
calls ``.arcsin()``). ``number.pyi`` beside this file is its typed face.
"""

import math
import numbers
import operator
from collections.abc import Callable
from typing import Any, NoReturn

from autograd import arrays, modes, number_arrays
from autograd.op import READINGS, Op, Several, Unary
from autograd.ops import TABLE

NUMPY_NAMES = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2",
    "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "abs": "absolute",
    "sub": "subtract", "mul": "multiply", "div": "divide", "neg": "negative", "pow": "power",
}  # fmt: skip
"""Where NumPy calls an operation by another name than we do."""

BY_NUMPY_NAME: dict[str, Op] = {NUMPY_NAMES.get(name, name): op for name, op in TABLE.items() if op.public}
"""The operations under the names that NumPy's functions have."""

ADD, SUB, MUL, DIV, NEG, POW, ABS = (TABLE[name] for name in ("add", "sub", "mul", "div", "neg", "pow", "abs"))


class Number(arrays.Element):
    """The operators and methods of Value, Dual and Expr. ``data`` is the plain float behind it."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy's ufuncs: of numbers they run the operation, beside arrays they go element by element."""
        if method != "__call__" or options or any(map(arrays.has_axes, inputs)):
            return number_arrays.on_elements(ufunc, method, inputs, options)
        op = BY_NUMPY_NAME.get(ufunc.__name__)
        if op is not None and arrays.is_ufunc(ufunc):
            return op.apply(inputs)
        return number_arrays.by_numpy(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        """NumPy's other functions, as on an array that holds this number."""
        return number_arrays.called(function, tuple(map(number_arrays.lifted, args)), keywords)

    def conjugate(self) -> Any:
        """The number itself, which is real: for ``np.var``, ``np.vdot`` and ``np.linalg.norm``."""
        return self

    def __floor__(self) -> Any:
        return TABLE["floor"].apply((self,))

    def __ceil__(self) -> Any:
        return -math.floor(-self)

    def __trunc__(self) -> Any:
        return TABLE["sign"].apply((self,)) * math.floor(abs(self))

    def __pos__(self) -> Any:
        return self

    def __bool__(self) -> bool:
        if modes.traces:
            modes.refuse_look("whether a number is 0")
        return bool(self.data)

    def __format__(self, spec: str) -> str:
        if modes.traces:
            modes.refuse_look("its number as text")
        return format(self.data, spec)

    def __float__(self) -> NoReturn:
        kind = type(self).__name__
        raise TypeError(
            f"a {kind} does not turn into a float silently, its gradient would be lost: "
            "write autograd.sin(v) in place of math.sin(v) (and so on), and make an array that is to hold it with "
            "dtype=object, as np.zeros(3, dtype=object); only where the plain number is meant, v.data"
        )

    __int__ = __index__ = __complex__ = __float__

    def __floordiv__(self, other: object) -> NoReturn:
        raise TypeError("// has no useful derivative (it is flat between jumps): use /, or autograd.floor(a / b)")

    def __mod__(self, other: object) -> NoReturn:
        raise TypeError("% is refused: write a - b * autograd.floor(a / b), which shows its slopes")

    __rfloordiv__ = __floordiv__
    __rmod__ = __divmod__ = __rdivmod__ = __mod__

    def __matmul__(self, other: object) -> Any:
        if hasattr(other, "__array_priority__") or hasattr(other, "__array__"):
            return NotImplemented
        raise TypeError(
            "@ multiplies arrays: autograd.dot(ws, xs) is the sum of products of two sequences, v * w a product"
        )

    __rmatmul__ = __matmul__

    def __round__(self, digits: object = None) -> NoReturn:
        raise TypeError("round() would lose the gradient: use round(v.data, digits), or f'{v:.3f}' to print")

    __hash__ = object.__hash__


def infix(op: Op) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    """The operator and its reflection, by the operation's declaration."""

    def forwards(self: Any, other: Any) -> Any:
        return NotImplemented if knows_better(other) else op.apply((self, other))

    def backwards(self: Any, other: Any) -> Any:
        return NotImplemented if arrays.is_array(other) else op.apply((other, self))

    return forwards, backwards


def knows_better(other: Any) -> bool:
    """Is it of a type that has operators of its own for numbers: an array, a pandas Series, a quantity with a unit?

    What Python brings along (text, None, lists, complex) has none, and gets the TypeError that says what to do.
    """
    kind = type(other)
    if arrays.is_masked(other):
        arrays.read(other)  # refuses it: NumPy would take a Value's data, without its graph
    if kind in READINGS or arrays.is_array(other):
        return kind not in READINGS
    foreign = (
        kind.__module__ != "builtins" and not isinstance(other, numbers.Number | Number) and hasattr(kind, "__rmul__")
    )
    return foreign and not arrays.is_bool(other)


def comparison(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    """A comparison of data with data, as PyTorch's tensors compare; of other types, Python's own answer."""

    def method(self: Any, other: Any) -> Any:
        if modes.traces:
            modes.refuse_look(f"a comparison, {compare.__name__}")
        if isinstance(other, Number):
            return compare(self.data, other.data)
        if arrays.is_real(other):
            return bool(compare(self.data, float(other) if arrays.is_scalar(other) else other))
        return NotImplemented

    return method


def method_of(op: Op) -> Callable[..., Any]:
    """The operation as a method: the number itself is the first operand."""
    if isinstance(op, Unary):
        return lambda self: op.apply((self,))

    def method(self: Any, *others: Any, **named: Any) -> Any:
        return op(self, *others, **named)

    return method


for _symbol, _op in (("add", ADD), ("sub", SUB), ("mul", MUL), ("truediv", DIV), ("pow", POW)):
    _forwards, _backwards = infix(_op)
    setattr(Number, f"__{_symbol}__", _forwards)
    setattr(Number, f"__r{_symbol}__", _backwards)
for _symbol in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Number, f"__{_symbol}__", comparison(getattr(operator, _symbol)))
for _symbol, _op in (("neg", NEG), ("abs", ABS)):
    setattr(Number, f"__{_symbol}__", method_of(_op))
for _op in TABLE.values():
    if _op.public and isinstance(_op, Unary | Several) and _op.name != "where":
        for _symbol in dict.fromkeys((_op.name, NUMPY_NAMES.get(_op.name, _op.name))):
            setattr(Number, _symbol, method_of(_op))
