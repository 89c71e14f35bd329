"""Identifiers and comments made of what a user wrote. Nothing else of a user's text reaches generated source."""

from __future__ import annotations

import builtins
import keyword
import math
import re

from autograd import ops
from autograd.compiler.straightline import forms

WORD = re.compile(r"[A-Za-z0-9]+")
GENERATED = re.compile(r"[tng][0-9]+")
"""The variables that ``Body`` numbers."""

DECLARED = (ops.activations, ops.arithmetic, ops.elementary, ops.gaussian, ops.nary, ops.selection)
KNOWN = (name for module in (math, builtins, forms, *DECLARED) for name in vars(module))
TAKEN = frozenset([*keyword.kwlist, *keyword.softkwlist, *KNOWN, "e", "v", "d", "math"])
"""What a variable may not be called: Python's words, what helpers are called, and the variables of generated text."""

LONGEST = 40


def identifier(text: str) -> str:
    """The letters and digits (ASCII alone: Python takes some others for equal to them), joined by underscores.

    ``layer1.n2.w3`` becomes ``layer1_n2_w3``; empty where nothing is left. It starts with a letter.
    """
    found = "_".join(WORD.findall(text))[:LONGEST].rstrip("_")
    return f"x{found}" if found[:1].isdigit() else found


def comment(text: str) -> str:
    """The text as it may stand behind a ``#``: what is not printable, line breaks of every kind too, is a ``?``."""
    shown = "".join([c if c.isprintable() else "?" for c in text[:LONGEST]])
    return shown if len(text) <= LONGEST else f"{shown}..."


class Names:
    """Variable names of one generated module, each given once."""

    def __init__(self, *taken: str) -> None:
        self.taken = {*TAKEN, *taken}

    def new(self, text: str, otherwise: str) -> str:
        """A name that was not there, as near to ``text`` as can be; to ``otherwise`` where ``text`` has no letters."""
        base = identifier(text) or otherwise
        if base in TAKEN or GENERATED.fullmatch(base):
            base += "_"
        name, number = base, 1
        while name in self.taken:
            number += 1
            name = f"{base.rstrip('_')}_{number}"
        self.taken.add(name)
        return name

    def leaves(self, texts: dict[int, str], letter: str) -> dict[int, str]:
        """Names for all of these; those without letters are numbered, ``x1``, ``x2``, ..."""
        found = {i: self.new(text, "") for i, text in texts.items() if identifier(text)}
        return {i: found.get(i) or self.numbered(letter) for i in texts}

    def numbered(self, letter: str) -> str:
        """``x1``, ``x2``, ...: the first that was not there."""
        number = 1
        while f"{letter}{number}" in self.taken:
            number += 1
        self.taken.add(f"{letter}{number}")
        return f"{letter}{number}"


def check_name(name: str) -> None:
    """ValueError, TypeError: it cannot be the name of the generated function."""
    if not isinstance(name, str):
        raise TypeError(f"the name of the function is text such as 'predict', not a {type(name).__name__}")
    if not name or identifier(name) != name or name in TAKEN or GENERATED.fullmatch(name):
        raise ValueError(
            f"the function cannot be called {name!r:.60}: give a name of at most {LONGEST} letters, digits and single "
            "underscores that Python and math have no use for, such as 'predict'"
        )
