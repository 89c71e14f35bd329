"""Graphs for the tests of the pictures: figure 5 by hand, random scoped graphs, and a reader of SVG."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ET

import autograd as ag
from autograd import Value

SVG = "{http://www.w3.org/2000/svg}"


def neuron(scope: str, names: list[str], numbers: list[float], inputs: list[Value]) -> Value:
    params = [Value(x, name=f"{scope}.{name}") for name, x in zip(names, numbers, strict=True)]
    weighted = ag.dot(params[:-1], inputs, params[-1])
    weighted.name = f"{scope}.s{names[-1][1:]}"
    out = ag.sigmoid(weighted)
    out.name = f"{scope}.{scope}"
    return out


def figure5(backward: bool = True) -> Value:
    """The loss of the 2-2-1 network of figure 5, for one person."""
    x1, x2 = Value(-2.0, name="x1"), Value(-1.0, name="x2")
    h1 = neuron("h1", ["w1", "w2", "b1"], [0.8, -0.4, 0.1], [x1, x2])
    h2 = neuron("h2", ["w3", "w4", "b2"], [0.3, 0.9, -0.2], [x1, x2])
    o1 = neuron("o1", ["w5", "w6", "b3"], [1.1, -0.7, 0.05], [h1, h2])
    loss = abs(Value(1.0, name="y") - o1)
    loss.name = "L"
    if backward:
        loss.backward()
    return loss


def mlp(sizes: list[int], seed: int = 0, products: bool = False) -> Value:
    """The loss of a network with scopes layer1.n1 and so on; with `products`, its sums are written with + and *."""
    rng = random.Random(seed)
    current = [Value(rng.uniform(-1, 1), name=f"x{i + 1}") for i in range(sizes[0])]
    for level, size in enumerate(sizes[1:], 1):
        following = []
        for j in range(1, size + 1):
            scope = f"layer{level}.n{j}"
            ws = [Value(rng.uniform(-1, 1), name=f"{scope}.w{i + 1}") for i in range(len(current))]
            b = Value(0.1, name=f"{scope}.b")
            s = sum(w * x for w, x in zip(ws, current, strict=True)) + b if products else ag.dot(ws, current, b)
            s.name = f"{scope}.s"
            out = ag.tanh(s)
            out.name = f"{scope}.n{j}"
            following.append(out)
        current = following
    loss = (current[0] - Value(1.0, name="y")) ** 2
    loss.name = "L"
    loss.backward()
    return loss


def random_graph(seed: int) -> Value:
    """A graph with nested scopes, unnamed values, values used twice, scopes that are left and re-entered."""
    rng = random.Random(seed)
    scopes = [(), *[(f"a{rng.randrange(3)}",) for _ in range(3)]]
    scopes += [(*rng.choice(scopes), f"b{rng.randrange(3)}") for _ in range(4)]
    pool = [Value(rng.uniform(-2, 2), name=f"x{i}") for i in range(rng.randint(1, 4))]
    for i in range(rng.randint(4, 45)):
        scope = rng.choice(scopes)
        kind = rng.random()
        if kind < 0.3:
            value = Value(rng.uniform(-2, 2), name=".".join((*scope, f"w{i}")))
        else:
            recent = pool[-rng.choice((3, 8, 50)) :]
            if kind < 0.6:
                a, b = rng.choice(recent), rng.choice(pool)
                value = rng.choice((a + b, a * b, a - b, a * 2.0))
            elif kind < 0.8:
                value = ag.sum([rng.choice(pool) for _ in range(rng.randint(2, 9))])
            else:
                value = ag.tanh(rng.choice(recent))
            if rng.random() < 0.6:
                value.name = ".".join((*scope, f"v{i}"))
        pool.append(value)
    root = ag.sum(pool[-12:])
    root.name = "root"
    if rng.random() < 0.8:
        root.backward()
    return root


def texts(svg: str) -> list[str]:
    """The text of every text element of a picture, as a reader of XML sees it."""
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter(f"{SVG}text")]


def tips(svg: str) -> list[str]:
    """Every tooltip."""
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter(f"{SVG}title")]
