"""CasADi: one sample's loss and gradient as an SX function of scalars, mapped over the batch with the sums inside, and
the update in the same function. Called through its buffer interface, which copies nothing."""

from __future__ import annotations

from typing import Any

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from compiler_peers import irregular
from compiler_peers.engine import Engine, NotForThis
from compiler_peers.workloads import CONTEXT, EPSILON, HEADS, IRREGULAR, PENALTY, WIDTH, workload

SX = Any


def relu(x: SX) -> SX:
    """With slope 0 at 0."""
    return ca.if_else(x > 0, x, 0)


def sigmoid(x: SX) -> SX:
    """1 / (1 + exp(-x))"""
    return 1 / (1 + ca.exp(-x))


def maximum(x: SX, y: SX) -> SX:
    """A tie shares the gradient, as everywhere else; fmax gives it to one."""
    return (x + y + ca.fabs(x - y)) / 2


def take(column: SX, index: SX) -> SX:
    """An element by its number."""
    return ca.dot(ca.DM(range(column.numel())) == index, column)


def entropy(scores: SX, label: SX) -> SX:
    """-log softmax(scores)[label]"""
    return ca.logsumexp(scores) - take(scores, label)


def dense(p: dict[str, SX], x: SX, number: int) -> SX:
    """W x + b"""
    return p[f"w{number}"] @ x + p[f"b{number}"]


def perceptron(row: str, p: dict[str, SX], x: SX, y: SX) -> SX:
    """(a), (b), (c)"""
    if row in ("a1", "a200"):
        return (y - sigmoid(dense(p, sigmoid(dense(p, x, 1)), 2))) ** 2
    scores = dense(p, relu(dense(p, relu(dense(p, x, 1)), 2)), 3)
    return relu(1 - y * scores) if row == "b" else entropy(scores, y)


def convolution(p: dict[str, SX], x: SX, y: SX) -> SX:
    """(d)"""
    image = ca.reshape(x, 8, 8).T
    pooled = []
    for c in range(8):
        window = ca.reshape(p["filters"][9 * c : 9 * c + 9], 3, 3).T
        taps = sum(window[m, n] * image[m : m + 6, n : n + 6] for m in range(3) for n in range(3)) + p["offsets"][c]
        taps = relu(taps)
        rows = maximum(taps[0:6:2, :], taps[1:6:2, :])
        pooled.append(ca.vec(maximum(rows[:, 0:6:2], rows[:, 1:6:2]).T))
    return entropy(dense(p, ca.vertcat(*pooled), 1), y)


def norm(x: SX) -> SX:
    """x over its root mean square."""
    return x / ca.sqrt(ca.dot(x, x) / WIDTH + EPSILON)


def language(p: dict[str, SX], sample: SX) -> SX:
    """(e)"""
    letters, following, weights = (sample[i * CONTEXT : (i + 1) * CONTEXT] for i in range(3))
    size = WIDTH // HEADS
    keys: list[SX] = []
    contents: list[SX] = []
    loss = 0
    for t in range(CONTEXT):
        hot = ca.DM(range(p["letters"].shape[0])) == letters[t]
        x = norm(p["letters"].T @ hot + p["positions"][t, :].T)
        h = norm(x)
        query = p["queries"] @ h
        keys.append(p["keys"] @ h)
        contents.append(p["contents"] @ h)
        heads = []
        for start in range(0, WIDTH, size):
            part = slice(start, start + size)
            logits = ca.vertcat(*(ca.dot(query[part], key[part]) for key in keys)) * size**-0.5
            shares = ca.exp(logits - ca.logsumexp(logits))
            heads.append(ca.horzcat(*(content[part] for content in contents)) @ shares)
        x = p["mixed"] @ ca.vertcat(*heads) + x
        x = p["narrow"] @ relu(p["wide"] @ norm(x)) + x
        loss += weights[t] * entropy(p["scores"] @ x, following[t])
    return loss


def irregular_loss(row: str, p: SX, x: SX) -> SX:
    """(f)"""
    nodes, window, _ = IRREGULAR[row]
    dag = irregular.random_dag(nodes, window)
    functions = irregular.Functions(ca.tanh, relu, ca.sin, ca.exp, maximum)
    slots = irregular.values_of(dag, [*ca.vertsplit(x), *ca.vertsplit(p)], functions)
    return sum(ca.sin(slots[k]) for k in dag.sinks) / len(dag.sinks)


def sample_loss(row: str, flat: SX, sample: SX) -> SX:
    """Of one sample."""
    tensors, start = {}, 0
    for name, tensor in workload(row).parameters.items():
        part = flat[start : start + tensor.size]
        matrix = tensor.ndim == 2
        tensors[name] = ca.reshape(part, tensor.shape[1], tensor.shape[0]).T if matrix else part  # columns come first
        start += tensor.size
    if row in IRREGULAR:
        return irregular_loss(row, flat, sample)
    if row == "e":
        return language(tensors, sample)
    if row == "d":
        return convolution(tensors, sample[:-1], sample[-1])
    return perceptron(row, tensors, sample[:-1], sample[-1])


class Casadi(Engine):
    """The function, and the buffers that it works on."""

    def __init__(self, row: str, dtype: str) -> None:
        if dtype != "float64":
            raise NotForThis("float64 only")
        work = workload(row)
        start, columns = work.flat(), np.ascontiguousarray(work.batch)  # column-major, a column is a sample
        self.count, self.rate = len(columns), work.rate
        p, x = ca.SX.sym("p", start.size), ca.SX.sym("x", columns.shape[1])
        loss = sample_loss(row, p, x)
        one = ca.Function("one", [p, x], [loss, ca.gradient(loss, p)])
        batch = one if self.count == 1 else one.map("batch", "serial", self.count, [0], [0, 1])
        parameters, samples = ca.MX.sym("p", start.size), ca.MX.sym("x", columns.shape[1], self.count)
        loss, gradient = batch(parameters, samples)
        loss, gradient = loss / self.count, gradient / self.count
        if row == "b":
            loss += PENALTY * ca.dot(parameters, parameters)
            gradient += 2 * PENALTY * parameters
        self.slopes = ca.Function("slopes", [parameters, samples], [loss, gradient])
        update = parameters - work.rate * gradient
        self.update = self.compiled(ca.Function("update", [parameters, samples], [loss, update]))
        self.start, self.columns = start, columns
        self.arrays = [start.copy(), start.copy()]
        self.loss = np.zeros(1)
        self.calls = [self.bound(*self.arrays), self.bound(*self.arrays[::-1])]
        self.done = 0

    def compiled(self, function: Any) -> Any:
        """What is called: here, CasADi's virtual machine."""
        return function

    def bound(self, source: NDArray[np.float64], target: NDArray[np.float64]) -> Any:
        """A call that reads parameters from one array and writes them to another."""
        buffer, trigger = self.update.buffer()
        buffer.set_arg(0, memoryview(source))
        buffer.set_arg(1, memoryview(self.columns))
        buffer.set_res(0, memoryview(self.loss))
        buffer.set_res(1, memoryview(target))
        return buffer, trigger

    def gradients(self) -> tuple[float, NDArray[np.float64]]:
        """Of a function of its own: the update has no gradient to show."""
        loss, gradient = self.slopes(self.start, self.columns.T)
        return float(loss), np.array(gradient).ravel()

    def step(self) -> None:
        """One call, which is given the batch, as every engine's is; the two arrays take turns."""
        buffer, trigger = self.calls[self.done % 2]
        buffer.set_arg(1, memoryview(self.columns))
        trigger()
        self.done += 1


def make(row: str, dtype: str) -> Engine:
    """The engine for a row."""
    return Casadi(row, dtype)
