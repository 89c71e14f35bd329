"""The declarations: every operation, once.

``TABLE`` holds them all by name. ``autograd`` exports the public ones as functions; the others are the pieces that the
rules of the public ones are written with.
"""

from autograd.ops import activations, arithmetic, elementary, gaussian, nary, selection
from autograd.ops.declare import CUSTOM, TABLE, find, register

__all__ = [
    "CUSTOM", "TABLE", "activations", "arithmetic", "elementary", "find", "gaussian", "nary", "register", "selection",
]  # fmt: skip
