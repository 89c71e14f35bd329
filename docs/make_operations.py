"""Writes operations.md beside this file, from the declarations: ``python docs/make_operations.py``.

A test holds the file to what this script gives.
"""

import inspect
from collections.abc import Sequence
from pathlib import Path

from autograd.files import write_atomically
from autograd.op import REAL, Op
from autograd.ops import TABLE, activations, arithmetic, elementary, nary, selection
from autograd.text import Expr, run_text, written

PAGE = Path(__file__).with_name("operations.md")

HEAD = """\
# Operations

Made by `docs/make_operations.py` from the declarations in `autograd/ops`; do not edit. Every operation is a function of
`autograd`, of floats, Values and arrays; those of one number are methods of Values, too.

- **slopes**: the local derivative by each operand, `z` being the result. They are the textbook's formulas; the program
  computes some of them another way, for the last digits. `[x > y]` is 1 where it holds, else 0. `Φ` and `φ` are the
  standard normal distribution and its density.
- **defined for**: outside floats raise a `DomainError`, arrays (and `with autograd.ieee():`) give inf or nan.
- **corner**: where the slope jumps. What it is there: [conventions](conventions.md).
- **ulps**: the error of value and slopes in units of the last place is at most this, times the condition number where
  that is above 1 (gelu, silu, logaddexp, logsumexp and product need it). The tests hold it against 50 digits.
- Operations of a sequence are shown for three operands, `dot` for two weights and two inputs.
"""

GROUPS = {
    "Arithmetic": arithmetic, "Exponentials, powers, trigonometry": elementary, "Smooth activations": activations,
    "Corners": selection, "Sequences": nary,
}  # fmt: skip

DEFINED = {
    "div": "y != 0",
    "reciprocal": "x != 0",
    "clip": "low <= high",
    "take": "index whole, from 0 up, below the number of values",
    "pow": "x > 0; x = 0, y >= 0; x < 0, y whole; where it does not overflow",
}
"""The conditions on operands together, in words."""


def operands_of(op: Op) -> list[Expr]:
    """Names to write the operation down with."""
    if op.name == "dot":
        return [Expr("w1"), Expr("w2"), Expr("x1"), Expr("x2")]
    if op.name == "take":
        return [Expr("index"), Expr("x1"), Expr("x2")]
    if op.arity is None:
        return [Expr("x1"), Expr("x2"), Expr("x3")]
    return [Expr(name) for name in inspect.signature(op.forward).parameters]


def code(text: str) -> str:
    """In a cell of a table."""
    return f"`{text}`" if text else ""


def row(op: Op) -> Sequence[str]:
    """The cells of one operation."""
    xs = operands_of(op)
    count = len(xs) if op.arity is not None or op.name == "take" else 1
    slopes = [written(op, i, Expr("z"), xs).text for i in range(count)]
    named = [f"{x.text}: {code(slope)}" for x, slope in zip(xs, slopes, strict=False)]
    limits = ["finite x" if limit == elementary.FINITE else str(limit) for limit in op.domain if limit != REAL]
    corners = [f"{distance.text} = 0" for distance in op.kinks(*xs)] if op.kinks else []
    cells = (
        f"**{op.name}**", code(run_text(op, tuple(xs)).text), (op.__doc__ or "").strip().splitlines()[0],
        code(slopes[0]) if len(named) == 1 else "<br>".join(named),
        code(DEFINED[op.name] if op.defined else "; ".join(limits)),
        ", ".join(map(code, corners)), f"{op.ulps:g}", op.note,
    )  # fmt: skip
    return [cell.replace("|", r"\|") for cell in cells]


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for title, module in GROUPS.items():
        ops = [op for op in TABLE.values() if op.public and op.forward.__module__ == module.__name__]
        parts.append(f"\n## {title}\n")
        parts.append("| operation | written | what it is | slopes | defined for | corner | ulps | note |")
        parts.append("|---|---|---|---|---|---|---|---|")
        parts += [f"| {' | '.join(row(op))} |" for op in ops]
    parts.append(f"\n`softmax` of a sequence: {nary.softmax.__doc__.strip().splitlines()[0]}")  # type: ignore[union-attr]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    write_atomically(PAGE, page())
