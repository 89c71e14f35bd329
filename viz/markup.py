"""Text that is safe to put into a picture: escaping, labels, numbers, widths.

Every picture of this package takes its text from here, so that a name such as ``<script>`` or a control
character is shown as what it is and cannot break the SVG, the DOT or the page around it.

A *label* is a plain string in which a trailing number is written with Unicode subscript digits ("w₁"). Width,
DOT and plain text use it as it stands; `tspans` turns those digits into real subscripts for SVG.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
import unicodedata

from autograd.showing import visible

__all__ = [
    "DASH", "element", "escape", "fit", "isolate", "label", "last_part", "number", "policy", "scope_of", "subscript",
    "text_width", "tspans", "visible",
]  # fmt: skip

DASH = "–"
"""What stands in place of a gradient that no backward pass has reached."""

MINUS = "−"
SANS = "DejaVu Sans, Verdana, Segoe UI, Helvetica, Arial, sans-serif"
MONO = "DejaVu Sans Mono, Menlo, Consolas, Liberation Mono, monospace"

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_PLAIN = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SUBSCRIPT_RUN = re.compile("([₀-₉]+)")
_INDEXED = re.compile(r"^([^\W\d_]+[\u0300-\u036f]*)_?([0-9]{1,4})$")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}


def escape(text: str) -> str:
    """`visible(text)`, safe as the content or a quoted attribute of SVG and HTML; keeps what `isolate` added."""
    shown = "\u2068".join("\u2069".join(map(visible, part.split("\u2069"))) for part in text.split("\u2068"))
    return "".join(_ENTITIES.get(char, char) for char in shown)


def number(x: float, digits: int = 3) -> str:
    """`x` as every picture prints it: `digits` significant digits, a true minus sign, no padding zeros.

    Whole numbers below 100 000 are printed in full; large and small ones as ``1.5e10``. Not-a-number is
    ``nan``, infinities ``∞`` and ``−∞``, and negative zero keeps its sign.

    >>> number(-0.05094), number(178.0), number(1e300), number(-0.0)
    ('−0.0509', '178', '1e300', '−0')
    """
    x = float(x)
    if math.isnan(x):
        return "nan"
    if math.isinf(x):
        return "∞" if x > 0 else MINUS + "∞"
    if x == 0:
        return MINUS + "0" if math.copysign(1.0, x) < 0 else "0"
    size = abs(x)
    whole = size < 99999.5 and (x == int(x) or size >= 10**digits)
    text = f"{x:.0f}" if whole else f"{x:.{digits}g}"
    mantissa, e, exponent = text.partition("e")
    if e:
        if "." in mantissa:
            mantissa = mantissa.rstrip("0").rstrip(".")
        text = f"{mantissa}e{int(exponent)}"
    elif "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", MINUS)


def scope_of(name: str) -> tuple[str, ...]:
    """The scopes that `name` stands in, outermost first: ``"layer1.n2.w3"`` gives ``("layer1", "n2")``."""
    *scopes, last = name.split(".")
    if not last:  # "a." or "...": no last part to show, so the dots are taken as part of the name
        return ()
    return tuple(part for part in scopes if part)


def last_part(name: str) -> str:
    """What is left of `name` when its scopes are taken away: ``"layer1.n2.w3"`` gives ``"w3"``."""
    return name.rpartition(".")[2] or name


def subscript(text: str) -> str:
    """`text` with a trailing index as subscript digits: ``w1`` and ``w_1`` give ``w₁``; all else stays."""
    match = _INDEXED.match(text)
    return match[1] + match[2].translate(_SUBSCRIPTS) if match else text


def label(name: str) -> str:
    """The label of a name: its last part, visible, its index subscripted. ``"h1.w1"`` gives ``"w₁"``."""
    return subscript(visible(last_part(name)))


def isolate(text: str) -> str:
    """`text`, wrapped in bidirectional isolates where it has right-to-left letters, to stand in a formula."""
    if not text.isascii() and any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text):
        return f"\u2068{text}\u2069"
    return text


# Advance widths of DejaVu Sans, regular and bold, in hundredths of an em for U+0020..U+007E. It is the widest
# of the fonts in SANS, so a label that fits by this table fits in all of them.
_REGULAR = (
    32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79,
    69, 63, 61, 73, 68, 99, 69, 61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28,
    58, 28, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84,
)  # fmt: skip
_BOLD = (
    35, 46, 52, 84, 70, 100, 87, 31, 46, 46, 52, 84, 38, 42, 38, 37, 70, 70, 70, 70, 70, 70, 70, 70, 70,
    70, 40, 40, 84, 84, 84, 58, 100, 77, 76, 73, 83, 68, 68, 82, 84, 37, 37, 77, 64, 100, 84, 85, 73, 85,
    77, 72, 68, 81, 77, 110, 77, 72, 73, 46, 37, 46, 84, 50, 50, 67, 72, 59, 72, 68, 44, 72, 71, 34, 34,
    67, 34, 104, 71, 69, 72, 72, 49, 60, 48, 71, 65, 92, 65, 65, 58, 71, 37, 71, 84,
)  # fmt: skip
_OTHER = {"·": 38, "…": 100, DASH: 50, "σ": 78, "Σ": 68, "∂": 54, "√": 67, "₋": 55}


def _char_width(char: str, widths: tuple[int, ...]) -> int:
    code = ord(char)
    if 0x20 <= code < 0x7F:
        return widths[code - 0x20]
    if "₀" <= char <= "₉":
        return 50
    if unicodedata.combining(char) or code in (0x200C, 0x200D, 0x2068, 0x2069) or 0xFE00 <= code <= 0xFE0F:
        return 0
    if char in _OTHER:
        return _OTHER[char]
    if code >= 0x1F000 or unicodedata.east_asian_width(char) in "WF":
        return 135 if code >= 0x1F000 else 105
    return 84 if code >= 0x2000 else 80


def text_width(text: str, size: float, *, bold: bool = False, mono: bool = False) -> float:
    """An upper estimate of the width of `text` in pixels at font size `size`, without measuring a font."""
    if mono:
        wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
        return (len(text) + wide) * size * 0.603
    widths = _BOLD if bold else _REGULAR
    return sum(_char_width(char, widths) for char in text) * size / 100


def _joined(char: str) -> bool:
    """Whether `char` belongs to the character before it and must not be parted from it."""
    return bool(unicodedata.combining(char)) or char in "\u200c\u200d" or 0xFE00 <= ord(char) <= 0xFE0F


def fit(text: str, width: float, size: float, *, bold: bool = False, mono: bool = False) -> str:
    """`text`, cut at its end with an ellipsis where it is wider than `width` pixels."""
    text = text[: int(width / size * 40) + 40]  # nothing is thinner than 1/40 em but marks; bounds the work
    if text_width(text, size, bold=bold, mono=mono) <= width:
        return text
    room = width - text_width("…", size, bold=bold, mono=mono)
    end, used = 0, 0.0
    for i, char in enumerate(text):
        used += text_width(char, size, bold=bold, mono=mono)
        if used > room:
            break
        end = i + 1
    while 0 < end < len(text) and (_joined(text[end]) or text[end - 1] == "\u200d"):
        end -= 1
    cut = text[:end].rstrip()
    return cut + "\u2069" * (cut.count("\u2068") - cut.count("\u2069")) + "…"


def tspans(text: str, size: float) -> str:
    """`text` escaped for an SVG ``<text>`` element of font size `size`, its subscripts set as subscripts."""
    if not _SUBSCRIPT_RUN.search(text):
        return escape(text)
    drop, small = size * 0.22, size * 0.75
    parts, lowered = [], False
    for i, run in enumerate(_SUBSCRIPT_RUN.split(text)):
        if i % 2:
            parts.append(f'<tspan dy="{drop:.1f}" font-size="{small:.1f}">{run.translate(_PLAIN)}</tspan>')
            lowered = True
        elif run:
            parts.append(f'<tspan dy="{-drop:.1f}">{escape(run)}</tspan>' if lowered else escape(run))
            lowered = False
    return "".join(parts)


def element(tag: str, content: str | None = None, /, **attributes: str | float | None) -> str:
    """One XML element. Attribute values are escaped, numbers rounded to a tenth, ``None`` left out.

    `content` is markup, already escaped; without it the element is empty. Underscores in attribute names
    stand for hyphens, a trailing one is dropped (``class_``).
    """
    parts = [tag]
    for key, value in attributes.items():
        if value is not None:
            shown = coordinate(value) if isinstance(value, (int, float)) else escape(value)
            parts.append(f'{key.rstrip("_").replace("_", "-")}="{shown}"')
    opening = " ".join(parts)
    return f"<{opening}/>" if content is None else f"<{opening}>{content}</{tag}>"


def policy(script: str) -> str:
    """A page's own content security policy, as its ``<meta>``: its one script by hash, styles, pictures in the page;
    nothing from anywhere else, no forms, no frames.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    rules = f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:"
    rules += "; base-uri 'none'; form-action 'none'"
    return f'<meta http-equiv="Content-Security-Policy" content="{rules}">'


def coordinate(x: float) -> str:
    """A length or position in pixels, to a tenth."""
    text = f"{x:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
