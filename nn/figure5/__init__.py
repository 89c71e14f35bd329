"""Figure 5, end to end: the 2-2-1 network, and the main job ``python -m nn.figure5`` (see
``nn.figure5.job``)."""

from nn.figure5.model import Figure5

__all__ = ["Figure5"]
