"""The numbers that every engine starts from: initial parameters, one batch, the learning rate. NumPy only.

Parameters are named tensors in one order; a flat vector of them (a gradient, say) is their concatenation in that
order, row by row. A batch is one array with a row per sample and a column per input, whole numbers (labels, letters)
as floats, as `autograd.compile` takes it; each engine makes of it what its users would.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler_peers import irregular

Array = NDArray[np.float64]

CONTEXT, VOCABULARY, WIDTH, HEADS = 16, 27, 16, 4
"""Of the language model: positions, letters and a mark for both ends of a word, dimensions, attention heads."""
EPSILON = 1e-5
"""Below the square root of the root mean square norm."""
PENALTY = 1e-4
"""The weight of the sum of squared parameters in row b."""


@dataclass(frozen=True)
class Workload:
    """A row of the table."""

    title: str
    parameters: dict[str, Array]
    batch: Array
    rate: float = 1e-3

    def flat(self) -> Array:
        """The parameters as one vector."""
        return np.concatenate([tensor.ravel() for tensor in self.parameters.values()])

    def split(self, flat: Array) -> dict[str, Array]:
        """A flat vector as named tensors (views)."""
        tensors, start = {}, 0
        for name, tensor in self.parameters.items():
            tensors[name] = flat[start : start + tensor.size].reshape(tensor.shape)
            start += tensor.size
        return tensors


def dense(rng: np.random.Generator, sizes: tuple[int, ...]) -> dict[str, Array]:
    """Weights (outputs, inputs) and biases of a perceptron: w1, b1, w2, b2 ..."""
    tensors = {}
    for number, (nin, nout) in enumerate(itertools.pairwise(sizes), start=1):
        tensors[f"w{number}"] = rng.standard_normal((nout, nin)) / math.sqrt(nin)
        tensors[f"b{number}"] = 0.1 * rng.standard_normal(nout)
    return tensors


def half_moons(rng: np.random.Generator, points: int) -> Array:
    """Two interleaved half circles with noise 0.1; columns x1, x2, and the label, -1 or 1."""
    label = np.arange(points) % 2
    angle = rng.uniform(0.0, math.pi, points)
    x = np.where(label, 1.0 - np.cos(angle), np.cos(angle)) + 0.1 * rng.standard_normal(points)
    y = np.where(label, 0.5 - np.sin(angle), np.sin(angle)) + 0.1 * rng.standard_normal(points)
    return np.stack([x, y, 2.0 * label - 1.0], axis=1)


def digits(rng: np.random.Generator, images: int) -> Array:
    """Images of 8 x 8 drawn around ten random ones, and the label: the shape of scikit-learn's digits."""
    shapes = rng.uniform(0.0, 1.0, (10, 64))
    label = rng.integers(0, 10, images)
    pixels = np.clip(shapes[label] + 0.2 * rng.standard_normal((images, 64)), 0.0, 1.0)
    return np.column_stack([pixels, label])


def words(rng: np.random.Generator, count: int) -> list[list[int]]:
    """Made-up words of two to five syllables as letters 1 to 26, with 0 before and after."""
    vowels, others = [1, 5, 9, 15, 21], [i for i in range(1, 27) if i not in (1, 5, 9, 15, 21)]
    made = []
    for _ in range(count):
        syllables = rng.integers(2, 6)
        letters = [int(rng.choice(kind)) for _ in range(syllables) for kind in (others, vowels)]
        made.append([0, *letters, 0])
    return made


def letters(texts: list[list[int]]) -> Array:
    """Columns: CONTEXT letters, those that follow them, and their weights in the word's mean: 0 behind its end."""
    batch = np.zeros((len(texts), 3, CONTEXT))
    for row, text in zip(batch, texts, strict=True):
        n = min(CONTEXT, len(text) - 1)
        row[0, :n], row[1, :n], row[2, :n] = text[:n], text[1 : n + 1], 1.0 / n
    return batch.reshape(len(texts), 3 * CONTEXT)


@functools.cache
def workload(row: str) -> Workload:
    """The numbers of a row of the table.

    Raises:
        KeyError: no row has this name.
    """
    rng = np.random.default_rng(1337)
    if row in ("a1", "a200"):
        points = int(row[1:])
        batch = np.column_stack([rng.standard_normal((points, 2)), rng.integers(0, 2, points)])
        return Workload(f"2-2-1 sigmoid, squared error, batch {points}", dense(rng, (2, 2, 1)), batch)
    if row == "b":
        return Workload("2-16-16-1 relu, max-margin, 100 points", dense(rng, (2, 16, 16, 1)), half_moons(rng, 100))
    if row == "c":
        return Workload("64-128-64-10 relu, cross entropy, batch 256", dense(rng, (64, 128, 64, 10)), digits(rng, 256))
    if row == "d":
        filters = {"filters": rng.standard_normal((8, 3, 3)) / 3.0, "offsets": 0.1 * rng.standard_normal(8)}
        return Workload("conv 3x3x8, max pool, dense 10, batch 64", filters | dense(rng, (72, 10)), digits(rng, 64))
    if row == "e":
        shapes = {
            "letters": (VOCABULARY, WIDTH), "positions": (CONTEXT, WIDTH), "queries": (WIDTH, WIDTH),
            "keys": (WIDTH, WIDTH), "contents": (WIDTH, WIDTH), "mixed": (WIDTH, WIDTH), "wide": (4 * WIDTH, WIDTH),
            "narrow": (WIDTH, 4 * WIDTH), "scores": (VOCABULARY, WIDTH),
        }  # fmt: skip
        tensors = {name: 0.2 * rng.standard_normal(shape) for name, shape in shapes.items()}
        return Workload("character GPT, 1 layer, 4 heads, 16 wide, 32 words", tensors, letters(words(rng, 32)))
    if row in IRREGULAR:
        nodes, window, count = IRREGULAR[row]
        dag = irregular.random_dag(nodes, window)
        shape = "shallow" if window is None else "deep"
        title = f"irregular, 100,000 nodes, {shape}, batch {count}"
        batch = rng.uniform(-1.0, 1.0, (count, dag.inputs))
        return Workload(title, {"p": dag.start[dag.inputs :]}, batch, 1e-4)
    raise KeyError(f"no row {row!r}: choose from {', '.join(ROWS)}")


IRREGULAR = {
    "f1s": (69_000, None, 1), "f256s": (69_000, None, 256), "f1d": (76_000, 100, 1), "f256d": (76_000, 100, 256),
}  # fmt: skip
"""Nodes before the loss (its terms make them 100,000), the window that operands come from (None: all), batch."""
ROWS = ("a1", "a200", "b", "c", "d", "e", *IRREGULAR)
