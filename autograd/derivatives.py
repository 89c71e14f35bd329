"""Derivatives of functions: grad, value_and_grad, jacobian, hessian, jvp, vjp, hvp.

They nest to any order and in any mixture. Arguments may be floats, lists, tuples, dicts and arrays of floats; a
gradient has the structure of what it is the gradient of. Called with floats they return floats; inside another
derivative, or called with Values, they return Values with a graph, so that they can be differentiated again.

Nested variables are kept apart: each call gives its function variables of its own (a fresh leaf for a float, an
``identity`` node for a Value), and takes derivatives with respect to these alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from autograd import arrays, modes, tree
from autograd.errors import GraphError
from autograd.forward import Dual, fresh_tag, is_one, is_zero, partials, parts
from autograd.number import Number
from autograd.ops.arithmetic import identity
from autograd.ops.nary import sum as sum_of
from autograd.reverse import adjoints, edges, tape
from autograd.stale import verify
from autograd.value import Value

Argnums = int | Sequence[int] | None

_depth: ContextVar[int] = ContextVar("autograd.derivatives.depth", default=0)


@contextmanager
def nested() -> Iterator[bool]:
    """One derivative deeper: inside, gradients keep their graphs, and a no_grad() around it does not drop them."""
    token = _depth.set(_depth.get() + 1)
    try:
        with modes.switched(record=True) if modes.active else nullcontext():
            yield _depth.get() > 1
    finally:
        _depth.reset(token)


# variables -----------------------------------------------------------------------------------------------------------


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


def chosen(args: tuple[Any, ...], argnums: Argnums, f: Callable[..., Any]) -> tuple[tuple[int, ...], bool]:
    """The positions to differentiate, and whether the answer is for one argument alone."""
    name = getattr(f, "__name__", "the function")
    if not args:
        raise TypeError(f"{name} was called without positional arguments: there is nothing to differentiate by")
    if argnums is None:
        return tuple(range(len(args))), len(args) == 1
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for n in numbers:
        if not -len(args) <= n < len(args):
            raise ValueError(f"argnums {n} is out of range: {name} was called with {len(args)} argument(s)")
    return tuple(n % len(args) for n in numbers), isinstance(argnums, int)


def variables(args: tuple[Any, ...], argnums: Argnums, f: Callable[..., Any]) -> tuple[list[Any], list[Any], Any, bool]:
    """The arguments with variables in place of the chosen numbers; the Values to differentiate by; the structure of the
    gradient; and whether a chosen number had a graph already, so that the gradient must keep one."""
    positions, alone = chosen(args, argnums, f)
    structures = tuple(args[p] for p in positions)
    arguments = list(args)
    for p in positions:
        arguments[p] = replaced(args[p])
    wanted = [core(v) for p in positions for v in tree.leaves(arguments[p])]
    graphs = any(isinstance(x, Number) for x in tree.leaves(structures))
    return arguments, wanted, structures[0] if alone else structures, graphs


def replaced(argument: Any) -> Any:
    """An argument with variables in place of its numbers. TypeError: it holds something else."""
    try:
        return tree.rebuild(argument, variable)
    except tree.NotNumbers as error:
        raise TypeError(
            f"no derivative with respect to {error.what}: numbers, lists, tuples, dicts and arrays of numbers are "
            "differentiated; choose the arguments with argnums="
        ) from None


def check_callable(f: Any, who: str) -> None:
    """TypeError unless ``f`` can be called."""
    if not callable(f):
        raise TypeError(f"{who} takes a function, as in {who}(f)(x); got {type(f).__name__} {f!r:.40}")


def check_output(y: Any, f: Callable[..., Any]) -> Any:
    """The scalar output of a function under ``grad``, or an error that says what it returned instead."""
    name = getattr(f, "__name__", "the function")
    if arrays.is_array(y) and y.ndim == 0:
        y = y[()]
    if isinstance(y, Value | Dual):
        return y
    if tree.is_number(y) or isinstance(y, bool) or arrays.is_bool(y):
        raise GraphError(
            f"{name} returned the plain number {y!r}: its graph was lost on the way. Use autograd's functions in place "
            "of math's, do not take .data or float(...) inside, and return the Value itself"
        )
    if y is None:
        raise TypeError(f"{name} returned None: did it forget to return its result?")
    raise TypeError(f"{name} returned {type(y).__name__}, and a gradient needs one number: use jacobian for several")


# reverse mode --------------------------------------------------------------------------------------------------------


def differentiate(y: Any, wanted: list[Any], keep_graph: bool) -> list[Any]:
    """d y / d v for each Value in ``wanted``. Of a dual number, the derivative of both its parts."""
    if isinstance(y, Dual):
        below = differentiate(y.primal, wanted, keep_graph)
        along = differentiate(y.tangent, wanted, keep_graph)
        return [p if is_zero(t) else Dual(p, t, y.tag) for p, t in zip(below, along, strict=True)]
    if not isinstance(y, Value):
        return [0.0 for _ in wanted]
    if keep_graph:
        return graph_of_gradient(y, wanted)
    if modes.traces:
        modes.refuse_look("a derivative as a plain number")
    found = adjoints(y)
    return [found.get(id(v), 0.0) for v in wanted]


def graph_of_gradient(y: Value, wanted: Sequence[Value]) -> list[Any]:
    """The reverse sweep on Values: each d y / d v as a node that can be differentiated again."""
    verify(y)
    leading = {id(v) for v in wanted}
    order = tape(y) if y._a is not None else []
    for node in order:
        if any(id(operand) in leading for operand, _ in edges(node)):
            leading.add(id(node))
    arriving: dict[int, list[Any]] = {id(y): [1.0]}
    stop = {id(v) for v in wanted}
    for node in reversed(order):
        if id(node) not in leading or id(node) in stop or id(node) not in arriving:
            continue
        upstream = arriving[id(node)] = [total(arriving[id(node)])]
        locals_ = partials(node.op, node, list(node.operands))
        for operand, local in zip(node.operands, locals_, strict=True):
            if id(operand) in leading and isinstance(operand, Value):
                g = upstream[0]
                arriving.setdefault(id(operand), []).append(local if is_one(g) else g if is_one(local) else g * local)
    gradients = [total(arriving.get(id(v), [])) for v in wanted]
    return [Value(g) if g.__class__ is float else g for g in gradients]  # a constant slope has a derivative too: 0


def total(terms: list[Any]) -> Any:
    """The sum of what arrived at a node."""
    return 0.0 if not terms else terms[0] if len(terms) == 1 else sum_of(terms)


def value_and_grad(f: Callable[..., Any], argnums: Argnums = None) -> Callable[..., tuple[Any, Any]]:
    """A function that returns ``(f(*args), gradient)``; see ``grad``."""
    check_callable(f, "value_and_grad")

    def value_and_gradient(*args: Any, **options: Any) -> tuple[Any, Any]:
        arguments, wanted, shape, graphs = variables(args, argnums, f)
        with nested() as inner:
            y = check_output(f(*arguments, **options), f)
            gradients = differentiate(y, wanted, inner or graphs)
        return finished(y, inner or graphs), tree.refill(shape, gradients)

    value_and_gradient.__name__ = f"value_and_grad_of_{getattr(f, '__name__', 'f')}"
    return value_and_gradient


def grad(f: Callable[..., Any], argnums: Argnums = None) -> Callable[..., Any]:
    """The gradient function of ``f``, by reverse mode.

    Args:
        f: takes positional floats, or lists, tuples, dicts, arrays of floats, and returns one number.
        argnums: which positional arguments to differentiate: an int, several, or None for all of them.

    Returns:
        A function of the same arguments. For one argument its gradient, in its structure; for several a tuple.
        ``grad(grad(f))`` is the second derivative.

    Raises (when called):
        GraphError: ``f`` returned a plain float; its graph was lost on the way.
        TypeError: ``f`` returned something that is no number, or an argument is none.
    """
    check_callable(f, "grad")
    both = value_and_grad(f, argnums)

    def gradient(*args: Any, **options: Any) -> Any:
        return both(*args, **options)[1]

    gradient.__name__ = f"grad_of_{getattr(f, '__name__', 'f')}"
    return gradient


def jacobian(f: Callable[..., Any], argnums: Argnums = None) -> Callable[..., Any]:
    """The Jacobian of ``f``: the structure of its output, with a gradient (see ``grad``) in place of each number.

    For an array of shape ``m`` as the output and an argument of shape ``n``, an array of shape ``m + n``.
    """
    check_callable(f, "jacobian")

    def jacobian_function(*args: Any, **options: Any) -> Any:
        arguments, wanted, shape, graphs = variables(args, argnums, f)
        with nested() as inner:
            output = f(*arguments, **options)
            if tree.is_number(output):
                check_output(output, f)
            keep = inner or graphs
            rows = tree.rebuild(output, lambda y, path: tree.refill(shape, differentiate(y, wanted, keep)))
        return stacked(rows, output, shape)

    jacobian_function.__name__ = f"jacobian_of_{getattr(f, '__name__', 'f')}"
    return jacobian_function


def stacked(rows: Any, output: Any, shape: Any) -> Any:
    """An array of arrays as one array; anything else as it is."""
    if arrays.is_array(output) and arrays.is_array(shape):
        return arrays.outer(rows, shape.shape)
    return tree.tidy(rows)


def hessian(f: Callable[..., Any], argnums: Argnums = None) -> Callable[..., Any]:
    """The second derivatives of ``f``: the Jacobian of its gradient, a structure of structures."""
    check_callable(f, "hessian")
    return jacobian(grad(f, argnums), argnums)


def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], Any]]:
    """``(f(*primals), pullback)``; ``pullback(cotangent)`` is the vector-Jacobian product, a tuple of one per primal.

    ``cotangent`` has the structure of the output. One forward pass serves any number of pullbacks.
    """
    check_callable(f, "vjp")
    chosen(primals, None, f)
    arguments = [replaced(x) for x in primals]
    keep = _depth.get() > 0 or any(isinstance(x, Number) for x in tree.leaves(primals))
    with nested():
        output = f(*arguments)
    wanted = [core(v) for x in arguments for v in tree.leaves(x)]
    ys = tree.leaves(output)

    def pullback(cotangent: Any) -> Any:
        weights = tree.leaves(cotangent)
        if len(weights) != len(ys):
            raise ValueError(f"the cotangent has {len(weights)} number(s), the output of the function {len(ys)}")
        weighted = sum_of([w * y for w, y in zip(weights, ys, strict=True)])
        graph = keep or any(isinstance(w, Number) for w in weights)
        return tree.refill(tuple(primals), differentiate(weighted, wanted, graph))

    plain = output if keep else tree.tidy(tree.rebuild(output, lambda y, path: getattr(y, "data", y)))
    return plain, pullback


# forward mode --------------------------------------------------------------------------------------------------------


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """``(f(*primals), derivative of f along the tangents)``, by forward mode: one pass, for any number of outputs.

    ``primals`` and ``tangents`` are tuples of arguments of one structure.

    Raises:
        ValueError: the structures differ.
    """
    check_callable(f, "jvp")
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list):
        raise TypeError("jvp takes tuples of arguments: jvp(f, (x,), (direction,))")
    xs, ts = tree.leaves(tuple(primals)), tree.leaves(tuple(tangents))
    if len(primals) != len(tangents) or len(xs) != len(ts):
        raise ValueError(f"primals and tangents differ in structure: {len(xs)} and {len(ts)} number(s)")
    tag = fresh_tag()
    duals = [
        Dual(float(x) if arrays.is_real(x) else x, float(t) if arrays.is_real(t) else t, tag)
        for x, t in zip(xs, ts, strict=True)
    ]
    with nested() as inner:
        output = f(*tree.refill(tuple(primals), duals))
    if output is None:
        raise TypeError(f"{getattr(f, '__name__', 'the function')} returned None: did it forget to return its result?")
    keep = inner or any(isinstance(x, Number) for x in (*xs, *ts))
    primal, tangent = (
        tree.tidy(tree.rebuild(output, lambda y, path, side=side: finished(parts(y, tag)[side], keep)))  # type: ignore[misc]
        for side in (0, 1)
    )
    return primal, tangent


def finished(x: Any, keep: bool) -> Any:
    """A result as it leaves a derivative: with its graph where somebody asks for it, else the plain float."""
    return x.data if isinstance(x, Value) and not keep else x


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of ``f`` times a direction, without the Hessian: forward mode over reverse mode.

    Returns a tuple of one product per primal, in its structure; for a single primal the product alone.
    """
    check_callable(f, "hvp")
    return jvp(grad(f), primals, tangents)[1]
