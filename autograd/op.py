"""What an operation is, and how one declaration is read by many kinds of number.

An operation is declared once (``autograd/ops``): its function on floats, its partial derivatives as straight-line
expressions, its domain, its kinks, how it prints. A *reading* runs a declaration on one kind of number:

    float       the plain value                          (here)
    ndarray     the same over arrays, IEEE results       (here)
    Value       records a node of the graph              (value.py)
    Dual        carries a tangent forward                (forward.py)
    Expr        writes the expression as text and LaTeX  (text.py)

The rules hold no ``if`` on data, so that all of them can run them; a piecewise slope goes through ``exceeds`` and
``where``, which are operations themselves. The idea is that of JAX's autodidax: a set of operations, a set of
interpreters. The rules may use the output ``z``, as in JuliaDiff's ChainRules.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

from autograd import arrays, modes, number_arrays
from autograd.errors import DomainError

if TYPE_CHECKING:
    import numpy.typing as npt

    from autograd.number import Number

    N = TypeVar("N", bound=Number)
    Array = npt.NDArray[Any]

Rule = Callable[..., Any]
"""``rule(z, *operands)``: a local derivative, from the output and the operands, on any kind of number."""

FLOAT_ERRORS = (ValueError, ArithmeticError)
"""What Python's floats raise where a function is not defined or overflows."""


@dataclass(frozen=True)
class Interval:
    """The real numbers from ``low`` to ``high``; the ends belong to it unless they are open."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, x: float) -> bool:
        above = x > self.low if self.low_open else x >= self.low
        below = x < self.high if self.high_open else x <= self.high
        return above and below

    def __str__(self) -> str:
        if self == REAL:
            return "any x"
        if self.high == -self.low == sys.float_info.max:
            return "finite x"
        low = "" if self.low == -math.inf else f"{self.low:.6g} {'<' if self.low_open else '<='} "
        high = "" if self.high == math.inf else f" {'<' if self.high_open else '<='} {self.high:.6g}"
        if low and high:
            return f"{low}x{high}"
        if low:
            return f"x {'>' if self.low_open else '>='} {self.low:.6g}"
        return f"x{high}"


REAL = Interval()


class Reading(NamedTuple):
    """How one kind of number runs an operation; where kinds meet, the higher rank has the word."""

    rank: int
    run: Callable[[Op, tuple[Any, ...]], Any]


READINGS: dict[type, Reading] = {}
rank_of = itemgetter(0)

SEQUENCES = (list, tuple)
"""What holds a sequence of numbers and is no array, at one look."""


class Op:
    """One operation: callable on every kind of number that has a reading.

    Args:
        name: the name of the function in ``autograd``, and in files.
        forward: the function on floats; raises ValueError or ArithmeticError where it is not defined.
        partials: one rule per operand; for an n-ary operation one rule that returns them all.
        book: the partials as a textbook writes them, where ``partials`` is written for the last digits instead
            (1 - z*z for tanh). Only the text reading uses them; the tests hold them to be the same function.
        array: the function on arrays, with IEEE results: NumPy's name for it, or a function of (np, *arrays), ``np``
            being NumPy or a library that speaks its words; ``None`` runs ``forward`` on each element.
        symbol: what the chip on a card shows. ``text``, ``latex``: templates of the expression; ``{0:4}`` puts the
            operand in brackets unless it binds at least as strongly as 4.
        binding: how strongly the expression binds, for brackets: 1 sum, 2 product, 3 sign, 4 power, 9 closed.
        domain: one interval per operand (one for all operands of an n-ary operation).
        defined: a condition on all operands together, beyond ``domain``.
        kinks: signed distances to the places where a slope jumps (or is infinite inside the domain), from the
            operands, by operations on them: a kink is where one is zero, and depends on an operand that varies.
        ulps: the error bound of the value and of every partial, in units of the last place, where the function is
            well conditioned; times its condition number elsewhere. At most 4.
        note: a word on the numerics.
    """

    arity: int | None = None
    why = "it overflows or has no real value there"
    """What an error says where the operands lie in their domains, and the operation is not defined all the same."""

    def __init__(
        self,
        name: str,
        forward: Callable[..., float],
        partials: Sequence[Rule] | Rule,
        *,
        book: Sequence[Rule] | None = None,
        array: arrays.ArrayFunction | None = None,
        symbol: str = "",
        text: str = "",
        latex: str = "",
        binding: int = 9,
        domain: Sequence[Interval] = (),
        defined: Callable[..., bool] | None = None,
        kinks: Callable[..., tuple[Any, ...]] | None = None,
        ulps: float = 4.0,
        note: str = "",
        public: bool = True,
    ) -> None:
        self.name = self.__name__ = name
        self.forward = forward
        self.partials = partials
        self.book = book
        self.symbol = symbol or name
        self.text = text
        self.latex = latex
        self.binding = binding
        self.defined = defined
        self.kinks = kinks
        self.ulps = ulps
        self.note = note
        self.public = public
        self.__doc__ = forward.__doc__
        self.__module__ = forward.__module__
        if self.arity is None:
            self.domain = tuple(domain) or (REAL,)
        else:
            rules = () if callable(partials) else tuple(partials)
            if len(rules) != self.arity or not all(callable(rule) for rule in rules):
                raise TypeError(
                    f"{name} has {self.arity} operand(s), so its partials must be {self.arity} function(s) of "
                    f"(z, {', '.join(f'x{i + 1}' for i in range(self.arity))}); got {partials!r}"
                )
            self.partials = rules
            self.domain = tuple(domain) or (REAL,) * self.arity
            self.__signature__ = inspect.signature(forward)
            spots = list(self.__signature__.parameters.values())
            self.defaults = tuple(p.default for p in spots if p.default is not p.empty)
        self._array = array
        self.short: dict[type, Callable[[Any], Any]] = {}  # the short ways of kinds that have one, beside READINGS

    def __call__(self, *operands: Any, **named: Any) -> Any:
        """Run the operation; the subclasses say on what."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<operation {self.name}>"

    def __reduce__(self) -> str:
        raise TypeError(
            "operations, and the graphs and programs that hold them, are not pickled: save graphs with autograd.save, "
            "models with nn.save, compiled functions as text with autograd.to_source"
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Op:
        return self

    def __copy__(self) -> Op:
        return self

    # -- the readings that need nothing but this module ------------------------------------------------------------

    def array(self, *operands: Any) -> Any:
        """The operation over NumPy arrays (broadcast): inf and nan where floats would raise. Shape as NumPy's."""
        return arrays.on_arrays(self._array, self.quiet, operands)

    def quiet(self, *operands: float) -> float:
        """The value on floats with IEEE results: inf or nan where ``forward`` raises."""
        try:
            return self.forward(*operands)
        except FLOAT_ERRORS as error:
            if self._array is not None:
                return arrays.ieee_value(self._array, operands, together=self.arity is None)
            return math.inf if isinstance(error, OverflowError) else math.nan

    def partial_on_floats(self, index: int, z: float, operands: Sequence[float]) -> float:
        """The local derivative with respect to one operand, from plain floats; inf or nan where it is."""
        try:
            return float(self.float_rules[index](z, *operands))
        except FLOAT_ERRORS:
            pass
        try:
            return float(arrays.ieee(self.rule(index), z, *operands))
        except FLOAT_ERRORS as error:  # a rule of the user's, written with math's functions
            shown = ", ".join(f"{x!r:.40}" for x in operands)
            raise DomainError(
                f"the slope of {self.name}({shown}) is not defined: its rule {index + 1} raised {type(error).__name__} "
                f"({error}). Written with autograd's functions in place of math's, it would be inf or nan there."
            ) from None

    def is_at_kink(self, operands: Sequence[float]) -> bool:
        """Is one of the distances from its kinks 0 at these operands?"""
        try:
            return self.kinks is not None and any(distance == 0.0 for distance in self.kinks(*operands))
        except FLOAT_ERRORS:
            return False

    def rule(self, index: int) -> Rule:
        """The rule for one operand; an n-ary operation's rule gives all, of which this one is taken."""
        if not callable(self.partials):
            return self.partials[index]
        every = self.partials
        return lambda z, *operands: every(z, *operands)[index]

    @property
    def float_rules(self) -> tuple[Rule, ...]:
        """The rules with every operation in them replaced by its plain float function: the fast reading."""
        rules = self.__dict__.get("_float_rules")
        if rules is None:
            if callable(self.partials):
                raise TypeError(f"{self.name} is n-ary: ask rule(index)")
            rules = self.__dict__["_float_rules"] = tuple(on_floats(rule) for rule in self.partials)
        return rules

    # -- dispatch --------------------------------------------------------------------------------------------------

    def apply(self, operands: tuple[Any, ...]) -> Any:
        """Run the operation by the reading of the highest-ranking operand."""
        kinds = set(map(type, operands))
        if len(kinds) == 1:
            (kind,) = kinds
            best = READINGS.get(kind) or reading_of(operands[0], self)
        elif kinds:
            best = max((READINGS.get(type(x)) or reading_of(x, self) for x in operands), key=rank_of)
        else:
            best = READINGS[float]
        return best.run(self, operands)

    def bind(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, ...]:
        """All operands in order, defaults filled in; TypeError as any Python function gives it."""
        try:
            bound = self.__signature__.bind(*args, **keywords)
        except TypeError as error:
            raise TypeError(f"autograd.{self.name}: {error}") from None
        bound.apply_defaults()
        return bound.args


def on_floats(rule: Rule) -> Rule:
    """The same code with every operation among its globals replaced by its ``forward``; anything else untouched."""
    if not isinstance(rule, FunctionType):
        return rule
    scope = rule.__globals__
    plain = {n: scope[n].forward for n in rule.__code__.co_names if isinstance(scope.get(n), Op)}
    if not plain:
        return rule
    return FunctionType(rule.__code__, {**scope, **plain}, rule.__name__, rule.__defaults__, rule.__closure__)


class Unary(Op):
    """An operation of one number, element by element on arrays."""

    arity = 1

    @overload
    def __call__(self, x: float) -> float: ...
    @overload
    def __call__(self, x: N) -> N: ...
    @overload
    def __call__(self, x: Array) -> Array: ...
    def __call__(self, x: Any) -> Any:
        """See the operation's own documentation."""
        short = self.short.get(x.__class__)
        if short is not None:
            return short(x)
        return (READINGS.get(x.__class__) or reading_of(x, self)).run(self, (x,))


class Several(Op):
    """An operation of a fixed number of operands, two or three, some with defaults."""

    def __init__(self, name: str, forward: Callable[..., float], partials: Sequence[Rule], **more: Any) -> None:
        self.arity = len(inspect.signature(forward).parameters)
        super().__init__(name, forward, partials, **more)

    @overload
    def __call__(self, *operands: float, **named: float) -> float: ...  # type: ignore[overload-overlap] # no N there
    @overload
    def __call__(self, *operands: N | float, **named: N | float) -> N: ...
    @overload
    def __call__(self, *operands: Array | N | float, **named: Any) -> Array: ...
    def __call__(self, *operands: Any, **named: Any) -> Any:
        """See the operation's own documentation."""
        if named or len(operands) != self.arity:
            operands = self.bind(operands, named)
        return self.apply(operands)


class Nary(Op):
    """An operation of a sequence of numbers; of an array, along its last axis or along ``axis``."""

    usage = "takes one sequence, as in {}([a, b])"

    def __call__(self, values: Any, *, axis: arrays.Axis = -1, keepdims: bool = False) -> Any:
        """See the operation's own documentation."""
        if values.__class__ in SEQUENCES or not arrays.is_many(values):
            return self.apply(self.sequence(values, axis, keepdims))
        values = arrays.read(values)
        if not values.ndim:
            raise self.no_sequence(values[()])
        return self.along(values, axis, keepdims)

    def along(self, values: Any, axis: arrays.Axis = -1, keepdims: bool = False) -> Any:
        """The operation along axes of an array, as ``arrays.read`` gives it."""
        return number_arrays.numbers(arrays.reduced(values, axis, keepdims, self.array, self.apply))

    def sequence(self, values: Any, axis: Any = -1, keepdims: bool = False) -> tuple[Any, ...]:
        """The numbers of a list or another iterable. TypeError: it is none, or there is an ``axis``, as of an array."""
        if values.__class__ not in SEQUENCES and (not isinstance(values, Iterable) or isinstance(values, str | bytes)):
            raise self.no_sequence(values)
        if axis != -1 or keepdims:
            raise TypeError(
                f"axis= and keepdims= are of arrays, and autograd.{self.name} got a {type(values).__name__}, "
                "which is one sequence: give numpy.array(...) of it"
            )
        return tuple(values)

    def no_sequence(self, values: Any) -> TypeError:
        """The TypeError for what is no sequence."""
        return TypeError(f"autograd.{self.name} {self.usage.format(self.name)}; got {values!r:.60}")


def domain_error(op: Op, operands: Sequence[float], names: Sequence[str] = ()) -> DomainError:
    """The error that says which operation is not defined, at which inputs, and what to do."""
    labels = [*names, *[""] * (len(operands) - len(names))]
    shown = [f"{n} = {x!r:.40}" if n else f"{x!r:.40}" for n, x in zip(labels, operands, strict=True)]
    if len(shown) > 4:
        shown = [*shown[:3], f"... ({len(operands)} inputs)"]
    limits = op.domain * len(operands) if op.arity is None else op.domain
    broken = [str(i) for i, x in zip(limits, operands, strict=False) if x not in i and i != REAL]
    why = f"its domain is {broken[0]}" if broken else op.why if operands else "the sequence is empty"
    return DomainError(
        f"{op.name}({', '.join(shown)}) is not defined: {why}. "
        "Keep the input inside, or use `with autograd.ieee():` to get inf or nan instead."
    )


def run_floats(op: Op, operands: tuple[Any, ...]) -> Any:
    """The reading of plain floats. DomainError: not defined there, and not inside ``ieee()``."""
    if modes.active and modes.current().ieee:
        return op.quiet(*operands)
    try:
        return op.forward(*operands)
    except FLOAT_ERRORS:
        raise domain_error(op, operands) from None


def run_integers(op: Op, operands: tuple[Any, ...]) -> Any:
    """The reading of whole numbers and truth values: computed as floats."""
    try:
        numbers = tuple(map(float, operands))
    except OverflowError:
        raise domain_error(op, operands) from None
    return run_floats(op, numbers)


def run_arrays(op: Op, operands: tuple[Any, ...]) -> Any:
    """The reading of arrays; of and beside numbers with a graph element by element. A 0-d array is its number."""
    if op.arity is not None and all(map(arrays.is_ready, operands)):
        return op.array(*operands)
    if any(map(arrays.is_single, operands)):
        return op.apply(tuple(x[()] if arrays.is_single(x) else x for x in operands))
    if isinstance(op, Nary):  # a sequence of arrays, as the rule of logsumexp adds them up
        return op.along(arrays.beside(*map(arrays.column, operands)))
    if all(map(arrays.is_numeric, operands)):
        return op.array(*map(arrays.read, operands))
    return number_arrays.numbers(arrays.elementwise(lambda *each: op.apply(each), operands))


def run_scalars(op: Op, operands: tuple[Any, ...]) -> Any:
    """The reading of NumPy's numbers: IEEE results, as arrays have them."""
    if isinstance(op, Nary):
        return op.along(arrays.sequence(operands))
    found = op.array(*map(arrays.read, operands))
    return found[()] if arrays.is_single(found) else found  # as np.where gives it


def reading_of(x: Any, op: Op) -> Reading:
    """The reading of a type that is not in the table: a subclass of one that is, or a kind of real number.

    Raises:
        TypeError: it is no number; says what to do.
    """
    if arrays.is_scalar(x):
        return SCALARS
    if arrays.is_array(x):
        return ARRAYS
    for kind in type(x).__mro__[1:]:
        if kind in READINGS:
            return READINGS[kind]
    if arrays.is_bool(x):
        return READINGS[bool]
    if arrays.is_many(x) and hasattr(type(x), "__array_ufunc__"):  # it takes the ufunc of the elements over: pandas
        return ARRAYS
    raise not_a_number(x, f"autograd.{op.name}")


def not_a_number(x: Any, where: str) -> TypeError:
    """The TypeError for an operand that is no real number: what it is, and what to do."""
    if x is None:
        hint = "did a function forget to return its result?"
    elif isinstance(x, str | bytes):
        hint = "convert it first, as in float(text)"
    elif isinstance(x, complex):
        hint = "complex numbers have no order and no place here; use .real and .imag as two Values"
    elif isinstance(x, list | tuple):
        hint = "apply it to each element, or use numpy.array(...)"
    else:
        hint = "give a float, a Value or a NumPy array"
    return TypeError(f"{where} cannot take {type(x).__name__} {x!r:.60}: {hint}")


READINGS[float] = Reading(-1, run_floats)
READINGS[int] = READINGS[bool] = Reading(0, run_integers)
SCALARS = Reading(1, run_scalars)
ARRAYS = Reading(5, run_arrays)
