"""What every derivative function does before it runs a function, and after: variables in, numbers out.

Arguments get variables in place of their numbers; what comes back is searched for numbers, and refused where it has
lost its graph, in the same words by every one of them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from autograd import arrays, scopes, tree
from autograd.errors import GraphError
from autograd.forward import FIRST_TAG, Dual
from autograd.number import Number
from autograd.ops.arithmetic import identity
from autograd.value import Value

Argnums = int | Sequence[int] | None


def variable(x: Any, path: str = "") -> Any:
    """A variable of its own that stands for ``x``: the innermost Value of it is what gradients are taken to."""
    if isinstance(x, Dual):
        return Dual(variable(x.primal), x.tangent, x.tag)
    if isinstance(x, Value):
        return identity.apply((x,))
    return Value(x)


def core(x: Any) -> Any:
    """The Value inside a variable."""
    while isinstance(x, Dual):
        x = x.primal
    return x


def name_of(f: Callable[..., Any]) -> str:
    """What errors call a function."""
    return getattr(f, "__name__", "the function")


def positions_of(argnums: Argnums) -> tuple[int, ...] | None:
    """The positions that ``argnums`` names; None for all. TypeError: no whole numbers; ValueError: none of them."""
    if argnums is None:
        return None
    try:
        several = (argnums,) if hasattr(argnums, "__index__") else tuple(argnums)
        if any(isinstance(n, bool) for n in several):
            raise TypeError
        positions = tuple(map(operator.index, several))
    except TypeError:
        raise TypeError(
            f"argnums is the position of an argument, several in a tuple, or None for all; got {argnums!r:.40}"
        ) from None
    if not positions:
        raise ValueError("argnums names no argument: there is nothing to differentiate by")
    return positions


def chosen(args: tuple[Any, ...], argnums: Argnums, f: Callable[..., Any]) -> tuple[tuple[int, ...], bool]:
    """The positions to differentiate, and whether the answer is for one argument alone."""
    if not args:
        raise TypeError(f"{name_of(f)} was called without positional arguments: there is nothing to differentiate by")
    positions = positions_of(argnums)
    if positions is None:
        return tuple(range(len(args))), len(args) == 1
    for n in positions:
        if not -len(args) <= n < len(args):
            raise ValueError(f"argnums {n} is out of range: {name_of(f)} was called with {len(args)} argument(s)")
    return tuple(n % len(args) for n in positions), hasattr(argnums, "__index__")


def variables(args: tuple[Any, ...], argnums: Argnums, f: Callable[..., Any]) -> tuple[list[Any], list[Any], Any, bool]:
    """The arguments with variables in place of the chosen numbers; the Values to differentiate by; the structure of the
    gradient; and whether a chosen number had a graph already, so that the gradient must keep one."""
    positions, alone = chosen(args, argnums, f)
    structures = tuple(args[p] for p in positions)
    arguments = list(args)
    for p in positions:
        arguments[p] = replaced(args[p])
    wanted = [core(v) for p in positions for v in tree.leaves(arguments[p])]
    return arguments, wanted, structures[0] if alone else structures, has_graph(structures)


def has_graph(structure: Any) -> bool:
    """Is one of its numbers a Value or a Dual?"""
    return any(isinstance(x, Number) for x in tree.leaves(structure))


def real(x: Any, path: str = "") -> Any:
    """A number without a graph as a float; with one, as it is."""
    return x if isinstance(x, Number) else float(x)


def replaced(argument: Any, leaf: Callable[[Any, str], Any] = variable) -> Any:
    """An argument with variables in place of its numbers. TypeError: it holds something else."""
    try:
        return tree.rebuild(argument, leaf)
    except tree.NotNumbers as error:
        raise TypeError(
            f"no derivative with respect to {error.what}: {error.hint}; or choose the arguments with argnums="
        ) from None


def check_callable(f: Any, who: str) -> None:
    """TypeError unless ``f`` can be called."""
    if not callable(f):
        raise TypeError(f"{who} takes a function, as in {who}(f)(x); got {type(f).__name__} {f!r:.40}")


# results -------------------------------------------------------------------------------------------------------------


def results(output: Any, f: Callable[..., Any]) -> list[Any]:
    """The numbers of what a function returned; a truth value alone is one, whose graph is lost.

    Raises:
        TypeError: something in it is no number. GraphError: a number of a derivative that has ended.
    """
    if output is None:
        raise TypeError(f"{name_of(f)} returned None: did it forget to return its result?")
    ys = [output] if is_truth(output) else tree.leaves(output)
    for y in ys:
        if isinstance(y, Dual) and y.tag >= FIRST_TAG:
            scopes.check_live(y.tag)
    return ys


def is_truth(x: Any) -> bool:
    """A truth value of Python's or NumPy's, as a comparison gives it."""
    return isinstance(x, bool) or arrays.is_bool(x)


def only_result(output: Any, f: Callable[..., Any]) -> Any:
    """The number that a function under ``grad`` returned, or an error that says what it returned instead."""
    if output is not None and not (tree.is_number(output) or is_truth(output)):
        kind = f"{name_of(f)} returned {type(output).__name__}, and a gradient needs one number"
        raise TypeError(kind if isinstance(output, str) else f"{kind}: use jacobian for several")
    return results(output, f)[0]


def check_dependence(ys: list[Any], f: Callable[..., Any]) -> None:
    """GraphError of a function none of whose results depends on a variable, of its own or of a derivative around it."""
    if not ys or scopes.depends(ys, scopes.around()):
        return
    if len(ys) == 1:
        what = "the Value" if isinstance(ys[0], Value) else "the plain number"
        returned = f"{what} {ys[0].data if isinstance(ys[0], Number) else ys[0]!r}"
    else:
        returned = f"{len(ys)} numbers"
    raise GraphError(
        f"{name_of(f)} returned {returned}: its graph was lost on the way, nothing in the result depends on the "
        "variables. Use autograd's functions in place of math's, do not take .data, float(...), detach() or no_grad() "
        "inside, and return the Value itself. For a function that is constant here, return 0.0 * x + constant"
    )


def slope(g: Any, ys: list[Any], keep: bool) -> Any:
    """A derivative of ``ys`` as it leaves: the plain float, or, where it is to be differentiated again, a number with a
    graph, known to the derivatives around it as a slope of ``ys``. (A constant slope has a derivative too: 0.)"""
    if not keep:
        return g.data if isinstance(g, Value) else g
    if not isinstance(g, Number):
        g = Value(g)
    for scope in scopes.around():
        scope.slopes[id(g)] = g, ys
    return g


def finished(x: Any, keep: bool) -> Any:
    """A value as it leaves a derivative: with its graph where somebody asks for it, else the plain float."""
    return x if keep or not isinstance(x, Value) else x.data
