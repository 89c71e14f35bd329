"""Pictures of gradient graphs: draw(root), to_dot(root), network(...), explain(...), curve(...)."""

from __future__ import annotations

from viz.figure import Figure

__all__ = ["Figure"]
