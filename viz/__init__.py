"""Pictures of gradient graphs: draw(root), to_dot(root), network(...), explain(...), curve(...)."""

from __future__ import annotations

from viz.dot import to_dot
from viz.draw import draw
from viz.figure import Figure

__all__ = ["Figure", "draw", "to_dot"]
