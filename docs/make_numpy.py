"""Writes the table in numpy.md beside this file, by running NumPy's functions: ``python docs/make_numpy.py``.

A test holds the page to what this script gives. Values are held to NumPy's own of the same floats, gradients to
central differences of it; a wrong one stops the script.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import autograd as ag
from autograd import Value
from autograd.files import write_atomically
from autograd.number import BY_NUMPY_NAME
from autograd.number_arrays import ADVICE

PAGE = Path(__file__).with_name("numpy.md")
BEGIN, END = "<!-- made by docs/make_numpy.py -->\n", "<!-- end -->\n"

X, Y = np.array([0.3, 0.7, 0.55, 0.2]), np.array([0.25, 0.9, 0.4, 0.65])
STEP, SEEDS = 1e-6, np.array([0.9, -1.3, 0.4, 1.1])

OTHERS: dict[str, Callable[[Any, Any], Any]] = {
    "sum": lambda x, y: np.sum(x),
    "prod": lambda x, y: np.prod(x),
    "mean": lambda x, y: np.mean(x),
    "var": lambda x, y: np.var(x),
    "std": lambda x, y: np.std(x),
    "max": lambda x, y: np.max(x),
    "min": lambda x, y: np.min(x),
    "median": lambda x, y: np.median(x[:3]),
    "average": lambda x, y: np.average(x, weights=Y),
    "cumsum": lambda x, y: np.cumsum(x),
    "cumprod": lambda x, y: np.cumprod(x),
    "diff": lambda x, y: np.diff(x),
    "sort": lambda x, y: np.sort(x),
    "clip": lambda x, y: np.clip(x, 0.25, 0.6),
    "ceil": lambda x, y: np.ceil(x),
    "trunc": lambda x, y: np.trunc(x),
    "conjugate": lambda x, y: np.conjugate(x),
    "sinc": lambda x, y: np.sinc(x),
    "interp": lambda x, y: np.interp(x, [0.0, 0.5, 1.0], [1.0, 3.0, 4.0]),
    "where": lambda x, y: np.where(X > 0.5, x, y),
    "concatenate": lambda x, y: np.concatenate([x, y]),
    "stack": lambda x, y: np.stack([x, y]),
    "dot": np.dot,
    "vdot": np.vdot,
    "outer": np.outer,
    "einsum": lambda x, y: np.einsum("i,i->", x, y),
    "convolve": np.convolve,
    "trapezoid": lambda x, y: np.sum((x[1:] + x[:-1]) / 2.0) if not hasattr(np, "trapezoid") else np.trapezoid(x),
    "linalg.norm": lambda x, y: np.linalg.norm(np.outer(x, y), axis=1),
    "isclose": lambda x, y: np.isclose(x, y),
    "allclose": lambda x, y: np.allclose(x, y),
    "testing.assert_allclose": lambda x, y: np.testing.assert_allclose(x, x),
    "isfinite": lambda x, y: np.isfinite(x),
    "argmax": lambda x, y: np.argmax(x),
    "percentile": lambda x, y: np.percentile(x, 30),
    "quantile": lambda x, y: np.quantile(x, 0.3),
    "cov": lambda x, y: np.cov(x, y),
    "gradient": lambda x, y: np.gradient(x),
    "exp2": lambda x, y: np.exp2(x),
    "deg2rad": lambda x, y: np.deg2rad(x),
    "fabs": lambda x, y: np.fabs(x),
    "rint": lambda x, y: np.rint(x),
    "heaviside": lambda x, y: np.heaviside(x, 0.5),
    "linalg.det": lambda x, y: np.linalg.det(x.reshape(2, 2)),
    "linalg.inv": lambda x, y: np.linalg.inv(x.reshape(2, 2)),
    "linalg.solve": lambda x, y: np.linalg.solve(x.reshape(2, 2), y[:2]),
}
"""Functions that are no operations of autograd."""


def cases() -> dict[str, tuple[Callable[[Any, Any], Any], str]]:
    """Every function of the table, as one of two arrays, and the operation behind it."""
    found = {}
    for name, op in BY_NUMPY_NAME.items():
        if isinstance(ufunc := getattr(np, name, None), np.ufunc):
            shift = 1.0 if name == "arccosh" else 0.0
            found[name] = (lambda x, y, f=ufunc, s=shift: f(x + s) if f.nin == 1 else f(x, y), f"`ag.{op.name}`")
    return found | {name: (function, "") for name, function in OTHERS.items() if name not in found}


def by_hand(x: Any) -> Any:
    """An array of Values as a user writes it."""
    return np.array([Value(each) for each in x])


def mixed(x: Any) -> Any:
    """The same, one half of it floats."""
    return np.array([Value(each) if i % 2 else float(each) for i, each in enumerate(x)], dtype=object)


def given(x: Any) -> Any:
    """The same numbers, mixed, in an array that autograd gave."""
    return ag.where(np.ones(len(x)), mixed(x), 0.0)


def verdict(f: Callable[[Any, Any], Any], make: Callable[[Any], Any]) -> str:
    """What the function gives on such arrays. AssertionError: a wrong number."""
    expected = f(X, Y)
    xs, ys = make(X), make(Y)
    try:
        found = f(xs, ys)
    except (TypeError, AttributeError) as error:
        return "TypeError, with advice" if "autograd" in str(error) or "does not work on Values" in str(error) else "no"
    if expected is None:
        return "yes"
    nodes = [v if isinstance(v, Value) else Value(float(v)) for v in np.ravel(np.asarray(found, dtype=object))]
    assert np.shape(found) == np.shape(expected)
    assert np.allclose([v.data for v in nodes], np.ravel(expected), rtol=1e-12, atol=1e-15)
    if not any(isinstance(v, Value) for v in np.ravel(np.asarray(found, dtype=object))):
        return "plain numbers"
    weights = np.resize(SEEDS, len(nodes))
    ag.dot(nodes, weights.tolist()).backward()
    for own, side in ((xs, 0), (ys, 1)):
        for i, v in enumerate(own):
            if isinstance(v, Value):
                ends = [[X.copy(), Y.copy()] for _ in range(2)]
                ends[0][side][i] += STEP
                ends[1][side][i] -= STEP
                up, down = (np.ravel(f(*end)) @ weights for end in ends)
                assert math.isclose(v.grad, (up - down) / (2.0 * STEP), rel_tol=1e-6, abs_tol=1e-8), (v, up, down)
    return "yes"


def table() -> str:
    """The table, in Markdown."""
    lines = [
        "| function | by hand | by hand, mixed | from autograd | behind it, or what to write |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, (f, behind) in cases().items():
        answers = [verdict(f, make) for make in (by_hand, mixed, given)]
        advice = ADVICE.get(name.rpartition(".")[2], "")
        lines.append(f"| `np.{name}` | {' | '.join(answers)} | {behind or (f'`{advice}`' if advice else '')} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page with its table made anew."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    write_atomically(PAGE, page())
