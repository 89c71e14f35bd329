"""Derivatives of functions: grad, value_and_grad, jacobian, hessian, jvp, vjp, hvp.

They nest to any order and in any mixture. Arguments may be floats, lists, tuples, dicts and arrays of floats; a
gradient has the structure of what it is the gradient of. Called with floats they return floats; inside another
derivative, or called with Values, they return Values with a graph, so that they can be differentiated again.

Nested variables are kept apart: each call gives its function variables of its own (a fresh leaf for a float, an
``identity`` node for a Value), and takes derivatives with respect to these alone.

A function whose result depends on none of its variables has lost its graph on the way, and is told so by each of them.
Numbers beside others that do depend are constants: ``jacobian(lambda x: [x, 1.0])(2.0)`` is ``[1.0, 0.0]``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from autograd import arrays, modes, scopes, tree
from autograd.forward import Dual, fresh_tag, is_one, partials, parts, plain
from autograd.number import Number
from autograd.ops.nary import sum as sum_of
from autograd.reverse import UNREACHED, adjoints, edges, tape
from autograd.scopes import Scope
from autograd.sides import passes_kink, settled
from autograd.stale import same, verify
from autograd.value import Value
from autograd.variables import (
    Argnums,
    check_callable,
    check_dependence,
    chosen,
    core,
    finished,
    has_graph,
    only_result,
    positions_of,
    real,
    replaced,
    results,
    slope,
    variables,
)

# reverse mode --------------------------------------------------------------------------------------------------------


def differentiate(y: Any, wanted: list[Any], keep_graph: bool) -> list[Any]:
    """d y / d v for each Value in ``wanted``, UNREACHED where there is none. Of a dual number, the derivative of both
    its parts."""
    if isinstance(y, Dual):
        below = differentiate(y.primal, wanted, keep_graph)
        along = differentiate(y.tangent, wanted, keep_graph)
        return [p if t is UNREACHED else Dual(p, t, y.tag) for p, t in zip(below, along, strict=True)]
    if not isinstance(y, Value):
        return [UNREACHED for _ in wanted]
    if keep_graph:
        return graph_of_gradient(y, wanted)
    if modes.traces:
        modes.refuse_look("a derivative as a plain number")
    found = adjoints(y)
    return [found.get(id(v), UNREACHED) for v in wanted]


def graph_of_gradient(y: Value, wanted: Sequence[Value]) -> list[Any]:
    """The reverse sweep on Values: each d y / d v as a number that can be differentiated again."""
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
    return [total(arriving[id(v)]) if id(v) in arriving else UNREACHED for v in wanted]


def total(terms: list[Any]) -> Any:
    """The sum of what arrived at a node."""
    return terms[0] if len(terms) == 1 else sum_of(terms)


def rows_of(ys: list[Any], wanted: list[Any], scope: Scope, keep: bool, f: Any = None) -> list[list[Any]]:
    """The gradient of each result. GraphError, where ``f`` is given: none depends on a variable."""
    rows = [differentiate(y, wanted, keep) for y in ys]
    if f is not None and wanted and all(g is UNREACHED for row in rows for g in row):
        check_dependence(ys, f)
    if is_doubtful([g for row in rows for g in row], ys, scope):
        if not keep:
            rows = [differentiate(y, wanted, True) for y in ys]
        rows = [corrected(row, wanted, keep) for row in rows]
    return [[slope(g, [y], keep) for g in row] for y, row in zip(ys, rows, strict=True)]


def is_doubtful(derivatives: list[Any], roots: list[Any], scope: Scope) -> bool:
    """Are these derivatives of an order above 1, not to be differentiated further, and taken through a kink or nan?"""
    if scope.inner or not scope.nested:
        return False
    return scope.kinked or not all(math.isfinite(plain(g)) for g in derivatives) or passes_kink(roots)


def corrected(derivatives: list[Any], wanted: list[Any], keep: bool) -> list[Any]:
    """Higher derivatives of a graph with kinks, as the sides of the point have them; those with a graph keep it."""
    numbers = settled(derivatives, wanted)
    if not keep:
        return numbers
    return [g if same(x, plain(g)) else g + (x - plain(g)) for g, x in zip(derivatives, numbers, strict=True)]


def value_and_grad(f: Callable[..., Any], argnums: Argnums = None) -> Callable[..., tuple[Any, Any]]:
    """A function that returns ``(f(*args), gradient)``; see ``grad``."""
    check_callable(f, "value_and_grad")
    positions_of(argnums)

    def value_and_gradient(*args: Any, **options: Any) -> tuple[Any, Any]:
        arguments, wanted, shape, graphs = variables(args, argnums, f)
        with scopes.opened(wanted) as scope:
            y = only_result(f(*arguments, **options), f)
            (gradients,) = rows_of([y], wanted, scope, scope.inner or graphs, f)
        return finished(y, scope.inner or graphs), tree.refill(shape, gradients)

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
        GraphError: what ``f`` returned depends on none of its variables; its graph was lost on the way.
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

    For an array of shape ``m`` as the output and an argument of shape ``n``, an array of shape ``m + n``. Numbers of
    the output that depend on no variable have gradient 0; where none depends on one, that is an error, as in ``grad``.
    """
    check_callable(f, "jacobian")
    positions_of(argnums)

    def jacobian_function(*args: Any, **options: Any) -> Any:
        arguments, wanted, shape, graphs = variables(args, argnums, f)
        with scopes.opened(wanted) as scope:
            output = f(*arguments, **options)
            rows = iter(rows_of(results(output, f), wanted, scope, scope.inner or graphs, f))
        return stacked(tree.rebuild(output, lambda y, path: tree.refill(shape, next(rows))), output, shape)

    jacobian_function.__name__ = f"jacobian_of_{getattr(f, '__name__', 'f')}"
    return jacobian_function


def stacked(rows: Any, output: Any, shape: Any) -> Any:
    """An array of arrays as one array; anything else as it is."""
    if arrays.is_plain(output) and arrays.is_plain(shape):
        return arrays.outer(rows, shape.shape)
    return tree.tidy(rows)


def hessian(f: Callable[..., Any], argnums: Argnums = None) -> Callable[..., Any]:
    """The second derivatives of ``f``: the Jacobian of its gradient, a structure of structures."""
    check_callable(f, "hessian")
    return jacobian(grad(f, argnums), argnums)


def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], Any]]:
    """``(f(*primals), pullback)``; ``pullback(cotangent)`` is the vector-Jacobian product, a tuple of one per primal.

    ``cotangent`` has the structure of the output, by key and by shape; where it is 0, that number of the output takes
    no part. One forward pass serves any number of pullbacks.

    Raises:
        GraphError, TypeError: as ``jacobian``. ValueError, by the pullback: the structures differ.
    """
    check_callable(f, "vjp")
    chosen(primals, None, f)
    arguments = [replaced(x) for x in primals]
    wanted = [core(v) for x in arguments for v in tree.leaves(x)]
    with scopes.opened(wanted) as scope:
        output = f(*arguments)
        ys = results(output, f)
        if wanted:
            check_dependence(ys, f)
    keep = scope.inner or has_graph(primals)

    def pullback(cotangent: Any) -> Any:
        weights = tree.matched(output, cotangent, ("the output", "the cotangent"))
        graph = keep or any(isinstance(w, Number) for w in weights)
        terms = [real(w) * y for w, y in zip(weights, ys, strict=True) if isinstance(w, Number) or w]
        (gradients,) = rows_of([sum_of(terms)], wanted, scope, graph)
        return tree.refill(tuple(primals), gradients)

    return tree.tidy(tree.rebuild(output, lambda y, path: finished(y, keep))), pullback


# forward mode --------------------------------------------------------------------------------------------------------


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """``(f(*primals), derivative of f along the tangents)``, by forward mode: one pass, for any number of outputs.

    ``primals`` and ``tangents`` are tuples of arguments of one structure, by key and by shape; a number whose tangent
    is 0 does not move, and takes no part.

    Raises:
        ValueError: the structures differ. GraphError, TypeError: as ``jacobian``.
    """
    check_callable(f, "jvp")
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list):
        raise TypeError("jvp takes tuples of arguments: jvp(f, (x,), (direction,))")
    chosen(tuple(primals), None, f)
    primals = tuple(primals)
    xs = tree.leaves(tuple(replaced(x, real) for x in primals))
    ts = [real(t) for t in tree.matched(primals, tuple(tangents), ("primals", "tangents"))]
    output, pairs, scope = pushed(f, primals, xs, ts)
    keep = scope.inner or any(isinstance(x, Number) for x in (*xs, *ts))
    ys, along = [y for y, _ in pairs], [t for _, t in pairs]
    if is_doubtful(along, along, scope):
        values = [x if isinstance(x, Number) else Value(x) for x in xs]  # plain numbers leave no graph: once more
        again = pairs if all(isinstance(x, Number) for x in xs) else pushed(f, primals, values, ts)[1]
        along = corrected([t for _, t in again], list(map(core, values)), keep)
    return (
        tree.refill(output, [finished(y, keep) for y in ys]),
        tree.refill(output, [slope(t, ys, keep) for t in along]),
    )


def pushed(f: Callable[..., Any], primals: Any, xs: list[Any], ts: list[Any]) -> tuple[Any, list[Any], Scope]:
    """What ``f`` returns of dual numbers in place of its arguments; the primal and the tangent of each number in it;
    and the scope that was open meanwhile."""
    tag = fresh_tag()
    duals = [Dual(x, t if isinstance(t, Number) or t else UNREACHED, tag) for x, t in zip(xs, ts, strict=True)]
    with scopes.opened(tag=tag) as scope:
        output = f(*tree.refill(primals, duals))
        ys = results(output, f)
        if xs:
            check_dependence(ys, f)
    return output, [parts(y, tag) for y in ys], scope


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of ``f`` times a direction, without the Hessian: forward mode over reverse mode.

    Returns a tuple of one product per primal, in its structure; for a single primal the product alone.
    """
    check_callable(f, "hvp")
    return jvp(grad(f), primals, tangents)[1]
