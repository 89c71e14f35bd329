"""Names of local variables used again once their numbers are no longer needed.

CPython addresses the first 256 variables of a function in one instruction of two bytes, and loads two of them at once;
others take two instructions each. So a block of thousands of variables, of which a few hundred are needed at a time,
runs up to twice as fast when they share names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush

NAME = re.compile(r"\b([a-z]\d+)\b")
"""A variable of ``Body``'s: a letter and a number. No function's name looks like this, and no number."""

CHUNK = 30
"""How many numbers are stored and unpacked together; CPython makes longer tuples one item at a time."""

Line = tuple[str, str]
"""What is assigned to, and the expression. The target is a variable, or text that is to stand there as it is."""


class Registers:
    """Variables r0, r1, ... given out to names, the lowest free one first."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.parts = [NAME.split(text) for _, text in lines]
        self.last = {name: place for place, parts in enumerate(self.parts) for name in parts[1::2]}
        self.at: dict[str, str] = {}
        self.free: list[int] = []
        self.count = 0

    def give(self, name: str) -> str:
        """A variable for the name; "" for one that no line reads."""
        if name not in self.last:
            return ""
        if self.free:
            number = heappop(self.free)
        else:
            number, self.count = self.count, self.count + 1
        found = self.at[name] = f"r{number}"
        return found

    def expression(self, place: int) -> str:
        """The expression of a line; what it reads for the last time is free from here on."""
        parts, at, last = self.parts[place], self.at, self.last
        names = parts[1::2]
        parts[1::2] = [at[name] for name in names]
        for name in names:
            if last[name] == place and name in at:
                heappush(self.free, int(at.pop(name)[1:]))
        return "".join(parts)


def as_list(lines: Sequence[Line], loads: Mapping[str, str]) -> list[str]:
    """Statements that return the numbers of all lines, as a list of tuples of CHUNK; no line stores one by itself."""
    registers = Registers(lines)
    head = [f"{registers.give(name)} = {load}" for name, load in loads.items() if name in registers.last]
    found = []
    for place, (target, _) in enumerate(lines):
        text = registers.expression(place)
        register = registers.give(target)
        found.append(f"{register} := {text}" if register else text)
    chunks = [f"({', '.join(found[low : low + CHUNK])},)" for low in range(0, len(found), CHUNK)]
    return [*head, f"return [{', '.join(chunks)}]"]


def as_statements(lines: Sequence[Line], loads: Mapping[str, str], low: int, high: int, chunk: int) -> list[str]:
    """Statements; what is not made by a line is read where it is first needed.

    Args:
        loads: of names that are read one by one, the expressions.
        low, high, chunk: the names s<low> ... s<high - 1> are the numbers of the tuples from ``v[chunk]`` on.
    """
    registers = Registers(lines)
    found: list[str] = []
    for place, (target, _) in enumerate(lines):
        for name in registers.parts[place][1::2]:
            if name in registers.at:
                continue
            if name in loads:
                found.append(f"{registers.give(name)} = {loads[name]}")
                continue
            number = (int(name[1:]) - low) // CHUNK
            start = low + number * CHUNK
            given = [registers.give(f"s{slot}") or "_" for slot in range(start, min(start + CHUNK, high))]
            found.append(f"{', '.join(given)}, = v[{chunk + number}]")
        text = registers.expression(place)
        if NAME.fullmatch(target):
            target = f"{registers.give(target)} = "
        found.append(f"{target}{text}")
    return found
