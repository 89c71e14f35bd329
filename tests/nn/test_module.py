"""nn.module: what counts as a parameter, and states that fit or do not."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from support.interrupting import interrupting

from autograd import Value
from nn import Module
from nn.module import assign


class Box(Module):
    """A module with the attributes it is given."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)


def names(module: Module) -> list[str]:
    return [path for path, _ in module.named_parameters()]


def test_values_modules_and_lists_tuples_dicts_arrays_of_them_are_followed() -> None:
    box = Box(
        a=Value(1.0),
        inner=Box(b=Value(2.0)),
        several=[Value(3.0), (Value(4.0), Box(c=Value(5.0)))],
        by_name={"x": Value(6.0), 2: [Value(7.0)]},
        array=np.array([Value(8.0), Value(9.0)], dtype=object),
        number=1.0,
        text="w",
        nothing=None,
        numbers=np.zeros(3),
        empty=[],
    )
    assert names(box) == [
        "a",
        "inner.b",
        "several.0",
        "several.1.0",
        "several.1.1.c",
        "by_name.x",
        "by_name.2.0",
        "array.0",
        "array.1",
    ]
    assert [p.data for p in box.parameters()] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]


def test_a_shared_value_counts_once_and_equal_values_count_each() -> None:
    shared = Value(1.0)
    box = Box(a=shared, b=[shared, Value(1.0)], c=Box(d=shared))
    assert names(box) == ["a", "b.1"]


def test_a_shared_module_counts_once_and_cycles_end() -> None:
    inner = Box(w=Value(1.0))
    box = Box(first=inner, second=inner)
    inner.parent = box  # type: ignore[attr-defined]
    box.itself = [box]  # type: ignore[attr-defined]
    assert names(box) == ["first.w"]


def test_nesting_of_any_depth() -> None:
    nest: list[Any] = [Value(1.0)]
    for _ in range(5000):
        nest = [nest]
    assert len(Box(nest=nest).parameters()) == 1


def test_a_computed_value_is_no_parameter() -> None:
    box = Box(w=Value(1.0))
    box.scaled = box.w * 2  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"Box.scaled is computed by 'mul', so it is no parameter: keep scaled.detach"):
        box.parameters()


def test_an_underscore_keeps_a_computed_value_and_hides_no_parameter() -> None:
    box = Box(_w=Value(1.0))
    box._last = box._w * 2
    assert names(box) == ["_w"]


def test_what_has_no_order_or_no_path_is_refused() -> None:
    with pytest.raises(TypeError, match="some is a set, which has no order: keep parameters in a list"):
        Box(some={Value(1.0)}).parameters()
    with pytest.raises(TypeError, match=r"table has the key \(1, 2\)"):
        Box(table={(1, 2): Value(1.0)}).parameters()
    with pytest.raises(ValueError, match=r"two parameters of Box have the path 'a.b': rename one"):
        Box(a={"b": Value(1.0)}, **{"a.b": Value(2.0)}).parameters()
    assert Box(table={(1, 2): 3}, words={"a", "b"}).parameters() == []


def test_zero_grad_forgets_the_gradients() -> None:
    box = Box(w=Value(3.0))
    (box.w * box.w).backward()
    assert box.w.grad == 6.0
    box.zero_grad()
    assert box.w.grad == 0.0
    assert not box.w.has_grad


def test_a_state_round_trip() -> None:
    one, two = Box(a=Value(0.1), b=[Value(-2.5e-300)]), Box(a=Value(0.0), b=[Value(0.0)])
    state = one.state_dict()
    assert state == {"a": 0.1, "b.0": -2.5e-300}
    assert all(type(x) is float for x in state.values())
    two.load_state_dict(state)
    assert two.state_dict() == state


def test_a_state_takes_any_real_number() -> None:
    box = Box(a=Value(0.0), b=Value(0.0), c=Value(0.0))
    box.load_state_dict({"a": 3, "b": np.float32(0.5), "c": Fraction(1, 4)})  # type: ignore[dict-item]
    assert box.state_dict() == {"a": 3.0, "b": 0.5, "c": 0.25}


@pytest.mark.parametrize(
    ("state", "kind", "message"),
    [
        ({"a": 1.0}, ValueError, "the state does not fit Box: missing: b"),
        ({"a": 1.0, "b": 2.0, "c": 3.0}, ValueError, "the state does not fit Box: unexpected: c"),
        (
            {"a": math.nan, "b": math.inf},
            ValueError,
            "the state does not fit Box: not finite: a is nan, b is inf",
        ),
        ({"a": 10**400, "b": 0.0}, ValueError, "not finite: a is inf"),
        ({"x": 1.0}, ValueError, "missing: a, b; unexpected: x"),
        ({"a": "1", "b": [2.0]}, TypeError, "a parameter is one number: a is a str, b is a list"),
        ({"a": None, "b": True}, TypeError, "a parameter is one number: a is None, b is a bool"),
        ([1.0, 2.0], TypeError, "a state is a mapping from paths to floats, as state_dict"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(state: Any, kind: type[Exception], message: str) -> None:
    box = Box(a=Value(7.0), b=Value(8.0))
    with pytest.raises(kind, match=message):
        box.load_state_dict(state)
    assert box.state_dict() == {"a": 7.0, "b": 8.0}


def test_a_long_list_of_names_is_cut() -> None:
    box = Box(**{f"w{i}": Value(0.0) for i in range(30)})
    with pytest.raises(ValueError, match=r"missing: w0, w1, .*, w7 and 22 more$"):
        box.load_state_dict({})


@pytest.mark.parametrize("times", [1, 2, 5])
@pytest.mark.parametrize("arrange", [lambda p, w: [p, w], lambda p, w: [w, p]], ids=["first", "last"])
def test_an_interrupted_assignment_restores_everything(
    times: int, arrange: Callable[[Value, Value], list[Value]]
) -> None:
    parameters = arrange(interrupting(1.0, times), Value(1.0))
    with pytest.raises(KeyboardInterrupt):
        assign(parameters, [5.0, 6.0])
    assert [p.data for p in parameters] == [1.0, 1.0]
