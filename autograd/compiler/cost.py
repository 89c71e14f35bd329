"""Which executor is faster for a batch of so many rows: a rule of thumb, from a few constants that were measured.

Python pays for every operand of every row; NumPy pays for every call, whatever the batch, and little for each number
inside it. So Python is for graphs that are tiny, or so irregular that a call computes only a handful of numbers.
Forward and backward, compiling not included. ``tests/compiler/test_cost.py`` holds the rule to clear cases.
"""

from __future__ import annotations

from autograd.compiler.schedule import Elementwise, Group, MatMul, Product, Schedule, Sum
from autograd.compiler.tape import Tape

PYTHON_CALL, PYTHON_OPERAND, PYTHON_COLD = 1e-6, 40e-9, 120e-9
"""Seconds a call; an operand; an operand of a graph so large (COLD) that its code has left the cache until it runs."""

NUMPY_CALL, NUMPY_COLD, NUMPY_NUMBER, NUMPY_TERM = 0.8e-6, 1.8e-6, 8e-9, 0.1e-9
"""Seconds a call; a call of a program so long (COLD) that its arrays have left the cache; an operand of an irregular
group, which is gathered, computed and sent its slope; a multiplication inside a matrix product.

These and Python's are medians over the networks and random graphs of ``benchmarks/compiler_models.py`` at batch 1 to
256, Python 3.11, NumPy 2.4, two cores of a busy virtual machine; only their ratios matter. They are right to a factor
of two, but for operands that need no gathering (a layer's), which take a tenth of the time. An operand of a graph of
100,000 nodes takes Python 90 to 120 ns where operands are near (deep), twice as long where they are all over the graph
(shallow), which NumPy computes in an eighth of that time.
"""

COLD = 10_000
"""So many operands in Python, or calls of NumPy, do not fit into a processor's cache."""

NUMPY_LEAST = 10e-6
"""No graph takes NumPy less than a dozen calls."""

LONGEST = 500_000
"""From so many operands on, compiling Python would take half a minute."""


def python_cost(tape: Tape, batch: int) -> float:
    """Seconds for the straight-line executor: operands x rows."""
    operands = len(tape.args)
    return PYTHON_CALL + batch * operands * (PYTHON_OPERAND if operands < COLD else PYTHON_COLD)


def numpy_cost(schedule: Schedule, batch: int) -> float:
    """Seconds for the NumPy executor: calls, and the numbers inside them."""
    every = sum([calls(group) for group in schedule.groups])
    numbers = sum([(batch if group.batched else 1) * inside(group) for group in schedule.groups])
    return every * (NUMPY_CALL if every < COLD else NUMPY_COLD) + numbers


def calls(group: Group) -> int:
    """About how many NumPy calls a group takes: one to compute it, one for each row of operands, and as many back."""
    if isinstance(group, Elementwise):
        rows = len(group.args)
    elif isinstance(group, Sum):
        rows = sum([1 if part.y is None else 2 for part in group.parts])
    else:
        rows = 2
    return 2 * (1 + rows)


def inside(group: Group) -> float:
    """Seconds for the numbers of one row of a group, beside the calls."""
    if isinstance(group, MatMul | Product):
        left = group.w if isinstance(group, MatMul) else group.x
        return NUMPY_TERM * group.out.size * int(left.shape[-1])
    if isinstance(group, Sum):
        return NUMPY_NUMBER * sum([part.x.size for part in group.parts])
    return NUMPY_NUMBER * (group.args.size if isinstance(group, Elementwise) else group.out.size)


def choose(graph: Schedule | Tape, batch: int) -> str:
    """ "python" or "numpy": the executor that is likely to be faster for a batch of so many rows.

    Of a tape alone, which is quick to ask, only the clear cases are seen: a graph that Python computes in less time
    than NumPy takes for anything. What raising makes of the rest is seen in its schedule.
    """
    tape = graph if isinstance(graph, Tape) else graph.tape
    if len(tape.args) > LONGEST:
        return "numpy"
    other = NUMPY_LEAST if isinstance(graph, Tape) else max(NUMPY_LEAST, numpy_cost(graph, batch))
    return "python" if python_cost(tape, batch) < other else "numpy"
