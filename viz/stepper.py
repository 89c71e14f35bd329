"""step(loss): backpropagation one application of the chain rule at a time, forwards and backwards."""

from __future__ import annotations

import operator
import os
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from autograd import Value
from viz.markup import last_part
from viz.steps import Plan, Stage, Step, plan

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Stepper", "step"]


def shorten(text: str, most: int) -> str:
    """The text, with its end left out where it is longer."""
    return text if len(text) <= most else text[: most - 3] + "..."


def step(
    root: Value,
    *,
    grain: str = "edge",
    forward: bool = False,
    learning_rate: float | None = None,
    title: str | None = None,
    notes: Mapping[str, str] | None = None,
    digits: int = 4,
) -> Stepper:
    """A stepper over the backward pass of ``root``; a notebook displays it with controls.

    Args:
        root: the value to differentiate, the loss as a rule.
        grain: "edge", one application of the chain rule at a time; "node", all edges of a node; "neuron", all of a
            neuron (a scope of names).
        forward: begin with the forward pass: the values, in the order in which they are computed.
        learning_rate: end with one step of gradient descent on the parameters (named leaves in a scope).
        title: the heading of the picture. notes: extra lines on cards, as for ``draw``.
        digits: significant digits of the numbers, 1 to 17.

    Nothing of the graph is changed: the gradients are kept in the stepper, and ``grad`` is neither read nor written.

    Raises:
        TypeError: ``root`` is no Value. ValueError: grain, digits, learning rate or notes that make no sense.
        StaleGraphError: data was edited after the forward pass.
    """
    if not isinstance(root, Value):
        raise TypeError(f"step(root) takes a Value, the result of a computation; got {type(root).__name__}")
    if not isinstance(digits, int) or isinstance(digits, bool) or not 1 <= digits <= 17:
        raise ValueError(f"digits must be a whole number from 1 to 17, got {digits!r}")
    if learning_rate is not None and not (isinstance(learning_rate, int | float) and 0 < learning_rate < float("inf")):
        raise ValueError(f"the learning rate must be a positive number, got {learning_rate!r}")
    if title is not None and not isinstance(title, str):
        raise TypeError(f"title must be text, got {type(title).__name__}")
    made = plan(root, grain=grain, forward=forward, learning_rate=learning_rate, digits=digits)
    names = {v.name for v in made.graph.nodes}
    unknown = [key for key in notes or {} if key not in names | {last_part(name) for name in names}]
    if unknown:
        raise ValueError(f"notes: no value in this graph is named {unknown[0]!r}")
    return Stepper(made, title=title, notes=notes)


class Stepper:
    """A cursor on the steps of one training step. Make one with ``step(loss)``.

    Attributes:
        plan: all steps, and the stages that the chosen grain makes of them.
        position: how many stages have been taken, from 0 to ``len(stepper)``.
    """

    def __init__(self, plan: Plan, *, title: str | None = None, notes: Mapping[str, str] | None = None) -> None:
        self.plan = plan
        self.position = 0
        self.title = title
        self.notes = notes
        self._breaks: list[Callable[[Step], bool]] = []

    # -- moving ----------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.plan.stages)

    def __iter__(self) -> Iterator[Stage]:
        """Take the stages that are left, one by one."""
        while self.position < len(self):
            yield self.next()

    @property
    def stage(self) -> Stage | None:
        """The stage just taken; None at the start."""
        return self.plan.stages[self.position - 1] if self.position else None

    def next(self) -> Stage:
        """Take the next stage. StopIteration: there is none."""
        if self.position == len(self):
            raise StopIteration("the last step has been taken: back() or restart()")
        self.position += 1
        return self.plan.stages[self.position - 1]

    def back(self) -> Stage:
        """Take the last stage back, and return it. StopIteration: none has been taken."""
        if not self.position:
            raise StopIteration("no step has been taken yet: next()")
        self.position -= 1
        return self.plan.stages[self.position]

    def run(self) -> Stage | None:
        """Go on to the end, or to just after the next stage that a break point stops at; that stage."""
        while self.position < len(self):
            stage = self.next()
            if any(stops(step) for step in stage.steps for stops in self._breaks):
                break
        return self.stage

    def run_to(self, target: Value | str) -> Stage:
        """Go on to just after the next stage that computes, arrives at or updates the target.

        Args:
            target: a Value of the graph, or its name (or the last part of it).

        Raises:
            ValueError: the graph has no such value, or no later stage concerns it; the position stays.
        """
        wanted = self.find(target)
        for i in range(self.position, len(self)):
            stage = self.plan.stages[i]
            if any(wanted is (s.node if s.operand is None else s.operand) for s in stage.steps):
                self.position = i + 1
                return stage
        raise ValueError(f"no step after this one reaches {target!r:.60}: restart() goes to the beginning")

    def break_at(self, predicate: Callable[[Step], bool]) -> None:
        """Make ``run()`` stop after a stage with a step for which ``predicate(step)`` is true."""
        if not callable(predicate):
            raise TypeError("break_at takes a function of a step, as in break_at(lambda s: abs(s.contribution) > 1)")
        self._breaks.append(predicate)

    def clear_breaks(self) -> None:
        """Forget all break points."""
        self._breaks.clear()

    def restart(self) -> None:
        """Go to the beginning; break points stay."""
        self.position = 0

    def go(self, position: int) -> None:
        """Go to a position, 0 to ``len(stepper)``; negative ones count from the end. IndexError: out of range."""
        try:
            position = operator.index(position)
        except TypeError:
            raise TypeError(f"a position is a whole number, got {position!r}") from None
        place = position + len(self) + 1 if position < 0 else position
        if not 0 <= place <= len(self):
            raise IndexError(f"there are {len(self)} steps: position {position} is out of range")
        self.position = place

    @property
    def grain(self) -> str:
        """How much one step takes: "edge", "node" or "neuron". Set it to change it.

        The steps taken stay taken, but for those of a stage of the new grain that is not whole: these are taken back.
        """
        return self.plan.grain

    @grain.setter
    def grain(self, grain: str) -> None:
        taken = len(self.taken)
        self.plan = self.plan.at(grain)
        self.position = bisect_right([stage.stop for stage in self.plan.stages], taken)

    # -- looking ---------------------------------------------------------------------------------------------------

    @property
    def taken(self) -> tuple[Step, ...]:
        """The steps taken so far."""
        return self.plan.steps[: self.stage.stop] if self.stage else ()

    def find(self, target: Value | str) -> Value:
        """The value of the graph that is meant: by itself, its name, or the end of its name from a dot on.

        ValueError: there is none, or several have the name.
        """
        nodes, names = self.plan.graph.nodes, self.plan.names
        if isinstance(target, Value):
            if any(v is target for v in nodes):
                return target
            raise ValueError(f"this value is not in the graph of {names.of(self.plan.root).text}")
        if not isinstance(target, str):
            raise TypeError(f"a value or its name, please; got {type(target).__name__}")
        found = [v for v in nodes if (v.name and v.name == target) or names.of(v).text == target]
        found = found or [v for v in nodes if v.name.endswith("." + target)]
        if len(found) != 1:
            known = ", ".join(dict.fromkeys(names.of(v).text for v in nodes if v.name)) or "none"
            many = f"{len(found)} values are" if found else "no value is"
            raise ValueError(f"{many} called {target[:60]!r}; the names are {shorten(known, 300)}")
        return found[0]

    def gradient(self, target: Value | str) -> float | None:
        """d root / d target as far as the steps taken have summed it; None before any has arrived."""
        wanted = self.find(target)
        known: float | None = None
        for step in self.taken:
            if step.kind in ("seed", "backward") and wanted is (step.node if step.operand is None else step.operand):
                known = step.after
        return known

    def gradients(self) -> dict[int, float]:
        """All gradients known so far, by ``id(value)``."""
        known: dict[int, float] = {}
        for step in self.taken:
            if step.kind in ("seed", "backward"):
                known[id(step.node if step.operand is None else step.operand)] = step.after
        return known

    def __str__(self) -> str:
        where = f"step {self.position} of {len(self)}"
        return f"{where}: {self.stage.text}" if self.stage else f"{where}: before the first step"

    def __repr__(self) -> str:
        return f"<Stepper of {self.plan.names.of(self.plan.root).text}, {self}>"

    # -- showing ---------------------------------------------------------------------------------------------------

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from viz.player import notebook_html

        return {"text/html": notebook_html(self), "text/plain": str(self)}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the walk as one file: ``.html``, a page with controls, or ``.svg``, animated by CSS alone.

        Raises:
            ValueError: another suffix. OSError: the file cannot be written; nothing is left half written.
        """
        from autograd.files import write_atomically

        suffix = os.path.splitext(os.fspath(path))[1].lower()
        if suffix == ".html":
            from viz.player import page

            write_atomically(path, page(self))
        elif suffix == ".svg":
            from viz.animation import animated

            write_atomically(path, animated(self))
        else:
            raise ValueError(f"a walk is saved as .html (controls) or .svg (animated), not {suffix or 'nothing'!r}")

    def walk(self) -> None:
        """Walk in the terminal, with keys."""
        from viz.terminal import walk

        walk(self)
