"""A few of the random programs that `seams_fuzz.py` runs by thousands, and that it would notice a mistake."""

import pytest
import seams_fuzz
from seams_fuzz import Case, check

import autograd as ag
from autograd import Value

SEEDS = [*range(30), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(30, 200))]


@pytest.mark.parametrize("seed", SEEDS)
def test_floats_values_and_all_derivatives_agree_or_all_raise(seed: int) -> None:
    outcome, problems = check(seed)
    assert outcome != "differs", problems


def test_most_programs_are_compared_and_every_kind_of_step_is_taken() -> None:
    cases = [Case(seed) for seed in range(200)]
    assert {step[0] for case in cases for step in case.program} == {
        "unary", "binary", "shaping", "reduction", "dot", "list", "mode",
    }  # fmt: skip
    assert [check(seed)[0] for seed in range(20)].count("agrees") > 12


def seeds_with(name: str) -> list[int]:
    """The first few seeds whose programs take that step."""
    return [seed for seed in range(300) if any(step[1] == name for step in Case(seed).program)][:8]


def test_a_wrong_slope_a_lost_graph_and_another_number_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = ag.custom("bend_of_seams", ag.tanh.forward, lambda z, x: 1.01 * (1.0 - z * z))
    for name, table, slip in (
        ("bend", seams_fuzz.UNARY, wrong),
        ("half", seams_fuzz.UNARY, lambda x: Value(0.5 * x.data) if isinstance(x, Value) else 0.5 * x),
        ("add", seams_fuzz.BINARY, lambda x, y: x + y + (0.01 if isinstance(x, Value) else 0.0)),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(table, name, slip)
            assert "differs" in [check(seed)[0] for seed in seeds_with(name)], name
