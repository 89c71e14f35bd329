"""What is compiled by default is the same function: looks at numbers are seen, and what is not is found on rows."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import CompileError, Value
from nn import MLP, SGD, fit

ROWS = [(0.1 * i, 1.0 - 0.07 * i) for i in range(20)]
TARGETS = [0.3 * x - y for x, y in ROWS]

# looks at a number, of whatever number: an input, a parameter, what was computed -----------------------------------

LOOKS: dict[str, Callable[[Any], object]] = {
    "data": lambda v: v.data > 0.5,
    "getattr": lambda v: getattr(v, "data", v) > 0.5,
    "private": lambda v: v._data > 0.5,
    "grad": lambda v: v.grad > 0.5,
    "has_grad": lambda v: v.has_grad,
    "operands": lambda v: len(v.operands),
    "partials": lambda v: len(v.partials),
    "f-string": lambda v: f"{v:.3f}"[0] == "-",
    "format": lambda v: f"{v:.1e}",
    "str": lambda v: str(v)[11] == "-",
    "repr": lambda v: len(repr(v)) > 20,
    "bool": lambda v: bool(v),
    "not": lambda v: not v,
    "and": lambda v: v and 1.0,
    "equal": lambda v: v == 0.5,
    "unequal": lambda v: v != 0.5,
    "less": lambda v: v < 0.5,
    "greater": lambda v: v >= 0.5,
    "reflected": lambda v: 0.5 < v,  # noqa: SIM300
    "in": lambda v: v in [0.5, 1.5],
    "max": lambda v: max(v, 0.5),
    "sorted": lambda v: sorted([v, 0.5]),
    "numpy maximum of objects": lambda v: np.max(np.array([v, v * 2.0], dtype=object)),
    "numpy order": lambda v: np.sort(np.array([v, v * 2.0], dtype=object)),
    "detach": lambda v: v.detach(),
    "copy": lambda v: copy.copy(v),
    "deepcopy": lambda v: copy.deepcopy(v),
    "no_grad": lambda v: quietly(v),
    "set data": lambda v: setattr(v, "data", 1.0),
    "derivative": lambda v: ag.grad(lambda t: t * v)(2.0),
    "jacobian": lambda v: ag.jacobian(lambda t: [t * v])(2.0),
    "swallowed": lambda v: swallowed(v),
    "generator": lambda v: any(x.data > 9.0 for x in [v]),
}


def quietly(v: Any) -> Any:
    with ag.no_grad():
        return v * 2.0


def swallowed(v: Any) -> float:
    try:
        return float(v.data > 0.5)
    except Exception:
        return 0.0


WHERE = ["input", "parameter", "computed", "frozen", "of the loss"]


def looking(look: Callable[[Any], object], where: str, model: MLP, seen: list[Any]) -> tuple[Any, Any]:
    """A model and a loss that look at a number somewhere, and do the same whatever they see."""
    frozen = Value(0.25)

    def forward(row: Any) -> Any:
        if where == "input" and isinstance(row[0], Value):
            seen.append(look(row[0]))
        if where == "parameter":
            seen.append(look(model.layers[0].neurons[0].w[0]))
        if where == "frozen":
            seen.append(look(frozen))
        found: Any = model(row)
        if where == "computed":
            seen.append(look(found))
        return found

    def loss(prediction: Any, target: Any) -> Any:
        if where == "of the loss":
            seen.append(look(prediction))
        return (prediction - target).square()

    return forward, loss


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("name", LOOKS)
def test_a_look_at_a_number_makes_the_training_eager_and_names_the_line(name: str, where: str) -> None:
    found = []
    for compile in (None, False):
        model = MLP(2, [2, 1], "tanh", seed=3)
        forward, loss = looking(LOOKS[name], where, model, [])
        history = fit(forward, ROWS, TARGETS, loss=loss, optimizer=SGD(model.parameters(), 0.05), steps=3,
                      progress=False, compile=compile)  # fmt: skip
        found.append((history.losses, model.state_dict()))
        if compile is None:
            assert history.engine.startswith("eager: the loss of a row cannot be compiled (test_same_function.py:")
            assert "the function looks at data" in history.engine
    assert found[0] == found[1]
    model = MLP(2, [2, 1], "tanh", seed=3)
    forward, loss = looking(LOOKS[name], where, model, [])
    with pytest.raises(CompileError, match=r"\(test_same_function\.py:\d+\): the function looks at data"):
        fit(forward, ROWS, TARGETS, loss=loss, optimizer=SGD(model.parameters(), 0.05), steps=3, compile=True)
    assert all(type(p) is Value for p in model.parameters())
