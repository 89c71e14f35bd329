"""Colours, on white and on dark, for people who see them differently.

Gradients run from orange (negative) over the card's own colour to blue (positive): the pair that the common
kinds of colour blindness keep apart. Every colour is written out as a literal attribute, because librsvg and
resvg know no ``var()``; a style sheet overrides the attributes with dark values where the reader prefers dark
(``@media``) or the page says so (``[data-theme]``, and JupyterLab's own attribute).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType

from viz.markup import MONO, element, tspans

__all__ = ["DARK", "LIGHT", "STEPS", "level", "paint", "share", "style_sheet", "text", "tint", "tone"]

STEPS = 10
"""Number of tints on each side of zero."""


def _mix(a: str, b: str, t: float) -> str:
    pairs = zip(bytes.fromhex(a[1:]), bytes.fromhex(b[1:]), strict=True)
    return "#" + "".join(f"{round(x + (y - x) * t):02x}" for x, y in pairs)


def _theme(zero: str, blues: tuple[str, str], oranges: tuple[str, str], /, **named: str) -> Mapping[str, str]:
    for sign, (weakest, strongest) in (("p", blues), ("n", oranges)):
        named |= {f"{sign}{i}": _mix(weakest, strongest, (i - 1) / (STEPS - 1)) for i in range(1, STEPS + 1)}
    return MappingProxyType({"zero": zero, **named})


LIGHT = _theme(
    "#ffffff",
    ("#eef5fc", "#b3d3f2"),
    ("#fdf1e9", "#f3cdb0"),
    page="#ffffff",
    ink="#171a21",
    muted="#4a5261",
    line="#8e98a8",
    hairline="#d3d9e2",
    card="#ffffff",
    chip="#ffffff",
    scope="#f5f7fb",
    scope2="#edf0f6",
    positive="#1a6bc4",
    negative="#c2530b",
    neutral="#99a3b3",
    odd="#9b2a86",
    positive_ink="#0a4791",
    negative_ink="#8a3203",
    odd_ink="#7d1b6b",
    odd_tint="#f7e3f3",
)
DARK = _theme(
    "#1a222d",
    ("#1b2b3f", "#21508a"),
    ("#2e2724", "#72401f"),
    page="#0e131a",
    ink="#eef1f5",
    muted="#b9c2cf",
    line="#6f7d90",
    hairline="#323d4c",
    card="#1a222d",
    chip="#0e131a",
    scope="#141b25",
    scope2="#19212c",
    positive="#4ba3ff",
    negative="#ff9145",
    neutral="#6c788a",
    odd="#e58bd3",
    positive_ink="#a9d2ff",
    negative_ink="#ffc199",
    odd_ink="#f5b9e9",
    odd_tint="#4a2244",
)


def share(x: float, largest: float) -> float:
    """`x` as a fraction of `largest`, from -1 to 1, square-root scaled so that small gradients stay visible.

    Infinities count as 1 (or -1), not-a-number as 0; `largest` is the largest finite size in the picture.
    """
    if math.isnan(x) or x == 0:
        return 0.0
    if math.isinf(x) or not largest > 0:
        return math.copysign(1.0, x)
    return math.copysign(math.sqrt(min(1.0, abs(x) / largest)), x)


def level(x: float, largest: float) -> int:
    """The tint for `x`: 0 for zero, else 1 to `STEPS`, negative for negative `x`."""
    part = share(x, largest)
    return int(math.copysign(max(1, round(abs(part) * STEPS)), part)) if part else 0


def tint(x: float | None, largest: float) -> str:
    """The name of the background colour for a gradient `x` (None: not computed), sizes up to `largest`."""
    if x is None:
        return "card"
    if math.isnan(x):
        return "odd_tint"
    step = level(x, largest)
    return "zero" if step == 0 else f"p{step}" if step > 0 else f"n{-step}"


def tone(x: float | None, *, ink: bool = False) -> str:
    """The name of the line colour, or with `ink` of the text colour, for the sign of `x`."""
    if x is None or x == 0:
        return "muted" if ink else "neutral"
    base = "odd" if math.isnan(x) else "positive" if x > 0 else "negative"
    return base + "_ink" if ink else base


def paint(fill: str | None = None, stroke: str | None = None) -> str:
    """The attributes that give an element the named colours: ``class="f-ink" fill="#171a21"``.

    A fill of None is ``none``, so that a path is a line.
    """
    classes = [f"{kind}-{colour}" for kind, colour in (("f", fill), ("s", stroke)) if colour]
    parts = [f'class="{" ".join(classes)}"'] if classes else []
    parts.append(f'fill="{LIGHT[fill] if fill else "none"}"')
    if stroke:
        parts.append(f'stroke="{LIGHT[stroke]}"')
    return " ".join(parts)


def text(
    x: float,
    y: float,
    content: str,
    *,
    size: float = 12,
    colour: str = "ink",
    anchor: str = "start",
    bold: bool = False,
    mono: bool = False,
) -> str:
    """An SVG text element. `content` is plain text, a label: it is escaped, its subscripts set as such."""
    markup = element(
        "text",
        tspans(content, size),
        x=x,
        y=y,
        font_size=size,
        text_anchor=None if anchor == "start" else anchor,
        font_weight="bold" if bold else None,
        font_family=MONO if mono else None,
    )
    return markup.replace("<text ", f"<text {paint(colour)} ", 1)


def style_sheet(markup: str) -> str:
    """The CSS that gives the colours used in `markup` their dark values where dark is preferred or asked for.

    The page's own choice (``data-theme="light"`` or ``"dark"`` on the picture or any element around it) wins
    over the reader's preference.
    """
    used = sorted(set(re.findall(r"\b([fs])-(\w+)", markup)))
    pairs = [(kind, name) for kind, name in used if name in LIGHT]

    def rules(theme: Mapping[str, str], *prefixes: str) -> str:
        return "".join(
            ",".join(f"{prefix}.{kind}-{name}" for prefix in prefixes)
            + f"{{{'fill' if kind == 'f' else 'stroke'}:{theme[name]}}}"
            for kind, name in pairs
        )

    def pages(theme: str, jupyter: str) -> tuple[str, ...]:
        around, own = f'[data-theme="{theme}"] .autograd ', f'.autograd[data-theme="{theme}"] '
        return around, own, f'[data-jp-theme-light="{jupyter}"] .autograd '

    return (
        f"@media (prefers-color-scheme:dark){{{rules(DARK, '.autograd ')}}}"
        f"@media screen{{{rules(DARK, *pages('dark', 'false'))}{rules(LIGHT, *pages('light', 'true'))}}}"
    )
