"""Lines as a function: compiled by Python where they are few; where they are many, a table of calls.

Python takes some 30 us to compile a line, however short, and a line of a graph without order is run once a step. In a
table, a list of (function, operands), the names of a line are looked up once, in 5 us; running it costs about as much.
"""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Callable
from functools import cache, partial
from itertools import takewhile
from math import inf
from typing import Any

from autograd.compiler.numpy.emit import Environment

LONG = 10_000
"""From so many lines on a function is a table."""

CALL = re.compile(r"(\w+)(?:\.(\w+))?\(([^()\[\]]*)\)")
"""A call whose operands are names and numbers; any other line is compiled."""


@cache
def literal(text: str) -> Any:
    """A number, None, a truth or a text; of the numbers -inf has no literal of its own."""
    return -inf if text == "-inf" else literal_eval(text)


def function(
    name: str, head: str, lines: list[str], tail: list[str], env: Environment
) -> tuple[Callable[..., Any], str]:
    """A function of the lines, and its source; only the first lines may read its argument ``head``."""
    source = text(name, head, [*lines, *tail])
    run = source
    if len(lines) > LONG:
        first = list(takewhile(lambda line: head and head in line, lines))
        calls = env[f"{name}_calls"] = [entry(line, env) for line in lines[len(first) :]]
        assert calls
        run = text(name, head, [*first, f"for call, operands in {name}_calls: call(*operands)", *tail])
    exec(compile(run, f"<{name}>", "exec"), env)
    return env[name], source


def text(name: str, head: str, lines: list[str]) -> str:
    """The source of a function."""
    return "\n    ".join([f"def {name}({head}):", *(lines or ["pass"])]) + "\n"


def entry(line: str, env: Environment) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """A line as a function and its operands."""
    match = CALL.fullmatch(line)
    if match is None:
        made: dict[str, Any] = {}
        exec(compile(text("line", "", [line]), "<line>", "exec"), env, made)
        return made["line"], ()
    what, method, operands = match.groups()
    call = env[what] if method is None else getattr(env[what], method)
    plain: list[Any] = []
    for operand in operands.split(","):
        key, _, value = operand.rpartition("=")
        thing = env[value] if value in env else literal(value)
        if key:
            call = partial(call, **{key: thing})
        else:
            plain.append(thing)
    return call, tuple(plain)
