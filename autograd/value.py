"""Value: one number of the graph.

Short names, used throughout the engine (see ``reverse`` for the whole picture):
    n       the node being made         a, b    its operands
    pa, pb  d n / d a, d n / d b        z       an operation's output

The operators below are written out by hand, because they are what a program does all day; every other operation is
built from its declaration by ``quick``. The tests hold both to the declarations, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import compress
from operator import mul as times
from typing import TYPE_CHECKING, Any, NoReturn

from autograd import arrays, modes, reverse, scopes
from autograd.errors import GraphError
from autograd.files import collector_paused
from autograd.micrograd import Micrograd, made_by
from autograd.number import ABS, ADD, DIV, MUL, NEG, NUMPY_NAMES, POW, SUB, Number, knows_better
from autograd.op import FLOAT_ERRORS, READINGS, Op, Reading, Unary, not_a_number
from autograd.ops import TABLE, nary
from autograd.ops.nary import add_up
from autograd.record import record
from autograd.reverse import UNREACHED

_new = object.__new__
TWO_53 = 2.0**53


class Value(Number, Micrograd):
    """A number that remembers how it was computed.

    Args:
        data: the number: an int, a float, a NumPy scalar.
        name: what pictures and errors call it; a dot separates a scope, as in ``"h1.w2"``. ``label=`` is the same;
            ``Value(data, (a, b), "+")`` is a node as micrograd makes it (see ``micrograd``).

    Attributes:
        data: the number, a float. Editing it does not recompute what was computed from it.
        grad: d root / d self, after ``root.backward()``; 0.0 before.
        op: the operation that made it; None for a leaf.

    Raises:
        TypeError: ``data`` is no real number.
    """

    __slots__ = ("__weakref__", "_a", "_b", "_data", "_grad", "_mark", "_pa", "_pb", "name", "op")
    _data: float
    _grad: float
    name: str
    op: Op | None
    _a: Any
    _b: Any
    _pa: Any
    _pb: Any
    _mark: Any

    def __init__(self, data: Any, name: Any = "", _op: str = "", label: str = "", _children: Any = ()) -> None:
        if data.__class__ is not float:
            data = scalar(data, "Value")
        self._data = data
        self._grad = UNREACHED
        self.name = name
        self._a = self._b = self._pa = self._pb = self._mark = self.op = None
        if name.__class__ is not str or _op or label or _children:
            self._set_out(name, _op, label, _children)

    def _set_out(self, name: Any, op: str, label: str, children: Any) -> None:
        """What only micrograd's way of calling ``Value`` gives."""
        if not isinstance(name, str) and (name.__class__ in (tuple, list, set) or op):
            name, children = "", name
        name = name or label
        if not isinstance(name, str):
            raise TypeError(f"the name of a Value is text, as in Value(2.0, name='w1'); got {name!r:.60}")
        self.name = name
        if children or op:
            made = made_by(children, op, self._data)
            self._data, self.op = made._data, made.op
            self._a, self._b, self._pa, self._pb = made._a, made._b, made._pa, made._pb

    @property
    def data(self) -> float:
        """The number."""
        return self._data

    @data.setter
    def data(self, data: Any) -> None:
        self._data = data if data.__class__ is float else scalar(data, "data")

    @property
    def grad(self) -> float:
        """d root / d self: what backward passes have added up; 0.0 before any has."""
        return self._grad

    @grad.setter
    def grad(self, grad: Any) -> None:
        if grad is None:  # as PyTorch's users forget a gradient
            self._grad = UNREACHED
        else:
            self._grad = grad if grad.__class__ is float else scalar(grad, "grad")

    @property
    def is_leaf(self) -> bool:
        """No operation is recorded behind it."""
        return self._a is None

    @property
    def has_grad(self) -> bool:
        """A backward pass has reached it since it was made or zeroed."""
        return self._grad is not UNREACHED

    @property
    def operands(self) -> tuple[Value | float, ...]:
        """What the operation was applied to, in order; plain floats are constants. Empty for a leaf."""
        a, b = self._a, self._b
        if a is None:
            return ()
        if self._pb is ...:
            return a if b is None else b  # type: ignore[no-any-return]
        if b is None:
            return (a,)
        return (b[0], a) if b.__class__ is tuple else (a, b)

    @property
    def partials(self) -> tuple[float | None, ...]:
        """d self / d operand for each of ``operands``, as recorded; None for a constant."""
        local = iter([partial for _, partial in reverse.edges(self)])
        return tuple(next(local) if isinstance(x, Value) else None for x in self.operands)

    def __repr__(self) -> str:
        name = f", name={self.name!r}" if self.name else ""
        return f"Value(data={self._data!r}, grad={self._grad!r}{name})"

    # -- gradients -------------------------------------------------------------------------------------------------

    def backward(self, seed: float = 1.0) -> None:
        """Add d self / d leaf (times ``seed``) to ``grad`` of every leaf behind this node.

        A second call adds the same again to the leaves; an inner node holds the gradient of the last root. The
        gradient is that of the recorded forward pass, even if ``data`` was edited since.

        Raises:
            GraphError: this Value was computed inside ``no_grad()`` or detached.
            AnomalyError: inside ``detect_anomaly()``, at the first gradient that is nan or inf.
        """
        if self._a is None and self.op is not None:
            raise GraphError("this Value has no graph: it was computed inside no_grad(), or detached")
        reverse.backward(self, seed if seed.__class__ is float else scalar(seed, "backward"))

    def zero_grad(self) -> None:
        """Forget the gradients of this node and of every node behind it."""
        with reverse.undisturbed:
            for node in reverse.topological(self):
                node._grad = UNREACHED

    def detach(self) -> Value:
        """The same number as a new leaf, with no graph behind it."""
        return detached(self._data, self.name)

    # -- the hot path ----------------------------------------------------------------------------------------------

    if not TYPE_CHECKING:  # the types are those of Number's operators, which these are a short way for

        def __add__(self, other: Any) -> Any:
            if modes.active:
                return slow(ADD, self, other)
            n = _new(Value)
            if other.__class__ is Value:
                n._data = self._data + other._data
                n._b = other
                n._pb = 1.0
            elif other.__class__ is float or other.__class__ is int:
                n._data = self._data + other
                n._b = float(other)
                n._pb = None
            else:
                return slow(ADD, self, other)
            n._a = self
            n._pa = 1.0
            n.op = ADD
            n._grad = UNREACHED
            n._mark = None
            n.name = ""
            return n

        def __radd__(self, other: Any) -> Any:
            if modes.active or not (other.__class__ is int or other.__class__ is float):
                return slow(ADD, other, self)
            n = _new(Value)
            n._data = other + self._data
            n._b = (float(other),)
            n._a = self
            n._pa = 1.0
            n._pb = None
            n.op = ADD
            n._grad = UNREACHED
            n._mark = None
            n.name = ""
            return n

        def __sub__(self, other: Any) -> Any:
            if modes.active:
                return slow(SUB, self, other)
            n = _new(Value)
            if other.__class__ is Value:
                n._data = self._data - other._data
                n._b = other
                n._pb = -1.0
            elif other.__class__ is float or other.__class__ is int:
                n._data = self._data - other
                n._b = float(other)
                n._pb = None
            else:
                return slow(SUB, self, other)
            n._a = self
            n._pa = 1.0
            n.op = SUB
            n._grad = UNREACHED
            n._mark = None
            n.name = ""
            return n

        def __mul__(self, other: Any) -> Any:
            if modes.active:
                return slow(MUL, self, other)
            n = _new(Value)
            if other.__class__ is Value:
                n._pb = x = self._data
                n._pa = y = other._data
                n._data = x * y
                n._b = other
            elif other.__class__ is float or other.__class__ is int:
                n._b = n._pa = y = float(other)
                n._data = self._data * y
                n._pb = None
            else:
                return slow(MUL, self, other)
            n._a = self
            n.op = MUL
            n._grad = UNREACHED
            n._mark = None
            n.name = ""
            return n

        def __rmul__(self, other: Any) -> Any:
            if modes.active or not (other.__class__ is int or other.__class__ is float):
                return slow(MUL, other, self)
            n = _new(Value)
            n._pa = x = float(other)
            n._data = x * self._data
            n._b = (x,)
            n._a = self
            n._pb = None
            n.op = MUL
            n._grad = UNREACHED
            n._mark = None
            n.name = ""
            return n

        def __truediv__(self, other: Any) -> Any:
            if other.__class__ is not Value or modes.active or not other._data:
                return slow(DIV, self, other)
            n = _new(Value)
            y = other._data
            n._data = z = self._data / y
            n._pa = 1.0 / y
            n._pb = -z / y
            n._a = self
            n._b = other
            n.op = DIV
            n._grad = UNREACHED
            n._mark = None
            n.name = ""
            return n

        def __pow__(self, other: Any, modulus: None = None) -> Any:
            if modulus is not None:
                raise TypeError("a power modulo a number has no derivative: write v ** n")
            if (other.__class__ is int or other.__class__ is float) and other and not modes.active:
                x, y = self._data, float(other)
                try:
                    z = math.pow(x, y)
                    power = math.pow(x, y - 1.0)
                except FLOAT_ERRORS:
                    return slow(POW, self, other)
                if not (1e-290 < abs(power) < 1e290 and (y - 1.0) + 1.0 == y and -TWO_53 < y < TWO_53):
                    return slow(POW, self, other)  # the declaration takes more care than this
                n = _new(Value)
                n._data = z
                n._pa = y * power
                n._a = self
                n._b = y
                n._pb = None
                n.op = POW
                n._grad = UNREACHED
                n._mark = None
                n.name = ""
                return n
            return slow(POW, self, other)

        def __rsub__(self, other: Any) -> Any:
            return slow(SUB, other, self)

        def __rtruediv__(self, other: Any) -> Any:
            return slow(DIV, other, self)

        def __rpow__(self, other: Any) -> Any:
            return slow(POW, other, self)

    # -- copies: iterative, so that a graph of any depth can be copied ----------------------------------------------
    # Inside a derivative, what depends on its variables is copied as the same number, which goes on depending on them.

    def __copy__(self) -> Value:
        if any(id(self) in scope.variables for scope in scopes.around()):
            return IDENTITY.apply((self,))  # type: ignore[no-any-return]
        return self._twin()

    def _twin(self) -> Value:
        n = _new(type(self))
        n._data, n._grad, n.name, n.op = self._data, self._grad, self.name, self.op
        n._a, n._b, n._pa, n._pb, n._mark = self._a, self._b, self._pa, self._pb, None
        for slot in ("where", "elsewhere"):  # made inside detect_anomaly(), or by another computer
            if hasattr(self, slot):
                object.__setattr__(n, slot, getattr(self, slot))
        return n

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        if scopes.depends((self,), scopes.around()):
            memo[id(self)] = IDENTITY.apply((self,))
            return memo[id(self)]  # type: ignore[no-any-return]
        with reverse.undisturbed, collector_paused():
            for node in reverse.topological(self):
                if id(node) not in memo:
                    n = memo[id(node)] = node._twin()
                    n._a, n._b = twin(n._a, memo), twin(n._b, memo)
        return memo[id(self)]  # type: ignore[no-any-return]

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("Values are not pickled: save a graph with autograd.save(root, path), a model with nn.save")


def twin(x: Any, memo: dict[int, Any]) -> Any:
    """The copy of what a slot holds: a node, a tuple of nodes and constants, a constant."""
    if x.__class__ is tuple:
        return tuple(twin(each, memo) for each in x)
    return memo[id(x)] if isinstance(x, Value) else x


def detached(data: float, name: str = "") -> Value:
    """A leaf that stands where a graph was dropped: ``backward()`` of it is an error."""
    n = Value(data, name)
    n.op = IDENTITY
    return n


def scalar(x: Any, where: str) -> float:
    """The plain float of a real number of any usual type. TypeError: it is none, with what to do."""
    if isinstance(x, Number):
        raise TypeError(f"{where} takes a plain number, not a {type(x).__name__}: use .data of it")
    if arrays.is_real(x):
        return float(x)
    if arrays.is_array(x) and x.ndim == 0 and x.dtype.kind in "iufb":
        return float(x)
    if arrays.is_array(x):
        raise TypeError(
            f"{where} holds one number, not an array of shape {x.shape}: "
            "use numpy.array([Value(x) for x in row]) for an array of Values"
        )
    raise not_a_number(x, where)


def slow(op: Op, x: Any, y: Any) -> Any:
    """An operator whose operands are not two Values, or in a mode; leaves other types their own operators."""
    if (y.__class__ not in READINGS and knows_better(y)) or (x.__class__ not in READINGS and arrays.is_array(x)):
        return NotImplemented
    return op.apply((x, y))


def run_values(op: Op, operands: tuple[Any, ...]) -> Any:
    """The reading of Values: record a node, the quick way where there is one."""
    method = QUICK.get(op)
    return run_all(op, operands) if method is None else method(operands[0])


def run_all(op: Op, operands: tuple[Any, ...]) -> Any:
    """Record a node in the current mode, of any mixture of Values and numbers."""
    numbers = [
        x if x.__class__ is float or isinstance(x, Value) else scalar(x, f"autograd.{op.name}") for x in operands
    ]
    return record(op, tuple(numbers), Value, detached)


def quick_dot(operands: tuple[Any, ...]) -> Any:
    """A neuron's weighted sum of Values and floats; anything else takes the way of every other operation."""
    constants = False
    try:
        data = [x._data for x in operands]
    except AttributeError:
        constants = True
        kinds = set(map(type, operands))
        if kinds != {float, Value}:
            return DOT.apply(operands)
        data = [x if x.__class__ is float else x._data for x in operands]
    if modes.active:
        return run_all(DOT, operands)
    half = len(data) // 2
    ws, xs = data[:half], data[half:]
    terms = [*map(times, ws, xs)]
    n = _new(Value)
    if len(xs) > half:
        terms.append(xs.pop())
        n._pa = (*xs, *ws, 1.0)
    else:
        n._pa = (*xs, *ws)
    try:
        n._data = math.fsum(terms)
    except (OverflowError, ValueError):
        n._data = add_up(terms)
    n._pb = ...
    n._a = operands
    n._b = None
    if constants:
        nodes = [x.__class__ is Value for x in operands]
        n._a, n._b, n._pa = tuple(compress(operands, nodes)), operands, tuple(compress(n._pa, nodes))
    n.op = DOT
    n._grad = UNREACHED
    n._mark = None
    n.name = ""
    return n


def quick(op: Unary) -> Callable[[Value], Value]:
    """The operation as a method of Values, built from its declaration: straight to the floats."""
    forward, rule = op.forward, op.float_rules[0]

    def method(self: Value) -> Value:
        if modes.active:
            return run_all(op, (self,))  # type: ignore[no-any-return]
        x = self._data
        try:
            z = forward(x)
            p = rule(z, x)
        except FLOAT_ERRORS:
            return run_all(op, (self,))  # type: ignore[no-any-return]
        n = _new(Value)
        n._data = z
        n._pa = p
        n._a = self
        n._b = n._pb = n._mark = None
        n.op = op
        n._grad = UNREACHED
        n.name = ""
        return n

    method.__name__ = op.name
    method.__doc__ = op.__doc__
    op.short[Value] = method
    return method


DOT, IDENTITY = nary.dot, TABLE["identity"]
DOT.hot = quick_dot  # type: ignore[method-assign]
QUICK: dict[Op, Callable[[Value], Value]] = {op: quick(op) for op in TABLE.values() if isinstance(op, Unary)}
"""The methods built from the declarations of one operand."""

READINGS[Value] = Reading(2, run_values)
for _op, _method in QUICK.items():
    if _op.public:
        for _name in {_op.name, NUMPY_NAMES.get(_op.name, _op.name)}:
            setattr(Value, _name, _method)
Value.__neg__ = QUICK[NEG]  # type: ignore[method-assign, assignment]
Value.__abs__ = QUICK[ABS]  # type: ignore[method-assign, assignment]
