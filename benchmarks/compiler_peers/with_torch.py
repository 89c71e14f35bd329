"""PyTorch, as its users write these models: tensors over the batch, gradients by autograd, one fused update.

The lean eager form: no Module and no optimiser object, `torch.autograd.grad` for the gradients and one
`torch._foreach_add_` for the update, which is what `torch.optim.SGD(foreach=True)` comes down to. An irregular graph is
one small tensor operation a node: its users have nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from compiler_peers import irregular
from compiler_peers.engine import Engine
from compiler_peers.workloads import CONTEXT, EPSILON, HEADS, IRREGULAR, PENALTY, WIDTH, workload

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
torch.set_num_threads(1)


def figure5(p: Tensors, x: Tensor, y: Tensor) -> Tensor:
    """(a)"""
    hidden = torch.sigmoid(F.linear(x, p["w1"], p["b1"]))
    return F.mse_loss(torch.sigmoid(F.linear(hidden, p["w2"], p["b2"])), y)


def margin(p: Tensors, x: Tensor, y: Tensor) -> Tensor:
    """(b)"""
    h = torch.relu(F.linear(x, p["w1"], p["b1"]))
    h = torch.relu(F.linear(h, p["w2"], p["b2"]))
    scores = F.linear(h, p["w3"], p["b3"])
    squares = torch.cat([tensor.flatten() for tensor in p.values()])
    return torch.relu(1 - y * scores).mean() + PENALTY * torch.dot(squares, squares)


def classifier(p: Tensors, x: Tensor, y: Tensor) -> Tensor:
    """(c)"""
    h = torch.relu(F.linear(x, p["w1"], p["b1"]))
    h = torch.relu(F.linear(h, p["w2"], p["b2"]))
    return F.cross_entropy(F.linear(h, p["w3"], p["b3"]), y)


def convolution(p: Tensors, x: Tensor, y: Tensor) -> Tensor:
    """(d)"""
    taps = torch.relu(F.conv2d(x, p["filters"].unsqueeze(1), p["offsets"]))
    return F.cross_entropy(F.linear(F.max_pool2d(taps, 2).flatten(1), p["w1"], p["b1"]), y)


def norm(x: Tensor) -> Tensor:
    """Rows over their root mean square."""
    return F.rms_norm(x, (WIDTH,), eps=EPSILON)


def language(p: Tensors, x: Tensor, y: Tensor) -> Tensor:
    """(e), y being letters and weights."""
    words = len(x)
    following, weights = y
    h = norm(F.embedding(x, p["letters"]) + p["positions"])
    n = norm(h)
    q, k, v = (
        F.linear(n, p[name]).view(words, CONTEXT, HEADS, -1).transpose(1, 2) for name in ("queries", "keys", "contents")
    )
    joined = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(words, CONTEXT, WIDTH)
    h = F.linear(joined, p["mixed"]) + h
    h = F.linear(torch.relu(F.linear(norm(h), p["wide"])), p["narrow"]) + h
    scores = F.linear(h, p["scores"])
    losses = F.cross_entropy(scores.view(words * CONTEXT, -1), following, reduction="none")
    return torch.dot(losses, weights)


def irregular_loss(row: str) -> Callable[[Tensors, Tensor, Any], Tensor]:
    """(f)"""
    nodes, window, _ = IRREGULAR[row]
    dag = irregular.random_dag(nodes, window)
    functions = irregular.Functions(torch.tanh, torch.relu, torch.sin, torch.exp, torch.maximum)

    def loss(p: Tensors, x: Tensor, y: Any) -> Tensor:
        slots = irregular.values_of(dag, [*x.unbind(), *p["p"].unbind()], functions)
        last = torch.stack([slots[k].expand(x.shape[1:]) for k in dag.sinks])
        return torch.sin(last).mean()

    return loss


def data(row: str, dtype: torch.dtype) -> tuple[Tensor, Any]:
    """The batch as this library's users would have it."""
    batch = torch.tensor(workload(row).batch)
    x, y = batch[:, :-1].to(dtype).contiguous(), batch[:, -1]
    if row in IRREGULAR:
        return batch.T.to(dtype).contiguous(), None
    if row == "e":
        letters, following, weights = batch.view(-1, 3, CONTEXT).unbind(1)
        return letters.long().contiguous(), (following.long().flatten(), (weights / len(x)).to(dtype).flatten())
    if row == "d":
        return x.view(-1, 1, 8, 8), y.long()
    return (x, y.long()) if row == "c" else (x, y.to(dtype).unsqueeze(1))


LOSSES = {"a1": figure5, "a200": figure5, "b": margin, "c": classifier, "d": convolution, "e": language}


class Torch(Engine):
    """Eager, or the loss compiled with its backward pass."""

    def __init__(self, row: str, dtype: str, compiled: bool) -> None:
        work = workload(row)
        kind = getattr(torch, dtype)
        self.rate = work.rate
        self.parameters = {k: torch.tensor(v, dtype=kind, requires_grad=True) for k, v in work.parameters.items()}
        self.leaves = list(self.parameters.values())
        self.x, self.y = data(row, kind)
        loss = LOSSES.get(row) or irregular_loss(row)
        self.loss = torch.compile(loss, fullgraph=True) if compiled else loss

    def gradients(self) -> tuple[float, NDArray[np.float64]]:
        """Of one pass."""
        loss = self.loss(self.parameters, self.x, self.y)
        grads = torch.autograd.grad(loss, self.leaves)
        return loss.item(), torch.cat([g.flatten() for g in grads]).double().numpy()

    def step(self) -> Tensor:
        """One pass and the update."""
        loss = self.loss(self.parameters, self.x, self.y)
        grads = torch.autograd.grad(loss, self.leaves)
        with torch.no_grad():
            torch._foreach_add_(self.leaves, grads, alpha=-self.rate)
        return loss


def make(row: str, dtype: str) -> Engine:
    """The engine for a row."""
    return Torch(row, dtype, compiled=False)
