"""JSON of strangers: one guarded reader for graphs and models.

Time and memory are linear in the length of what is read, nothing in it is run, and whatever is wrong with it is a
``LoadError`` of one short line.
"""

from __future__ import annotations

import json
from typing import Any

from autograd.errors import LoadError
from autograd.showing import shown

MOST_DIGITS = 400
"""More characters than the longest number that any program writes for a float; whole numbers take the square of it."""


def document(content: str | bytes, source: str, what: str, form: str, version: int) -> dict[str, Any]:
    """The object that a file holds.

    Args:
        content: text, or bytes in UTF-8; with or without a byte order mark.
        source: the name of the file, for messages. what: what it should be, "saved graph".
        form: what its entry "format" must be. version: what its entry "version" must be.

    Raises:
        LoadError: it is no such file: not UTF-8, not JSON, nan or infinity as numbers, a key twice, numbers of
            hundreds of digits, another format or version.
    """
    try:
        text = content.removeprefix("\ufeff") if isinstance(content, str) else bytes(content).decode("utf-8-sig")
        found = json.loads(
            text, parse_constant=refuse, parse_int=whole, parse_float=real, object_pairs_hook=without_repeats
        )
    except UnicodeDecodeError:
        raise LoadError(f"{source} is no {what}: it is not UTF-8 text") from None
    except RecursionError:
        raise LoadError(f"{source} is no {what}: it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise LoadError(f"{source} is no {what}: not JSON at line {error.lineno}: {error.msg}") from None
    except ValueError as error:
        raise LoadError(f"{source} is a broken {what}: {error}") from None
    if not isinstance(found, dict) or found.get("format") != form:
        raise LoadError(f'{source} is JSON, but no {what}: its "format" is not "{form}"')
    if type(found.get("version")) is not int or found["version"] != version:
        given = shown(found.get("version"))
        raise LoadError(f'{source} is no {what}: its "version" is {given}, and this program reads version {version}')
    return found


def refuse(text: str) -> float:
    """NaN and Infinity, which are no JSON."""
    raise ValueError(f"it holds the number {text}")


def whole(text: str) -> int:
    """A whole number."""
    return int(checked(text))


def real(text: str) -> float:
    """Any other number."""
    return float(checked(text))


def checked(text: str) -> str:
    """The digits of a number. ValueError: too many."""
    if len(text) > MOST_DIGITS:
        raise ValueError(f"it holds a number of {len(text):,} characters")
    return text


def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a file. ValueError: a key is there twice."""
    entries = dict(pairs)
    if len(entries) < len(pairs):
        met: set[str] = set()
        for key, _ in pairs:
            if key in met:
                raise ValueError(f"the entry {shown(key)} is there twice")
            met.add(key)
    return entries
