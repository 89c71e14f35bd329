"""`autograd.compile` on the scalar models, as a user has it."""

from __future__ import annotations

import gc
import resource
import time
from typing import Any

import compiler_models as models
import numpy as np
from numpy.typing import NDArray

import autograd as ag
from compiler_peers.engine import Engine
from compiler_peers.workloads import workload


def clocks() -> tuple[float, float]:
    """Wall-clock and CPU time."""
    return time.perf_counter(), time.process_time()


def since(start: tuple[float, float]) -> float:
    """Seconds: the smaller of the two, as for steps (see ``sample``)."""
    return min(now - then for now, then in zip(clocks(), start, strict=True))


class Ours(Engine):
    """One program in a session: the parameters stay in its arrays."""

    def __init__(self, row: str, dtype: str) -> None:
        work = workload(row)
        self.batch, self.rate = work.batch.astype(dtype), work.rate
        gc.disable()  # it takes ten times as long as the recording of 100,000 nodes
        start = clocks()
        loss, self.parameters, inputs = models.MODELS[row]()
        self.recorded = since(start)
        gc.enable()
        self.nodes = len(ag.topological(loss))
        start = clocks()
        self.program = ag.compile(loss, inputs=inputs, dtype=dtype)
        self.program.value_and_grad(self.batch)
        self.compiled = since(start)
        self.session: Any = None

    def gradients(self) -> tuple[float, NDArray[np.float64]]:
        """Of `value_and_grad`, whose order is the program's."""
        loss, gradient = self.program.value_and_grad(self.batch)
        place = {id(p): k for k, p in enumerate(self.program.parameters)}
        return float(loss), np.array([float(gradient[place[id(p)]]) for p in self.parameters])

    def step(self) -> float:
        """One `sgd` of the session."""
        self.run(1)
        return 0.0

    def run(self, steps: int) -> None:
        """In one session, which stays open."""
        if self.session is None:
            self.session = self.program.session().__enter__()
        sgd, batch, rate = self.session.sgd, self.batch, self.rate
        for _ in range(steps):
            sgd(batch, rate)

    def figures(self) -> dict[str, Any]:
        """Seconds to record (Python's cyclic collector paused) and to compile (the first gradient included), nodes, the
        backend chosen."""
        return {
            "record": self.recorded,
            "compile": self.compiled,
            "nodes": self.nodes,
            "backend": str(self.program.backend),
            "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }


def make(row: str, dtype: str) -> Engine:
    """The engine for a row."""
    return Ours(row, dtype)
