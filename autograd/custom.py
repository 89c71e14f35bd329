"""Operations of your own, declared in one call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from autograd.op import Op, Rule, Several, Unary
from autograd.ops import CUSTOM, TABLE
from autograd.text import Expr
from autograd.value import QUICK, quick, scalar

NO_NUMBERS = (int, complex, str, bytes, Sequence, type(None))
"""What a rule may give by mistake on any kind of number, beside what has a dtype; whole numbers become floats."""


def custom(name: str, forward: Callable[..., float], partials: Rule | Sequence[Rule], **declaration: Any) -> Any:
    """Declare an operation: its function on floats and, for each operand, its local derivative.

    Args:
        name: a name of its own, as it is to appear in pictures and saved graphs.
        forward: floats to a float, any callable: a function, a builtin, a ``functools.partial``, a ufunc (SciPy's
            special functions). It raises ValueError where it is not defined; a ufunc gives nan or inf there.
            Parameters that have defaults, and no rule, are settings.
        partials: one rule ``(z, *operands)`` per operand, ``z`` the output; for one operand the rule alone will do.
            Written with operators and autograd's functions, it can be differentiated again, to any order.
        declaration: anything else an operation declares: symbol, text, latex, domain, kinks, ulps, note.

    Returns:
        The operation, to be called on floats, arrays and Values. Function and rules see the globals of their module as
        they are at each call. Declaring the name again, as when a notebook's cell runs a second time, replaces it;
        graphs that were built with the old one keep it.

    Raises:
        ValueError: the name is one of autograd's own operations, or is no identifier.
        TypeError: the rules do not fit forward's parameters. When it is called: forward or a rule gave something that
            is not one real number.

    >>> cube = custom("cube", lambda x: x**3, lambda z, x: 3 * x**2)
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"the name of an operation must be an identifier such as 'cube'; got {name!r:.40}")
    if not callable(forward):
        raise TypeError(f"custom needs a function as forward; got {forward!r:.40}")
    if name in TABLE:
        raise ValueError(f"autograd has an operation named {name!r} already: choose another name")
    rules = [partials] if callable(partials) else list(partials)
    signature = operands_of(forward, name, len(rules))
    if is_ufunc(getattr(forward, "func", forward)):
        declaration.setdefault("array", forward)
    if "array" in declaration:
        array = declaration["array"]
        declaration["array"] = lambda _, *operands: array(*operands)
    kind: type[Op] = Unary if len(signature.parameters) == 1 else Several
    checked = [real_rule(rule, f"rule {i + 1} of {name}", signature) for i, rule in enumerate(rules)]
    op = kind(name, real_forward(forward, name, signature), checked, **declaration)
    check_templates(op, len(checked))
    if name in CUSTOM:
        QUICK.pop(CUSTOM[name], None)  # the graphs that it made need it no more
    if isinstance(op, Unary):
        QUICK[op] = quick(op)
    CUSTOM[name] = op
    return op


def check_templates(op: Op, count: int) -> None:
    """ValueError: what it is to look like in text or LaTeX cannot be filled in."""
    try:
        op.apply(tuple(Expr(f"x{i}") for i in range(count)))
    except (ValueError, LookupError) as error:
        raise ValueError(
            f"the text or latex of {op.name} is no template ({error}): {{0}} is the first operand, and braces of its "
            r"own are doubled, as in \sqrt{{{0}}}"
        ) from None


def is_ufunc(f: Any) -> bool:
    """NumPy's kind of function of numbers, told without NumPy."""
    return all(hasattr(f, name) for name in ("nin", "nout", "reduce", "accumulate"))


def operands_of(forward: Callable[..., Any], name: str, rules: int) -> inspect.Signature:
    """The operands as parameters: those of ``forward``, or as many as there are rules where it does not tell."""
    if is_ufunc(forward):
        if forward.nin != rules or forward.nout != 1:  # type: ignore[attr-defined]
            raise TypeError(
                f"{name}: a ufunc of {forward.nin} operand(s) and {forward.nout} result(s)"  # type: ignore[attr-defined]
                f" with {rules} rule(s): one result and a rule for each operand are needed"
            )
        return positional(rules)
    try:
        parameters = list(inspect.signature(forward).parameters.values())
    except (ValueError, TypeError):  # a builtin that does not tell
        return positional(rules)
    fixed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        if not inspect.isbuiltin(forward) or len(fixed) > rules:
            raise TypeError(f"{name}: forward needs a fixed number of named parameters, as in lambda x, y: ...")
        return positional(rules)
    needed = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if needed or any(p.kind is p.VAR_KEYWORD for p in parameters):
        raise TypeError(
            f"{name}: forward needs a fixed number of named parameters, as in lambda x, y: ...; "
            "give keywords a value with functools.partial"
        )
    settings = fixed[rules:] if rules and all(p.default is not p.empty for p in fixed[rules:]) else []
    return inspect.Signature(fixed[: len(fixed) - len(settings)])


def positional(number: int) -> inspect.Signature:
    """Parameters x1, x2, ... (x, if it is one)."""
    names = ["x"] if number == 1 else [f"x{i + 1}" for i in range(number)]
    return inspect.Signature([inspect.Parameter(each, inspect.Parameter.POSITIONAL_ONLY) for each in names])


def real_forward(forward: Callable[..., Any], name: str, signature: inspect.Signature) -> Callable[..., float]:
    """``forward``, whose results are floats; TypeError where one is no real number."""
    if any(forward is op.forward for op in TABLE.values()):
        return forward
    undefined = is_ufunc(getattr(forward, "func", forward))

    def checked(*operands: float) -> float:
        z = forward(*operands)
        if z.__class__ is not float:
            z = real(z, f"forward of {name}", operands)
        if undefined and z - z != 0.0 and all(x - x == 0.0 for x in operands):
            raise ValueError(f"{name} is {z} there")  # as Python's own functions say it
        return z

    checked.__name__ = name
    checked.__doc__ = getattr(forward, "__doc__", None)
    checked.__module__ = getattr(forward, "__module__", None) or __name__
    checked.__signature__ = signature  # type: ignore[attr-defined]
    return checked


def real_rule(rule: Any, what: str, signature: inspect.Signature) -> Any:
    """The rule, whose slopes are numbers, on every kind of number; TypeError where one is none."""
    if not callable(rule):
        return rule  # the operation says what it needs
    try:
        inspect.signature(rule).bind("z", *signature.parameters)
    except ValueError:
        pass  # a builtin that does not tell
    except TypeError:
        raise TypeError(f"{what} must take (z, {', '.join(signature.parameters)}), z being the output") from None

    def checked(z: Any, *operands: Any) -> Any:
        slope = rule(z, *operands)
        if slope.__class__ is float or any(getattr(x, "shape", ()) for x in operands):
            return slope
        plain = all(isinstance(x, int | float) for x in operands)
        if plain or isinstance(slope, NO_NUMBERS) or hasattr(slope, "dtype"):
            return real(slope, what, operands)
        return slope  # another reading's own kind of number, as the checker's of 64 digits

    return checked


def real(x: Any, what: str, operands: Sequence[Any]) -> float:
    """The float. TypeError: it is no real number."""
    try:
        return scalar(x, what)
    except TypeError:
        at = ", ".join(f"{each!r:.24}" for each in operands[:4])
        raise TypeError(f"{what} must give one real number; at ({at}) it gave {type(x).__name__} {x!r:.60}") from None
