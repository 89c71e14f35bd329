"""The same scene for Graphviz: DOT source through the graphviz package, and its drawing by the program `dot`.

All text is quoted here. Three things in a DOT label are not text: a backslash, an entity such as ``&amp;``,
and a label that is wholly between ``<`` and ``>``. Node and cluster ids are made from positions, never from
names.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import graphviz

from viz.cards import Card
from viz.markup import number, visible
from viz.palette import LIGHT, share, tint, tone
from viz.scene import Edge, Scene, build
from viz.scopes import Scope

if TYPE_CHECKING:
    from autograd import Value

__all__ = ["drawn_by_dot", "quoted", "to_dot", "written"]

_SHAPES = {"input": "dashed,filled,rounded", "const": "dotted,filled,rounded", "param": "filled"}


def to_dot(
    root: Value,
    *,
    title: str | None = None,
    notes: Mapping[str, str] | None = None,
    max_cards: int = 300,
    fold: Iterable[str] = (),
    focus: Value | str | None = None,
    radius: int = 2,
    sums: bool = True,
) -> graphviz.Digraph:
    """The gradient graph behind `root` as a `graphviz.Digraph`; its ``.source`` is DOT text.

    The arguments and errors are those of `viz.draw`. The program `dot` is needed only to render it.
    """
    return written(
        build(root, title=title, notes=notes, max_cards=max_cards, fold=fold, focus=focus, radius=radius, sums=sums)
    )


def quoted(*lines: str) -> str:
    """`lines` as one DOT label that is shown as exactly that text, a line break between them."""
    shown = (visible(line).replace("&", "&amp;").replace("\\", "\\\\") for line in lines if line)
    return str(graphviz.nohtml("\\n".join(shown)))


def _label(*lines: str) -> str:
    # a str, for type checkers; the graphviz package looks at the class of it
    return graphviz.nohtml(quoted(*lines))  # type: ignore[no-any-return,unused-ignore]


def written(scene: Scene) -> graphviz.Digraph:
    """A scene as a `graphviz.Digraph`, scopes as clusters; it needs no layout."""
    graph = graphviz.Digraph(
        graph_attr={"rankdir": "LR", "bgcolor": LIGHT["page"], "fontname": "DejaVu Sans", "labelloc": "t",
                    "labeljust": "l", "label": _label(scene.title, scene.caption)},
        node_attr={"shape": "box", "fontname": "DejaVu Sans", "fontsize": "11", "color": LIGHT["line"]},
        edge_attr={"fontname": "DejaVu Sans Mono", "fontsize": "9", "arrowsize": "0.7"},
    )  # fmt: skip
    inside: dict[Scope, list[int]] = {(): []}
    children: dict[Scope, list[Scope]] = {}
    for i, card in enumerate(scene.cards):
        for depth in range(len(card.scope)):
            scope = card.scope[: depth + 1]
            if scope not in inside:
                inside[scope] = []
                children.setdefault(scope[:-1], []).append(scope)
        inside[card.scope].append(i)
    clusters: dict[Scope, graphviz.Digraph] = {(): graph}
    for n, scope in enumerate(inside):
        if scope:
            clusters[scope] = graphviz.Digraph(
                name=f"cluster_{n}",
                graph_attr={"label": _label(scene.scope_names[scope]), "labeljust": "l", "style": "rounded,filled",
                            "fillcolor": LIGHT["scope" if len(scope) % 2 else "scope2"], "color": LIGHT["hairline"],
                            "fontsize": "11"},
            )  # fmt: skip
    largest = scene.largest_grad
    for scope, cards in inside.items():
        for i in cards:
            clusters[scope].node(f"n{i}", **_node(scene.cards[i], largest))
    for scope in sorted(inside, key=len, reverse=True):  # a subgraph is copied into its parent: innermost first
        if scope:
            clusters[scope[:-1]].subgraph(clusters[scope])
    flow = scene.largest_flow
    for edge in scene.edges:
        graph.edge(f"n{edge.source}", f"n{edge.target}", **_edge(edge, flow))
    return graph


def _node(card: Card, largest: float) -> dict[str, Any]:
    rows = [f"{caption} {value}" for caption, value in card.rows]
    return {
        "label": _label(f"{card.label}   [{card.chip}]", card.formula, card.note, *rows),
        "tooltip": _label(*card.tip.split("\n")),
        "style": _SHAPES.get(card.kind, "filled,rounded"),
        "fillcolor": LIGHT[tint(card.grad, largest)],
        "fontcolor": LIGHT["ink"],
        "peripheries": "2" if card.is_root else "1",
    }


def _edge(edge: Edge, largest: float) -> dict[str, Any]:
    width = 1.0 + 3.5 * abs(share(edge.flow, largest)) if edge.flow is not None else 1.0
    attributes = {"color": LIGHT[tone(edge.flow)], "penwidth": f"{width:.2f}"}
    if edge.local is not None:
        attributes["label"] = f" {number(edge.local)} "
    return attributes


def drawn_by_dot(source: str, time_limit: float) -> str:
    """The SVG that Graphviz makes of DOT source.

    Raises RuntimeError where the program `dot` is not installed, fails, or takes more than `time_limit`
    seconds: what it costs cannot be told from the size of a graph.
    """
    program = shutil.which("dot")
    if program is None:
        raise RuntimeError(
            "engine='dot' needs Graphviz, and its program 'dot' is not on the PATH: install Graphviz, or draw with "
            "engine='layered', which needs nothing"
        )
    try:
        done = subprocess.run(
            [program, "-Tsvg"], input=source.encode(), capture_output=True, timeout=time_limit, check=False
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(
            f"dot was not done after {time_limit:g} s and was stopped: draw with engine='layered', fold= some scopes, "
            "or give a longer time_limit"
        ) from None
    if done.returncode:
        raise RuntimeError(f"dot failed: {visible(done.stderr.decode(errors='replace').strip()[:300])}")
    svg = done.stdout.decode()
    return svg[max(0, svg.find("<svg")) :]
