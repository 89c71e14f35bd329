"""A layer's hand-written backward(dout), by one scalar: the sum of the outputs, weighted by dout."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from autograd import tree
from autograd.check.gradients import Check, flat
from autograd.check.subject import Subject, plain
from autograd.check.verdict import Report


def check_vjp(
    f: Callable[..., Any],
    backward: Callable[..., Any],
    *inputs: Any,
    cotangent: Any = None,
    tolerance: float | None = None,
    directions: int | None = None,
) -> Report:
    """Is ``backward(dout)`` the vector-Jacobian product of ``f`` at ``inputs``?

    Args:
        f: the forward pass: numbers, arrays or structures of them in, an array or structure of numbers out.
        backward: takes ``dout``, in the structure of the output, and returns the gradient of sum(dout * f): one for
            each input in a tuple, for a single input alone. ``f(*inputs)`` has just been called when it is, so that a
            layer finds what it cached.
        cotangent: ``dout``; a random one by default.
        tolerance, directions: as ``check_gradients`` takes them.

    Returns:
        A report, as ``check_gradients`` does.

    Raises:
        ValueError: a shape or a count differs; says which.
    """
    reader = Subject(f, inputs, plain=True)
    if not callable(backward):
        raise TypeError(f"check_vjp takes the backward function after f; got {type(backward).__name__}")
    output = f(*reader.plain_arguments(reader.point))
    ys = tree.leaves(output)
    if cotangent is None:
        chance = random.Random(3)
        weights = [chance.choice((-1.0, 1.0)) * chance.uniform(0.5, 1.5) for _ in ys]
    else:
        weights = [*map(plain, tree.matched(output, cotangent, ("the output", "the cotangent"), loose=True))]
    dout = shaped(output, weights)
    weights = [float(w) for w in tree.leaves(dout)]

    def weighted(*xs: Any) -> Any:
        terms = tree.leaves(f(*xs))
        values = [w * plain(t) for w, t in zip(weights, terms, strict=True)]
        return math.fsum(values) if all(map(math.isfinite, values)) else math.nan

    weighted.__name__ = f"sum(dout * {reader.title})"
    subject = Subject(weighted, inputs, plain=True)
    subject.names = reader.names
    gradient = flat(backward(dout), reader, "the result of backward")
    report = Check(subject, gradient_of(gradient, reader), tolerance, directions).report()
    return replace(report, notes=(f"dout has {len(weights)} number(s)", *report.notes))


def gradient_of(numbers: list[float], subject: Subject) -> Any:
    """Flat numbers in the structure that ``given`` reads."""
    parts = subject.plain_arguments(numbers)
    return tuple(parts) if len(parts) > 1 else parts[0]


def shaped(output: Any, weights: list[float]) -> Any:
    """Numbers in the structure, and the precision, of an output."""
    if isinstance(output, np.ndarray) and output.dtype.kind == "f":
        return np.array(weights, dtype=output.dtype).reshape(output.shape)
    if isinstance(output, np.floating):
        return type(output)(weights[0])
    return tree.refill(output, list(weights))
