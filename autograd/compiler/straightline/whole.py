"""A small graph as one function: a loop over the rows with everything in local variables, training steps too.

What depends on the parameters alone is computed once, before the loop.

The functions are made when they are first asked for, each for any number of rows, or for exactly one:

    outputs(theta, rows)                 -> the outputs, a list of lists
    inputs(theta, rows)                  -> d output / d input, a list of lists
    gradient(theta, rows)                -> mean, its gradient
    sgd(theta, rows, rate)               -> mean, new theta
    adam(theta, rows, first, second, rate, scale, beta1, beta2, epsilon)
                                         -> mean, new theta, first, second
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from autograd.compiler.straightline.body import Body
from autograd.compiler.straightline.forms import MUL, SUB, Form, guarded
from autograd.compiler.straightline.sweep import Nodes, Terms, backward, forward, leaf_name
from autograd.locks import new_lock

ARGUMENTS = {
    "sgd": "theta, rows, rate",
    "adam": "theta, rows, first, second, rate, scale, beta1, beta2, epsilon",
}


class Whole:
    """The functions of one small graph."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        self.lock = new_lock()
        self.names: dict[Form, str] = {}
        self.made: dict[tuple[str, bool], Callable[..., Any]] = {}
        self.sources: dict[tuple[str, bool], str] = {}

    def function(self, kind: str, one_row: bool = False) -> Callable[..., Any]:
        """The function of this kind; with ``one_row`` it takes exactly one row, and needs no sums."""
        key = kind, one_row
        function = self.made.get(key)
        if function is None:
            with self.lock:
                scope: dict[str, Any] = {"__builtins__": {"len": len}}
                source = self.source(kind, one_row, scope)
                scope = guarded(scope)
                exec(compile(source, f"<{kind}>", "exec"), scope)  # names and numbers made here: nothing of a user's
                self.sources[key] = source
                function = self.made[key] = scope[kind]
        return function

    def source(self, kind: str, one_row: bool, scope: dict[str, Any]) -> str:
        """The text of a function; ``scope`` gets what it calls."""
        nodes, body = self.nodes, Body(scope, self.names)
        lines = {i: body.leaf(leaf_name(nodes, i)) for i in (*nodes.parameters, *nodes.inputs)}
        lines |= {i: body.number(float(nodes.tape.data[i])) for i in range(len(nodes.code)) if nodes.constant(i)}
        varying = [lines[i] for i in nodes.inputs]
        forward(nodes, nodes.inner, lines, body)
        outputs = [lines[i] for i in nodes.outputs]
        terms: Terms = {}
        if kind != "outputs":
            wanted = nodes.reached_from(nodes.inputs if kind == "inputs" else nodes.parameters)
            (root,) = nodes.outputs
            terms = {root: [body.number(1.0)]}
            backward(nodes, reversed(nodes.inner), wanted, lines, terms, body)
        head = [f"def {kind}({ARGUMENTS.get(kind, 'theta, rows')}):", *unpacked("w", nodes.parameters, "theta")]
        if kind in ("outputs", "inputs"):
            leaves = nodes.inputs if kind == "inputs" else []
            found = [body.total(terms.get(i, ())) for i in leaves] or outputs
            check = [("", outputs[0])] if leaves else []  # also what the slopes do not need is to be computed
            before, statements, texts = body.write_loop(check, found, varying)
            rows = [*statements, f"found.append([{', '.join(texts)}])"]
            return text([*head, *before, "found = []", f"for {row(nodes)} in rows:", *indented(rows), "return found"])
        slopes = [body.total(terms.get(i, ())) for i in nodes.parameters]
        if one_row:
            head += [f"({row(nodes)}), = rows"]
            if kind == "sgd":
                rate = body.leaf("rate")
                slopes = [
                    body.line(SUB, (lines[i], body.line(MUL, (rate, slope)))) if i in terms else lines[i]
                    for i, slope in zip(nodes.parameters, slopes, strict=True)
                ]
            statements, (loss, *rest) = body.write([], [outputs[0], *slopes])
            if kind == "adam":
                statements += [f"total = {loss}", "size = 1", *[f"a{k} = {slope}" for k, slope in enumerate(rest)]]
                return text([*head, *statements, *ending_adam(scope, len(rest))])
            return text([*head, *statements, f"return {loss}, [{', '.join(rest)}]"])
        sums = [f"a{k}" for k in range(len(slopes))]
        added = [("total += ", outputs[0]), *zip([f"{a} += " for a in sums], slopes, strict=True)]
        before, rows, _ = body.write_loop(added, [], varying)
        head += [*before, " = ".join([*sums, "total", "0.0"]), f"for {row(nodes)} in rows:", *indented(rows)]
        head.append("size = len(rows)")
        return text(head + ENDS[kind](scope, len(sums)))


def ending_gradient(scope: dict[str, Any], count: int) -> list[str]:
    """The means of what was added up."""
    return [f"return total/size, [{', '.join([f'a{k}/size' for k in range(count)])}]"]


def ending_sgd(scope: dict[str, Any], count: int) -> list[str]:
    """A step against the mean gradient."""
    return ["rate /= size", f"return total/size, [{', '.join([f'w{k} - rate*a{k}' for k in range(count)])}]"]


def ending_adam(scope: dict[str, Any], count: int) -> list[str]:
    """A step of Adam; ``rate`` and ``scale`` carry the two corrections of the first steps."""
    scope["sqrt"] = math.sqrt
    lines = [*unpacked("m", range(count), "first"), *unpacked("v", range(count), "second")]
    lines += ["rest1 = (1.0 - beta1)/size", "rest2 = (1.0 - beta2)/(size*size)"]
    for k in range(count):
        lines += [f"m{k} = beta1*m{k} + rest1*a{k}", f"v{k} = beta2*v{k} + rest2*a{k}*a{k}"]
    moved = ", ".join([f"w{k} - rate*m{k}/(sqrt(v{k}*scale) + epsilon)" for k in range(count)])
    m, v = (", ".join([f"{letter}{k}" for k in range(count)]) for letter in "mv")
    return [*lines, f"return total/size, [{moved}], [{m}], [{v}]"]


ENDS = {"gradient": ending_gradient, "sgd": ending_sgd, "adam": ending_adam}


def unpacked(letter: str, leaves: Sequence[int], source: str) -> list[str]:
    """The line that unpacks a list into variables; none for an empty one."""
    return [f"{', '.join([f'{letter}{k}' for k in range(len(leaves))])}, = {source}"] if leaves else []


def row(nodes: Nodes) -> str:
    """What one row is unpacked to."""
    return ", ".join([f"x{k}" for k in nodes.inputs]) + "," if nodes.inputs else "_"


def indented(lines: Sequence[str]) -> list[str]:
    """The lines as the block of a loop."""
    return [f"    {line}" for line in lines]


def text(lines: Sequence[str]) -> str:
    """The function whose first line is its head."""
    return "\n".join([lines[0], *indented(lines[1:])]) + "\n"
