"""Networks small enough to train in a blink."""

from typing import Any

import numpy as np

import autograd as ag
import nn
from autograd import Value


def network(backend: str, seed: int = 1, dtype: str = "float64") -> tuple[Any, Any]:
    """A program of a small network's loss, and its batch."""
    model = nn.MLP(2, [5, 4, 1], "tanh", seed=seed)
    x, y = [Value(0.0), Value(0.0)], Value(0.0)
    program = ag.compile((model(x) - y).square(), inputs=[*x, y], backend=backend, dtype=dtype)
    return program, np.random.default_rng(0).normal(size=(16, 3))
