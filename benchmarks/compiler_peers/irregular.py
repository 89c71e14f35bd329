"""Random graphs without a pattern, as data, so that every engine builds the very same one.

Operands are uniform over all earlier nodes (shallow: the depth grows as the logarithm) or over the last few, and now
and then a leaf (deep).
Sums are halved, and so every operand stays within [-1, 1] and gradients stay tame however deep the graph: what is
measured is the graph, not infinities, and engines that round differently still agree.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

INPUTS, PARAMETERS = 64, 200
KINDS = ("add", "sub", "mul", "tanh", "relu", "sin", "gauss", "ratio", "max")
SHARES = (0.22, 0.1, 0.28, 0.1, 0.08, 0.06, 0.06, 0.05, 0.05)


@dataclass(frozen=True)
class Dag:
    """Slots 0 to inputs + parameters - 1 are the leaves (inputs first); slot k behind them is nodes[k - leaves].

    The loss is the mean of sin over the slots that nothing uses (`sinks`).
    """

    inputs: int
    start: np.ndarray[Any, np.dtype[np.float64]]
    """The leaves' numbers."""
    nodes: list[tuple[str, int, int]]
    """Operation and the slots of its operands; a unary one repeats its operand."""
    sinks: list[int]


@dataclass(frozen=True)
class Functions:
    """The functions that the operations need beside + - * /, for one kind of number."""

    tanh: Callable[[Any], Any]
    relu: Callable[[Any], Any]
    sin: Callable[[Any], Any]
    exp: Callable[[Any], Any]
    maximum: Callable[[Any, Any], Any]


def apply(kind: str, u: Any, v: Any, f: Functions) -> Any:
    """One operation on any kind of numbers."""
    match kind:
        case "add":
            return u + v
        case "sub":
            return u - v
        case "mul":
            return u * v
        case "half":
            return u * 0.5
        case "tanh":
            return f.tanh(u)
        case "relu":
            return f.relu(u)
        case "sin":
            return f.sin(u)
        case "gauss":
            return f.exp(-(u * u))
        case "ratio":
            return u / (v * v + 1.5)
        case _:
            return f.maximum(u, v)


def random_dag(nodes: int, window: int | None = None, seed: int = 0) -> Dag:
    """A graph of this many nodes or a few more (a sum is two); without a window, shallow. Drawn once a process."""
    return drawn(nodes, window, seed)


@functools.cache
def drawn(nodes: int, window: int | None, seed: int) -> Dag:
    """``random_dag``, drawn."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(-1.0, 1.0, INPUTS + PARAMETERS)
    leaves = len(start)
    made: list[tuple[str, int, int]] = []
    choice = list(range(leaves))
    kinds = iter(rng.choice(KINDS, nodes, p=SHARES).tolist())
    while len(made) < nodes:
        kind = next(kinds)
        low = max(0, len(choice) - window) if window else 0
        a, b = (choice[x] for x in rng.integers(low, len(choice), 2))
        if window and rng.random() < 0.1:
            b = int(rng.integers(0, leaves))
        if kind in ("tanh", "relu", "sin", "gauss"):
            b = a
        made.append((kind, a, b))
        if kind in ("add", "sub"):
            made.append(("half", leaves + len(made) - 1, leaves + len(made) - 1))
        choice.append(leaves + len(made) - 1)
    used = {operand for _, *operands in made for operand in operands}
    sinks = [k for k in range(leaves, leaves + len(made)) if k not in used]
    return Dag(INPUTS, start, made, sinks)


def values_of(dag: Dag, leaves: list[Any], f: Functions) -> list[Any]:
    """Every slot, from the leaves."""
    values = list(leaves)
    for kind, a, b in dag.nodes:
        values.append(apply(kind, values[a], values[b], f))
    return values
