"""Rows of an array by places that are known beforehand, so that the adjoint is a gather too.

JAX transposes ``x[places]`` to a scatter, which XLA runs place by place on a CPU and with atomic additions on a GPU
(the order of which may change from run to run). But who reads a row is known: its adjoint is the sum over a fixed list
of readers.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from autograd.compiler.tape import Ints

WASTE = 4
"""A table of readers with up to so many cells for each reader is used; beyond it, a scatter."""


def cut(x: Any, places: Ints) -> Any:
    """``x[places]``: all of it, a slice of it, or a gather."""
    n = len(places)
    if n and (np.diff(places) == 1).all():
        low = int(places[0])
        return x if n == x.shape[0] else x[low : low + n]
    return gather(x, places)


def gather(x: Any, places: Ints) -> Any:
    """``x[places]``, whose transpose gathers from the readers of each row."""
    table = readers(places, x.shape[0])
    index = places.astype(np.int32)
    if table is None:
        return x[index]
    function = jax.custom_vjp(partial(chosen, index))
    function.defvjp(lambda x: (x[index], None), lambda _, adjoint: (collected(table, adjoint),))
    return function(x)


def chosen(index: Any, x: Any) -> Any:
    """``x[index]``."""
    return x[index]


def collected(table: Any, adjoint: Any) -> Any:
    """The sum over the readers of every row; a reader too many reads the row of zeros behind the last."""
    padded = jnp.concatenate([adjoint, jnp.zeros_like(adjoint[:1])])
    return padded[table].sum(axis=0) if len(table) > 1 else padded[table[0]]


def readers(places: Ints, size: int) -> Any:
    """Who reads each of ``size`` rows: shape (most readers of a row, size), padded with len(places); or None."""
    counts = np.bincount(places, minlength=size)
    most = int(counts.max(initial=0))
    if most * size > WASTE * max(len(places), size):
        return None
    order = np.argsort(places, kind="stable")
    turn = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
    table = np.full((most, size), len(places), np.int32)
    table[turn, places[order]] = order
    return table
