"""JAX on the irregular graphs as an array program: forward and backward level by level, as in `by_hand_irregular`.

Node by node, XLA takes minutes for a few thousand nodes. This is what a user would write who needed it, for shallow
graphs; a deep one has as many array operations as others have nodes.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from compiler_peers import irregular
from compiler_peers.by_hand_irregular import plan
from compiler_peers.workloads import IRREGULAR


def forward(kind: str, x: Any, y: Any) -> Any:
    """One operation on arrays; y is not looked at where it is unary."""
    return irregular.apply(kind, x, y, irregular.Functions(jnp.tanh, jax.nn.relu, jnp.sin, jnp.exp, jnp.maximum))


def value_and_gradient(row: str) -> Any:
    """A function of the parameters and the batch (inputs, samples), as `jax.value_and_grad` would give it."""
    nodes, window, _ = IRREGULAR[row]
    dag = irregular.random_dag(nodes, window)
    made = plan(dag)
    starts, sinks = made.starts, made.place[dag.sinks]
    leaves, inputs = len(dag.start), dag.inputs
    segments = np.repeat(np.arange(len(made.place)), np.diff(starts))

    def adjoints(received: Any, low: int, high: int) -> Any:
        """The sums of what the slots from low to high have received."""
        part = received[starts[low] : starts[high]]
        places = segments[starts[low] : starts[high]] - low
        return jax.ops.segment_sum(part, places, high - low, indices_are_sorted=True)

    def compute(p: Any, x: Any, _: Any) -> tuple[Any, Any]:
        spread = jnp.broadcast_to(p["p"].reshape(-1, *[1] * (x.ndim - 1)), (len(p["p"]), *x.shape[1:]))
        v = jnp.zeros((len(made.place), *x.shape[1:]), x.dtype).at[:leaves].set(jnp.concatenate([x, spread]))
        pulls = []
        for group in made.groups:
            x_y = v[group.a], v[group.b]
            z, pull = jax.vjp(lambda a, b, kind=group.kind: forward(kind, a, b), *x_y)
            pulls.append(pull)
            v = v.at[group.nodes].set(z)
        last, seed = jax.vjp(lambda s: jnp.mean(jnp.sin(s)), v[sinks])
        received = jnp.zeros((starts[-1], *x.shape[1:]), x.dtype)
        received = received.at[starts[sinks]].set(seed(jnp.ones_like(last))[0], unique_indices=True)
        for group, pull in zip(reversed(made.groups), reversed(pulls), strict=True):
            to_a, to_b = pull(adjoints(received, group.nodes.start, group.nodes.stop))
            received = received.at[group.row_a].set(to_a, unique_indices=True)
            if group.row_b[0] >= 0:
                received = received.at[group.row_b].set(to_b, unique_indices=True)
        slopes = adjoints(received, inputs, leaves)
        return last, {"p": slopes.reshape(len(slopes), -1).sum(axis=1)}

    return compute
