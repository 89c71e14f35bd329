"""The result of floats is the data of the result of Values: every public function, every shape, every mixture."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.operations import PUBLIC

import autograd as ag
from autograd import Dual, Value
from autograd.number import Number
from autograd.op import Op

SHAPES = [(), (1,), (3,), (0,), (2, 3), (3, 1), (0, 2), (2, 0), (2, 1, 3), (2, 3, 2)]
ELEMENTWISE = [op for op in PUBLIC if op.arity is not None]
SEQUENCES: dict[str, Callable[..., Any]] = {
    **{name: getattr(ag, name) for name in ("sum", "mean", "product", "logsumexp", "softmax")},
    "dot": lambda x: ag.dot(x, x),
    "dot with a row": lambda x: ag.dot(x, x[(0,) * (x.ndim - 1)]),
    "dot with a bias": lambda x: ag.dot(x, x, 0.5),
    "take": lambda x: ag.take(x, x.shape[-1] - 1),
    "take by rows": lambda x: ag.take(x, np.zeros(x.shape[:-1])),
    "take by a Value": lambda x: ag.take(x, Value(0.0)),
    "the first axis": lambda x: ag.sum(x, axis=0),
    "all axes": lambda x: ag.mean(x, axis=None),
    "shares of all": lambda x: ag.softmax(x, axis=None),
    "kept": lambda x: ag.logsumexp(x, axis=(0, -1) if x.ndim > 1 else 0, keepdims=True),
}

ELEMENTS: dict[str, Callable[[float], Any]] = {
    "Values": Value,
    "Duals": lambda x: Dual(x, 1.0, 1),
    "Duals of Values": lambda x: Dual(Value(x), 1.0, 1),
    "floats in an array of objects": float,
    "NumPy's floats": np.float64,
}


def made(x: Any, kind: Callable[[int], Callable[[float], Any]]) -> Any:
    """An array of objects of the same numbers, the kind of each chosen by its place; of no dimensions, the number."""
    out = np.empty(np.shape(x), dtype=object)
    for i, place in enumerate(np.ndindex(out.shape)):
        out[place] = kind(i)(float(np.asarray(x)[place]))
    return out


def mixtures(x: Any, chance: random.Random) -> list[Any]:
    """The same numbers in every kind of array."""
    kinds = list(ELEMENTS.values())
    arrays = [made(x, lambda i, kind=kind: kind) for kind in kinds]
    arrays += [made(x, lambda i: chance.choice(kinds)) for _ in range(2)]
    arrays += [made(x, lambda i: chance.choice((Value, float)))]
    given = arrays[-1] + Value(0.0) if np.size(x) else arrays[-1]  # of the class that autograd gives
    return [*arrays, given] + ([each[()] for each in arrays] if np.ndim(x) == 0 else [])


def uniform(chance: random.Random, shape: tuple[int, ...], low: float, width: float) -> Any:
    return np.array([low + width * chance.random() for _ in range(int(np.prod(shape)))]).reshape(shape)


def data(x: Any) -> Any:
    """The numbers behind a result, with its shape."""
    if isinstance(x, np.ndarray):
        return np.array([data(each) for each in x.flat], dtype=float).reshape(x.shape)
    return x.data if isinstance(x, Number) else float(x)


def start(op: Op) -> float:
    return 1.25 if op.name == "acosh" else 0.25


def agree(of_floats: Any, of_numbers: Any, ulps: float, note: str) -> None:
    """Same shape, an array or none, and the same numbers within the ulps of both ways."""
    assert isinstance(of_floats, np.ndarray) == isinstance(of_numbers, np.ndarray), note
    assert np.shape(of_floats) == np.shape(of_numbers), note
    np.testing.assert_allclose(data(of_numbers), data(of_floats), rtol=4 * ulps * 2.0**-52, atol=1e-300, err_msg=note)


@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_element_by_element(op: Op) -> None:
    chance = random.Random(op.name)
    for shape in SHAPES:
        for other in (shape, (), shape[-1:]):
            shapes = [shape, other, shape][: op.arity]
            points = [uniform(chance, s, start(op) + 0.25 * i, 0.125) for i, s in enumerate(shapes)]
            truth = op(*points)
            for row in zip(*(mixtures(p, chance) for p in points), strict=False):
                agree(truth, op(*row), op.ulps, f"{op.name}{shapes}")
                for place in range(len(row)):  # one operand of another kind, the others plain
                    agree(
                        truth, op(*points[:place], row[place], *points[place + 1 :]), op.ulps, f"{op.name} at {place}"
                    )


@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_whole_numbers(op: Op) -> None:
    xs = [np.array([[2, 1, 1], [1, 2, 1]])] * (op.arity or 0)
    xs = [np.zeros((2, 3), dtype=int)] if op.name == "atanh" else xs
    xs = [np.ones((2, 3), dtype=int)] if op.name in ("asin", "acos") else xs
    truth = op(*(x.astype(float) for x in xs))
    for kind in (np.uint8, np.int64, np.float32, object):
        with np.errstate(all="raise"):
            agree(truth, op(*(x.astype(kind) for x in xs)), op.ulps, f"{op.name}, {kind.__name__}")
    for column in zip(*(x.flat for x in xs), strict=True):
        alone = op(*map(int, column))
        assert type(alone) is float
        agree(alone, op(*(Value(int(x)) for x in column)), op.ulps, op.name)
        agree(alone, op(*map(np.array, column)), op.ulps, f"{op.name} of arrays of no dimensions")


@pytest.mark.parametrize("name", SEQUENCES)
def test_along_an_axis(name: str) -> None:
    f, chance = SEQUENCES[name], random.Random(name)
    for shape in SHAPES[1:]:
        x = uniform(chance, shape, 0.5, 1.5)
        try:
            truth = f(x)
        except (ValueError, IndexError) as error:
            assert 0 in shape
            for mixture in mixtures(x, chance):
                with pytest.raises(type(error)):
                    f(mixture)
            continue
        for mixture in mixtures(x, chance):
            if name.startswith("take") and 0 in shape:
                continue  # nan in arrays of floats, an error elsewhere: as of every index outside
            agree(truth, f(mixture), 4.0, f"{name} of {shape}")


@pytest.mark.parametrize("name", ["sum", "mean", "product", "logsumexp", "softmax"])
def test_of_lists(name: str) -> None:
    f, chance = getattr(ag, name), random.Random(name)
    for n in (1, 2, 5):
        x = [chance.uniform(0.5, 2.0) for _ in range(n)]
        truth = f(x)
        box = np.array(Value(x[0]), dtype=object)
        rows = [[*map(Value, x)], [Value(x[0]), *x[1:]], [*map(np.array, x)], [*map(np.float64, x)], tuple(x)]
        for row in (*rows, [Dual(x[0], 1.0, 1), *map(Value, x[1:])], [box, *x[1:]]):
            found = f(row)
            pairs = zip(found, truth, strict=True) if name == "softmax" else [(found, truth)]
            assert name != "softmax" or type(found) is list
            for one, other in pairs:
                agree(other, one, 4.0, f"{name} of {row!r:.60}")
