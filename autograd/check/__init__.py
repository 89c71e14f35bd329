"""Gradients against finite differences (being rebuilt)."""

from autograd.check.old import *  # noqa: F403
