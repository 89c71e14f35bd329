"""What a model gives for many rows: compiled where it can be, since a row of the eager engine makes a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import Value, modes, tree
from autograd.compiler.program import Program, shape_of
from autograd.compiler.tracing import spread, trace
from autograd.errors import CompileError
from nn.dropout import nothing_dropped
from nn.engines import columns_of
from nn.nested import elementwise

__all__ = ["predict"]

Array = npt.NDArray[np.float64]

FEW = 50
"""Fewer rows than this are not worth a compilation."""


def predict(model: Callable[[Any], Any], inputs: Sequence[Any]) -> Array:
    """The model's outputs, plain numbers: shape (rows,) where it gives one Value, (rows, n) for a list of n, and so on.

    No graph is recorded, and a ``Dropout`` drops nothing.

    Raises:
        ValueError: there are no rows. Whatever the model raises.
    """
    if not len(inputs):
        raise ValueError("predict: there are no rows")
    with nothing_dropped():
        if len(inputs) >= FEW and modes.current() == modes.ORDINARY:
            try:
                return _compiled(model, inputs)
            except CompileError:
                pass
        with modes.no_grad():
            return np.array([elementwise(_number, model(row)) for row in inputs], float)


def _compiled(model: Callable[[Any], Any], inputs: Sequence[Any]) -> Array:
    """The outputs by a program. CompileError: the model does not compute the same for every row."""
    template = (inputs[0],)
    columns = columns_of((inputs,), template, set())
    traced = trace(
        lambda leaves: model(*tree.refill(template, list(leaves))), columns, spread(len(columns)), what="the model"
    )
    shape = shape_of(traced.outputs, len(traced.tape.outputs))
    found: Array = Program(traced.tape, traced.inputs, shape, "float64", None)(columns)
    return found


def _number(output: Any) -> Any:
    return output.data if isinstance(output, Value) else output
