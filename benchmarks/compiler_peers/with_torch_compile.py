"""PyTorch with `torch.compile` over the loss; the update as in `with_torch`."""

from compiler_peers.engine import Engine
from compiler_peers.with_torch import Torch


def make(row: str, dtype: str) -> Engine:
    """The engine for a row."""
    return Torch(row, dtype, compiled=True)
