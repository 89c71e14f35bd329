"""The benchmark's models written in scalar Values, as a user of `autograd` writes them.

Each function returns `(loss, parameters, inputs)`: the loss of one sample as a Value, the parameters as a flat list
in the order of the workload's tensors, and the leaves that vary along the batch, in the order of its columns. The
graph is built on the first row of the batch, so `loss.data` and `loss.backward()` are right for it as they stand.

    sys.path.insert(0, "benchmarks")
    loss, parameters, inputs = compiler_models.MODELS["b"]()
    program = autograd.compile(loss, inputs=inputs)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from compiler_peers import irregular
from compiler_peers.workloads import (
    CONTEXT,
    EPSILON,
    HEADS,
    IRREGULAR,
    PENALTY,
    WIDTH,
    Array,
    Workload,
    dense,
    half_moons,
    workload,
)

import autograd as ag
from autograd import Value

Model = tuple[Value, list[Value], list[Value]]
Layers = Sequence[tuple[list[list[Value]], list[Value]]]
Activation = Callable[[Value], Value]


def values(numbers: Array) -> Any:
    """An array as nested lists of Values."""
    return [values(part) for part in numbers] if numbers.ndim else Value(float(numbers))


def flat(nested: Any) -> list[Value]:
    """Nested lists of Values as one list."""
    return [nested] if isinstance(nested, Value) else [value for part in nested for value in flat(part)]


def state(work: Workload) -> dict[str, Any]:
    """The workload's tensors as nested lists of Values."""
    return {name: values(tensor) for name, tensor in work.parameters.items()}


def layers_of(tensors: dict[str, Any]) -> Layers:
    """Weights and bias of each layer."""
    numbers = itertools.takewhile(lambda i: f"w{i}" in tensors, itertools.count(1))
    return [(tensors[f"w{i}"], tensors[f"b{i}"]) for i in numbers]


# ---- perceptrons ----


def layer(w: list[list[Value]], b: list[Value], x: list[Any], activation: Activation | None = None) -> list[Value]:
    """A dense layer, a neuron being one dot product."""
    outputs = [ag.dot(row, x, bias) for row, bias in zip(w, b, strict=True)]
    return [activation(output) for output in outputs] if activation else outputs


def layer_of_operators(
    w: list[list[Value]], b: list[Value], x: list[Any], activation: Activation | None = None
) -> list[Value]:
    """The same as micrograd's users write it."""
    outputs = [sum((wi * xi for wi, xi in zip(row, x, strict=True)), bias) for row, bias in zip(w, b, strict=True)]
    return [activation(output) for output in outputs] if activation else outputs


def perceptron(layers: Layers, x: list[Any], activation: Activation, dense_layer: Any = layer) -> list[Value]:
    """The outputs, the last layer being linear."""
    for w, b in layers[:-1]:
        x = dense_layer(w, b, x, activation)
    outputs: list[Value] = dense_layer(*layers[-1], x)
    return outputs


def squared_loss(layers: Layers, x: list[Any], y: Any, dense_layer: Any = layer) -> Value:
    """Figure 5's network with sigmoids, and the squared error."""
    return ag.square(y - ag.sigmoid(perceptron(layers, x, ag.sigmoid, dense_layer)[0]))


def margin_loss(layers: Layers, x: list[Any], y: Any, dense_layer: Any = layer) -> Value:
    """micrograd's demo, without the penalty."""
    return ag.relu(1 + -y * perceptron(layers, x, ag.relu, dense_layer)[0])


def penalty(parameters: list[Value]) -> Value:
    """micrograd's demo: the sum of the squared parameters, weighted."""
    return PENALTY * ag.sum([p * p for p in parameters])


def cross_entropy(scores: list[Value], label: Value) -> Value:
    """-log softmax(scores)[label], the label a whole number that varies along the batch."""
    return ag.logsumexp(scores) - ag.take(scores, label)


def figure5(work: Workload | None = None, dense_layer: Any = layer) -> Model:
    """(a) 2-2-1."""
    work = work or workload("a200")
    tensors = state(work)
    *x, y = inputs = values(work.batch[0])
    return squared_loss(layers_of(tensors), x, y, dense_layer), flat(tensors.values()), inputs


def margin(work: Workload | None = None, dense_layer: Any = layer) -> Model:
    """(b) 2-16-16-1, one point."""
    work = work or workload("b")
    tensors = state(work)
    parameters = flat(tensors.values())
    *x, y = inputs = values(work.batch[0])
    return margin_loss(layers_of(tensors), x, y, dense_layer) + penalty(parameters), parameters, inputs


def margin_unrolled(work: Workload | None = None, dense_layer: Any = layer) -> Model:
    """(b) as the demo writes it: all points in one graph, inputs in the order of the batch's rows (a batch of one)."""
    work = work or workload("b")
    tensors = state(work)
    parameters, layers = flat(tensors.values()), layers_of(tensors)
    rows = values(work.batch)
    losses = [margin_loss(layers, x, y, dense_layer) for *x, y in rows]
    return ag.sum(losses) * (1.0 / len(losses)) + penalty(parameters), parameters, flat(rows)


def classifier(work: Workload | None = None, dense_layer: Any = layer) -> Model:
    """(c) 64-128-64-10 on one image."""
    work = work or workload("c")
    tensors = state(work)
    *pixels, label = inputs = values(work.batch[0])
    scores = perceptron(layers_of(tensors), pixels, ag.relu, dense_layer)
    return cross_entropy(scores, label), flat(tensors.values()), inputs


# ---- convolution ----


def convolution_loss(
    tensors: dict[str, Any], sample: list[Any], entropy: Any = cross_entropy, padded: bool = False
) -> Value:
    """3x3 filters, relu, 2x2 max pool, dense, cross entropy, of 64 pixels and the label.

    Padded: 'same', taps outside the image being left out; the pool then leaves 4 x 4 numbers a filter, not 3 x 3.
    """
    *pixels, label = sample
    image = [pixels[8 * i : 8 * i + 8] for i in range(8)]
    edge, size = (1, 8) if padded else (0, 6)

    def tap(c: int, i: int, j: int) -> Value:
        pairs = [
            (tensors["filters"][c][m][n], image[i + m - edge][j + n - edge])
            for m, n in itertools.product(range(3), repeat=2)
            if 0 <= i + m - edge < 8 and 0 <= j + n - edge < 8
        ]
        return ag.relu(ag.dot([w for w, _ in pairs], [x for _, x in pairs], tensors["offsets"][c]))

    pooled = []
    for c in range(len(tensors["filters"])):
        feature = [[tap(c, i, j) for j in range(size)] for i in range(size)]
        for i, j in itertools.product(range(0, size, 2), repeat=2):
            top = ag.maximum(feature[i][j], feature[i][j + 1])
            bottom = ag.maximum(feature[i + 1][j], feature[i + 1][j + 1])
            pooled.append(ag.maximum(top, bottom))
    loss: Value = entropy(layer(tensors["w1"], tensors["b1"], pooled), label)
    return loss


def convolution(work: Workload | None = None, padded: bool = False) -> Model:
    """(d) One image. A padded one needs a workload of its own, with 4 x 4 x filters dense inputs."""
    work = work or workload("d")
    tensors = state(work)
    inputs = values(work.batch[0])
    return convolution_loss(tensors, inputs, padded=padded), flat(tensors.values()), inputs


# ---- a language model, as in Karpathy's microgpt ----


def linear(w: list[list[Value]], x: list[Value]) -> list[Value]:
    """A dense layer without bias."""
    return [ag.dot(row, x) for row in w]


def norm(x: list[Value]) -> list[Value]:
    """x over its root mean square."""
    scale = (ag.dot(x, x) / len(x) + EPSILON) ** -0.5
    return [xi * scale for xi in x]


def plus(x: list[Value], y: list[Value]) -> list[Value]:
    """The sum of two vectors."""
    return [xi + yi for xi, yi in zip(x, y, strict=True)]


def gpt(tensors: dict[str, Any], embedded: Sequence[list[Value]]) -> list[list[Value]]:
    """The scores of the next letter at each position, from the embedded letters."""
    size = WIDTH // HEADS
    keys: list[list[Value]] = []
    contents: list[list[Value]] = []
    scores = []
    for letter, position in zip(embedded, tensors["positions"], strict=False):
        x = norm(plus(letter, position))
        h = norm(x)
        query = linear(tensors["queries"], h)
        keys.append(linear(tensors["keys"], h))
        contents.append(linear(tensors["contents"], h))
        heads: list[Value] = []
        for start in range(0, WIDTH, size):
            part = slice(start, start + size)
            shares = ag.softmax([ag.dot(query[part], key[part]) * size**-0.5 for key in keys])
            heads += [ag.dot(shares, [content[j] for content in contents]) for j in range(start, start + size)]
        x = plus(linear(tensors["mixed"], heads), x)
        h = [ag.relu(hi) for hi in linear(tensors["wide"], norm(x))]
        x = plus(linear(tensors["narrow"], h), x)
        scores.append(linear(tensors["scores"], x))
    return scores


def language(work: Workload | None = None, context: int = CONTEXT) -> Model:
    """(e) One word: `context` letters, those that follow, and their weights in the loss. Shorter for a quick test."""
    work = work or workload("e")
    tensors = state(work)
    table = list(zip(*tensors["letters"], strict=True))  # by dimension
    letters, following, weights = (values(part[:context]) for part in work.batch[0].reshape(3, CONTEXT))
    scores = gpt(tensors, [[ag.take(column, letter) for column in table] for letter in letters])
    losses = [cross_entropy(z, y) for z, y in zip(scores, following, strict=True)]
    return ag.dot(weights, losses), flat(tensors.values()), [*letters, *following, *weights]


# ---- irregular graphs ----

FUNCTIONS = irregular.Functions(ag.tanh, ag.relu, ag.sin, ag.exp, ag.maximum)


def random_graph(nodes: int = 100_000, window: int | None = None, seed: int = 0, sample: Array | None = None) -> Model:
    """(f) Operands from all earlier nodes (shallow), or from the last `window` (deep); the sample: inputs."""
    dag = irregular.random_dag(nodes, window, seed)
    leaves = values(dag.start if sample is None else np.concatenate([sample, dag.start[dag.inputs :]]))
    slots = irregular.values_of(dag, leaves, FUNCTIONS)
    loss = ag.sum([ag.sin(slots[k]) for k in dag.sinks]) * (1.0 / len(dag.sinks))
    return loss, leaves[dag.inputs :], leaves[: dag.inputs]


def irregular_row(row: str) -> Model:
    """(f) As the table has it."""
    nodes, window, _ = IRREGULAR[row]
    return random_graph(nodes, window, sample=workload(row).batch[0])


def large_perceptron(nodes: int = 1_000_000, sizes: tuple[int, ...] = (2, 16, 16, 1)) -> Model:
    """The demo of row b written with operators and unrolled over as many points as make about this many nodes."""
    rng = np.random.default_rng(1337)
    each = sum(2 * m * n + n for m, n in itertools.pairwise(sizes))
    work = Workload("", dense(rng, sizes), half_moons(rng, max(1, nodes // each)))
    return margin_unrolled(work, layer_of_operators)


MODELS: dict[str, Callable[[], Model]] = {
    "a1": lambda: figure5(workload("a1")),
    "a200": figure5,
    "b": margin,
    "c": classifier,
    "d": convolution,
    "e": language,
    **{row: (lambda row=row: irregular_row(row)) for row in IRREGULAR},
}
"""By the row of the table."""
