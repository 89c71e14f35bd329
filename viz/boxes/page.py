"""The page: one file, nothing loaded from a network, its views in templates until they are opened."""

from __future__ import annotations

import json
from importlib.resources import files

from viz.boxes.views import Row, View, views
from viz.folding import Folding
from viz.markup import DASH, escape, number, policy, visible
from viz.palette import LIGHT, style_sheet

__all__ = ["page"]


def page(folding: Folding, drawn: str, *, title: str) -> str:
    """The HTML document of a picture, `drawn` as SVG, whose folded cards open.

    It works from a file, by mouse and by keyboard, and goes back by the browser's own button; without scripts it is
    the picture. Its size is bounded: boxes deeper inside than that allows stay closed, and the page says so.
    """
    made = views(folding, drawn, visible(title) or "Gradient graph")
    first, *rest = (_section(i, view) for i, view in enumerate(made))
    closed = sum(len(view.closed) for view in made)
    hint = ""
    if len(made) > 1:
        hint = "Cards marked ⊞ or × open on a click, or with Enter. Escape goes back."
    if closed:
        hint += f" {closed:,} more stay closed, to keep this page small: draw them by themselves."
    here = files("viz.boxes")
    style = here.joinpath("boxes.css").read_text(encoding="utf-8")
    style += style_sheet(" ".join(f"{kind}-{name}" for name in LIGHT for kind in "fs")) + "\n"
    script = "\n" + here.joinpath("boxes.js").read_text(encoding="utf-8")
    templates = "".join(f'<template id="view-{i}">{section}</template>\n' for i, section in enumerate(rest, 1))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"{policy(script)}\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(made[0].title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        '<header>\n<nav aria-label="Opened boxes"><ol id="trail"></ol></nav>\n'
        f'<p id="hint">{escape(hint.strip())}</p>\n'
        '<button type="button" id="fit" aria-pressed="false" hidden>Fit to window</button>\n</header>\n'
        f'<main id="view" tabindex="-1">{first}</main>\n<p id="news" role="status"></p>\n{templates}'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _section(place: int, view: View) -> str:
    data = {"parent": view.parent, "opens": view.opens, "closed": view.closed}
    before, _, rest = view.svg.partition("<style>")
    inside = before + rest.partition("</style>")[2] if rest else _table(view)  # one style for all, in the head
    return (
        f'<section data-view="{place}" data-title="{escape(view.title)}" data-size="{view.size:,}" '
        f'data-links="{escape(json.dumps(data, separators=(",", ":")))}">{inside}</section>'
    )


def _table(view: View) -> str:
    more = view.total - len(view.rows)
    below = f"<p>{more:,} more are not listed.</p>" if more else ""
    rows = "".join(_row(n, row) for n, row in enumerate(view.rows, 1))
    return (
        f"<h2>{escape(view.title)}</h2>"
        '<table><thead><tr><th scope="col">#</th><th scope="col">name</th><th scope="col">data</th>'
        f'<th scope="col">gradient</th></tr></thead><tbody>{rows}</tbody></table>{below}'
    )


def _row(n: int, row: Row) -> str:
    name = f'<bdi dir="ltr">{escape(row.name)}</bdi>'
    if row.opens is not None:
        name = f'<button type="button" data-to="{row.opens}">{name}</button>'
    sign = "" if row.grad is None or not row.grad else ' class="plus"' if row.grad > 0 else ' class="minus"'
    cells = f"<td>{_cell(row.data)}</td><td{sign}>{_cell(row.grad)}</td>"
    return f'<tr><td>{n:,}</td><th scope="row">{name}</th>{cells}</tr>'


def _cell(x: float | None) -> str:
    return DASH if x is None else f'<span title="{float(x)!r}">{number(x, 4)}</span>'
