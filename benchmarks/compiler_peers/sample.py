"""One sample: a process with one engine, one row and one precision. `python -m compiler_peers.sample JOB`, JOB as JSON.

It prints JSON lines: what it has measured once the first step is done ("ready", so that whoever stops it knows whether
it was compiling), and the result. Threads are the caller's business: they are set in the environment.
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
from typing import Any

from compiler_peers.engine import Engine, NotForThis

MODULES = {
    "ours": "ours", "numpy": "by_hand", "c": "straight_c", "torch": "with_torch", "torch-compile": "with_torch_compile",
    "jax": "with_jax", "casadi": "with_casadi", "casadi-c": "with_casadi_c", "micrograd": "with_micrograd",
    "loop": "scalar_loop", "eager": "eager",
}  # fmt: skip
BLOCK = 1e-3
"""Seconds of a block of steps: long beside a look at the clock."""


def measure(engine: Engine, seconds: float) -> dict[str, float]:
    """Median seconds of a step over blocks, of wall-clock time and of this process's CPU time; the engine is warm.

    At least three blocks; one where a step takes longer than ten times the seconds.
    """
    wall, cpu = time.perf_counter, time.process_time
    steps, start, once = 1, wall(), 0.0
    while wall() - start < 0.2 * seconds and once < BLOCK:  # warms up more, and finds the length of a block
        begin = wall()
        engine.run(steps)
        once = wall() - begin
        if once < BLOCK:
            steps *= 2
    walls: list[float] = []
    cpus: list[float] = []
    least = 1 if once > 10.0 * seconds else 3
    start = wall()
    while len(walls) < least or (wall() - start < seconds and len(walls) < 1000):
        w, c = wall(), cpu()
        engine.run(steps)
        walls.append((wall() - w) / steps)
        cpus.append((cpu() - c) / steps)
    return {"wall": statistics.median(walls), "cpu": statistics.median(cpus), "steps": steps * len(walls)}


def sample(what: str, engine: str, row: str, dtype: str, seconds: float = 0.0) -> dict[str, Any]:
    """The loss and its gradient ("check"), or the time of a step ("time")."""
    start = time.perf_counter()
    module = importlib.import_module(f"compiler_peers.{MODULES[engine]}")
    imported = time.perf_counter()
    try:
        made = module.make(row, dtype)
        if what == "check":
            loss, gradient = made.gradients()
    except NotForThis as reason:
        return {"not": str(reason)}
    ready = time.perf_counter()
    if what == "check":
        return {"loss": loss, "gradient": gradient.tolist(), "make": ready - imported, "import": imported - start}
    made.run(1)
    first = time.perf_counter() - imported
    print(json.dumps({"ready": first}), flush=True)
    return {"first": first, **measure(made, seconds), **made.figures()}


def version(name: str) -> str:
    """Of a library that is installed here."""
    from importlib import metadata

    return metadata.version(name)


def main() -> None:
    job = json.loads(sys.argv[1])
    what = job.pop("what")
    if what == "versions":
        result: Any = {"python": sys.version.split()[0], **{name: version(name) for name in job["names"]}}
    elif what == "large":
        from compiler_peers.large import large

        result = large(**job)
    else:
        result = sample(what, **job)
    print(json.dumps({"result": result}))


if __name__ == "__main__":
    main()
