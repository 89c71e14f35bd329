"""JAX: the whole training step in one `jax.jit`, parameters donated, no step waiting for the one before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from compiler_peers import irregular, with_jax_levels
from compiler_peers.engine import Engine
from compiler_peers.workloads import CONTEXT, EPSILON, HEADS, IRREGULAR, PENALTY, WIDTH, workload

Tensors = dict[str, Any]


def dense(x: Any, p: Tensors, number: int) -> Any:
    """x W' + b"""
    return x @ p[f"w{number}"].T + p[f"b{number}"]


def entropy(scores: Any, labels: Any) -> Any:
    """-log softmax(scores)[label] of each row."""
    picked = jnp.take_along_axis(scores, labels[..., None], axis=-1)[..., 0]
    return jax.nn.logsumexp(scores, axis=-1) - picked


def figure5(p: Tensors, x: Any, y: Any) -> Any:
    """(a)"""
    return jnp.mean((y - jax.nn.sigmoid(dense(jax.nn.sigmoid(dense(x, p, 1)), p, 2))[:, 0]) ** 2)


def margin(p: Tensors, x: Any, y: Any) -> Any:
    """(b)"""
    scores = dense(jax.nn.relu(dense(jax.nn.relu(dense(x, p, 1)), p, 2)), p, 3)[:, 0]
    return jnp.mean(jax.nn.relu(1 - y * scores)) + PENALTY * sum(jnp.vdot(t, t) for t in p.values())


def classifier(p: Tensors, x: Any, y: Any) -> Any:
    """(c)"""
    return jnp.mean(entropy(dense(jax.nn.relu(dense(jax.nn.relu(dense(x, p, 1)), p, 2)), p, 3), y))


def convolution(p: Tensors, x: Any, y: Any) -> Any:
    """(d)"""
    taps = jax.lax.conv_general_dilated(x, p["filters"][:, None], (1, 1), "VALID")
    taps = jax.nn.relu(taps + p["offsets"][:, None, None])
    pooled = taps.reshape(len(x), 8, 3, 2, 3, 2).max(axis=(3, 5))
    return jnp.mean(entropy(dense(pooled.reshape(len(x), -1), p, 1), y))


def norm(x: Any) -> Any:
    """Rows over their root mean square."""
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + EPSILON)


def language(p: Tensors, x: Any, y: Any) -> Any:
    """(e), y being letters and weights."""
    following, weights = y
    h = norm(p["letters"][x] + p["positions"])
    n = norm(h)
    q, k, v = ((n @ p[name].T).reshape(*x.shape, HEADS, -1) for name in ("queries", "keys", "contents"))
    logits = jnp.einsum("bthd,bshd->bhts", q, k) * (WIDTH // HEADS) ** -0.5
    causal = jnp.tril(jnp.ones((CONTEXT, CONTEXT), bool))
    shares = jax.nn.softmax(jnp.where(causal, logits, -jnp.inf), axis=-1)
    h = jnp.einsum("bhts,bshd->bthd", shares, v).reshape(*x.shape, WIDTH) @ p["mixed"].T + h
    h = jax.nn.relu(norm(h) @ p["wide"].T) @ p["narrow"].T + h
    return jnp.vdot(entropy(h @ p["scores"].T, following), weights)


def irregular_loss(row: str) -> Callable[[Tensors, Any, Any], Any]:
    """(f) Node by node: what the deep graphs are given, for want of anything else (see `with_jax_levels`)."""
    nodes, window, _ = IRREGULAR[row]
    dag = irregular.random_dag(nodes, window)
    functions = irregular.Functions(jnp.tanh, jax.nn.relu, jnp.sin, jnp.exp, jnp.maximum)

    def loss(p: Tensors, x: Any, y: Any) -> Any:
        slots = irregular.values_of(dag, [*x, *p["p"]], functions)
        return jnp.mean(jnp.sin(jnp.stack([jnp.broadcast_to(slots[k], x.shape[1:]) for k in dag.sinks])))

    return loss


def data(row: str, dtype: str) -> tuple[Any, Any]:
    """The batch as this library's users would have it."""
    batch = workload(row).batch
    x, y = batch[:, :-1].astype(dtype), batch[:, -1]
    if row in IRREGULAR:
        return jnp.asarray((batch.T if len(batch) > 1 else batch[0]).astype(dtype)), None
    if row == "e":
        letters, following, weights = batch.reshape(-1, 3, CONTEXT).transpose(1, 0, 2)
        others = jnp.asarray(following.astype("int32")), jnp.asarray((weights / len(x)).astype(dtype))
        return jnp.asarray(letters.astype("int32")), others
    if row == "d":
        return jnp.asarray(x.reshape(-1, 1, 8, 8)), jnp.asarray(y.astype("int32"))
    return jnp.asarray(x), jnp.asarray(y.astype("int32" if row == "c" else dtype))


LOSSES = {"a1": figure5, "a200": figure5, "b": margin, "c": classifier, "d": convolution, "e": language}


class Jax(Engine):
    """One compiled step."""

    def __init__(self, row: str, dtype: str, gradient: Any = None) -> None:
        work = workload(row)
        self.parameters = {name: jnp.asarray(tensor.astype(dtype)) for name, tensor in work.parameters.items()}
        self.x, self.y = data(row, dtype)
        self.gradient = gradient or jax.value_and_grad(LOSSES.get(row) or irregular_loss(row))

        def update(p: Tensors, x: Any, y: Any) -> tuple[Any, Tensors]:
            loss, slopes = self.gradient(p, x, y)
            return loss, jax.tree.map(lambda t, g: t - work.rate * g, p, slopes)

        self.update = jax.jit(update, donate_argnums=0)
        self.names = list(work.parameters)

    def gradients(self) -> tuple[float, NDArray[np.float64]]:
        """Of a function of its own."""
        loss, slopes = jax.jit(self.gradient)(self.parameters, self.x, self.y)
        return float(loss), np.concatenate([np.asarray(slopes[name], np.float64).ravel() for name in self.names])

    def step(self) -> Any:
        """One call, which need not be complete when it returns."""
        loss, self.parameters = self.update(self.parameters, self.x, self.y)
        return loss

    def run(self, steps: int) -> None:
        """Waits once, at the end."""
        for _ in range(steps):
            loss = self.step()
        jax.block_until_ready((loss, self.parameters))


def make(row: str, dtype: str) -> Engine:
    """The engine for a row."""
    jax.config.update("jax_enable_x64", dtype == "float64")
    shallow = row in IRREGULAR and IRREGULAR[row][1] is None
    return Jax(row, dtype, with_jax_levels.value_and_gradient(row) if shallow else None)
