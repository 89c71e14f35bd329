"""Plans, made once for every structure: programs whose tapes differ in the parameters' numbers alone share one."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.compiler.run import Plan
from autograd.compiler.schedule import Schedule
from autograd.compiler.tape import Tape
from autograd.files import collector_paused
from autograd.locks import importing, new_lock

BACKENDS = ("numpy", "python", "jax")
ENTRIES, NODES = 64, 4_000_000
"""How many plans are kept, and how many nodes they have together; the ones used longest ago are dropped."""

_lock = new_lock()
_kept: OrderedDict[tuple[Any, ...], tuple[int, Any]] = OrderedDict()


def kept(key: tuple[Any, ...], size: int, make: Any) -> Any:
    """What is kept under the key, made first where it is not there. Two threads may both make it: the first is kept."""
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key][1]
    with collector_paused(), np.errstate(all="ignore"):
        made = make()
    with _lock:
        made = _kept.setdefault(key, (size, made))[1]
        while len(_kept) > 1 and (len(_kept) > ENTRIES or sum(size for size, _ in _kept.values()) > NODES):
            _kept.popitem(last=False)
    return made


def bare(tape: Tape) -> Tape:
    """The tape without what belongs to one program, so that a kept plan holds nobody's Values."""
    return replace(tape, leaves=[], names={}, lines={})


def schedule_of(tape: Tape) -> Schedule:
    """The tape raised."""
    with importing:
        from autograd.compiler.raising import raise_tape

    found: Schedule = kept((tape.key, "schedule"), len(tape), lambda: raise_tape(bare(tape)))
    return found


def plan_of(tape: Tape, dtype: npt.DTypeLike, backend: str) -> Plan:
    """The plan of a tape for one of the executors."""

    def make() -> Any:
        if backend == "python":
            with importing:
                from autograd.compiler.straightline import PythonPlan

            return PythonPlan(bare(tape), dtype)
        if backend == "jax":
            from autograd.compiler.accelerated import JaxPlan

            return JaxPlan(schedule_of(tape), dtype)
        with importing:
            from autograd.compiler.numpy import NumpyPlan

        return NumpyPlan(schedule_of(tape), dtype)

    plan: Plan = kept((tape.key, np.dtype(dtype).str, backend), len(tape), make)
    return plan


def forget() -> None:
    """Drop every plan that is kept; programs keep those that they use."""
    with _lock:
        _kept.clear()


def choose(tape: Tape, rows: int) -> tuple[str, str]:
    """The executor that ``cost`` expects to be faster for a batch of so many rows, and why."""
    with importing:
        from autograd.compiler import cost

    python = cost.python_cost(tape, rows)
    if cost.choose(tape, rows) == "python":
        return "python", f"{shown(python)} of Python, where NumPy takes {shown(cost.NUMPY_LEAST)} for anything"
    if len(tape.args) > cost.LONGEST:
        return "numpy", "a graph so large takes Python long to compile"
    schedule = schedule_of(tape)
    numpy = max(cost.NUMPY_LEAST, cost.numpy_cost(schedule, rows))
    return cost.choose(schedule, rows), f"{shown(numpy)} of NumPy by the cost model, {shown(python)} of Python"


def shown(seconds: float) -> str:
    """A time for a reader."""
    return f"{seconds * 1e6:,.0f} us" if seconds < 0.01 else f"{seconds * 1e3:,.0f} ms"
