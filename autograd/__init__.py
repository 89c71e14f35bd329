"""A scalar autograd engine to see through.

    >>> from autograd import Value
    >>> x = Value(3.0, name="x")
    >>> y = x * x + 2 * x
    >>> y.backward()
    >>> x.grad
    8.0

``Value`` records operations; ``backward()`` applies the chain rule. ``grad``, ``hessian`` and their kin differentiate
functions. Every operation is a function here and takes floats, NumPy arrays and Values.
"""

import sys as _sys
from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from autograd import errors, files, io, op, ops, text, tree
from autograd.custom import custom
from autograd.derivatives import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from autograd.errors import (
    AnomalyError,
    AutogradError,
    CompileError,
    DomainError,
    GraphError,
    LoadError,
    StaleGraphError,
)
from autograd.forward import Dual
from autograd.io import load, save
from autograd.locks import importing as _importing
from autograd.modes import detect_anomaly, ieee, no_grad
from autograd.ops.activations import elu, erf, erfc, gelu, logaddexp, logsigmoid, sigmoid, silu, softplus
from autograd.ops.arithmetic import add, div, mul, neg, sub
from autograd.ops.elementary import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cbrt,
    cos,
    cosh,
    exp,
    expm1,
    hypot,
    log,
    log1p,
    log2,
    log10,
    reciprocal,
    sin,
    sinh,
    sqrt,
    square,
    tan,
    tanh,
)
from autograd.ops.elementary import pow as pow
from autograd.ops.nary import dot, logsumexp, mean, product, softmax, take
from autograd.ops.nary import sum as sum
from autograd.ops.selection import abs as abs
from autograd.ops.selection import clip, floor, leaky_relu, maximum, minimum, relu, sign, where
from autograd.reverse import Step, steps, topological
from autograd.stale import verify
from autograd.value import Value

if TYPE_CHECKING:
    from autograd import check as check
    from autograd import compiler as compiler
    from autograd.check import assert_gradients, check_gradients
    from autograd.compiler.decorator import compile
    from autograd.compiler.program import Program
    from autograd.compiler.source import to_source

__all__ = [
    "AnomalyError",
    "AutogradError",
    "CompileError",
    "DomainError",
    "Dual",
    "GraphError",
    "LoadError",
    "Program",
    "StaleGraphError",
    "Step",
    "Value",
    "acos",
    "acosh",
    "add",
    "asin",
    "asinh",
    "assert_gradients",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "check_gradients",
    "clip",
    "compile",
    "cos",
    "cosh",
    "custom",
    "detect_anomaly",
    "div",
    "dot",
    "elu",
    "erf",
    "erfc",
    "errors",
    "exp",
    "expm1",
    "files",
    "floor",
    "gelu",
    "grad",
    "hessian",
    "hvp",
    "hypot",
    "ieee",
    "io",
    "jacobian",
    "jvp",
    "leaky_relu",
    "load",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logsigmoid",
    "logsumexp",
    "maximum",
    "mean",
    "minimum",
    "mul",
    "neg",
    "no_grad",
    "op",
    "ops",
    "product",
    "reciprocal",
    "relu",
    "save",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "sqrt",
    "square",
    "steps",
    "sub",
    "take",
    "tan",
    "tanh",
    "text",
    "to_source",
    "topological",
    "tree",
    "value_and_grad",
    "verify",
    "vjp",
    "where",
]

_LATER = {
    "assert_gradients": "autograd.check",
    "check_gradients": "autograd.check",
    "compile": "autograd.compiler.decorator",
    "Program": "autograd.compiler.program",
    "to_source": "autograd.compiler.source",
}
"""What is imported when it is first asked for, and where it stands: it brings NumPy along."""


def __getattr__(name: str) -> object:
    if name not in ("check", "compiler", *_LATER):
        raise AttributeError(f"module 'autograd' has no attribute {name!r}")
    with _importing:
        if name not in _LATER:
            return _import_module(f"autograd.{name}")
        found = globals()[name] = getattr(_import_module(_LATER[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, "check", "compiler"})


if _sys.modules.get("hypothesis") is not None:  # it came first, so that its entry point could not register Value
    from autograd.registration import register as _register

    _register()
