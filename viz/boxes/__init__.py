"""A gradient graph as a page in which folded boxes and stacks open on a click."""

from __future__ import annotations

from viz.boxes.page import page

__all__ = ["page"]
