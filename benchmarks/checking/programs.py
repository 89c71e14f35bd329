"""A function and a point of it as plain data, which every library runs in its own arithmetic.

A program is ``{"variables": 2, "lines": [["mul", ["x0", "x1"]], ["add", [0, 1.5]]], "result": 1, "point": [...]}``: an
operand is a variable by its name, an earlier line by its number, or a constant as a float. Standard library only.
"""

from collections.abc import Callable, Sequence
from typing import Any

Program = dict[str, Any]
Table = dict[str, Callable[..., Any]]

OPERATIONS = (
    "add", "sub", "mul", "div", "neg", "pow", "square", "reciprocal", "sqrt", "cbrt", "hypot", "exp", "expm1", "log",
    "log1p", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh",
    "acosh", "atanh", "sigmoid", "logsigmoid", "softplus", "elu", "gelu", "silu", "erf", "erfc", "logaddexp", "where",
    "abs", "sign", "floor", "relu", "leaky_relu", "maximum", "minimum", "clip", "sum", "product", "mean", "dot",
    "logsumexp", "take",
)  # fmt: skip
"""What every library here can say: all public operations of ours (the tests hold them to be)."""


def run(program: Program, xs: Sequence[Any], table: Table, constant: Callable[[float], Any] = float) -> Any:
    """The result at these numbers, by the functions of ``table``."""
    done: list[Any] = []

    def look(x: str | int | float) -> Any:
        return xs[int(x[1:])] if isinstance(x, str) else done[x] if isinstance(x, int) else constant(x)

    for name, operands in program["lines"]:
        done.append(table[name](*map(look, operands)))
    return look(program["result"])


def shared(program: Program) -> list[str | int]:
    """The variables and lines that are used more than once."""
    used = [x for _, operands in program["lines"] for x in operands if not isinstance(x, float)]
    return [x for x in dict.fromkeys(used) if used.count(x) > 1]
