"""Graphs that people really have: networks on batches, written with names and in micrograd's way."""

from __future__ import annotations

import random

import autograd as ag
import nn
from autograd import Value


def network(sizes: list[int], rows: int = 0) -> Value:
    """The output of an nn.MLP at one point, or its mean squared loss over so many rows of plain numbers."""
    model, rng = nn.MLP(sizes[0], sizes[1:], seed=1), random.Random(2)
    if not rows:
        root = model([Value(rng.uniform(-1, 1), name=f"x{i + 1}") for i in range(sizes[0])])
    else:
        points = [[rng.uniform(-1, 1) for _ in range(sizes[0])] for _ in range(rows)]
        root = ag.mean([(model(point) - rng.choice((-1.0, 1.0))) ** 2 for point in points])
        root.name = "L"
    root.backward()
    return root


def unnamed(rows: int) -> Value:
    """A 2-8-8-1 network with a hinge loss as micrograd's demo writes it: sum(w * x), no names."""
    rng = random.Random(1)
    layers = [
        [([Value(rng.uniform(-1, 1)) for _ in range(nin)], Value(0.0)) for _ in range(nout)]
        for nin, nout in ((2, 8), (8, 8), (8, 1))
    ]
    losses = []
    for _ in range(rows):
        x = [Value(rng.uniform(-1, 1)), Value(rng.uniform(-1, 1))]
        for layer in layers:
            x = [sum((w * v for w, v in zip(ws, x, strict=True)), b).relu() for ws, b in layer]
        losses.append((1 + -rng.choice((-1, 1)) * x[0]).relu())
    root = sum(losses) * (1.0 / rows)
    root.backward()
    return root


def figure5_batch(rows: int) -> Value:
    """The mean loss of figure 5's network, inputs and targets as named Values."""
    model, rng = nn.Figure5(seed=0), random.Random(0)
    losses = []
    for _ in range(rows):
        x = [Value(rng.uniform(-2, 2), name=f"x{i}") for i in (1, 2)]
        losses.append(abs(Value(rng.choice((0.0, 1.0)), name="y") - model(x)))
        losses[-1].name = "L"
    root = ag.mean(losses)
    root.name = "loss"
    root.backward()
    return root


def chain(length: int) -> Value:
    """One value after the other, without names."""
    y = Value(1.0, name="x")
    for i in range(length):
        y = y * 1.0001 if i % 2 else y + 0.0001
    y.backward()
    return y


def tangle(size: int) -> Value:
    """A random graph without scopes."""
    rng = random.Random(0)
    pool = [Value(rng.uniform(-1, 1)) for _ in range(100)]
    while len(pool) < size:
        a, b = rng.choice(pool), rng.choice(pool[-200:])
        pool.append(rng.choice((ag.tanh(a), a * b, a + b)))
    root = ag.sum(pool[-size // 5 :])
    root.backward()
    return root
