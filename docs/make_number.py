"""Writes autograd/number.pyi, the typed face of number.py, from the class itself: ``python docs/make_number.py``.

A test holds the file to what this script gives. Methods that number.py makes from the table of operations get the types
of their kind; those that it spells out get their own, and what only raises (float(v), v // 2) is left out.
"""

import inspect
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograd import number
from autograd.files import write_atomically
from autograd.number import Number
from autograd.op import Op

STUB = Path(number.__file__).with_suffix(".pyi")

HEAD = """\
# Made by docs/make_number.py from number.py; do not edit.
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt

from autograd.arrays import Element
from autograd.op import Op

N = TypeVar("N", bound=Number)
Array = npt.NDArray[Any]

NUMPY_NAMES: dict[str, str]
BY_NUMPY_NAME: dict[str, Op]
"""

ARITHMETIC = ("add", "sub", "mul", "truediv", "pow")
COMPARISONS = ("lt", "le", "gt", "ge")


def shown(annotation: Any) -> str:
    """An annotation as the stub writes it."""
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


def own(name: str, method: Callable[..., Any]) -> list[str]:
    """A method that number.py spells out; what it gives of the number alone is a number of the same kind."""
    signature = inspect.signature(method)
    given = list(signature.parameters.values())[1:]
    same = not given and signature.return_annotation is Any
    rest = [str(p.replace(annotation=inspect.Parameter.empty)).split("=")[0] + f": {shown(p.annotation)}"
            + (" = ..." if p.default is not p.empty else "") for p in given]  # fmt: skip
    return [f"def {name}({', '.join(['self: N' if same else 'self', *rest])}) -> "
            f"{'N' if same else shown(signature.return_annotation)}: ..."]  # fmt: skip


def operator(name: str) -> list[str]:
    """An operator of two operands: with a number, and with an array."""
    other = "float" if name.startswith("__r") else "N | float"
    return [
        f"@overload\n    def {name}(self: N, other: {other} | np.number[Any]) -> N: ...",
        f"@overload\n    def {name}(self, other: Array) -> Array: ...",
    ]


def operation(name: str, op: Op) -> list[str]:
    """An operation as a method: the number is the first operand."""
    rest = list(inspect.signature(op.forward).parameters.values())[1:]
    texts = [f"{p.name}: N | float{' = ...' if p.default is not p.empty else ''}" for p in rest]
    return [f"def {name}({', '.join(['self: N', *texts])}) -> N: ..."]


def methods() -> list[str]:
    """The lines of the class."""
    operators = {f"__{side}{symbol}__" for symbol in ARITHMETIC for side in ("", "r")}
    found = ["@property\n    def data(self) -> float: ..."]
    for name, member in vars(Number).items():
        op = number.BY_NUMPY_NAME.get(name) or number.TABLE.get(name)
        if name in operators:
            found += operator(name)
        elif name in ("__neg__", "__abs__"):
            found.append(f"def {name}(self: N) -> N: ...")
        elif name in {f"__{symbol}__" for symbol in COMPARISONS}:
            found.append(f"def {name}(self, other: Number | float) -> bool: ...")
        elif name in ("__eq__", "__ne__"):
            found.append(f"def {name}(self, other: object) -> bool: ...")
        elif name == "__hash__":
            found.append("def __hash__(self) -> int: ...")
        elif op is not None and not name.startswith("_"):
            found += operation(name, op)
        elif (
            isinstance(member, types.FunctionType) and shown(inspect.signature(member).return_annotation) != "NoReturn"
        ):
            found += own(name, member)
    return found


def stub() -> str:
    """The whole file."""
    operations = [f"{name}: Op" for name, x in vars(number).items() if isinstance(x, Op) and name.isupper()]
    lines = [*operations, "\ndef knows_better(other: Any) -> bool: ...\n", "class Number(Element):"]
    return HEAD + "\n".join(lines) + "\n" + "".join(f"    {line}\n" for line in methods())


if __name__ == "__main__":
    write_atomically(STUB, stub())
