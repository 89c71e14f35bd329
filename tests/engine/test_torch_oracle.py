"""PyTorch's results, frozen in `oracle/torch.json`, against ours: every operation at its points, random
expressions.

Where we differ on purpose, `DEVIATIONS` says where and why; a deviation that no longer differs fails, too.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest
from support.oracle_file import ORACLE, POINTS, apply, close, key, number, value_and_gradient
from support.path_sums import depth, path_sums

import autograd as ag
from autograd import Value

U = 2.0**-53
"""The unit roundoff."""


# ---- operations at points ----


class Deviation(NamedTuple):
    """Points of an operation where we mean to differ: all of those that `where` accepts, and no others."""

    ops: str
    where: Callable[..., bool]
    reason: str
    constant: Sequence[int] | None = None  # the operands that are plain numbers; None: does not matter


def no_number(*args: Any) -> bool:
    return any(math.isnan(x) for x in args)


DEVIATIONS = [
    Deviation("expm1", lambda x: -1000 < x <= -10, "PyTorch's slope z + 1 loses its digits; ours is exp(x)"),
    Deviation("tanh", lambda x: 3 < abs(x) < 100,
              "PyTorch's slope 1 - z * z loses its digits; ours is sech(x)**2"),
    Deviation("sigmoid", lambda x: 10 <= x < 1000, "PyTorch's slope z * (1 - z) loses its digits"),
    Deviation("gelu", lambda x: -37 < x < -3, "PyTorch's 1 + erf(x) loses its digits; ours is erfc(-x)"),
    Deviation("softplus", lambda x: 20 < x < 37, "PyTorch switches to x above 20, an error up to 2e-9"),
    Deviation("asinh acosh", lambda x: 1e160 < abs(x) < math.inf and x > 0,
              "x * x overflows in PyTorch's slope"),
    Deviation("asinh", lambda x: -math.inf < x < -1e160, "x * x overflows in PyTorch's slope"),
    Deviation("acosh", lambda x: x <= -1, "PyTorch gives a slope where there is no value; ours is nan"),
    Deviation("hypot", lambda x, y: x == y == 0,
              "ours is (0, 0), the smallest subgradient; PyTorch's nan spreads"),
    Deviation("hypot", lambda x, y: math.isinf(x) != math.isinf(y) and not no_number(x, y),
              "ours is the limit; PyTorch's is inf / inf"),
    Deviation("gelu silu", lambda x: x == -math.inf, "ours is the limit; PyTorch's is inf * 0"),
    Deviation("product", lambda *xs: math.isinf(math.prod(xs)) or no_number(*xs),
              "PyTorch divides the product by the factor, inf / inf; ours multiplies the others"),
    Deviation("pow", lambda x, y: repr(x) in ("-0.0", "-inf") and abs(y) == 0.5,
              "PyTorch takes sqrt for the number 0.5; ours is C's pow, as with a Value", constant=[1]),
    Deviation("logsumexp", lambda *xs: len(xs) == 2 and 1000 <= abs(xs[0]) < math.inf and abs(xs[0] - xs[1]) < 1,
              "PyTorch's exp(x - z) is off by as many roundoffs as z is large"),
    Deviation("relu elu abs sign clip maximum minimum", no_number,
              "of a nan no slope is right: ours are what the comparisons in the rules give"),
]  # fmt: skip


def deviations_at(op: str, args: Sequence[Any], constant: Sequence[int]) -> list[Deviation]:
    return [d for d in DEVIATIONS if op in d.ops.split() and d.constant in (None, constant) and d.where(*args)]


ULPS = 16  # 4 are ours at most where a function is well conditioned, the others PyTorch's


def agree(ours: tuple[float, list[float]], theirs: tuple[float, list[float]]) -> bool:
    """Exactly at infinities, nan and zero, else to a few ulps."""
    pairs = zip([ours[0], *ours[1]], [theirs[0], *theirs[1]], strict=True)
    return all(close(a, b, ULPS) for a, b in pairs)


def ours_at(op: str, args: Sequence[Any], constant: Sequence[int]) -> tuple[float, list[float]]:
    with ag.ieee():
        return value_and_gradient(op, args, constant)


def points_of(op: str) -> list[tuple[list[Any], list[int]]]:
    return [([number(x) for x in p["args"]], p.get("constant", [])) for p in ORACLE["points"] if p["op"] == op]


OPERATIONS = sorted({p["op"] for p in ORACLE["points"]})


@pytest.mark.parametrize("op", OPERATIONS)
def test_operation_at_its_points(op: str) -> None:
    wrong = []
    for args, constant in points_of(op):
        theirs, ours = POINTS[key(op, args, constant)], ours_at(op, args, constant)
        if agree(ours, theirs) == bool(deviations_at(op, args, constant)):
            wrong.append(f"{op}{tuple(args)} constant={constant}: ours {ours}, PyTorch {theirs}")
    assert not wrong, "differs, or is listed as a deviation and does not:\n" + "\n".join(wrong)


@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda d: d.ops)
def test_every_deviation_has_a_reason_and_points(deviation: Deviation) -> None:
    assert deviation.reason
    for op in deviation.ops.split():
        assert any(deviation in deviations_at(op, args, constant) for args, constant in points_of(op)), op


def test_every_operation_of_ours_is_in_the_file_or_absent_from_pytorch() -> None:
    from autograd.ops import TABLE

    named = {"select": "where"}
    public = {named.get(op.name, op.name) for op in TABLE.values() if op.public}
    missing = public - set(OPERATIONS) - set(ORACLE["absent"])
    assert not missing, (
        f"add {missing} to tests/oracle/freeze_torch.py (its head says how to run it); what PyTorch lacks goes into "
        "its ABSENT, and may be added to `absent` in torch.json by hand"
    )


# ---- random expressions ----


def run(program: list[list[Any]], point: Sequence[Any]) -> Any:
    """The value of the last step; operands are numbers of earlier steps, which are therefore shared."""
    values: list[Any] = []
    variables = iter(point)
    for op, *args in program:
        if op == "variable":
            values.append(next(variables))
        elif op == "constant":
            values.append(args[0])
        else:
            values.append(apply(op, [values[i] for i in args]))
    return values[-1]


def point_of(program: list[list[Any]]) -> list[float]:
    return [args[0] for op, *args in program if op == "variable"]


EXPRESSIONS: list[dict[str, Any]] = ORACLE["expressions"]
STEP = 16
"""Roundoffs per operation: 4 ulps are ours, as many PyTorch's; an ulp is at most two roundoffs."""


def tolerances(entry: dict[str, Any], out: Value, leaves: list[Value]) -> tuple[float, list[float]]:
    """For the value and each slope, to first order.

    The results of the steps are off by `STEP` roundoffs; what that does to value and gradient is their
    condition, which PyTorch computed. On the way back every local derivative is off by as much, and every
    product and sum once more: at most the longest path's count of those times the sum over paths of |product
    of local derivatives|.
    """
    terms, steps = path_sums(out), depth(out)
    back = [STEP * U * steps * terms[id(x)] if id(x) in terms else 0.0 for x in leaves]
    return STEP * U * entry["value_condition"], [
        STEP * U * condition + b for condition, b in zip(entry["gradient_condition"], back, strict=True)
    ]


@pytest.mark.parametrize("number", range(len(EXPRESSIONS)))
def test_expression(number: int) -> None:
    entry = EXPRESSIONS[number]
    leaves = [Value(x) for x in point_of(entry["program"])]
    out = run(entry["program"], leaves)
    out.backward()
    allowed, slopes_allowed = tolerances(entry, out, leaves)
    assert abs(out.data - entry["value"]) <= allowed
    for leaf, theirs, slope_allowed in zip(leaves, entry["gradient"], slopes_allowed, strict=True):
        assert abs(leaf.grad - theirs) <= slope_allowed


@pytest.mark.parametrize("number", [i for i, entry in enumerate(EXPRESSIONS) if "hessian" in entry])
def test_hessian(number: int) -> None:
    entry = EXPRESSIONS[number]
    point = point_of(entry["program"])
    ours = ag.hessian(lambda xs: run(entry["program"], xs))(point)
    # The condition covers the steps of the program; for the way back, the paths through the graph of each slope;
    # and PyTorch's rules for second derivatives add up terms that cancel, of the size of the largest entry.
    largest = max(abs(h) for row in entry["hessian"] for h in row)
    leaves = [Value(x) for x in point]
    slopes = ag.grad(lambda xs: run(entry["program"], xs))(leaves)
    for i, slope in enumerate(slopes):
        terms = path_sums(slope) if isinstance(slope, Value) else {}
        for j, leaf in enumerate(leaves):
            back = len(entry["program"]) * terms.get(id(leaf), 0.0)
            allowed = STEP * U * (entry["hessian_condition"][i][j] + back) + 2 * U * largest
            assert abs(ours[i][j] - entry["hessian"][i][j]) <= allowed, (i, j)


def test_the_tolerance_would_show_a_wrong_slope() -> None:
    """A slope wrong in its twelfth digit fails, in all but the few expressions that cancel heavily."""
    passed = total = 0
    for entry in EXPRESSIONS:
        leaves = [Value(x) for x in point_of(entry["program"])]
        out = run(entry["program"], leaves)
        for theirs, allowed in zip(entry["gradient"], tolerances(entry, out, leaves)[1], strict=True):
            if theirs:
                total += 1
                passed += abs(theirs) * 1e-12 <= allowed
    assert passed <= total // 20


def test_the_file_says_where_it_comes_from() -> None:
    assert ORACLE["source"].startswith("PyTorch 2.")
    assert len(EXPRESSIONS) >= 300
    assert sum("hessian" in entry for entry in EXPRESSIONS) >= 50
