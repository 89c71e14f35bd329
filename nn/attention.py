"""Softmax attention over a sequence: every position takes a mean of what it may look at, with weights that it computes.

Vaswani et al. 2017, "Attention is all you need", NeurIPS, section 3.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import autograd as ag
from nn.checks import check_count
from nn.init import generator
from nn.layers import Seed
from nn.linear import Linear
from nn.module import Module
from nn.nested import check_shape, lists, named, scoped

__all__ = ["Attention", "attention_weights", "scaled_dot_product_attention"]

Vectors = Sequence[Sequence[Any]]


def attention_weights(query: Vectors, key: Vectors, causal: bool = False) -> list[list[Any]]:
    """softmax(query . key / sqrt(d)): for every query the shares of the keys, which add to 1.

    With ``causal`` query t sees the keys up to t, and has t + 1 shares. The softmax subtracts log sum exp, so no score
    is too large.

    Raises:
        ValueError: queries and keys of different lengths d, or none.
    """
    _, d = check_shape("attention: query", query, ["times", "numbers"])
    check_shape("attention: key", key, ["times", d])
    scale = 1.0 / math.sqrt(d)
    seen = [list(key[: t + 1]) if causal else list(key) for t in range(len(query))]
    return [ag.softmax([ag.dot(q, k) * scale for k in keys]) for q, keys in zip(query, seen, strict=True)]


def mixed(weights: Vectors, value: Vectors) -> list[list[Any]]:
    """For every row of weights the weighted mean of the vectors ``value``, as far as the row goes."""
    columns = list(zip(*value, strict=True))
    return [[ag.dot(shares, column[: len(shares)]) for column in columns] for shares in weights]


def scaled_dot_product_attention(query: Vectors, key: Vectors, value: Vectors, causal: bool = False) -> list[list[Any]]:
    """A vector for every query: the mean of the values, weighted by ``attention_weights``; PyTorch's function.

    Args:
        query: vectors of length d, one for each time.
        key: vectors of length d, one for each thing to look at.
        value: one vector for each key.
        causal: whether query t sees the keys up to t alone.

    Raises:
        ValueError: lengths that do not fit. TypeError: no lists of vectors.
    """
    weights = attention_weights(query, key, causal)
    check_shape("attention: value", value, [len(key), "numbers"])
    return mixed(weights, value)


class Attention(Module):
    """Multi-head self-attention: ``num_heads`` times ``scaled_dot_product_attention``, each on a part of the numbers.

    Args:
        embed_dim: the length of a vector, before and after; a multiple of ``num_heads``.
        num_heads: how many heads; each sees ``embed_dim / num_heads`` numbers of query, key and value.
        bias: whether the projections have one (0 at first).
        causal: whether a position sees itself and those before it alone, as in a GPT.
        name: the scope of its Values: the projections' "<name>.query", ".key", ".value", ".out"; the share that head 1
            gives position 2 at position 3 is "<name>.h1.a3_2", what it hands on "<name>.h1.o3_1", ...
        seed: as for ``Neuron``. Initial weights are those of ``torch.nn.MultiheadAttention``: of query, key and value
            Glorot's for one matrix of all three, of the output uniform within 1 / sqrt(embed_dim).

    Raises:
        ValueError: a size below 1, or heads that do not divide the length. TypeError: a size that is no int.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int = 1,
        bias: bool = True,
        *,
        causal: bool = True,
        name: str = "attention1",
        seed: Seed = None,
    ) -> None:
        check_count("embed_dim", embed_dim)
        check_count("num_heads", num_heads)
        if embed_dim % num_heads:
            raise ValueError(f"{num_heads} heads do not divide vectors of {embed_dim} numbers evenly")
        rng = generator(seed)
        limit = math.sqrt(6.0 / (4 * embed_dim))

        def projection(part: str) -> Linear:
            init = "fan_in_uniform" if part == "out" else lambda rng, *_: rng.uniform(-limit, limit)
            layer = Linear(embed_dim, embed_dim, bias, name=f"{name}.{part}", init=init, seed=rng)
            for b in layer.bias or ():
                b.data = 0.0
            return layer

        self.name, self.embed_dim, self.num_heads, self.causal = name, embed_dim, num_heads, causal
        self.query, self.key, self.value, self.out = map(projection, ("query", "key", "value", "out"))

    def __call__(self, x: Vectors) -> list[list[Any]]:
        """A sequence of vectors, as long as x; ``x`` is [time][number].

        Raises:
            ValueError: no vectors, or of another length than ``embed_dim``. TypeError: no lists of numbers.
        """
        check_shape(self.name, x, ["times", self.embed_dim])
        x = lists(x)
        query, key, value = self.query(x), self.key(x), self.value(x)
        size = self.embed_dim // self.num_heads
        joined: list[list[Any]] = [[] for _ in x]
        for h in range(self.num_heads):
            q, k, v = ([vector[h * size : (h + 1) * size] for vector in part] for part in (query, key, value))
            scope = f"{self.name}.h{h + 1}"
            weights = named(attention_weights(q, k, self.causal), f"{scope}.a")
            outputs = named(mixed(weights, v), f"{scope}.o")
            for whole, output in zip(joined, outputs, strict=True):
                whole += output
            scoped(weights, [q, k], scope)
        return self.out(joined)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        kind = "causal" if self.causal else "not causal"
        return f"Attention({self.embed_dim}, {self.num_heads} heads, {kind}, name={self.name!r})"
