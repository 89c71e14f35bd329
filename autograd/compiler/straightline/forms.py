"""How every operation is written in Python: one more reading of the declarations.

A ``Form`` is the text of one operation on floats. Its slopes come from the declared rules, run on ``Symbol``s, which
write down what is done to them: the rule of sigmoid, ``square(0.5 * sech(0.5 * x))``, becomes four lines. A few
operations that every network has are written out by hand here, forward and slope, because a function call costs three
times as much as the arithmetic inside; the tests hold them to the declarations, at 0, at ties, at inf and nan too.

Operations of a user's own never become text: they are called as the objects they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from autograd.number import Number
from autograd.op import READINGS, Op, Reading
from autograd.ops import TABLE

CHOICE, SUM, PRODUCT, SIGN, POWER, CLOSED = 0, 1, 2, 3, 4, 9
"""How strongly an expression binds, as in Python: the weaker stands in brackets inside the stronger."""

Ref = int | float
"""What a line is applied to: another line by its number, or a plain float."""


class Writer(Protocol):
    """What takes down lines: a ``Trace`` of one rule, or the ``Body`` of a function."""

    def line(self, form: Form, refs: Sequence[Ref]) -> Ref:
        """Writes a line and returns what to call its result."""
        ...


@dataclass(frozen=True, eq=False)
class Form:
    """How one operation is written.

    Attributes:
        name: of the operation.
        template: its text; ``{0:2}`` puts operand 0 in brackets unless it binds at least as strongly as a product.
            Empty for a call: ``name(x, y)``.
        binding: how strongly the text binds.
        function: the operation on floats, for constants; None where it gives no number.
        bound: the names in the template that are not operands, and what they stand for; of a call, the one name.
        lazy: an operand may be skipped by Python, so it must be a variable: what is computed must not depend on that.
        own: not one of the engine's: the name is not used, but numbered.
        pattern, places: the template made ready: ``%s`` for each operand; which one, and how strongly it is to bind.
    """

    name: str
    template: str = ""
    binding: int = CLOSED
    function: Callable[..., float] | None = None
    bound: dict[str, Callable[..., Any]] = field(default_factory=dict)
    lazy: bool = False
    own: bool = False
    pattern: str = field(init=False)
    places: tuple[tuple[int, int], ...] = field(init=False)

    def __post_init__(self) -> None:
        parsed = [*Formatter().parse(self.template)]
        pattern = "".join([text + ("" if place is None else "%s") for text, place, _, _ in parsed])
        object.__setattr__(self, "pattern", pattern)
        places = [(int(place), int(need or 0)) for _, place, need, _ in parsed if place is not None]
        object.__setattr__(self, "places", tuple(places))

    def __call__(self, *operands: Any) -> Symbol:
        """The form applied inside a rule, to Symbols and floats."""
        return applied(lambda writer, refs: writer.line(self, refs), operands)


# texts ---------------------------------------------------------------------------------------------------------------

TEMPLATES: dict[str, tuple[str, int]] = {
    "add": ("{0:1} + {1:2}", SUM), "sub": ("{0:1} - {1:2}", SUM), "mul": ("{0:2}*{1:3}", PRODUCT),
    "div": ("{0:2}/{1:3}", PRODUCT), "neg": ("-{0:4}", SIGN), "square": ("{0:3}*{0:3}", PRODUCT),
    "reciprocal": ("1.0/{0:3}", PRODUCT), "exceeds": ("1.0 if {0:1} > {1:1} else 0.0", CHOICE),
    "where_true": ("1.0 if {0:1} else 0.0", CHOICE), "or_one": ("{0:1} or 1.0", CHOICE),
    "relu": ("0.0 if {0:1} <= 0.0 else {0:1}", CHOICE), "negative_part": ("0.0 if {0:1} > 0.0 else {0:1}", CHOICE),
    "maximum": ("{0:1} if {0:1} > {1:1} or {0:1} != {0:1} else {1:1}", CHOICE),
    "minimum": ("{0:1} if {0:1} < {1:1} or {0:1} != {0:1} else {1:1}", CHOICE),
    "leaky_relu": ("{0:1} if {0:1} > 0.0 else {1:2}*{0:3}", CHOICE),
    "one_minus_square": ("(1.0 - {0:2})*(1.0 + {0:2})", PRODUCT),
}  # fmt: skip
"""The operations that are written out; each is its ``forward``, bit for bit."""

MATH: dict[str, Callable[..., float]] = {
    "abs": math.fabs, "acos": math.acos, "acosh": math.acosh, "asin": math.asin, "asinh": math.asinh,
    "atan": math.atan, "atan2": math.atan2, "atanh": math.atanh, "cbrt": math.cbrt, "cos": math.cos, "cosh": math.cosh,
    "erf": math.erf, "erfc": math.erfc, "exp": math.exp, "expm1": math.expm1, "hypot": math.hypot, "log": math.log,
    "log10": math.log10, "log1p": math.log1p, "log2": math.log2, "pow": math.pow, "sin": math.sin, "sinh": math.sinh,
    "sqrt": math.sqrt, "tan": math.tan, "tanh": math.tanh,
}  # fmt: skip
"""The operations that are a function of ``math`` and nothing more."""


def angle(y: float, x: float) -> float:
    """atan2; ArithmeticError where it hangs on the sign of a zero, which sums from left to right do not keep."""
    if y == 0.0 and not x > 0.0:
        raise ArithmeticError
    return math.atan2(y, x)


def guarded(scope: dict[str, Any]) -> dict[str, Any]:
    """A namespace in which generated code is run, whose errors the declarations are asked about."""
    return {**scope, "atan2": angle} if "atan2" in scope else scope


_forms: WeakKeyDictionary[Op, Form] = WeakKeyDictionary()
_recipes: WeakKeyDictionary[Op, dict[int, Recipe]] = WeakKeyDictionary()
"""What was made already; of a user's operation, as long as it lives."""


def form_of(op: Op) -> Form:
    """How an operation's value is written; the same object every time."""
    form = _forms.get(op)
    return _forms.setdefault(op, new_form(op)) if form is None else form


def new_form(op: Op) -> Form:
    """``form_of``, made."""
    if TABLE.get(op.name) is not op:
        forward = op.forward
        return Form(op.name, function=forward, bound={"": lambda *xs: float(forward(*xs))}, own=True)
    if op.name in TEMPLATES:
        template, binding = TEMPLATES[op.name]
        return Form(op.name, template, binding, op.forward, lazy=op.name in ("maximum", "minimum", "leaky_relu"))
    if op.name == "sigmoid":
        return Form(op.name, "1.0/(1.0 + exp(-{0:4})) if not {0:1} < 0.0 else (e := exp({0}))/(1.0 + e)", CHOICE,
                    op.forward, {"exp": math.exp})  # fmt: skip
    if op.name == "where":
        return Form(op.name, "{1:1} if {0:1} else {2:1}", CHOICE, op.forward, lazy=True)
    return Form(op.name, function=op.forward, bound={op.name: MATH.get(op.name, op.forward)})


ADD, SUB, MUL, DIV, NEG, POW, IDENTITY, EXCEEDS, WHERE = (
    form_of(TABLE[name]) for name in ("add", "sub", "mul", "div", "neg", "pow", "identity", "exceeds", "where")
)

WHOLE_POWER = Form("pow", "{0:9}**{1:3}", POWER, POW.function)
"""x**2.0: the same as ``math.pow``, for exponents that are whole numbers and known."""

GATE = Form("mul", "{0:1} if {1:1} > {2:1} else {0:2}*0.0", CHOICE, lazy=True)
"""g * exceeds(x, y), also where g is inf or nan."""

CHOOSE = Form("where", "{2:1} if {0:1} > {1:1} else {3:1}", CHOICE, lazy=True)
"""where(exceeds(x, y), a, b)."""

# slopes --------------------------------------------------------------------------------------------------------------

square, sech = TABLE["square"].forward, TABLE["sech"].forward


def tanh_slope(x: float) -> float:
    """The slope of tanh as it is declared."""
    return square(sech(x))


TANH_SLOPE = Form("tanh_slope", "1.0 - {0:2} if {0:1} < 0.5 else tanh_slope({1})", CHOICE,
                  bound={"tanh_slope": tanh_slope})  # fmt: skip
"""1 - z*z where that has its digits, else the declared sech(x)**2; of z*z and x."""

SIGMOID_SLOPE = Form("sigmoid_slope", "{0:2}*(1.0 - {0:2}) if {0:1} < 0.75 else exp(-{1:4})*{0:3}*{0:3}", CHOICE,
                     bound={"exp": math.exp})  # fmt: skip
"""z*(1 - z) where that has its digits, else exp(-x)*z*z, which has them there; of z and x."""

LARGER = Form("larger", "1.0 if {0:1} > {1:1} else 0.0 if {1:1} > {0:1} else 0.5", CHOICE)
"""0.5 + 0.5*(exceeds(x, y) - exceeds(y, x))."""

BY_HAND: dict[str, tuple[Callable[..., Any], ...]] = {
    "tanh": (lambda z, x: TANH_SLOPE(z * z, x),),
    "sigmoid": (lambda z, x: SIGMOID_SLOPE(z, x),),
    "maximum": (lambda z, x, y: LARGER(x, y), lambda z, x, y: 1.0 - LARGER(x, y)),
    "minimum": (lambda z, x, y: LARGER(y, x), lambda z, x, y: 1.0 - LARGER(y, x)),
}
"""Rules that stand in for the declared ones."""


class Step(NamedTuple):
    """A line of a recipe. References: -1 is the output z, 0 ... n-1 the operands, n + k the recipe's line k."""

    form: Form
    refs: tuple[Ref, ...]


class Recipe(NamedTuple):
    """The slopes of an operation of n operands: lines to write, and what each slope is then called.

    ``uses`` are the operands (and z, as -1) whose numbers the slopes need.
    """

    steps: tuple[Step, ...]
    slopes: tuple[Ref, ...]
    uses: frozenset[int]

    def needs(self, wanted: Sequence[int]) -> Collection[int]:
        """``uses``, if only the slopes for some operands are ``wanted``; of products and sums no more than those."""
        if self.steps:
            return self.uses
        return [x for x, wants in zip(self.slopes, wanted, strict=True) if wants and isinstance(x, int)]


class Trace:
    """The lines that a rule writes."""

    def __init__(self, operands: int) -> None:
        self.operands = operands
        self.steps: list[Step] = []

    def line(self, form: Form, refs: Sequence[Ref]) -> Ref:
        """Takes a line down."""
        self.steps.append(Step(form, tuple(refs)))
        return self.operands + len(self.steps) - 1


class Symbol(Number):
    """A number that is only a name: a rule run on Symbols writes itself into their trace."""

    __slots__ = ("ref", "trace")

    def __init__(self, trace: Trace, ref: Ref) -> None:
        self.trace = trace
        self.ref = ref

    @property
    def data(self) -> float:
        """An error: it has no value, so a rule that looks at data cannot be written down."""
        raise TypeError("a symbol has no value")


def applied(write: Callable[[Trace, list[Ref]], Ref], operands: Sequence[Any]) -> Symbol:
    """What ``write`` makes of the operands, as a Symbol of their trace."""
    trace = next(x.trace for x in operands if isinstance(x, Symbol))
    return Symbol(trace, write(trace, [x.ref if isinstance(x, Symbol) else float(x) for x in operands]))


READINGS[Symbol] = Reading(6, lambda op, operands: applied(lambda trace, refs: write(op, refs, trace), operands))


def write(op: Op, refs: Sequence[Ref], writer: Writer) -> Ref:
    """The value of an operation, line by line; what to call it. Sums and products are spelled out, left to right."""
    half = len(refs) // 2
    kind = op.name if op.arity is None and TABLE.get(op.name) is op else ""
    if kind == "dot":
        terms = [writer.line(MUL, pair) for pair in zip(refs[:half], refs[half : 2 * half], strict=True)]
        return folded(ADD, [*terms, *refs[2 * half :]], 0.0, writer)
    if kind == "sum":
        return folded(ADD, refs, 0.0, writer)
    if kind == "product":
        return folded(MUL, refs, 1.0, writer)
    if kind == "mean":
        return writer.line(DIV, (folded(ADD, refs, 0.0, writer), float(len(refs))))
    return writer.line(form_of(op), refs)


def folded(form: Form, refs: Sequence[Ref], empty: float, writer: Writer) -> Ref:
    """``((a + b) + c) + ...``."""
    if not refs:
        return empty
    total = refs[0]
    for ref in refs[1:]:
        total = writer.line(form, (total, ref))
    return total


def recipe(op: Op, count: int) -> Recipe:
    """The slopes of an operation of ``count`` operands; the same object every time."""
    known = _recipes.setdefault(op, {})
    found = known.get(count)
    return known.setdefault(count, new_recipe(op, count)) if found is None else found


def new_recipe(op: Op, count: int) -> Recipe:
    """The slopes of an operation of ``count`` operands: its rules written down; of a user's own, calls of them."""
    if TABLE.get(op.name) is op:
        rules = BY_HAND.get(op.name, op.partials)
        trace = Trace(count)
        z, *xs = (Symbol(trace, ref) for ref in range(-1, count))
        slopes = rules(z, *xs) if callable(rules) else [rule(z, *xs) for rule in rules]
        return made(trace.steps, [x.ref if isinstance(x, Symbol) else float(x) for x in slopes])
    everything = tuple(range(-1, count))
    if op.arity is None:
        every = op.partials
        call = Step(Form(op.name, bound={"": every}, own=True), everything)  # type: ignore[dict-item]
        items = [Step(Form("item", f"{{0:9}}[{k}]"), (count,)) for k in range(count)]
        return made([call, *items], range(count + 1, 2 * count + 1))
    calls = [Step(Form(op.name, bound={"": float_rule(rule)}, own=True), everything) for rule in op.float_rules]
    return made(calls, range(count, 2 * count))


def made(steps: Sequence[Step], slopes: Sequence[Ref]) -> Recipe:
    """The recipe of these lines."""
    refs = [*slopes, *(ref for step in steps for ref in step.refs)]
    operands = frozenset(ref for ref in refs if isinstance(ref, int) and ref < len(slopes))
    return Recipe(tuple(steps), tuple(slopes), operands)


def float_rule(rule: Callable[..., Any]) -> Callable[..., float]:
    """The rule, its result a float."""
    return lambda *xs: float(rule(*xs))
