"""Text of strangers as a terminal, a log or a picture may have it: every character visible, and not too many."""

from __future__ import annotations

import reprlib
from typing import Any

HIDDEN = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C, 0x200B, 0x2060, 0xFEFF,
          0x00AD, 0x2028, 0x2029}  # fmt: skip
"""Invisible or reordering characters, which could make one name look like another. The joiners U+200C and U+200D are
none of them: Persian and emoji need them."""


def substitute(char: str) -> str:
    """The character, or what stands in its place."""
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if 0x80 <= code < 0xA0 or 0xD800 <= code < 0xE000 or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code < 0xFDF0:
        return "\ufffd"
    if code in HIDDEN:
        return f"‹U+{code:04X}›"
    return char


def visible(text: str) -> str:
    """`text` with a visible substitute for every character that cannot be seen or cannot stand in XML.

    C0 controls become their pictures (U+2400 and on), other controls, surrogates and noncharacters U+FFFD;
    marks that reorder or hide text are spelled out (``‹U+202E›``). A text of blanks alone shows them as ␠.
    """
    if text.isascii() and text.isprintable():
        return text if text.strip() or not text else "␠" * len(text)
    shown = "".join(map(substitute, text))
    return shown if shown.strip() else "␠" * len(shown)


def cut(text: str, most: int) -> str:
    """The text; where it is longer than ``most``, its two ends."""
    if len(text) <= most:
        return text
    end = most // 4
    return f"{text[: most - end - 5]} ... {text[-end:]}"


def message(text: str, most: int = 4000) -> str:
    """What an error says: its lines kept, everything else visible, at most ``most`` characters."""
    return "\n".join(visible(line) if line.strip() else "" for line in cut(text, most).split("\n"))


def one_line(text: str, most: int = 500) -> str:
    """What a command says: one line."""
    return visible(cut(" ".join(text.split()), most))


def shown(thing: Any, most: int = 60) -> str:
    """The ``repr`` of a thing of any size and depth, cut before it is made."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = most
    return visible(cut(short.repr(thing), most))
