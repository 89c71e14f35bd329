"""Freeze PyTorch's results into `torch.json`, so that the tests can use PyTorch as an oracle without having
it.

    python -m venv venv && venv/bin/pip install torch==2.13.0 numpy
    venv/bin/python tests/oracle/freeze_torch.py

The file holds, all in float64 on the CPU:

- `points`: every operation at its conventions (0, -0.0, kinks, ties, bounds), at generic points and at
  extremes, with the value and the gradient with respect to every operand. `constant` lists the operands that
  were plain Python numbers, which have no gradient.
- `expressions`: random programs. A program is a list of steps `[operation, *operands]`; an operand is the
  number of an earlier step, so subexpressions are shared; the first steps are the variables. Besides value
  and gradient (and the Hessian of some of them) stand their conditions: what a relative error of 1 in the
  result of every step would do to first order, sum over steps i of |d result / d delta_i| where step i gives
  v_i * (1 + delta_i). The tests derive their tolerances from these.
- `absent`: operations that PyTorch does not have.

Numbers are written by `repr`; nan and infinities are strings, since JSON has no such numbers.
The same PyTorch on the same kind of machine writes the same bytes.
"""

import itertools
import json
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

INF, NAN = math.inf, math.nan
SEED = 20250301
EXPRESSIONS, HESSIANS = 320, 60

UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "neg": torch.neg, "exp": torch.exp, "expm1": torch.expm1, "log": torch.log, "log1p": torch.log1p,
    "log2": torch.log2, "log10": torch.log10, "sqrt": torch.sqrt, "square": torch.square,
    "reciprocal": torch.reciprocal, "sin": torch.sin, "cos": torch.cos, "tan": torch.tan, "asin": torch.asin,
    "acos": torch.acos, "atan": torch.atan, "sinh": torch.sinh, "cosh": torch.cosh, "tanh": torch.tanh,
    "asinh": torch.asinh, "acosh": torch.acosh, "atanh": torch.atanh, "sigmoid": torch.sigmoid,
    "logsigmoid": F.logsigmoid, "softplus": F.softplus, "relu": F.relu, "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu, "silu": F.silu, "erf": torch.erf, "erfc": torch.erfc, "abs": torch.abs,
    "sign": torch.sign,
    "floor": torch.floor,
}  # fmt: skip
BINARY: dict[str, Callable[[Any, Any], Tensor]] = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "pow": torch.pow,
    "atan2": torch.atan2,
    "maximum": torch.maximum, "minimum": torch.minimum, "hypot": torch.hypot, "logaddexp": torch.logaddexp,
}  # fmt: skip
NARY: dict[str, Callable[[Tensor], Tensor]] = {
    "sum": lambda v: v.sum(), "product": lambda v: v.prod(), "mean": lambda v: v.mean(),
    "logsumexp": lambda v: torch.logsumexp(v, 0),
}  # fmt: skip
ABSENT = {
    "cbrt": "PyTorch has no cube root; x ** (1 / 3) is nan below 0",
    "take": "a lookup: in PyTorch it is indexing, by integers that are no operands with a gradient",
}


def apply(op: str, args: list[Any]) -> Tensor:
    """One operation on tensors (numbers stay numbers); `softmax` and `logsumexp` take their operands as a
    sequence."""
    if op in UNARY and len(args) == 1:
        return UNARY[op](args[0])
    if op in BINARY:
        return BINARY[op](*args)
    if op in NARY:
        return NARY[op](torch.stack(args))
    if op == "leaky_relu":
        return F.leaky_relu(args[0], args[1])
    if op == "elu":
        return F.elu(args[0], args[1])
    if op == "clip":
        return torch.clamp(args[0], args[1], args[2])
    if op == "where":
        condition = args[0] if isinstance(args[0], bool) else bool(args[0])
        return torch.where(torch.tensor(condition), args[1], args[2])
    if op == "where_greater":  # left > right ? a : b
        return torch.where(args[0] > args[1], args[2], args[3])
    if op == "dot":
        half = len(args) // 2
        return torch.dot(torch.stack(args[:half]), torch.stack(args[half:]))
    if op == "softmax":  # the component of the first operand
        return torch.softmax(torch.stack(args), 0)[0]
    raise KeyError(op)


def tensor(x: float) -> Tensor:
    return torch.tensor(x, dtype=torch.float64, requires_grad=True)


# ---- operations at points ----

EVERYWHERE = [
    0.0, -0.0, 0.25, -0.25, 0.5, -0.5, 1.0, -1.0, 1.5, -1.5, 2.0, -2.0, 3.7, -3.7, 10.0, -10.0, 18.5, -18.5,
    30.0, -30.0,
    700.0, -700.0, 1000.0, -1000.0, 1e-300, -1e-300, 1e-9, -1e-9, 1e9, -1e9, 1e200, -1e200, INF, -INF, NAN,
]  # fmt: skip
PAIRS = [0.0, -0.0, 0.5, 1.0, -1.0, 2.0, -3.0, 1000.0, -1000.0, INF, -INF, NAN]
POWERS = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 3.0, 2.5, INF, -INF, NAN]
SEQUENCES = [
    [2.0], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [-1.5, 0.25, 4.0, -0.125],
    [1000.0, 1000.0], [1000.0, -1000.0, 0.0], [-1000.0, -1000.5], [1e200, 1e200], [INF, 1.0], [-INF, 1.0],
    [-INF, -INF], [NAN, 1.0],
]  # fmt: skip


def cases() -> Iterator[tuple[str, list[Any], list[int]]]:
    """Operation, arguments, and which arguments are plain numbers."""
    for op in UNARY:
        for x in EVERYWHERE:
            yield op, [x], []
    for op in BINARY:
        grid = POWERS if op == "pow" else PAIRS
        for x, y in itertools.product(grid, grid):
            yield op, [x, y], []
    for x, y in itertools.product(POWERS, POWERS):
        yield "pow", [x, y], [1]
        yield "pow", [x, y], [0]
    for x in EVERYWHERE:
        yield "leaky_relu", [x, 0.2], [1]
        yield "elu", [x, 1.5], [1]
        yield "clip", [x, -1.0, 1.5], [1, 2]
        yield "clip", [x, -1.0, 1.5], []
        yield "clip", [x, 0.5, 0.5], [1, 2]
    for condition in (True, False):
        for a, b in itertools.product([1.5, INF, NAN], repeat=2):
            yield "where", [condition, a, b], []
    for op in (*NARY, "softmax"):
        for sequence in SEQUENCES:
            yield op, list(sequence), []
    for pair in itertools.combinations(SEQUENCES, 2):
        if len(pair[0]) == len(pair[1]):
            yield "dot", [*pair[0], *pair[1]], []


def point(op: str, args: list[Any], constant: list[int]) -> dict[str, Any]:
    operands = [x if i in constant or isinstance(x, bool) else tensor(x) for i, x in enumerate(args)]
    leaves = [x for x in operands if isinstance(x, Tensor)]
    out = apply(op, operands)
    gradients = torch.autograd.grad(out, leaves, allow_unused=True, materialize_grads=True)
    result = {"op": op, "args": args, "value": out.item(), "gradients": [g.item() for g in gradients]}
    return result | ({"constant": constant} if constant else {})


# ---- random expressions ----

Step = list[Any]
# Where an operation may be applied: far enough from kinks and edges that a rounding error cannot cross one, and
# small enough that the results stay well scaled.
DOMAIN: dict[str, Callable[[float], bool]] = {
    "exp": lambda x: x < 4, "expm1": lambda x: -2 < x < 4, "log": lambda x: x > 0.05, "log1p": lambda x: x > -0.9,
    "log2": lambda x: x > 0.05, "log10": lambda x: x > 0.05, "sqrt": lambda x: x > 0.02,
    "reciprocal": lambda x: abs(x) > 0.1, "tan": lambda x: abs(math.cos(x)) > 0.2,
    "asin": lambda x: abs(x) < 0.95,
    "acos": lambda x: abs(x) < 0.95, "sinh": lambda x: abs(x) < 4, "cosh": lambda x: abs(x) < 4,
    "acosh": lambda x: x > 1.05, "atanh": lambda x: abs(x) < 0.95, "relu": lambda x: abs(x) > 1e-3,
    "leaky_relu": lambda x: abs(x) > 1e-3, "elu": lambda x: abs(x) > 1e-3, "abs": lambda x: abs(x) > 1e-3,
    "sign": lambda x: abs(x) > 1e-3, "floor": lambda x: abs(x - round(x)) > 1e-3, "erfc": lambda x: x < 4,
    # PyTorch's softplus is x itself above 20, and its slopes z * (1 - z), 1 - z * z, z + 1 lose digits far out.
    "softplus": lambda x: x < 15, "sigmoid": lambda x: x < 2, "tanh": lambda x: abs(x) < 1.5,
    "gelu": lambda x: x > -3,
}  # fmt: skip
DOMAIN2: dict[str, Callable[[float, float], bool]] = {
    "div": lambda x, y: abs(y) > 0.1, "pow": lambda x, y: 0.05 < x < 10 and abs(y) < 4,
    "atan2": lambda x, y: x * x + y * y > 0.01, "hypot": lambda x, y: x * x + y * y > 0.01,
    "maximum": lambda x, y: abs(x - y) > 1e-3, "minimum": lambda x, y: abs(x - y) > 1e-3,
}  # fmt: skip
FLAT = ("sign", "floor")  # zero slope: they cut the graph, so few of them


def random_program(rng: random.Random, variables: int, length: int) -> tuple[list[Step], list[float]] | None:
    """A program and its variables' values; None when the walk ended where nothing could be applied."""
    point = [round(rng.uniform(-2.5, 2.5), 3) for _ in range(variables)]
    program: list[Step] = [["variable", x] for x in point]
    values = list(point)
    unary, binary = sorted(UNARY), sorted(BINARY)
    for _ in range(200):
        if len(program) >= variables + length:
            break
        # Prefer what is not used yet, so that few steps are dead.
        used = {i for op, *args in program if op not in ("variable", "constant") for i in args}
        loose = [i for i in range(len(program)) if i not in used]

        def pick(loose: list[int] = loose) -> int:
            return rng.choice(loose) if loose and rng.random() < 0.6 else rng.randrange(len(program))

        kind = rng.random()
        if kind < 0.06:
            x = round(rng.uniform(-3, 3), 2)
            program.append(["constant", x])
            values.append(x)
            continue
        if kind < 0.45:
            op, args = rng.choice(unary), [pick()]
            if op in FLAT and rng.random() < 0.8:
                continue
            if not DOMAIN.get(op, lambda x: True)(values[args[0]]):
                continue
        elif kind < 0.85:
            op, args = rng.choice(binary), [pick(), pick()]
            if not DOMAIN2.get(op, lambda x, y: True)(values[args[0]], values[args[1]]):
                continue
        else:
            op = rng.choice(["sum", "product", "mean", "dot", "logsumexp", "softmax", "where_greater"])
            args = [pick() for _ in range(4 if op in ("dot", "where_greater") else rng.randint(2, 4))]
            if op == "where_greater" and abs(values[args[0]] - values[args[1]]) < 1e-3:
                continue
        value = apply(op, [torch.tensor(values[i], dtype=torch.float64) for i in args]).item()
        if not math.isfinite(value) or abs(value) > 50 or (value != 0 and abs(value) < 1e-3):
            continue
        program.append([op, *args])
        values.append(value)
    used = {i for op, *args in program if op not in ("variable", "constant") for i in args}
    loose = [i for i in range(len(program)) if i not in used and i != len(program) - 1]
    if program[-1][0] in ("variable", "constant"):
        return None
    if loose:
        program.append(["mean", *loose, len(program) - 1])
    return program, point


def run(program: list[Step], point: list[Tensor], deltas: list[Tensor] | None = None) -> Tensor:
    """The value of the last step; each step's result is scaled by 1 + its delta."""
    values: list[Tensor] = []
    variables, scale = iter(point), iter(deltas or [])
    for op, *args in program:
        if op == "variable":
            values.append(next(variables))
        elif op == "constant":
            values.append(torch.tensor(args[0], dtype=torch.float64))
        else:
            value = apply(op, [values[i] for i in args])
            values.append(value * (1 + next(scale)) if deltas else value)
    return values[-1]


def sensitivity(result: Tensor, deltas: list[Tensor]) -> float:
    """Sum over steps of |d result / d delta|."""
    if not result.requires_grad:
        return 0.0
    parts = torch.autograd.grad(result, deltas, retain_graph=True, allow_unused=True, materialize_grads=True)
    return sum(abs(part.item()) for part in parts)


def gradient(out: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    if not out.requires_grad:  # the derivative of a constant
        return [torch.zeros((), dtype=torch.float64) for _ in leaves]
    return list(torch.autograd.grad(out, leaves, create_graph=True, allow_unused=True, materialize_grads=True))


def expression(program: list[Step], at: list[float], second: bool) -> dict[str, Any]:
    leaves = [tensor(x) for x in at]
    out = run(program, leaves)
    plain = gradient(out, leaves)
    deltas = [tensor(0.0) for op, *_ in program if op not in ("variable", "constant")]
    disturbed = run(program, leaves, deltas)
    slopes = gradient(disturbed, leaves)
    result: dict[str, Any] = {
        "program": program, "value": out.item(), "gradient": [g.item() for g in plain],
        "value_condition": sensitivity(disturbed, deltas), "gradient_condition": [sensitivity(g,
        deltas) for g in slopes],
    }  # fmt: skip
    if second:
        hessian = torch.autograd.functional.hessian(lambda *x: run(program, list(x)), tuple(leaves))
        result["hessian"] = [[entry.item() for entry in row] for row in hessian]
        result["hessian_condition"] = [[sensitivity(h, deltas) for h in gradient(g, leaves)] for g in slopes]
    return result


def expressions() -> Iterator[dict[str, Any]]:
    rng = random.Random(SEED)
    made = 0
    while made < EXPRESSIONS:
        found = random_program(rng, variables=rng.randint(1, 4), length=rng.randint(2, 14))
        if found is None:
            continue
        result = expression(*found, second=made < HESSIANS)
        numbers = [result["value"], *result["gradient"], *itertools.chain(*result.get("hessian", []))]
        if not all(math.isfinite(x) and abs(x) < 1e4 for x in numbers) or not any(result["gradient"]):
            continue
        if max(result["gradient_condition"]) > 1e5:
            continue
        made += 1
        yield result


# ---- the file ----


def plain(x: Any) -> Any:
    """JSON data: nan and infinities become strings."""
    if isinstance(x, dict):
        return {key: plain(value) for key, value in x.items()}
    if isinstance(x, list):
        return [plain(value) for value in x]
    return x if not isinstance(x, float) or math.isfinite(x) else repr(x)


def main() -> None:
    torch.set_num_threads(1)
    parts = {
        "points": [point(*case) for case in cases()],
        "expressions": list(expressions()),
    }
    version = torch.__version__.partition("+")[0]
    source = f"PyTorch {version}, float64, CPU; by tests/oracle/freeze_torch.py"
    head = {"source": source, "seed": SEED, "absent": ABSENT}
    lines = [json.dumps(head, indent=1)[:-2] + ","]
    for name, entries in parts.items():
        rows = ",\n".join("  " + json.dumps(plain(entry), allow_nan=False) for entry in entries)
        lines.append(f' "{name}": [\n{rows}\n ]' + ("," if name == "points" else ""))
    lines.append("}")
    path = Path(__file__).with_name("torch.json")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    json.loads(path.read_text(encoding="utf-8"))
    print(f"{path.name}: {len(parts['points'])} points, {len(parts['expressions'])} expressions")


if __name__ == "__main__":
    main()
