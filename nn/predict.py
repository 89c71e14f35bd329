"""What a model gives for many rows: compiled where it can be, since a row of the eager engine makes a graph."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import Value, modes, tree
from autograd.compiler.program import Program, shape_of
from autograd.compiler.rounding import Ways, near, within
from autograd.compiler.tracing import trace
from autograd.errors import CompileError
from nn.checks import check_compile
from nn.dropout import nothing_dropped
from nn.nested import elementwise
from nn.rows import columns_of, in_order

__all__ = ["predict"]

Array = npt.NDArray[np.float64]

FEW = 50
"""Fewer rows than this are not worth a compilation."""

LOOKED_AT = 3
"""So many rows, beside the first and the last, are computed on the eager engine too."""


def predict(model: Callable[[Any], Any], inputs: Sequence[Any], *, compile: bool | None = None) -> Array:
    """The model's outputs, plain numbers: shape (rows,) where it gives one Value, (rows, n) for a list of n, and so on.

    No graph is recorded, and a ``Dropout`` drops nothing. Rows are taken by position, whatever holds them. A program
    computes them where the model is one graph for all rows (see docs/compiling.md); the first row, the last and some
    others are computed on the eager engine too, and where they differ by more than rounding all are.

    Args:
        compile: None compiles many rows where it can be done, True insists, False computes on the eager engine.

    Raises:
        CompileError: ``compile`` is True, and it cannot be done.
        ValueError: there are no rows. TypeError: they have no positions. Whatever the model raises.
    """
    rows = in_order("predict: the inputs", inputs)
    if not len(rows):
        raise ValueError("predict: there are no rows")
    check_compile(compile)
    with nothing_dropped():
        if compile or (compile is None and len(rows) >= FEW and modes.current() == modes.ORDINARY):
            try:
                return _compiled(model, rows)
            except CompileError:
                if compile:
                    raise
        return _eager(model, rows)


def _eager(model: Callable[[Any], Any], rows: Sequence[Any]) -> Array:
    with modes.no_grad():
        return np.array([elementwise(_number, model(row)) for row in rows], float)


def _compiled(model: Callable[[Any], Any], rows: Sequence[Any]) -> Array:
    """The outputs by a program. CompileError: the model does not compute the same for every row."""
    template = (rows[0],)
    columns = columns_of((rows,), template, set())
    traced = trace(
        lambda leaves: model(*tree.refill(template, list(leaves))),
        columns,
        dict.fromkeys((0, len(columns) - 1)),
        roots=(model,),
        what="the model",
    )
    shape = shape_of(traced.outputs, len(traced.tape.outputs))
    program = Program(traced.tape, traced.inputs, shape, "float64", None)
    found: Array = program(columns)
    chance = random.Random(len(columns))
    some = dict.fromkeys((0, len(columns) - 1, *(chance.randrange(len(columns)) for _ in range(LOOKED_AT))))
    theta = np.array([leaf.data for leaf in traced.tape.leaves])
    for i in some:
        number, expected = found[i].ravel(), _eager(model, [rows[i]]).ravel()
        if not near(number, expected):
            ways = Ways(traced.tape, columns[i], theta, gradient=False).outputs
            if len(expected) != len(number) or not (within(number, ways) and within(expected, ways)):
                raise CompileError(
                    f"the model computes something else for row {i} than the program made of it: it hangs on more than "
                    "the row and the parameters (a counter, a schedule, a cache, chance)"
                )
    return found


def _number(output: Any) -> Any:
    return output.data if isinstance(output, Value) else output
