"""Pictures of gradient graphs: draw(root), to_dot(root), network(...), explain(...), curve(...)."""

from __future__ import annotations

from viz.curve import curve
from viz.dot import to_dot
from viz.draw import draw
from viz.explain import Explanation, explain
from viz.figure import Figure
from viz.network import network

__all__ = ["Explanation", "Figure", "curve", "draw", "explain", "network", "to_dot"]
