"""A million nodes: seconds and bytes to record and to compile them, and of a step."""

from __future__ import annotations

import gc
import time
from typing import Any

import compiler_models as models
import numpy as np

import autograd as ag
from compiler_peers import irregular
from compiler_peers.workloads import half_moons


def resident(name: str = "VmHWM") -> int:
    """Bytes of memory in use (VmRSS), or at the highest so far (VmHWM); 0 where the system does not say."""
    try:
        with open("/proc/self/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))
    except (OSError, StopIteration):
        return 0


def large(kind: str, nodes: int) -> dict[str, Any]:
    """Record, compile, and run one graph: a "perceptron" unrolled over its points, or "random" and shallow.

    Bytes are the growth of the highest resident memory from before recording: Values, tape, program and buffers.
    """
    if kind == "random":
        irregular.random_dag(round(0.69 * nodes))
    gc.collect()
    before = resident("VmRSS")
    start = time.perf_counter()
    if kind == "random":
        loss, _, inputs = models.random_graph(round(0.69 * nodes))
        batch = np.random.default_rng(0).uniform(-1.0, 1.0, (1, len(inputs)))
    else:
        loss, _, inputs = models.large_perceptron(nodes)
        batch = half_moons(np.random.default_rng(1337), len(inputs) // 3).reshape(1, -1)
    recorded = time.perf_counter()
    values = resident()
    count = len(ag.topological(loss))
    walked = time.perf_counter()
    program = ag.compile(loss, inputs=inputs)
    program.value_and_grad(batch)
    compiled = time.perf_counter()
    peak = resident()
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        program.value_and_grad(batch)
        times.append(time.perf_counter() - begin)
    return {
        "nodes": count,
        "record": recorded - start,
        "compile": compiled - walked,
        "step": sorted(times)[2],
        "values_bytes": (values - before) / count,
        "peak_bytes": (peak - before) / count,
        "backend": str(program.backend),
    }
