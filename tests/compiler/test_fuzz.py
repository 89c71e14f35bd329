"""Some rows of the table that `compiler_fuzz.py` runs by thousands, and that it would notice a mistake."""

import os
from collections import Counter
from typing import Any

import numpy as np
import pytest
from compiler_fuzz import COLUMNS, JAX_COLUMNS, Expected, Found, case, check, eager, wrong
from support.compiler_checks import WAYS
from support.compiler_graphs import SPECIAL, drawn

from autograd.compiler.raising import raise_tape
from autograd.compiler.softmaxes import find_softmaxes
from autograd.ops import TABLE

MANY = 2000 if os.environ.get("HYPOTHESIS_PROFILE") == "explore" else 0
PUBLIC = {op.name for op in TABLE.values() if op.public}
ROWS = {
    "layers": [*range(MANY or 24), 57, 84],
    "operations": [*range(MANY or len(PUBLIC) + 2)],
    "layers beyond": [*range(MANY or 12)],
    "operations beyond": [*range(MANY or 24)],
}
"""Layers 57 have a store of many owners, 84 a constant output: the first 24 have not."""


def row(kind: str, seed: int) -> Any:
    slow = seed >= {"layers": 6, "operations": 100}.get(kind, 3)
    full = kind.startswith("layers") and 12 <= seed < 57
    mark = [pytest.mark.full] if full else [pytest.mark.slow] * slow
    return pytest.param(kind, seed, marks=mark, id=f"{kind}-{seed}")


@pytest.mark.parametrize(("kind", "seed"), [row(kind, seed) for kind, seeds in ROWS.items() for seed in seeds])
def test_every_way_agrees_with_the_eager_engine(kind: str, seed: int) -> None:
    outcome, problems = check(kind, seed)
    assert outcome != "differs", problems


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "seed", "column"),
    [("layers", 23, "jax, raised"), ("layers", 47, "jax, uniform"), ("layers", 22, "jax, nothing raised"),
     ("layers", 35, "jax, the batch"), ("operations", 3, "jax, one row")],
)  # fmt: skip
def test_jax_agrees_with_the_eager_engine(kind: str, seed: int, column: str) -> None:
    pytest.importorskip("jax", reason="JAX is not installed: pip install 'glassgrad[jax]'")
    assert check(kind, seed, {column: JAX_COLUMNS[column]}) == ("agrees", [])


# -- the table itself --------------------------------------------------------------------------------------------------


def test_most_rows_are_compared_and_some_are_refused() -> None:
    assert [check("layers", seed, {})[0] for seed in range(8)].count("agrees") > 4
    outcomes = Counter(check("operations", seed, {})[0] for seed in ROWS["operations"])
    assert outcomes["agrees"] > 0.8 * outcomes.total()
    assert outcomes["refused"] > 1


def test_every_operation_is_in_some_row_and_every_kind_of_group_in_some_schedule() -> None:
    assert set().union(*(drawn(seed)[0].operations for seed in ROWS["operations"])) == PUBLIC
    tapes = [case("layers", seed).tape() for seed in range(8)]
    seen = {name: Counter(type(g).__name__ for tape in tapes for g in way(tape).groups) for name, way in WAYS.items()}
    assert set(seen["raised"]) == {"Sum", "Elementwise", "MatMul", "Product", "Gather"}
    assert set(seen["no products"]) == set(seen["uniform"]) == {"Sum", "Elementwise"}
    found = Counter(type(group).__name__ for tape in tapes for group in find_softmaxes(raise_tape(tape)).groups)
    assert found["Softmax"] > 3


def test_a_wrong_number_an_error_and_a_batch_taken_outside_the_domain_are_found() -> None:
    def off(given: Any) -> Found:
        found = COLUMNS["python, whole"](given)
        return found._replace(by_input=found.by_input * (1 + 1e-9))

    outcome, (problem,) = check("operations", 1, {"off": off})
    assert outcome == "differs"
    assert problem.startswith("operations 1, off: input gradients at (")
    (problem,) = check("operations", 1, {"out": lambda given: 1 / 0})[1]
    assert problem == "operations 1, out: ZeroDivisionError: division by zero"
    refused = next(seed for seed in ROWS["operations"] if check("operations", seed, {})[0] == "refused")
    outcome, (problem,) = check("operations", refused, {"mine, the batch": lambda given: None})
    assert outcome == "differs"
    assert problem == f"operations {refused}, mine, the batch: takes what the eager engine refuses"


def test_what_rounding_does_not_explain_is_named() -> None:
    one = np.ones((2, 1))
    expected, found = Expected(one, 1e-15 * one, one, one, one, one, 3, False), Found(one, 1.0, one[0], one)
    assert wrong(found, expected) == ""
    for change, what in (
        ({"outputs": one * np.nan}, "outputs at (0, 0): "),
        ({"mean": 1.0 + 1e-12}, "mean at (0,): "),
        ({"by_weight": one[0] + 1e-12}, "gradient at (0,): "),
        ({"by_input": one * (1.0 + 1e-13)}, "input gradients at (0, 0): "),
    ):
        assert wrong(found._replace(**change), expected).startswith(what)


def test_beyond_the_ordinary_nan_is_nan_and_inf_is_inf() -> None:
    """Also where rounding may do anything; and no finite number stands in for either."""
    one = np.ones((1, 2))
    values = one * [[np.nan, np.inf]]
    expected, found = Expected(values, one * np.inf, *[one] * 4, 3, False), Found(values, np.inf, one[0], one)
    assert wrong(found, expected) == ""
    for outputs in ([[0.0, np.inf]], [[np.nan, 1e308]], [[np.inf, np.inf]], [[np.nan, -np.inf]], [[np.nan, np.nan]]):
        assert wrong(found._replace(outputs=np.array(outputs)), expected).startswith("outputs at (0, ")


def test_graphs_beyond_hold_every_special_number_and_are_compared() -> None:
    seen = [case(kind, seed) for kind in ("layers beyond", "operations beyond") for seed in range(40)]
    for numbers in ([each.tape().data for each in seen], [each.batch for each in seen]):
        texts = {repr(float(x)) for many in numbers for x in many.ravel()}
        assert texts >= {repr(x) for x in SPECIAL}
    assert {each.ieee for each in seen} == {True, False}
    outcomes = Counter(check(kind, seed, {})[0] for kind in ("layers beyond", "operations beyond") for seed in range(8))
    assert outcomes["agrees"] > outcomes["refused"] > 0
    whole = COLUMNS["numpy, raised"]
    nothing = {"mine": lambda given: whole(given)._replace(outputs=np.zeros((len(given.batch), 1)))}
    assert any(check("layers beyond", seed, nothing)[0] == "differs" for seed in range(3))


def test_what_rounding_alone_decides_is_no_difference() -> None:
    expected = eager("layers", 2926)
    assert isinstance(expected, Expected)
    assert expected.lost  # it takes the sine of 5e78
    assert check("layers", 2926) == ("lost in rounding", [])
