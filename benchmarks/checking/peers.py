"""torch.autograd.gradcheck, jax.test_util.check_grads and that of HIPS autograd, each in a process of its own.

    python -m checking.peers torch JOB RESULT

Our packages are not on the path of that process: HIPS autograd has our import name. JOB is a JSON file with a list of
``{"program": ..., "gradient": [...]}``. With a gradient, the function is given to the library's own mechanism for
hand-written gradients (torch.autograd.Function, jax.custom_vjp, autograd.extend.primitive and defvjp), with that
gradient times the incoming one as its backward. Without, the library differentiates its own operations. RESULT is a
list of ``[verdict, gradient, seconds]``: "right", "wrong", or "error: ..." with an exception that is no verdict; the
library's own gradient where it was asked for; the CPU time.
"""

import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from checking.programs import OPERATIONS, Program, Table, run

SQRT_HALF = math.sqrt(0.5)
Check = Callable[[Program, list[float] | None], tuple[str, list[float]]]


def halves(operands: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]:
    """The weights, the inputs and the bias (or none) of a dot."""
    n = len(operands) // 2
    return operands[:n], operands[n : 2 * n], operands[2 * n :]


def arithmetic() -> Table:
    """What Python's operators say in every library."""
    return {
        "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "div": lambda x, y: x / y,
        "neg": lambda x: -x, "pow": lambda x, y: x**y, "reciprocal": lambda x: 1.0 / x,
        "take": lambda index, *xs: xs[int(index)],
    }  # fmt: skip


def complete(table: Table) -> None:
    """Raises KeyError where an operation is missing: a checker must not fail a function that it was not given."""
    for name in OPERATIONS:
        table[name]


def torch_check() -> Check:
    """gradcheck with its defaults, on float64."""
    import torch
    from torch.autograd.gradcheck import GradcheckError, gradcheck
    from torch.nn import functional as F

    torch.set_num_threads(1)

    def dot(*operands: Any) -> Any:
        ws, xs, bias = halves(operands)
        return sum(bias, (torch.stack(ws) * torch.stack(xs)).sum())

    def number(x: float) -> Any:
        return torch.tensor(x, dtype=torch.float64)

    zero = number(0.0)
    same = (
        "abs sign floor relu maximum minimum exp expm1 log log1p log2 log10 square sqrt hypot sin cos tan asin acos "
        "atan atan2 sinh cosh tanh asinh acosh atanh sigmoid erf erfc logaddexp"
    )
    table = arithmetic() | {name: getattr(torch, name) for name in same.split()}
    table |= {
        "where": lambda c, x, y: torch.where(c != 0.0, x, y),
        "leaky_relu": lambda x, leak: torch.where(x > 0.0, x, leak * x),
        "clip": lambda x, low, high: torch.clamp(x, low, high),
        "cbrt": lambda x: torch.sign(x) * torch.abs(x) ** (1.0 / 3.0),
        "logsigmoid": F.logsigmoid, "softplus": lambda x: torch.logaddexp(x, zero), "silu": F.silu,
        "elu": lambda x, alpha: torch.where(x > 0.0, x, alpha * torch.expm1(torch.clamp(x, max=0.0))),
        "gelu": lambda x: x * 0.5 * torch.erfc(-x * SQRT_HALF),
        "sum": lambda *xs: torch.stack(xs).sum(), "product": lambda *xs: torch.stack(xs).prod(),
        "mean": lambda *xs: torch.stack(xs).mean(), "logsumexp": lambda *xs: torch.logsumexp(torch.stack(xs), 0),
        "dot": dot,
    }  # fmt: skip

    complete(table)

    def check(program: Program, gradient: list[float] | None) -> tuple[str, list[float]]:
        def f(x: Any) -> Any:
            return run(program, x.unbind(), table, number)

        x = torch.tensor(program["point"], dtype=torch.float64, requires_grad=True)
        own: list[float] = []
        if gradient is None:
            if f(x).requires_grad:
                (found,) = torch.autograd.grad(f(x), x)
                own = found.tolist()
            function = f
        else:
            rule = torch.tensor(gradient, dtype=torch.float64)

            class Given(torch.autograd.Function):
                @staticmethod
                def forward(ctx: Any, x: Any) -> Any:
                    return f(x)

                @staticmethod
                def backward(ctx: Any, upstream: Any) -> Any:
                    return upstream * rule

            function = Given.apply
        try:
            return ("right" if gradcheck(function, (x,)) else "wrong"), own
        except GradcheckError:
            return "wrong", own

    return check


def jax_check() -> Check:
    """check_grads in 64 bits: modes=["rev"], order 1, otherwise its defaults."""
    import jax

    jax.config.update("jax_enable_x64", True)
    from jax import numpy as jnp
    from jax.scipy.special import erf, erfc, logsumexp
    from jax.test_util import check_grads

    def dot(*operands: Any) -> Any:
        ws, xs, bias = halves(operands)
        return sum([w * x for w, x in zip(ws, xs, strict=True)] + list(bias), jnp.float64(0.0))

    same = (
        "abs sign floor maximum minimum exp expm1 log log1p log2 log10 square sqrt cbrt hypot sin cos tan sinh cosh "
        "tanh logaddexp arcsin arccos arctan arctan2 arcsinh arccosh arctanh"
    )
    table = arithmetic() | {name.replace("arc", "a"): getattr(jnp, name) for name in same.split()}
    table |= {
        "where": lambda c, x, y: jnp.where(c != 0.0, x, y), "relu": jax.nn.relu,
        "leaky_relu": lambda x, leak: jnp.where(x > 0.0, x, leak * x), "clip": jnp.clip,
        "sigmoid": jax.nn.sigmoid, "logsigmoid": jax.nn.log_sigmoid, "softplus": jax.nn.softplus,
        "elu": lambda x, alpha: jnp.where(x > 0.0, x, alpha * jnp.expm1(jnp.where(x > 0.0, 0.0, x))),
        "gelu": lambda x: x * 0.5 * erfc(-x * SQRT_HALF), "silu": jax.nn.silu, "erf": erf, "erfc": erfc,
        "sum": lambda *xs: sum(xs[1:], xs[0]), "mean": lambda *xs: sum(xs[1:], xs[0]) / len(xs),
        "product": lambda *xs: math.prod(xs[1:], start=xs[0]), "logsumexp": lambda *xs: logsumexp(jnp.stack(xs)),
        "dot": dot,
    }  # fmt: skip

    complete(table)

    def check(program: Program, gradient: list[float] | None) -> tuple[str, list[float]]:
        def f(*xs: Any) -> Any:
            return run(program, xs, table, jnp.float64)

        xs = tuple(map(jnp.float64, program["point"]))
        own: list[float] = []
        if gradient is None:
            own = [float(g) for g in jax.grad(f, tuple(range(len(xs))))(*xs)]
            function: Any = f
        else:
            function = jax.custom_vjp(f)
            function.defvjp(lambda *xs: (f(*xs), None), lambda _, up: tuple(up * g for g in gradient))
        try:
            check_grads(function, xs, order=1, modes=["rev"])
        except AssertionError:
            return "wrong", own
        return "right", own

    return check


def hips_check() -> Check:
    """check_grads: modes=["rev"], order 1, its own tolerances. Its random directions are seeded for each problem."""
    import autograd.numpy as anp
    import numpy
    from autograd.extend import defvjp, primitive
    from autograd.scipy.special import erf, erfc, expit, logsumexp
    from autograd.test_util import check_grads

    from autograd import grad

    def dot(*operands: Any) -> Any:
        ws, xs, bias = halves(operands)
        return sum([w * x for w, x in zip(ws, xs, strict=True)] + list(bias), 0.0)

    same = (
        "abs sign floor maximum minimum exp expm1 log log1p log2 log10 square sqrt sin cos tan sinh cosh tanh "
        "logaddexp arcsin arccos arctan arctan2 arcsinh arccosh arctanh"
    )
    table = arithmetic() | {name.replace("arc", "a"): getattr(anp, name) for name in same.split()}
    table |= {
        "where": lambda c, x, y: anp.where(c != 0.0, x, y), "relu": lambda x: anp.maximum(x, 0.0),
        "leaky_relu": lambda x, leak: anp.where(x > 0.0, x, leak * x),
        "clip": lambda x, low, high: anp.minimum(anp.maximum(x, low), high),
        "cbrt": lambda x: anp.sign(x) * anp.abs(x) ** (1.0 / 3.0), "hypot": lambda x, y: anp.sqrt(x * x + y * y),
        "sigmoid": expit, "logsigmoid": lambda x: -anp.logaddexp(0.0, -x),
        "softplus": lambda x: anp.logaddexp(0.0, x),
        "elu": lambda x, alpha: anp.where(x > 0.0, x, alpha * anp.expm1(anp.minimum(x, 0.0))),
        "gelu": lambda x: x * 0.5 * erfc(-x * SQRT_HALF), "silu": lambda x: x * expit(x), "erf": erf, "erfc": erfc,
        "sum": lambda *xs: sum(xs[1:], xs[0]), "mean": lambda *xs: sum(xs[1:], xs[0]) / len(xs),
        "product": lambda *xs: math.prod(xs[1:], start=xs[0]), "logsumexp": lambda *xs: logsumexp(anp.array(xs)),
        "dot": dot,
    }  # fmt: skip

    complete(table)

    def check(program: Program, gradient: list[float] | None) -> tuple[str, list[float]]:
        def f(x: Any) -> Any:
            return run(program, [x[i] for i in range(program["variables"])], table, numpy.float64)

        x = numpy.array(program["point"])
        own: list[float] = []
        numpy.random.seed(4)
        with numpy.errstate(all="ignore"):
            if gradient is None:
                own = [float(g) for g in grad(f)(x)]
                function = f
            else:
                function, rule = primitive(f), numpy.array(gradient)
                defvjp(function, lambda y, x: lambda up: up * rule)
            try:
                check_grads(function, modes=["rev"], order=1)(x)
            except AssertionError:
                return "wrong", own
        return "right", own

    return check


CHECKS: dict[str, Callable[[], Check]] = {"torch": torch_check, "jax": jax_check, "hips": hips_check}


def main(library: str, job: str, result: str) -> None:
    check = CHECKS[library]()
    found: list[tuple[str, list[float], float]] = []
    for item in json.loads(Path(job).read_text(encoding="utf-8")):
        start = time.process_time()
        try:
            verdict, own = check(item["program"], item.get("gradient"))
        except Exception as error:
            verdict, own = f"error: {type(error).__name__}: {str(error)[:200]}", []
        found.append((verdict, own, time.process_time() - start))
    Path(result).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
