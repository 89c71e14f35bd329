"""The HTML around a walk: an <img> with the final picture, a table of the steps, and one script that plays it.

Notebook front ends and mail programs take scripts out: what is left is the picture and the table. The script finds
its own element by a class made of the content's hash, and puts everything into a shadow root, so that neither another
stepper nor the page's style reaches it. It reads the pictures back out of the <img>s: they are stored once.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from viz.markup import escape, policy
from viz.palette import DARK, LIGHT
from viz.player.data import Walk, to_script, walk_of

if TYPE_CHECKING:
    from viz.stepper import Stepper

__all__ = ["notebook_html", "page"]

MOST_ROWS = 500
"""Rows of the table of steps that stands where scripts do not run."""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{policy}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
html{{color-scheme:light dark;background:{light};font-family:system-ui,sans-serif}}
body{{margin:0 auto;padding:clamp(0px,1.5vw,20px);max-width:1880px;box-sizing:border-box}}
@media(prefers-color-scheme:dark){{html{{background:{dark}}}}}
table{{border-spacing:12px 2px;font:13px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def notebook_html(stepper: Stepper) -> str:
    """What a notebook displays of a stepper, as one piece of HTML that loads nothing.

    Raises:
        ValueError: a note for a value that the graph does not have.
        StaleGraphError: data was edited after the forward pass.
    """
    walk = walk_of(stepper)
    return _bundle(stepper, walk, _script(walk))


def page(stepper: Stepper) -> str:
    """The same as a page of its own. Raises what ``notebook_html`` does."""
    walk = walk_of(stepper)
    script = _script(walk)
    body, rules = _bundle(stepper, walk, script), policy(script)
    return _PAGE.format(title=escape(walk.title), policy=rules, body=body, light=LIGHT["page"], dark=DARK["page"])


def _name(walk: Walk, data: str) -> str:
    """The class by which the script finds its own element."""
    return "glassgrad-" + hashlib.sha256((walk.picture + data).encode()).hexdigest()[:12]


def _script(walk: Walk) -> str:
    data = to_script(walk.data)
    before, after = _program()
    settings = f"const D = {data}, STYLE = {to_script(_style())}, NAME = {json.dumps(_name(walk, data))};"
    return before + settings + after


def _bundle(stepper: Stepper, walk: Walk, script: str) -> str:
    name = _name(walk, to_script(walk.data))
    parts = [_image(walk.picture, walk.title)] if walk.picture else [f"<p>{escape(walk.data['unreadable'])}</p>"]
    parts.append(_table(stepper))
    if walk.network:
        parts.append(f"<details><summary>The network</summary>{_image(walk.network, 'Network diagram')}</details>")
    parts.append(f"<script>{script}</script>")
    return f'<div class="{name} mathjax_ignore tex2jax_ignore">{"".join(parts)}</div>'


def _image(picture: str, title: str) -> str:
    content = base64.b64encode(picture.encode()).decode()
    return f'<img style="max-width:100%" alt="{escape(title)}" src="data:image/svg+xml;base64,{content}">'


def _table(stepper: Stepper) -> str:
    stages = stepper.plan.stages
    rows = []
    for i, stage in enumerate(stages[:MOST_ROWS], 1):
        lines = "<br>".join(escape(line) for line in stage.text.split("\n"))
        rows.append(f"<tr><td>{i}</td><td>{lines}</td></tr>")
    if len(stages) > MOST_ROWS:
        rows.append(f"<tr><td></td><td>and {len(stages) - MOST_ROWS:,} more steps</td></tr>")
    head = '<tr><th scope="col">step</th><th scope="col">in numbers</th></tr>'
    caption = f"All {len(stages):,} steps" if len(stages) > 1 else "The step"
    return (
        f"<details><summary>{caption}, in numbers</summary><table><thead>{head}</thead>"
        f"<tbody>{''.join(rows)}</tbody></table></details>"
    )


@cache
def _asset(name: str) -> str:
    return files("viz.player").joinpath(name).read_text(encoding="utf-8")


@cache
def _program() -> tuple[str, str]:
    """The script, before and after the place of the data."""
    whole = _asset("player.js")
    for name in ("views", "controls"):
        whole = whole.replace(f"/*{name.upper()}*/\n", _asset(f"{name}.js"))
    before, after = whole.split("/*SETTINGS*/\n")
    return before, after


@cache
def _style() -> str:
    """The style sheet: the palette as variables, light and dark, and a class for every colour in a picture."""

    def variables(theme: Mapping[str, str]) -> str:
        return "".join(f"--{name}:{colour};" for name, colour in theme.items())

    light, dark = variables(LIGHT) + "color-scheme:light", variables(DARK) + "color-scheme:dark"
    classes = "".join(f".f-{name}{{fill:var(--{name})}}.s-{name}{{stroke:var(--{name})}}" for name in LIGHT)
    return (
        f".p{{{light}}}@media(prefers-color-scheme:dark){{.p{{{dark}}}}}"
        f".p[data-theme=light]{{{light}}}.p[data-theme=dark]{{{dark}}}{classes}" + _asset("player.css")
    )
