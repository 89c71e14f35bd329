"""Random graphs through every executor, against the eager engine: one table.

    python tests/compiler_fuzz.py 0 3000           # seeds from 0 to 2999, on all cores
    python tests/compiler_fuzz.py 0 100 --jax      # through JAX as well, where it is installed

Its rows are graphs: every seed makes one of each kind in `support.compiler_graphs.GRAPHS`, with random sharing,
constants, unused nodes, repeated operands, outputs that are leaves or plain numbers, and weights that are left out of
the parameters. Its columns are the ways to run a graph, `COLUMNS` and `JAX_COLUMNS`: executors, and schedules raised
in every way, whose order, kinds and terms are checked as well. The eager engine runs once a row: values, parameter
gradients and input gradients must be its own, within a few eps of the sum of the |path products|; where it refuses a
batch, so must a program. The suite runs some seeds (`tests/compiler/test_fuzz.py`).

Graphs "beyond" hold nan, inf, -0.0, huge and subnormal numbers among their constants, weights and inputs; most are run
inside `ieee()`, and every third in float32 as well. nan must be nan there, and inf be inf. What may differ,
as docs/compiling.md says, is counted by a name: `excuse`.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import re
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
from support.compiler_checks import WAYS, check_kinds, check_numbers, check_order, check_terms
from support.compiler_graphs import EPS, GRAPHS, Graph, error_bounds
from support.path_sums import path_sums

import autograd as ag
from autograd import DomainError, Value
from autograd.compiler.bound import Bound
from autograd.compiler.interpret import run_tape
from autograd.compiler.numpy import NumpyPlan
from autograd.compiler.raising import raise_tape
from autograd.compiler.softmaxes import find_softmaxes
from autograd.compiler.source import module
from autograd.compiler.straightline import PythonPlan, blocks, plan
from autograd.compiler.tape import Tape, record_tape

LOST = 1e-6
"""Where rounding may move a node by this share of it (of 1, if it is smaller), as the sine of 1e78, no slope counts."""

SLACK = 64.0
"""Roundings that a path of one node may add up, in eps of its product."""

TINY = 1e-300
"""What underflow may lose."""


class Case(NamedTuple):
    """A graph, the sum of its outputs that are Values, its parameters and a batch."""

    graph: Graph
    root: Value
    parameters: list[Value]
    batch: Any
    beyond: bool = False
    ieee: bool = False

    def mode(self) -> Any:
        return ag.ieee() if self.ieee else nullcontext()

    def tape(self) -> Tape:
        return record_tape([self.root], self.graph.inputs, self.parameters)


class Found(NamedTuple):
    """What one way finds: the outputs of each row, the root as the last; the root's mean; its gradients.

    That in the parameters is a mean over rows, that in the inputs is for each row.
    """

    outputs: Any
    mean: Any
    by_weight: Any
    by_input: Any


class Expected(NamedTuple):
    """What the eager engine says, and how large the terms behind it are: all with the batch's rows first."""

    outputs: Any
    slack: Any
    by_weight: Any
    weight_paths: Any
    by_input: Any
    input_paths: Any
    nodes: int
    lost: bool
    far: bool = False


def case(kind: str, seed: int, numbers: list[float] | None = None) -> Case:
    beyond = kind.endswith("beyond")
    ieee = beyond and (kind.startswith("layers") or seed % 2 == 1)  # of layers, some nodes are behind no output
    with ag.ieee() if beyond and (ieee or numbers is None) else nullcontext():
        graph = GRAPHS[kind](seed, numbers)
        root = ag.sum([v for v in graph.outputs if isinstance(v, Value)])
    chosen = [w for i, w in enumerate(graph.weights) if seed % 3 or (seed + i) % 4]
    batch = graph.batch(17 if seed % 8 == 0 else 3, seed, beyond)
    return Case(graph, root, chosen, batch, beyond, ieee)


# -- rows --------------------------------------------------------------------------------------------------------------


def eager(kind: str, seed: int) -> Expected | str:
    """Or why nothing can be compared.

    Raises:
        DomainError: one of the rows is outside.
    """
    first = case(kind, seed)
    rows = []
    for numbers in first.batch.tolist():
        graph, root, parameters, *_ = case(kind, seed, numbers)
        root.backward()
        sums = path_sums(root)
        row = [[v.data if isinstance(v, Value) else float(v) for v in (*graph.outputs, root)]]
        for leaves in (parameters, graph.inputs):
            row += [[leaf.grad for leaf in leaves], [sums.get(id(leaf), 0.0) for leaf in leaves]]
        rows.append(row)
    parts = [np.array(part) for part in zip(*rows, strict=True)]
    if not first.beyond and not all(np.isfinite(part).all() for part in parts):
        return "not finite"
    values, by_weight, weight_paths, by_input, input_paths = parts
    tape = record_tape([*first.graph.outputs, first.root], first.graph.inputs, first.parameters)
    numbers = run_tape(tape, first.batch, tape.data[tape.parameters])
    bounds = error_bounds(tape, numbers)
    moves = bounds > LOST * np.maximum(np.abs(numbers), 1.0)
    lost = bool((moves & np.isfinite(bounds) if first.beyond else moves).any())
    nodes = len(ag.topological(first.root))
    sizes = np.abs(numbers)
    far = bool((~(sizes <= 1e37) | (sizes < 1e-37) & (sizes > 0.0)).any())
    return Expected(values, bounds[tape.outputs].T, by_weight, weight_paths, by_input, input_paths, nodes, lost, far)


# -- columns -----------------------------------------------------------------------------------------------------------

Column = Callable[[Case], Found]


def program(backend: str, rows: int | None = None, dtype: str = "float64") -> Column:
    """What a user calls, on the first rows of the batch."""

    def run(case: Case) -> Found:
        batch, leaves = case.batch[:rows], (case.graph.inputs, case.parameters)
        outputs = ag.compile([*case.graph.outputs, case.root], *leaves, backend=backend, dtype=dtype)(batch)
        one = ag.compile(case.root, *leaves, backend=backend, dtype=dtype)
        return Found(outputs, *one.value_and_grad(batch), one.input_gradients(batch))

    return run


def schedule(raising: Callable[[Tape], Any], kinds: bool) -> Column:
    """A schedule that is well formed and has the tape's numbers, run by the NumPy executor."""

    def run(case: Case) -> Found:
        made = raising(case.tape())
        check_order(made)
        if kinds:
            check_kinds(made)
        if not case.beyond:
            check_terms(made)
            check_numbers(made, case.batch)
        return executed(NumpyPlan(made), case)

    return run


def executed(made: Any, case: Case) -> Found:
    """What a plan finds, twice."""
    bound, found = Bound(case.tape(), np.float64, made), []
    bound.read()
    for _ in range(2):
        bound.gradient[:] = np.nan
        mean = bound.call("backward", case.batch)
        by_weight, by_input = bound.in_tape_order(bound.gradient), bound.call("input_gradients", case.batch)
        found.append(Found(bound.call("forward", case.batch), mean, by_weight, by_input))
    for first, second in zip(*found, strict=True):
        assert np.array_equal(first, second, equal_nan=True), "the second run differs from the first"
    return found[0]


def straight(size: int | None) -> Column:
    """Generated Python: as one function, or as blocks of so many operations; and a step of SGD."""

    def run(case: Case) -> Found:
        tape = case.tape()
        if case.beyond:
            with in_blocks(plan, size):
                return executed(PythonPlan(tape), case)
        theta = tape.data[tape.parameters].copy()
        with in_blocks(plan, size):
            run = PythonPlan(tape).bind(len(case.batch), theta, np.full(len(theta), np.nan))
            outputs, by_input, mean = run.forward(case.batch), run.input_gradients(case.batch), run.backward(case.batch)
            gradient = run.gradient.copy()
            assert math.isclose(run.sgd(case.batch, 0.25), mean, rel_tol=1e-13)
        np.testing.assert_allclose(run.parameters.numbers, theta - 0.25 * gradient, rtol=1e-12, atol=1e-15)
        assert [*theta] == [*tape.data[tape.parameters]], "parameters changed before they were pushed"
        run.parameters.push()
        assert [*theta] == run.parameters.numbers
        return Found(outputs, mean, gradient, by_input)

    return run


def source(size: int | None) -> Column:
    """The text for others, with names or as blocks."""

    def run(case: Case) -> Found:
        space: dict[str, Any] = {}
        with in_blocks(module, size):
            text = ag.to_source(case.root, [*case.graph.inputs, *case.parameters], "f")
        exec(compile(text, "generated", "exec"), space)
        numbers, width = [w.data for w in case.parameters], len(case.graph.inputs)
        rows = [space["f_and_gradient"](*row, *numbers) for row in case.batch.tolist()]
        values, slopes = np.array([[value] for value, _ in rows]), np.array([slope for _, slope in rows])
        return Found(values, values.mean(), slopes[:, width:].mean(axis=0), slopes[:, :width])

    return run


def in_blocks(where: Any, size: int | None) -> ExitStack:
    """Within it even small graphs are blocks of so many operations, if a size is given."""
    changed = ExitStack()
    if size is not None:
        changed.enter_context(mock.patch.object(where, "SMALL", -1))
        changed.enter_context(mock.patch.object(blocks, "SIZE", size))
    return changed


def accelerated(name: str) -> Column:
    def run(case: Case) -> Found:
        from autograd.compiler.accelerated import JaxPlan

        return executed(JaxPlan(WAYS[name](case.tape()), np.float64), case)

    return run


BLOCKS = {"whole": None, "in blocks": 12, "in blocks of one": 0}
COLUMNS: dict[str, Column] = {
    **{f"{backend}, the batch": program(backend) for backend in ("numpy", "python")},
    **{f"{backend}, one row": program(backend, 1) for backend in ("numpy", "python")},
    **{f"numpy, {name}": schedule(way, name != "uniform") for name, way in WAYS.items()},
    "numpy, softmaxes found": schedule(lambda tape: find_softmaxes(raise_tape(tape)), False),
    **{f"python, {name}": straight(size) for name, size in BLOCKS.items()},
    **{f"source, {name}": source(size) for name, size in BLOCKS.items()},
}
FLOAT32: dict[str, Column] = {f"{name}, float32": program(name, dtype="float32") for name in ("numpy", "python")}
"""For graphs beyond, of every third seed."""
JAX_COLUMNS: dict[str, Column] = {
    "jax, the batch": program("jax"),
    "jax, one row": program("jax", 1),
    **{f"jax, {name}": accelerated(name) for name in WAYS},
}


# -- cells -------------------------------------------------------------------------------------------------------------


def wrong(found: Found, expected: Expected, coarse: float = 1.0) -> str:
    """What differs by more than rounding explains, or ""; ``coarse``: the eps of the numbers, in that of float64."""
    with np.errstate(all="ignore"):
        return difference(found, expected, coarse)


def difference(found: Found, expected: Expected, coarse: float) -> str:
    """See ``wrong``."""
    e = Expected(*(part[: len(found.by_input)] for part in expected[:-3]), *expected[-3:])
    slack = SLACK * EPS * e.nodes
    share = 1.0 / len(found.by_input)
    values, bounds = (part[:, -found.outputs.shape[1] :] for part in (e.outputs, e.slack + slack * np.abs(e.outputs)))
    roots = values[:, -1:]
    for what, got, want, room in (
        ("outputs", found.outputs, values, bounds),
        (
            "mean",
            np.array([found.mean]),
            (share * roots).sum(0),
            share * bounds[:, -1:].sum(0) + slack * np.abs(roots).max(),
        ),
        ("gradient", found.by_weight, (share * e.by_weight).sum(0), slack * (share * e.weight_paths).sum(0)),
        ("input gradients", found.by_input, e.by_input, slack * e.input_paths),
    ):
        room = np.where(np.isnan(room), np.inf, room * coarse)
        alike = (got == want) | (np.isnan(got) & np.isnan(want))
        off = np.where(alike, 0.0, np.abs(got - want) - room - (TINY if coarse == 1.0 else 1e-37))
        if not (off <= 0).all():
            worst = np.unravel_index(np.argmax(np.where(np.isnan(off), math.inf, off)), off.shape)
            place = tuple(map(int, worst))
            return f"{what} at {place}: {got[worst]!r}, eager {want[worst]!r}, rounding allows {room[worst]:.1e}"
    return ""


def refusal(case: Case, column: Column) -> str:
    """What is wrong with the way in which a program refuses a batch that the eager engine refuses, or ""."""
    try:
        column(case)
    except DomainError as error:
        return "" if any(note.startswith("in row ") for note in error.__notes__) else "no row is named"
    return "takes what the eager engine refuses"


def excuse(name: str, problem: str, expected: Expected | None) -> str:
    """What a difference of a graph beyond is called in docs/compiling.md, or ""."""
    if name.startswith("source"):
        return "source: plain floats from left to right"
    if "gradient" in problem and re.search(r": (np\.float64\()?-?\d\S*, eager np\.float64\(nan\)", problem):
        return "zero times infinity"
    if expected is not None and expected.far and "float32" in name:
        return "beyond float32"
    if name.startswith("jax") and expected is not None and expected.far:
        return "XLA: subnormal numbers, overflow on the way"
    return ""


def check(kind: str, seed: int, columns: dict[str, Column] = COLUMNS) -> tuple[str, list[str]]:
    """What became of a row ("agrees", "differs", "refused", or why nobody can say), and what differs."""
    try:
        expected = eager(kind, seed)
    except DomainError:
        expected = None
    if isinstance(expected, str):
        return expected, []
    problems, excused = [], ""
    given = case(kind, seed)
    if given.beyond and seed % 3 == 0:
        columns = columns | FLOAT32
    for name, column in columns.items():
        given = case(kind, seed)
        if expected is None and not name.endswith(", the batch"):
            continue
        try:
            with given.mode():
                coarse = 2.0**29 if "float32" in name else 1.0
                problem = wrong(column(given), expected, coarse) if expected else refusal(given, column)
        except Exception as error:  # whatever an executor raises is its mistake: the eager engine did not
            problem = f"{type(error).__name__}: {error}"
        reason = excuse(name, problem, expected) if problem and given.beyond else ""
        excused = excused or reason
        if problem and not reason:
            problems.append(f"{kind} {seed}, {name}: {problem}")
    if excused and not problems:
        return excused, []
    if problems and expected and expected.lost:
        return "lost in rounding", []
    return "differs" if problems else "agrees" if expected else "refused", problems


def both(kind: str, seed: int, jax: bool) -> tuple[str, list[str]]:
    """Functions in tables do not travel between processes: their choice does."""
    return check(kind, seed, {**COLUMNS, **(JAX_COLUMNS if jax else {})})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("first", type=int, help="the first seed")
    parser.add_argument("last", type=int, help="the seed after the last")
    parser.add_argument("--jax", action="store_true", help="through JAX as well")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many work at once")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    with multiprocessing.get_context("spawn").Pool(options.processes, maxtasksperchild=200) as pool:
        jobs = ((kind, seed, options.jax) for seed in range(options.first, options.last) for kind in GRAPHS)
        for outcome, problems in pool.starmap(both, jobs, chunksize=10):
            counts[outcome] += 1
            print(*problems, sep="\n", end="\n" if problems else "")
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()))
    raise SystemExit(bool(counts["differs"]))


if __name__ == "__main__":
    main()
