"""The usual one-Value-per-number loop in plain Python, as in Karpathy's microgpt: rows a, b and e.

A Value keeps its children and the local derivatives; sums are Python's `sum`, one node a term; a word's graph is made
anew for every step. What a reader writes in an afternoon, and the yardstick of "scalars are slow".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler_peers.engine import Engine, NotForThis, Scalars
from compiler_peers.workloads import CONTEXT, EPSILON, HEADS, PENALTY, WIDTH, workload


class Value:
    """A number of the graph."""

    __slots__ = ("children", "data", "grad", "slopes")

    def __init__(self, data: float, children: tuple[Value, ...] = (), slopes: tuple[float, ...] = ()) -> None:
        self.data, self.grad, self.children, self.slopes = data, 0.0, children, slopes

    def __add__(self, other: Any) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Any) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, power: float) -> Value:
        return Value(self.data**power, (self,), (power * self.data ** (power - 1),))

    def log(self) -> Value:
        """The natural logarithm."""
        return Value(math.log(self.data), (self,), (1.0 / self.data,))

    def exp(self) -> Value:
        """The exponential."""
        z = math.exp(self.data)
        return Value(z, (self,), (z,))

    def relu(self) -> Value:
        """max(0, x)"""
        return Value(max(0.0, self.data), (self,), (float(self.data > 0.0),))

    def __neg__(self) -> Value:
        return self * -1.0

    def __radd__(self, other: Any) -> Value:
        return self + other

    def __sub__(self, other: Any) -> Value:
        return self + (-other)

    def __rsub__(self, other: Any) -> Value:
        return -self + other

    def __rmul__(self, other: Any) -> Value:
        return self * other

    def __truediv__(self, other: Any) -> Value:
        return self * other**-1

    def __rtruediv__(self, other: Any) -> Value:
        return self**-1 * other

    def backward(self) -> None:
        """Add this number's derivatives to `grad`, by a depth-first walk that does not recurse."""
        order, visited, stack = [], {self}, [(self, iter(self.children))]
        while stack:
            node, children = stack[-1]
            for child in children:
                if child not in visited:
                    visited.add(child)
                    stack.append((child, iter(child.children)))
                    break
            else:
                order.append(node)
                stack.pop()
        self.grad = 1.0
        for node in reversed(order):
            for child, slope in zip(node.children, node.slopes, strict=True):
                child.grad += slope * node.grad


def linear(w: list[list[Value]], x: list[Value]) -> list[Value]:
    """A dense layer without bias."""
    return [sum(wi * xi for wi, xi in zip(row, x, strict=True)) for row in w]  # type: ignore[misc]


def softmax(logits: list[Value]) -> list[Value]:
    """Shares, the largest being shifted to 0."""
    top = max(value.data for value in logits)
    powers = [(value - top).exp() for value in logits]
    total = sum(powers)
    return [power / total for power in powers]


def norm(x: list[Value]) -> list[Value]:
    """x over its root mean square."""
    scale = (sum(xi * xi for xi in x) / float(len(x)) + EPSILON) ** -0.5
    return [xi * scale for xi in x]


class Loop(Scalars):
    """A step: every sample's graph, its backward pass, the update."""

    def __init__(self, row: str) -> None:
        self.row, self.work = row, workload(row)
        self.rate = self.work.rate
        self.tensors = {name: values(tensor) for name, tensor in self.work.parameters.items()}
        self.parameters = [p for tensor in self.tensors.values() for p in flat(tensor)]

    def score(self, x: list[Any], last: int) -> Value:
        """Of a perceptron, the activation being relu in row b and a sigmoid in a."""
        for i in range(1, last + 1):
            x = [s + b for s, b in zip(linear(self.tensors[f"w{i}"], x), self.tensors[f"b{i}"], strict=True)]
            if self.row != "b":
                x = [1.0 / (1.0 + (-s).exp()) for s in x]
            elif i < last:
                x = [s.relu() for s in x]
        return x[0]  # type: ignore[no-any-return]

    def gpt(self, letters: list[int], following: list[int]) -> Value:
        """The mean loss of a word."""
        p, keys, contents, losses, size = self.tensors, [], [], [], WIDTH // HEADS
        for t, (letter, target) in enumerate(zip(letters, following, strict=True)):
            x = norm([a + b for a, b in zip(p["letters"][letter], p["positions"][t], strict=True)])
            h = norm(x)
            query = linear(p["queries"], h)
            keys.append(linear(p["keys"], h))
            contents.append(linear(p["contents"], h))
            heads = []
            for start in range(0, WIDTH, size):
                part = range(start, start + size)
                shares = softmax([sum(query[j] * key[j] for j in part) * size**-0.5 for key in keys])
                heads += [sum(s * c[j] for s, c in zip(shares, contents, strict=True)) for j in part]
            x = [a + b for a, b in zip(linear(p["mixed"], heads), x, strict=True)]
            h = [hi.relu() for hi in linear(p["wide"], norm(x))]
            x = [a + b for a, b in zip(linear(p["narrow"], h), x, strict=True)]
            losses.append(-softmax(linear(p["scores"], x))[target].log())
        return sum(losses) / float(len(losses))

    def sample_loss(self, sample: NDArray[np.float64]) -> Value:
        """Of one sample."""
        if self.row == "e":
            letters, following, weights = sample.reshape(3, CONTEXT)
            n = np.count_nonzero(weights)
            return self.gpt(letters[:n].astype(int).tolist(), following[:n].astype(int).tolist())
        *numbers, y = sample.tolist()
        x = [Value(number) for number in numbers]
        if self.row == "b":
            return (1 + -y * self.score(x, 3)).relu()
        return (y - self.score(x, 2)) ** 2

    def losses(self) -> Iterator[Value]:
        """Of every sample, and the penalty."""
        for sample in self.work.batch:
            yield self.sample_loss(sample) * (1.0 / len(self.work.batch))
        if self.row == "b":
            yield PENALTY * sum(p * p for p in self.parameters)


def values(numbers: NDArray[np.float64]) -> Any:
    """An array as nested lists of Values."""
    return [values(part) for part in numbers] if numbers.ndim else Value(float(numbers))


def flat(nested: Any) -> list[Value]:
    """Nested lists as one list."""
    return [nested] if isinstance(nested, Value) else [value for part in nested for value in flat(part)]


def make(row: str, dtype: str) -> Engine:
    """The engine for a row."""
    if dtype != "float64":
        raise NotForThis("float64 only")
    if row not in ("a1", "a200", "b", "e"):
        raise NotForThis("-")
    return Loop(row)
