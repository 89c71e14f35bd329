"""draw(): the gradient graph behind a value as a picture."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from autograd.reverse import alone, undisturbed
from viz import boxes, layout, svg
from viz.dot import drawn_by_dot, written
from viz.figure import Figure
from viz.folding import Folding
from viz.scene import default_title, folded, picture

if TYPE_CHECKING:
    from autograd import Value

__all__ = ["draw"]


def draw(
    root: Value,
    *,
    title: str | None = None,
    notes: Mapping[str, str] | None = None,
    engine: str = "layered",
    max_cards: int = 300,
    max_height: float = 2000.0,
    fold: str | Iterable[str] = (),
    focus: Value | str | None = None,
    radius: int = 2,
    sums: bool = True,
    time_limit: float = 20.0,
) -> Figure:
    """The gradient graph behind `root`: for every value its data and gradient, on every edge the local
    derivative.

    A gradient that no backward pass has reached is a dash. Colour says the sign and the size of a gradient,
    an edge's width the size of local derivative times upstream gradient. A scope, what a name says before its
    last dot ("h1" of "h1.w1"), is a box. Leaves are `param` where their name has a scope, `input` where it
    has none, and `const` without a name; plain numbers stand in the formulas.

    Args:
        root: the value to draw; it is drawn with everything it was made of.
        title: the heading; "" for none.
        notes: an extra line for the card of a value, by its name or the last part of it: {"x1": "71 kg"}.
        engine: "layered", which needs nothing, or "dot", which needs Graphviz.
        max_cards: with more values than this, the samples of a batch are stacked, then scopes folded (the deepest
            first), then like cards stacked.
        max_height: where the picture would be higher than about so many pixels, the same is done; ``math.inf`` for
            any height.
        fold: dotted names of scopes to fold in any case.
        focus: draw only what is at most `radius` operations away from this value (or the value of this name).
        radius: see `focus`.
        sums: whether chains of + through values without a name are drawn as one sum.
        time_limit: seconds that engine "dot" may take.

    Returns:
        A `Figure`: notebooks display it, ``.svg`` is its text, ``.save("x.svg")`` keeps it. The same graph
        gives the same bytes. ``.save("x.html")`` is a page in which folded cards open on a click; for its sake the
        figure keeps the graph.

    Raises:
        TypeError: `root` is no Value.
        ValueError: the graph cannot be brought to a readable size (the message says what to do); an unknown
        engine,
            scope, focus or note.
        autograd.errors.StaleGraphError: data was edited after the forward pass; names the node.
        RuntimeError: engine "dot" without the program, or past its time limit.
    """
    if engine not in ("layered", "dot"):
        raise ValueError(f"engine must be 'layered' or 'dot', got {engine!r}")
    if not max_height > 0:
        raise ValueError(f"max_height must be above 0 (pixels), got {max_height!r}")
    with undisturbed:
        folding = folded(
            root, max_cards=max_cards, max_height=max_height, fold=fold, focus=focus, radius=radius, sums=sums
        )
        scene = picture(folding, title=default_title(root) if title is None else title, notes=notes, root=root)
        now = _numbers(folding)
    if engine == "dot":
        source = str(written(scene).source)
        return Figure(drawn_by_dot(source, time_limit), dot=source, title=scene.title)
    layout.place(scene)
    drawn = svg.render(scene)

    @alone
    def opening() -> str:
        if _numbers(folding) != now:
            raise ValueError(
                "the values have changed since this picture was drawn: draw it again, then save the page with its boxes"
            )
        return boxes.page(folding, drawn, title=scene.title)

    return Figure(drawn, dot=lambda: str(written(scene).source), title=scene.title, page=opening)


def _numbers(folding: Folding) -> bytes:
    """Every number that is shown, to tell whether it has changed."""
    nodes = folding.graph.nodes
    return array("d", [x for node in nodes for x in (node.data, node.grad, node.has_grad)]).tobytes()
