"""Random graphs through every executor, against the eager engine.

    python tests/compiler_fuzz.py 0 3000           # seeds from 0 to 2999, on all cores
    python tests/compiler_fuzz.py 0 100 --jax      # through JAX as well, where it is installed

The graphs are those of `support.compiler_graphs.build`: random sharing, constants, unused nodes, repeated operands,
outputs that are leaves or plain numbers. Values, parameter gradients and input gradients must be the eager engine's,
within a few eps of the sum of the |path products|. The suite runs some seeds (`tests/compiler/test_fuzz.py`).
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from support.compiler_graphs import EPS, Graph, build, error_bounds
from support.path_sums import path_sums

import autograd as ag
from autograd import DomainError, Value
from autograd.compiler.interpret import run_tape
from autograd.compiler.numpy import NumpyPlan
from autograd.compiler.raising import raise_tape
from autograd.compiler.tape import record_tape

ROWS = 3
LOST = 1e-6
"""Where rounding may move a node by this share of it (of 1, if it is smaller), as the sine of 1e78, no slope counts."""

SLACK = 64.0
"""Roundings that a path of one node may add up, in eps of its product."""

TINY = 1e-300
"""What underflow may lose."""

Found = tuple[Any, Any, Any]
"""Outputs of each row; the gradient of their sum: in the parameters, a mean over rows; in the inputs, for each row."""


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


def total(graph: Graph) -> Value:
    """The outputs that are Values, added: one root for the gradients."""
    return ag.sum([v for v in graph.outputs if isinstance(v, Value)])


def eager(seed: int, batch: Any) -> Expected | str:
    """Or why nothing can be compared."""
    rows = []
    for numbers in batch.tolist():
        graph = build(seed, numbers)
        root = total(graph)
        root.backward()
        sums = path_sums(root)
        outputs = [v.data if isinstance(v, Value) else float(v) for v in graph.outputs]
        row = [outputs]
        for leaves in (graph.weights, graph.inputs):
            row += [[leaf.grad for leaf in leaves], [sums.get(id(leaf), 0.0) for leaf in leaves]]
        rows.append(row)
    parts = [np.array(part) for part in zip(*rows, strict=True)]
    if not all(np.isfinite(part).all() for part in parts):
        return "not finite"
    values, by_weight, weight_paths, by_input, input_paths = parts
    graph = build(seed)
    tape = graph.tape()
    numbers = run_tape(tape, batch, tape.data[tape.parameters])
    bounds = error_bounds(tape, numbers)
    lost = bool((bounds > LOST * np.maximum(np.abs(numbers), 1.0)).any())
    nodes = len(ag.topological(total(graph)))
    return Expected(values, bounds[tape.outputs].T, by_weight, weight_paths, by_input, input_paths, nodes, lost)


def ways(graph: Graph, batch: Any, jax: bool) -> Iterator[tuple[str, Callable[[], Found]]]:
    """Every way to run the graph: a name, and a function that gives what it found."""
    root = total(graph)

    def program(backend: str, several: bool) -> Found:
        chosen = batch if several else batch[:1]
        outputs = ag.compile(graph.outputs, graph.inputs, graph.weights, backend=backend)(chosen)
        one = ag.compile(root, graph.inputs, graph.weights, backend=backend)
        return outputs, one.value_and_grad(chosen)[1], one.input_gradients(chosen)

    for backend in ("numpy", "python") + ("jax",) * jax:
        for several in (True, False):
            yield f"{backend}, {'a batch' if several else 'one row'}", lambda b=backend, s=several: program(b, s)

    def schedule(**options: bool) -> Found:
        tape = record_tape([root], graph.inputs, graph.weights)
        plan = NumpyPlan(raise_tape(tape, **options))
        theta, gradient = tape.data[tape.parameters][plan.order], np.empty(len(plan.order))
        run = plan.bind(len(batch), theta, gradient)
        run.backward(batch)
        found = np.empty_like(gradient)
        found[plan.order] = gradient
        return None, found, run.input_gradients(batch)

    yield "numpy, no products raised", lambda: schedule(products=False)
    yield "numpy, all as if batched", lambda: schedule(uniform=True)

    def source(name: str = "f") -> Found:
        space: dict[str, Any] = {}
        exec(compile(ag.to_source(root, [*graph.inputs, *graph.weights], name), "generated", "exec"), space)
        numbers = [w.data for w in graph.weights]
        slopes = np.array([space[f"{name}_and_gradient"](*row, *numbers)[1] for row in batch.tolist()])
        width = len(graph.inputs)
        return None, slopes[:, width:].mean(axis=0), slopes[:, :width]

    yield "generated source", source


def wrong(found: Found, expected: Expected) -> str:
    """What differs by more than rounding explains, or ""."""
    outputs, by_weight, by_input = found
    e = Expected(*(part[: len(by_input)] for part in expected[:-2]), *expected[-2:])
    slack = SLACK * EPS * e.nodes
    for what, got, want, room in (
        ("outputs", outputs, e.outputs, e.slack + slack * np.abs(e.outputs)),
        ("gradient", by_weight, e.by_weight.mean(axis=0), slack * e.weight_paths.mean(axis=0)),
        ("input gradients", by_input, e.by_input, slack * e.input_paths),
    ):
        if got is None:
            continue
        off = np.abs(got - want) - room - TINY
        if not (off <= 0).all():
            worst = np.unravel_index(np.argmax(np.where(np.isnan(off), math.inf, off)), off.shape)
            place = tuple(map(int, worst))
            return f"{what} at {place}: {got[worst]!r}, eager {want[worst]!r}, rounding allows {room[worst]:.1e}"
    return ""


def check(seed: int, jax: bool = False) -> tuple[str, list[str]]:
    """What became of a seed ("agrees", "differs", or why nobody can say), and what differs."""
    graph = build(seed)
    batch = graph.batch(ROWS, seed)
    try:
        expected = eager(seed, batch)
    except DomainError:
        return "outside a domain", []
    if isinstance(expected, str):
        return expected, []
    problems = []
    for name, way in ways(graph, batch, jax):
        try:
            problem = wrong(way(), expected)
        except Exception as error:  # whatever an executor raises is its mistake: the eager engine did not
            problem = f"{type(error).__name__}: {error}"
        if problem:
            problems.append(f"seed {seed}, {name}: {problem}")
    if problems and expected.lost:
        return "lost in rounding", []
    return "differs" if problems else "agrees", problems


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("first", type=int, help="the first seed")
    parser.add_argument("last", type=int, help="the seed after the last")
    parser.add_argument("--jax", action="store_true", help="through JAX as well")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many work at once")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    with multiprocessing.get_context("spawn").Pool(options.processes, maxtasksperchild=200) as pool:
        jobs = ((seed, options.jax) for seed in range(options.first, options.last))
        for outcome, problems in pool.starmap(check, jobs, chunksize=10):
            counts[outcome] += 1
            print(*problems, sep="\n", end="\n" if problems else "")
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()))
    raise SystemExit(bool(counts["differs"]))


if __name__ == "__main__":
    main()
