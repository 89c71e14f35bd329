"""A tape as lines: forward, and backward by the chain rule. The backward lines pull: an adjoint is written once, as
the sum of what its consumers send, and not added to piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping

from autograd.compiler.straightline.body import Body
from autograd.compiler.straightline.forms import MUL, POW, WHOLE_POWER, Recipe, Ref, form_of, recipe, write
from autograd.compiler.tape import CONSTANT, FIRST_OP, INPUT, PARAMETER, Tape
from autograd.op import Op
from autograd.ops import TABLE

POWER = TABLE["pow"]

Lines = MutableMapping[int, int]
"""The line of a node, by the node's number."""

Terms = dict[int, list[int]]
"""What the consumers of a node have sent to its adjoint, as lines, by the node's number."""


class Nodes:
    """A tape as plain lists, which Python reads faster than arrays."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.code: list[int] = tape.code.tolist()
        self.start: list[int] = tape.start.tolist()
        self.args: list[int] = tape.args.tolist()
        self.inputs: list[int] = tape.inputs.tolist()
        self.parameters: list[int] = tape.parameters.tolist()
        self.outputs: list[int] = tape.outputs.tolist()
        self.recipes: dict[tuple[int, int], Recipe] = {}
        self.inner = [i for i, kind in enumerate(self.code) if kind >= FIRST_OP]

    def op(self, node: int) -> Op:
        """The operation of an inner node."""
        return self.tape.ops[self.code[node] - FIRST_OP]

    def operands(self, node: int) -> list[int]:
        """The numbers of a node's operands."""
        return self.args[self.start[node] : self.start[node + 1]]

    def recipe(self, node: int) -> Recipe:
        """The slopes of an inner node."""
        key = self.code[node], self.start[node + 1] - self.start[node]
        found = self.recipes.get(key)
        if found is None:
            found = self.recipes[key] = recipe(self.op(node), key[1])
        return found

    def constant(self, node: int) -> bool:
        """Is it a constant of the tape?"""
        return self.code[node] == CONSTANT

    def reached_from(self, leaves: Iterable[int]) -> bytearray:
        """Of every node: does it depend on one of these leaves?"""
        found = bytearray(len(self.code))
        for leaf in leaves:
            found[leaf] = 1
        start, args = self.start, self.args
        for i in self.inner:
            if 1 in [found[a] for a in args[start[i] : start[i + 1]]]:
                found[i] = 1
        return found


def leaf_name(nodes: Nodes, node: int) -> str:
    """How a leaf is called: w0, w1, ... for the parameters, x0, x1, ... for the inputs, by their places there."""
    if nodes.code[node] == INPUT:
        return f"x{node}"
    assert nodes.code[node] == PARAMETER
    return f"w{nodes.tape.parameters.searchsorted(node)}"


def forward(nodes: Nodes, order: Iterable[int], lines: Lines, body: Body) -> None:
    """The lines of the inner nodes in ``order``, operands first, put into ``lines``, where their operands are."""
    ops = [(op.arity is not None, form_of(op), op) for op in nodes.tape.ops]
    code, start, args = nodes.code, nodes.start, nodes.args
    for i in order:
        simple, form, op = ops[code[i] - FIRST_OP]
        refs = [lines[a] for a in args[start[i] : start[i + 1]]]
        line: Ref = body.line(form, refs) if simple else write(op, refs, body)
        if line.__class__ is float:
            line = body.number(line)
        lines[i] = line  # type: ignore[assignment]
        body.labels.setdefault(line, f"n{i}")  # type: ignore[arg-type]


def backward(nodes: Nodes, order: Iterable[int], wanted: bytearray, lines: Lines, terms: Terms, body: Body) -> None:
    """The chain rule over the inner nodes in ``order``, consumers first.

    What ``terms`` holds of a node is taken out and added up to its adjoint; what the node sends to those of its
    operands that are ``wanted`` is put in. So what is left in the end are the terms of leaves, and of nodes that are
    not in ``order``.
    """
    for i in order:
        mine = terms.pop(i, None)
        if mine is None or not wanted[i]:
            continue
        adjoint = body.total(mine)
        body.labels.setdefault(adjoint, f"g{i}")
        operands = nodes.operands(i)
        for operand, slope in zip(operands, slopes(nodes, i, operands, wanted, lines, body), strict=True):
            if wanted[operand]:
                sent = body.line(MUL, (adjoint, slope))
                if operand in terms:
                    terms[operand].append(sent)
                else:
                    terms[operand] = [sent]


def slopes(nodes: Nodes, node: int, operands: list[int], wanted: bytearray, lines: Lines, body: Body) -> list[Ref]:
    """d node / d operand for each operand; where that is not wanted it may be any number."""
    steps, refs, _ = nodes.recipe(node)
    uses = nodes.recipe(node).needs([wanted[a] for a in operands])
    if not uses:
        return [ref if ref.__class__ is float else 0.0 for ref in refs]
    known = [lines[a] if k in uses else -1 for k, a in enumerate(operands)]
    if nodes.op(node) is POWER:
        found = slope_of_power(body, *known)
        if found is not None:
            return [found, 0.0]
    z = lines[node] if -1 in uses else -1
    if steps:
        known = body.play(steps, known, z)
    return [ref if ref.__class__ is float else z if ref == -1 else known[ref] for ref in refs]  # type: ignore[index]


def slope_of_power(body: Body, x: int, y: int) -> Ref | None:
    """d x**y / d x for an exponent that is known, as a textbook writes it; None where the rule takes more care.

    What the declaration does beyond this matters where x**(y-1) overflows (floats raise there, and the plan falls back
    on the declarations) or is below 1e-290.
    """
    exponent = body.constants.get(y)
    if exponent is None or not abs(exponent) < 2.0**53 or (exponent - 1.0) + 1.0 != exponent:
        return None
    if exponent in (0.0, 1.0, 2.0):
        return body.line(MUL, (2.0, x)) if exponent == 2.0 else exponent
    form = WHOLE_POWER if exponent.is_integer() else POW
    return body.line(MUL, (exponent, body.line(form, (x, exponent - 1.0))))
