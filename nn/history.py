"""What a training leaves: its losses, how it ended, and its learning curve."""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import viz

__all__ = ["History"]

ENDS = {"interrupted": "Ctrl-C", "callback": "the callback"}


@dataclass(repr=False)
class History:
    """What happened in a training. In a notebook it shows its learning curve.

    Attributes:
        losses: the batch's loss before each complete step; ``len(losses)`` steps were made.
        held_out: pairs of a number of complete steps and the mean loss over the rows held out after them.
        ended: "steps" (all were made), "early stop", "interrupted" (Ctrl-C), or "callback".
        engine: what made the steps: "compiled (numpy): ...", or "eager: " and the reason.
        restored: after how many steps the parameters were what ``restore_best`` made them again; None where it did not.
    """

    losses: list[float] = field(default_factory=list)
    held_out: list[tuple[int, float]] = field(default_factory=list)
    ended: str = "steps"
    engine: str = ""
    restored: int | None = None

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the training."""
        return self.ended == "interrupted"

    def plot(self, **options: Any) -> viz.Figure:
        """The learning curve: ``viz.curve(history, **options)``, with its title, y_label, log, ...; raises as it does.

        Dotted lines mark where the training ended early, and the best step where its parameters were restored.
        """
        import viz  # at its first use: a training needs no pictures

        return viz.curve(self, **options)

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        bundle = {"text/plain": repr(self)}
        if any(map(math.isfinite, [*self.losses, *(loss for _, loss in self.held_out)])):
            bundle["image/svg+xml"] = self.plot().svg
        return {
            kind: data
            for kind, data in bundle.items()
            if (not include or kind in include) and (not exclude or kind not in exclude)
        }

    def __repr__(self) -> str:
        """One line, whatever the number of steps."""
        count = len(self.losses)
        told = [f"{count} step{'s' * (count != 1)}"]
        if self.losses:
            told[0] += f", loss {_range(self.losses)}"
        if self.held_out:
            told[0] += f", held out {_range([loss for _, loss in self.held_out])}"
        if self.ended != "steps":
            told.append(f"ended by {ENDS.get(self.ended, self.ended)}")
        if self.restored is not None:
            told.append(f"parameters of step {self.restored} restored")
        if self.engine:
            told.append(self.engine.partition(":")[0])
        return f"<History: {'; '.join(told)}>"


def _range(losses: list[float]) -> str:
    return " to ".join(f"{loss:.4g}" for loss in dict.fromkeys((losses[0], losses[-1])))
