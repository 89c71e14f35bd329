"""Tables of people: sex, weight in kg, height in cm.

``read_people`` reads any CSV file with the columns ``sex``, ``weight_kg`` and ``height_cm``, and leaves no
row out in
silence: every row that cannot be used, and every row that was repaired, is in the report with its number and
reason. ``davis()`` is the table that comes with the package (its source stands beside it, in
``data/davis.txt``).
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

__all__ = ["DatasetError", "Note", "Person", "Report", "Table", "davis", "parse_people", "read_people"]

COLUMNS = ("sex", "weight_kg", "height_cm")
SEXES = {"m": "M", "male": "M", "f": "F", "female": "F"}

ADULT_WEIGHT_KG = (30.0, 250.0)
ADULT_HEIGHT_CM = (120.0, 230.0)
"""What an exchanged row must lie in before it is believed."""

HEAVIEST_KG = 650.0
TALLEST_CM = 280.0
"""Just beyond the heaviest and the tallest person on record (635 kg, 272 cm)."""

Swapped = Literal["repair", "reject"]


class DatasetError(ValueError):
    """A file is not a table of people, or holds no usable row."""


@dataclass(frozen=True, slots=True)
class Person:
    """One usable row: its number in the file, ``sex`` "M" or "F", weight in kg, height in cm."""

    row: int
    sex: str
    weight_kg: float
    height_cm: float

    @property
    def male(self) -> float:
        """The target of figure 5's network: 1.0 for a man, 0.0 for a woman."""
        return 1.0 if self.sex == "M" else 0.0


@dataclass(frozen=True, slots=True)
class Note:
    """What happened to one row: its number (None where it has none), its line in the file, and the reason."""

    row: int | None
    line: int
    reason: str

    def __str__(self) -> str:
        number = "a row without a number" if self.row is None else f"row {self.row}"
        return f"{number} (line {self.line}): {self.reason}"


MOST_NOTES = 20
"""So many rows of a kind are told one by one."""


@dataclass(frozen=True, slots=True)
class Report:
    """How the rows of a file were used; ``rows == len(people) + len(left_out)``."""

    source: str
    rows: int
    left_out: tuple[Note, ...]
    repaired: tuple[Note, ...]

    def __str__(self) -> str:
        used = self.rows - len(self.left_out)
        lines = [
            f"{self.source}: {_count(self.rows, 'row')}, {used} used "
            f"({len(self.repaired)} of them repaired), {len(self.left_out)} left out"
        ]
        for what, notes in (("repaired", self.repaired), ("left out", self.left_out)):
            lines += [f"  {what}: {note}" for note in notes[:MOST_NOTES]]
            if len(notes) > MOST_NOTES:
                lines.append(f"  and {len(notes) - MOST_NOTES:,} more {what}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Table:
    """The usable rows, in the file's order, and the report on all of them."""

    people: tuple[Person, ...]
    report: Report


def davis(swapped: Swapped = "repair") -> Table:
    """The 200 people of C. Davis (1990), Appetite 15, 13-21; row 12 is the one recorded as 166 kg, 57 cm."""
    text = resources.files("nn").joinpath("data/davis.csv").read_text(encoding="utf-8")
    return parse_people(text, source="Davis (1990)", swapped=swapped)


def read_people(path: str | os.PathLike[str], swapped: Swapped = "repair") -> Table:
    """The people in a CSV file (UTF-8, with or without a byte order mark; commas; any line ends).

    See ``parse_people`` for the columns and the rules.

    Raises:
        OSError: the file is missing, is a folder, or may not be read.
        DatasetError: it is not such a table, or no row of it can be used.
    """
    content = Path(path).read_bytes()
    name = os.fspath(path)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DatasetError(f"{name} is UTF-16 text: save it as CSV in UTF-8")
    if b"\x00" in content:
        raise DatasetError(f"{name} is a binary file: a CSV file of text is needed")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{name} is not UTF-8 text (byte {error.start}): save it as CSV in UTF-8") from None
    return parse_people(text, source=name, swapped=swapped)


def parse_people(text: str, *, source: str = "the text", swapped: Swapped = "repair") -> Table:
    """The people in CSV text, and a report on every row that was repaired or left out.

    The columns ``sex`` (M, F, male, female), ``weight_kg`` and ``height_cm`` are needed, in any order; a
    column ``row`` numbers the rows (without it they count from 1); other columns are ignored, empty lines
    too.

    A row is left out where a field is missing or no number, nan or inf, not positive, beyond any person on
    record (650 kg, 280 cm), where the sex is unknown, or the row has more or fewer fields than the header.

    The rule for exchanged measurements: no adult weighs more kilograms than they measure centimetres. Where
    the recorded weight exceeds the recorded height, and the exchange makes both plausible for an adult (30 to
    250 kg, 120 to 230 cm), the two were recorded in each other's place: with ``swapped="repair"`` the row is
    used with the two exchanged, with "reject" it is left out. Where the exchange makes no adult of them
    either, the row is left out.

    Raises:
        DatasetError: no header, a column missing or there twice, fields separated by something else than
            commas, a quotation mark that never closes, or no usable row.
    """
    if swapped not in ("repair", "reject"):
        raise ValueError(f'swapped must be "repair" or "reject", not {swapped!r}')
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    header: list[str] | None = None
    people: list[Person] = []
    left_out: list[Note] = []
    repaired: list[Note] = []
    seen: set[int] = set()
    count = 0
    try:
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            if header is None:
                header = _header(fields, source)
                continue
            count += 1
            number: int | None = None
            try:
                number = _row_number(header, fields, count, seen)
                if len(fields) != len(header):
                    raise _Unusable(f"{_count(len(fields), 'field')}, where the header has {len(header)}")
                record = dict(zip(header, (field.strip() for field in fields), strict=True))
                person, repair = _person(number, record, swapped)
            except _Unusable as problem:
                left_out.append(Note(number, reader.line_num, str(problem)))
                continue
            people.append(person)
            if repair:
                repaired.append(Note(number, reader.line_num, repair))
    except csv.Error as error:
        raise DatasetError(f"{source}, line {reader.line_num}, is broken CSV: {error}") from None
    if header is None:
        raise DatasetError(f"{source} is empty: the first line must name the columns {', '.join(COLUMNS)}")
    if count == 0:
        raise DatasetError(f"{source} has a header and no rows")
    if not people:
        raise DatasetError(f"{source} has no usable row; the first of {count}: {left_out[0]}")
    return Table(tuple(people), Report(source, count, tuple(left_out), tuple(repaired)))


class _Unusable(Exception):
    """Why one row cannot be used."""


def _header(fields: list[str], source: str) -> list[str]:
    header = [field.strip().lower() for field in fields]
    if len(header) == 1:
        for mark, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if mark in header[0]:
                raise DatasetError(f"{source} separates its fields by {name}: save it with commas (and decimal points)")
    if missing := [column for column in COLUMNS if column not in header]:
        found = ", ".join(repr(field[:40]) for field in header[:12])
        raise DatasetError(f"{source} has no column {', '.join(missing)}; its first line has {found}")
    if twice := [column for column, times in Counter(header).items() if times > 1 and column in ("row", *COLUMNS)]:
        raise DatasetError(f"{source} has two columns {', '.join(twice)}")
    return header


def _row_number(header: list[str], fields: list[str], count: int, seen: set[int]) -> int:
    if "row" not in header:
        return count
    column = header.index("row")
    text = fields[column].strip() if column < len(fields) else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 15 and int(text) > 0):
        raise _Unusable(f"the row number is {_quoted(text)}: a whole number from 1 up is needed")
    number = int(text)
    if number in seen:
        raise _Unusable(f"the row number {number} is there a second time")
    seen.add(number)
    return number


def _person(row: int, record: dict[str, str], swapped: Swapped) -> tuple[Person, str]:
    """The person of a row, and what was repaired ("" for nothing)."""
    sex = record["sex"]
    if not sex:
        raise _Unusable("sex is missing")
    if sex.lower() not in SEXES:
        raise _Unusable(f"sex is {_quoted(sex)}: M or F is needed")
    weight = _measure("weight_kg", record["weight_kg"])
    height = _measure("height_cm", record["height_cm"])
    repair = ""
    if weight > height:
        recorded = f"a weight of {weight:g} kg exceeds a height of {height:g} cm"
        if not (_within(height, ADULT_WEIGHT_KG) and _within(weight, ADULT_HEIGHT_CM)):
            raise _Unusable(f"{recorded}, and exchanging the two makes no adult of them")
        if swapped == "reject":
            raise _Unusable(f"{recorded}: the two were exchanged when they were recorded")
        weight, height = height, weight
        repair = f"{recorded}; exchanged to {weight:g} kg, {height:g} cm"
    if weight > HEAVIEST_KG:
        raise _Unusable(f"weight_kg is {weight:g}: no person on record weighs as much")
    if height > TALLEST_CM:
        raise _Unusable(f"height_cm is {height:g}: no person on record is as tall")
    return Person(row, SEXES[sex.lower()], weight, height), repair


def _measure(column: str, text: str) -> float:
    if not text:
        raise _Unusable(f"{column} is missing")
    try:
        # Python reads 1_000 and other scripts' digits as numbers; a table that holds them holds a mistake
        value = float(text) if text.isascii() and "_" not in text else None
    except ValueError:
        value = None
    if value is None:
        hint = " (write a decimal point, not a comma)" if "," in text else ""
        raise _Unusable(f"{column} is {_quoted(text)}: a number is needed{hint}")
    if not math.isfinite(value):
        raise _Unusable(f"{column} is {_quoted(text)}: a finite number is needed")
    if value <= 0:
        raise _Unusable(f"{column} is {text[:40]}: it must be positive")
    return value


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _quoted(text: str) -> str:
    return ascii(text if len(text) <= 40 else text[:37] + "...")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
