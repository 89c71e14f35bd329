"""The table in docs/conventions.md, row by row: ours exactly, and PyTorch's column against PyTorch's frozen
results."""

import re
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from support import ROOT
from support.oracle_file import ORACLE, POINTS, identical, key, value_and_gradient

import autograd as ag
from autograd.errors import DomainError

TABLE = ROOT / "docs" / "conventions.md"


class Row(NamedTuple):
    """One row of the table, as text."""

    what: str
    at: str
    value: str
    gradient: str
    ieee: str
    torch: str
    why: str


def rows() -> list[Row]:
    lines = [x for x in TABLE.read_text(encoding="utf-8").splitlines() if x.startswith("|")]
    found = [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines[2:]]
    return [row._replace(at=row.at.strip("`")) for row in found]


def call(at: str) -> tuple[str, list[Any]]:
    """`name(1, -0.0, inf, True)` as the operation and its operands."""
    match = re.fullmatch(r"(\w+)\(([^()]*)\)", at)
    assert match, f"{at!r} is not an operation at a point"
    return match[1], [x == "True" if x in ("True", "False") else float(x) for x in match[2].split(", ")]


def agrees(x: float, text: str) -> bool:
    """The number itself; after `~`, to half a unit of the last digit shown."""
    if not text.startswith("~"):
        return identical(x, float(text))
    shown = Decimal(text[1:])
    exponent = shown.as_tuple().exponent
    assert isinstance(exponent, int)
    return abs(Decimal(x) - shown) <= Decimal("0.5").scaleb(exponent)


def check(result: tuple[float, list[float]], value: str, gradient: str) -> None:
    slopes = gradient.split(", ")
    assert len(slopes) == len(result[1]), result
    assert agrees(result[0], value), f"the value is {result[0]!r}, the table says {value}"
    for slope, text in zip(result[1], slopes, strict=True):
        assert agrees(slope, text), f"the gradient is {result[1]!r}, the table says {gradient}"


def ieee_of(row: Row) -> tuple[str, str]:
    if row.ieee == "same":
        return row.value, row.gradient
    value, gradient = row.ieee.split("; ")
    return value, gradient


ROWS = rows()
each_row = pytest.mark.parametrize("row", ROWS, ids=[row.at for row in ROWS])


@each_row
def test_by_default(row: Row) -> None:
    op, args = call(row.at)
    if row.value == "DomainError":
        with pytest.raises(DomainError, match=rf"^{op}\("):
            value_and_gradient(op, args)
    else:
        check(value_and_gradient(op, args), row.value, row.gradient)


@each_row
def test_in_ieee(row: Row) -> None:
    op, args = call(row.at)
    with ag.ieee():
        check(value_and_gradient(op, args), *ieee_of(row))


@each_row
def test_the_column_about_pytorch(row: Row) -> None:
    op, args = call(row.at)
    if row.torch == "none":
        assert op in ORACLE["absent"]
        return
    point = key(op, args)
    assert point in POINTS, "add the point to tests/oracle/freeze_torch.py"
    if row.torch == "same":
        assert not row.why
        check(POINTS[point], *ieee_of(row))
    else:
        assert row.why, "a deviation needs a reason"
        value, gradient = row.torch.split("; ")
        check(POINTS[point], value, gradient)
        with pytest.raises(AssertionError):
            check(POINTS[point], *ieee_of(row))


def test_the_table_covers_the_conventions_and_no_point_twice() -> None:
    assert len({row.at for row in ROWS}) == len(ROWS)
    assert {call(row.at)[0] for row in ROWS} >= {"relu", "abs", "sign", "floor", "leaky_relu", "elu",
    "maximum", "minimum",
        "clip", "where", "pow", "sqrt", "cbrt", "hypot", "atan2", "sigmoid", "logsigmoid", "tanh",
        "softplus", "logaddexp",
        "logsumexp", "product", "log", "div", "exp"}  # fmt: skip
