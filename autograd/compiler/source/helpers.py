"""The functions that a generated text calls, as text: the declarations' own, read from their source and freed of us."""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from types import BuiltinFunctionType, FunctionType
from typing import Any

from autograd.compiler.straightline.forms import MATH
from autograd.op import Op


class Helpers:
    """What a text needs at its head: names of ``math``, numbers, and functions with all that they call in turn."""

    def __init__(self) -> None:
        self.things: dict[str, Any] = {}
        self.imports: set[str] = set()
        self.numbers: dict[str, str] = {}
        self.functions: dict[str, str] = {}
        self.math = False

    def add(self, name: str, thing: Any) -> None:
        """Something that a text calls ``name``.

        Raises:
            OSError: a function's source is not there, as in an installation without its .py files.
        """
        if name in self.things:
            assert self.things[name] == thing, name
            return
        self.things[name] = thing
        if isinstance(thing, BuiltinFunctionType) and thing.__module__ == "math":
            self.imports.add(name if name == thing.__name__ else f"{thing.__name__} as {name}")
        elif isinstance(thing, float):
            if name == "inf":
                self.imports.add(name)
            else:
                self.numbers[name] = f"{name} = {thing!r}"
        else:
            assert isinstance(thing, FunctionType), thing
            tree = ast.parse(textwrap.dedent(source_of(name, thing))).body[0]
            self.functions[name] = ast.unparse(Plain(self, thing, tree).visit(named(tree, name)))

    def head(self) -> list[str]:
        """The imports and the numbers, line by line."""
        lines = ["import math"] if self.math else []
        if self.imports:
            lines.append(f"from math import {', '.join(sorted(self.imports))}")
        return [*lines, *([""] if lines and self.numbers else []), *self.numbers.values()]


def source_of(name: str, function: FunctionType) -> str:
    """The function's text. OSError: the installation has none."""
    try:
        return inspect.getsource(function)
    except OSError:
        raise OSError(
            f"autograd is installed without its source, from which the text of {name} is read: install it with its "
            ".py files"
        ) from None


def named(tree: ast.stmt, name: str) -> ast.FunctionDef:
    """The definition under this name, without its decorators and annotations."""
    assert isinstance(tree, ast.FunctionDef)
    tree.name, tree.decorator_list, tree.returns = name, [], None
    for argument in ast.walk(tree.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    return tree


class Plain(ast.NodeTransformer):
    """A function's text made to stand alone: ``softplus.forward(x)`` becomes ``softplus(x)``, and so on."""

    def __init__(self, helpers: Helpers, function: FunctionType, tree: ast.stmt) -> None:
        self.helpers = helpers
        self.scope = function.__globals__
        self.local = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        self.local |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """An attribute of an operation: its function on floats, or a text."""
        op = self.scope.get(node.value.id) if isinstance(node.value, ast.Name) else None
        if not isinstance(op, Op):
            self.generic_visit(node)
            return node
        if node.attr == "forward":
            self.helpers.add(op.name, MATH.get(op.name, op.forward))
            return ast.Name(op.name, ast.Load())
        return ast.Constant(getattr(op, node.attr))

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """A name of the module that the function stands in."""
        if node.id in self.scope and node.id not in self.local:
            if self.scope[node.id] is math:
                self.helpers.math = True
            else:
                self.helpers.add(node.id, self.scope[node.id])
        return node
