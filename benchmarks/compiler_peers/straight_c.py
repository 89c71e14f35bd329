"""Straight-line C of our scalar graph (see `c_source`), compiled by GCC: -O3 for small graphs, -O1 for large ones.
Steps run in C."""

from __future__ import annotations

import ctypes

import compiler_models as models
import numpy as np
from numpy.typing import NDArray

from compiler_peers.c_source import Source
from compiler_peers.compiling import shared_library
from compiler_peers.engine import Engine
from compiler_peers.workloads import workload


class StraightC(Engine):
    """A shared library of one graph."""

    def __init__(self, row: str, dtype: str) -> None:
        work = workload(row)
        loss, parameters, inputs = models.MODELS[row]()
        real = "float" if dtype == "float32" else "double"
        count = len(work.batch)
        lanes = 1 if count == 1 else 8 if dtype == "float32" else 4  # 32 bytes
        source = Source(loss, parameters, inputs, lanes, real)
        self.library = ctypes.CDLL(str(shared_library(str(source), "-O3" if source.local else "-O1")))
        self.library.backward.restype = self.library.steps.restype = ctypes.c_double
        number = ctypes.c_float if dtype == "float32" else ctypes.c_double
        self.parameters = work.flat().astype(dtype)
        blocks = -(-count // lanes)
        rows = np.minimum(np.arange(blocks * lanes), count - 1)
        tiles = work.batch[rows].reshape(blocks, lanes, -1).transpose(0, 2, 1).astype(dtype)
        self.batch = aligned(tiles)
        self.count, self.rate, self.dtype = ctypes.c_int(count), number(work.rate), dtype

    def gradients(self) -> tuple[float, NDArray[np.float64]]:
        """Of one pass."""
        gradient = np.empty_like(self.parameters)
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (self.batch, self.parameters, gradient)]
        loss = self.library.backward(*pointers[:2], self.count, pointers[2])
        return loss, gradient.astype(np.float64)

    def step(self) -> None:
        """One call."""
        self.run(1)

    def run(self, steps: int) -> None:
        """All in one call."""
        batch, parameters = (ctypes.c_void_p(a.ctypes.data) for a in (self.batch, self.parameters))
        self.library.steps(ctypes.c_int(steps), batch, parameters, self.count, self.rate)


def aligned(array: NDArray[np.floating]) -> NDArray[np.floating]:
    """A copy that starts at a multiple of 64 bytes, as the vector types want it."""
    room = np.empty(array.nbytes + 64, np.uint8)
    start = -room.ctypes.data % 64
    copy = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def make(row: str, dtype: str) -> Engine:
    """The engine for a row."""
    return StraightC(row, dtype)
