"""Graphs for the compiler's tests: random ones with all that raising looks at, and layers as users write them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

import autograd as ag
from autograd import Value
from autograd.compiler.interpret import partials_on_rows
from autograd.compiler.tape import Tape, record_tape
from autograd.op import Op
from autograd.ops import TABLE
from autograd.strategies import Expression, Line
from autograd.strategies.expression import Operand

EPS = 2.0**-52
Matrix = list[list[Value]]


class Graph(NamedTuple):
    """Outputs, the inputs (the last two are whole numbers below 3), the weights and what is a constant by wish."""

    outputs: list[Any]
    inputs: list[Value]
    weights: list[Value]

    def tape(self, parameters: Sequence[Value] | None = None) -> Tape:
        return record_tape(self.outputs, self.inputs, parameters)

    def batch(self, rows: int, seed: int, beyond: bool = False) -> Any:
        return batch_of(len(self.inputs), rows, seed, beyond)


SPECIAL = [0.0, -0.0, 1.0, math.inf, -math.inf, math.nan, 1e38, -1e38, 1e-45, 1e308, -1.7e308, 5e-324, 1e-310]
"""What graphs beyond hold among their constants, weights and inputs; the first nine are so in float32, too."""


def special(chance: random.Random, seed: int) -> float:
    """One of these; every third seed is content with what float32 has."""
    return chance.choice(SPECIAL if seed % 3 else SPECIAL[:9])


def batch_of(inputs: int, rows: int, seed: int, beyond: bool = False) -> Any:
    """Random rows for inputs of which the last two are whole numbers below 3; ``beyond``: some are special."""
    chance = np.random.default_rng(seed)
    batch = chance.uniform(-1, 1, (rows, inputs))
    if beyond:
        odd = random.Random(seed)
        batch = np.array([[special(odd, seed) if odd.random() < 0.1 else x for x in row] for row in batch.tolist()])
        batch = batch if seed % 3 else batch.astype(np.float32).astype(float)
    batch[:, -2:] = chance.integers(0, 3, (rows, 2))
    return batch


def build(seed: int, numbers: Sequence[float] | None = None, beyond: bool = False) -> Graph:
    """A random graph: layers whose terms are tied, shuffled, doubled, scaled; attention; tables; lone operations.

    Nodes are shared at random, some are constants, some unused; outputs are inner nodes, leaves and plain numbers.
    The inputs hold these numbers, a row of a batch, instead of random ones. ``beyond``: some of the weights and of the
    constants are special, and the lone operations are those that look at that.
    """
    chance, odd = random.Random(seed), random.Random(seed)
    weights = [Value(chance.uniform(-1, 1)) for _ in range(chance.randint(1, 25))]
    inputs = [Value(chance.uniform(-1, 1)) for _ in range(chance.randint(1, 6))]
    indices = [Value(float(chance.randint(0, 2))) for _ in range(2)]
    for leaf, number in zip([*inputs, *indices], numbers or [], strict=False):
        leaf.data = number
    pool = [*inputs, *weights, Value(chance.choice([0.0, 1.0, -0.5])).detach()]
    if beyond:
        for weight in weights:
            weight.data = special(odd, seed) if odd.random() < 0.1 else float(np.float32(weight.data))
        pool.append(Value(special(odd, seed)).detach())

    def likely(share: float) -> bool:
        return chance.random() < share

    def pick(k: int = 0) -> Any:
        return [chance.choice(pool) for _ in range(k)] if k else chance.choice(pool)

    def neuron(vector: list[Value], factors: list[Value]) -> Value:
        pairs = [(w, x) if likely(0.8) else (x, w) for x in vector if likely(0.9) for w in (chance.choice(factors),)]
        if pairs and likely(0.5):
            terms = [ag.dot([w for w, _ in pairs], [x for _, x in pairs])]
        else:
            terms = [w * x for w, x in pairs]
        terms += [chance.choice(weights)] * likely(0.6) + [pick()] * likely(0.2) + [pick() * pick()] * likely(0.2)
        terms = terms or [pick(), 0.3]
        if likely(0.2):
            chance.shuffle(terms)
        total = ag.sum(terms) if likely(0.5) else sum(terms)
        changed: list[tuple[float, Callable[[Any], Any]]] = [
            (0.2, lambda s: s * chance.choice([0.5, -1.0, 0.0, 1e80]) * chance.choice([1.0, 1e-80])),
            (0.1, lambda s: s / chance.choice([3.0, -2.0])),
            (0.1, lambda s: -s),
            (0.1, lambda s: 0.25 - s),
            (0.1, lambda s: ag.mean([s, pick()])),
        ]
        for share, change in changed:
            if likely(share):
                total = change(total)
        return ag.tanh(total) if likely(0.6) else total * 0.3

    def layer() -> list[Value]:
        vector = pick(chance.randint(1, 6))
        factors = weights if likely(0.6) else pool
        return [neuron(vector, factors) for _ in range(chance.randint(1, 5))]

    def attention() -> list[Value]:
        length, width = chance.randint(1, 5), chance.randint(1, 4)
        q, k = ([pick(width) for _ in range(length)] for _ in range(2))
        results = attend(q, k, k, causal=likely(0.6))
        return [ag.tanh(z) for row in results for z in row]

    def table() -> list[Value]:
        columns = [[chance.choice(pool if likely(0.1) else weights) for _ in range(3)] for _ in range(2)]
        return [ag.take(column, chance.choice([*indices, *indices, 1])) for column in columns for _ in range(2)]

    def single() -> list[Value]:
        u, v = pick(2)
        several = pick(chance.randint(1, 5))
        s = special(odd, seed)
        if beyond and likely(0.6):
            return [chance.choice([
                lambda: u + s, lambda: s - u, lambda: u * s, lambda: u / s, lambda: s / u, lambda: ag.maximum(u, s),
                lambda: ag.minimum(s, u), lambda: ag.where(u, s, v), lambda: ag.where(u, ag.sqrt(v), s), lambda: u**0.5,
                lambda: ag.logsumexp([u, s, v]), lambda: ag.dot([s, u], [v, 0.5]), lambda: u**-0.5, lambda: u**3,
                lambda: ag.take([u, s, v], chance.choice([*indices, 1])), lambda: ag.atan2(u, v), lambda: ag.sqrt(u),
                lambda: ag.log(u), lambda: ag.exp(u), lambda: ag.reciprocal(u), lambda: ag.mean([u, s, v]),
                lambda: ag.product([u, s, v]), lambda: ag.hypot(u, s), lambda: u / 3.0 - v / 3.0, lambda: ag.softmax(
                    [u, s, v])[0], lambda: ag.clip(u, -1.0, s) if s >= -1.0 else ag.abs(u), lambda: ag.relu(u) * s,
            ])()]  # fmt: skip
        return [chance.choice([
            lambda: u + v, lambda: u - v, lambda: u * v, lambda: u / (v * v + 1.5), lambda: ag.maximum(u, v),
            lambda: ag.log(u * u + 0.5), lambda: ag.exp(ag.tanh(u)), lambda: ag.sin(u), lambda: ag.relu(u),
            lambda: (u * u + 1.0) ** -0.5, lambda: u * u, lambda: u + u, lambda: u**2, lambda: ag.square(u),
            lambda: ag.where(u, v, u), lambda: ag.product(several), lambda: ag.logsumexp(several),
            lambda: ag.mean(several), lambda: ag.hypot(u, v * v + 1.0), lambda: ag.dot(several, several[::-1], v),
            lambda: ag.take(several, 0), lambda: ag.tanh(ag.sum(several)), lambda: ag.sum(several) * 1.0,
            lambda: ag.dot([0.5] * len(several), several),
        ])()]  # fmt: skip

    for _ in range(chance.randint(1, 14)):
        kind = chance.choices([layer, attention, table, single], [4, 1, 1, 4])[0]
        pool += kind()
    outputs: list[Any] = [ag.tanh(v) if likely(0.5) else v for v in pool[-chance.randint(1, 6) :]] + [pick()]
    if likely(0.5):
        outputs = [ag.sum(outputs)]
    if likely(0.2):
        outputs += [2.5, outputs[0], inputs[0]]
    return Graph(outputs, [*inputs, *indices], weights)


NAMES = ("x", "y", "i", "j", "u", "v", "w")
"""The variables of `operations`: four inputs, of which i and j are whole numbers, and three weights."""


def tame(line: Line, operands: Sequence[float], z: float) -> bool:
    """Nothing is so steep there that the slopes of what follows are lost in rounding."""
    slopes = line.op.apply(tuple(map(Value, operands))).partials
    return all(abs(number) < 30.0 for number in (z, *slopes))


@lru_cache(maxsize=8)
def drawn(seed: int) -> tuple[Expression, list[float]]:
    """A random function of NAMES, and a point of its domain; three of four are defined on the rows of a batch, too.

    Its first operation is the next of all that are public, so that as many seeds in a row have every one.
    """
    chance = random.Random(seed)
    public = [op for op in TABLE.values() if op.public]
    point = [*(chance.uniform(-1, 1) for _ in "xy"), 0.0, 2.0, *(chance.uniform(-1, 1) for _ in "uvw")]
    rows = batch_of(4, 3, seed).tolist() if seed % 4 else []
    lines: list[Line] = []

    def operand(kinds: Sequence[int | str]) -> Operand:
        return chance.choice(kinds) if chance.random() < 0.8 else round(chance.uniform(-2, 2), 1)

    def line(op: Op) -> Line:
        known: list[int | str] = [*range(len(lines))] * 3 + [*NAMES]
        operands = [chance.choice(known), *(operand(known) for _ in range((op.arity or chance.randint(3, 5)) - 1))]
        chance.shuffle(operands)
        return Line(op, (chance.choice([*"ij", 1.0]), *operands) if op.name == "take" else tuple(operands))

    for k in range(chance.randint(2, 12)):
        for _ in range(40):
            grown = Expression(NAMES, [*lines, line(chance.choice(public) if k else public[seed % len(public)])])
            found = [grown.values(numbers) for numbers in (point, *([*row, *point[4:]] for row in rows))]
            if all(values is not None and tame(*values[-1]) for values in found):
                lines.append(grown.lines[-1])
                break
    return Expression(NAMES, lines), point


def operations(seed: int, numbers: Sequence[float] | None = None, beyond: bool = False) -> Graph:
    """A random graph of all public operations; the inputs hold these numbers instead of the drawn ones.

    ``beyond``: some of the weights and of the constants are special.
    """
    function, point = drawn(seed)
    if beyond:
        odd = random.Random(seed)

        def strange(x: Any, share: float) -> Any:
            return x if not isinstance(x, float) or odd.random() > share else special(odd, seed)

        point = [*point[:4], *(strange(float(np.float32(x)), 0.5) for x in point[4:])]
        lines = [
            Line(op, tuple(strange(x, 0.3 * (op.name not in ("clip", "take"))) for x in xs))
            for op, xs in function.lines
        ]
        function = Expression(NAMES, lines)
    variables = [Value(x, name=name) for name, x in zip(NAMES, [*(numbers or point[:4]), *point[4:]], strict=True)]
    made: list[Any] = []

    def line(op: Op, operands: tuple[Any, ...]) -> Any:
        made.append(op.apply(operands))
        return made[-1]

    function.run(dict(zip(NAMES, variables, strict=True)), line)
    used = {x for each in function.lines for x in each.operands if isinstance(x, int)}
    ends = [z for i, z in enumerate(made) if i not in used]  # all is used: where the engine refuses, programs must
    return Graph([ag.tanh(z) if seed % 5 == 0 else z for z in ends], variables[:4], variables[4:])


GRAPHS: dict[str, Callable[..., Graph]] = {
    "layers": build,
    "operations": operations,
    "layers beyond": partial(build, beyond=True),
    "operations beyond": partial(operations, beyond=True),
}
"""Kinds of random graphs, as functions of a seed and the numbers of the inputs."""


def leaves(chance: random.Random, *shape: int) -> Any:
    """Nested lists of leaves."""
    return [leaves(chance, *shape[1:]) for _ in range(shape[0])] if shape else Value(chance.uniform(-1, 1))


def flat(nested: Any) -> list[Value]:
    """Nested lists as one list."""
    return [v for part in nested for v in flat(part)] if isinstance(nested, list) else [nested]


def dense(w: Matrix, b: list[Value] | None, x: Sequence[Any], operators: bool = False) -> list[Value]:
    """A layer, a neuron being one dot product, or products and additions."""
    if operators:
        starts: Sequence[Any] = b or [0] * len(w)
        return [sum((wi * xi for wi, xi in zip(row, x, strict=True)), s) for row, s in zip(w, starts, strict=True)]
    return [ag.dot(row, x, *([b[i]] if b else [])) for i, row in enumerate(w)]


def attend(q: Matrix, k: Matrix, v: Matrix, causal: bool) -> Matrix:
    """softmax(q k' / 2) v, each position seeing those up to its own, or all."""
    results = []
    for i, query in enumerate(q):
        seen = i + 1 if causal else len(k)
        shares = ag.softmax([ag.dot(query, key) * 0.5 for key in k[:seen]])
        results.append([ag.dot(shares, [row[d] for row in v[:seen]]) for d in range(len(v[0]))])
    return results


def convolve(filters: list[Matrix], offsets: list[Value], image: Matrix, same: bool) -> list[Matrix]:
    """3x3 filters over an image; 'same': taps outside the image are left out."""
    edge = 1 if same else 0
    rows, columns = len(image) - 2 + 2 * edge, len(image[0]) - 2 + 2 * edge

    def tap(c: int, i: int, j: int) -> Value:
        total: Any = offsets[c]
        for m in range(3):
            for n in range(3):
                if 0 <= i + m - edge < len(image) and 0 <= j + n - edge < len(image[0]):
                    total = total + filters[c][m][n] * image[i + m - edge][j + n - edge]
        return ag.relu(total)

    return [[[tap(c, i, j) for j in range(columns)] for i in range(rows)] for c in range(len(filters))]


def error_bounds(tape: Tape, rows: Any) -> Any:
    """How far rounding may move every node: shape as ``rows``.

    Each operation adds a few eps of its terms and passes on what it got, times its slopes.
    """
    bounds = np.zeros_like(rows)
    with np.errstate(all="ignore"):
        for i in np.flatnonzero(np.diff(tape.start)).tolist():
            args = tape.operands(i)
            bounds[i] = 4 * EPS * np.abs(rows[i])
            for place, local in zip(args, partials_on_rows(tape.op(i), rows[i], rows[args]), strict=True):
                bounds[i] += np.abs(local) * (bounds[place] + 4 * EPS * np.abs(rows[place]))
    return np.where(np.isfinite(bounds), bounds, np.inf)


def sizes(tape: Tape, rows: Any) -> Any:
    """For every node and row, the sum over paths to the output of |the product of the local derivatives|."""
    found = np.zeros_like(rows)
    found[tape.outputs[0]] = 1.0
    with np.errstate(all="ignore"):
        for i in np.flatnonzero(np.diff(tape.start)).tolist()[::-1]:
            args = tape.operands(i)
            for place, local in zip(args, partials_on_rows(tape.op(i), rows[i], rows[args]), strict=True):
                found[place] += found[i] * np.abs(local)
    return found


def close(a: Any, b: Any, allowed: Any) -> bool:
    """Everywhere within what is allowed, equal (as infinities are), or nan on both sides."""
    return bool(np.all((np.abs(a - b) <= allowed + 1e-300) | (np.isnan(a) & np.isnan(b)) | (a == b)))
