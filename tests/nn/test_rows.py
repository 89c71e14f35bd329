"""Rows and targets are paired by position, whatever holds them, compiled and eager; what has no order is refused."""

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nn
from nn import MLP, SGD

CHANCE = np.random.default_rng(1)
X = CHANCE.normal(size=(60, 2))
Y = (X[:, 0] > 0).astype(float)
ORDER = CHANCE.permutation(60)

HOLDERS: dict[str, Callable[[Any], Any]] = {
    "list": lambda x: x.tolist(),
    "tuple": lambda x: tuple(map(tuple, x.tolist())) if x.ndim > 1 else tuple(x.tolist()),
    "array": lambda x: x,
    "deque": lambda x: deque(x.tolist()),
    "pandas": lambda x: pd.DataFrame(x, columns=["a", "b"]) if x.ndim > 1 else pd.Series(x),
    "shuffled index": lambda x: (pd.DataFrame if x.ndim > 1 else pd.Series)(x, index=ORDER),
    "text index": lambda x: (pd.DataFrame if x.ndim > 1 else pd.Series)(x, index=[f"r{i}" for i in ORDER]),
}
COLUMNS: dict[str, Callable[[Any], Any]] = {
    "array (n, 1)": lambda y: y[:, None],
    "list of lists": lambda y: [[each] for each in y.tolist()],
    "frame": lambda y: pd.DataFrame({"y": y}, index=ORDER),
}


def trained(inputs: Any, targets: Any, compile: bool, **options: Any) -> list[float]:
    model = MLP(2, [3, 1], "tanh", seed=2)
    options = {"loss": "binary_cross_entropy_with_logits", "batch_size": 16, "held_out": (inputs, targets), **options}
    history = nn.fit(model, inputs, targets, optimizer=SGD(model.parameters(), 0.2), steps=6, progress=False,
                     compile=compile, **options)  # fmt: skip
    return [*history.losses, *(loss for _, loss in history.held_out)]


def scores(inputs: Any, targets: Any) -> list[Any]:
    model: Any = MLP(2, [3, 1], "tanh", seed=2)
    return [
        *nn.predict(model, inputs).tolist(),
        nn.accuracy(model, inputs, targets, threshold=0.0),
        nn.average_loss(model, inputs, targets, loss="squared_error"),
        nn.auc(targets, nn.predict(model, inputs)),
        nn.log_loss(targets, 1.0 / (1.0 + np.exp(-nn.predict(model, inputs)))),
    ]


@pytest.mark.parametrize("compile", [True, False])
@pytest.mark.parametrize("name", HOLDERS)
def test_rows_are_paired_by_position_whatever_holds_them(name: str, compile: bool) -> None:
    hold = HOLDERS[name]
    assert trained(hold(X), hold(Y), compile) == trained(X.tolist(), Y.tolist(), compile)
    assert scores(hold(X), hold(Y)) == pytest.approx(scores(X.tolist(), Y.tolist()), rel=1e-12)


@pytest.mark.parametrize("compile", [True, False])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "binary_cross_entropy_with_logits", "hinge"])
@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_targets_is_the_numbers_in_it(name: str, loss: str, compile: bool) -> None:
    y = 2.0 * Y - 1.0 if loss == "hinge" else Y
    assert trained(X, COLUMNS[name](y), compile, loss=loss) == trained(X, y, compile, loss=loss)
    assert scores(X, COLUMNS[name](Y)) == pytest.approx(scores(X, Y), rel=1e-12)


def test_a_range_holds_targets_and_classes_may_stand_in_a_column() -> None:
    classes = (np.arange(60) % 3)[:, None]
    for targets in (classes, pd.DataFrame({"c": classes[:, 0]}, index=ORDER)):
        found = []
        for given in (targets, classes[:, 0].tolist()):
            model = MLP(2, [3], seed=1)
            found.append(nn.fit(model, X, given, loss=nn.cross_entropy, optimizer=SGD(model.parameters()), steps=3,
                                progress=False).losses)  # fmt: skip
            assert nn.accuracy(model, X, given) == nn.accuracy(model, X, classes[:, 0])
        assert found[0] == pytest.approx(found[1], rel=1e-12)
    assert len(trained(X, range(60), True, loss="squared_error")) > 6


REFUSED: dict[str, Callable[[Any], Any]] = {
    "generator": lambda x: (each for each in x.tolist()),
    "iterator": lambda x: iter(x.tolist()),
    "map": lambda x: map(float, range(len(x))),
    "zip": lambda x: zip(x.tolist(), x.tolist(), strict=True),
    "set": lambda x: set(range(len(x))),
    "dict": lambda x: dict(enumerate(x.tolist())),
    "keys": lambda x: dict(enumerate(x.tolist())).keys(),
    "text": lambda x: "a" * len(x),
    "number": lambda x: 3.0,
    "0-d array": lambda x: np.array(3.0),
    "None": lambda x: None,
}


@pytest.mark.parametrize("compile", [None, True, False])
@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_positions_is_refused_everywhere(name: str, compile: bool | None) -> None:
    model: Any = MLP(2, [1], seed=1)
    says = "whose rows have no positions"
    calls: list[Callable[[], object]] = [
        lambda: trained(REFUSED[name](X), Y, compile),  # type: ignore[arg-type]
        lambda: trained(X, REFUSED[name](Y), compile),  # type: ignore[arg-type]
        lambda: trained(X, Y, compile, held_out=(X, REFUSED[name](Y))),  # type: ignore[arg-type]
        lambda: nn.predict(model, REFUSED[name](X), compile=compile),
        lambda: nn.accuracy(model, X, REFUSED[name](Y)),
        lambda: nn.average_loss(model, X, REFUSED[name](Y), loss="squared_error"),
        lambda: nn.auc(REFUSED[name](Y), Y),
        lambda: nn.log_loss(REFUSED[name](Y), Y),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=says):
            call()


def test_lengths_must_match_and_a_mask_is_not_dropped() -> None:
    model: Any = MLP(2, [1], seed=1)
    for hold in HOLDERS.values():
        with pytest.raises(ValueError, match="60 rows and 59 targets: one target for each row is needed"):
            trained(hold(X), hold(Y)[:59] if not hasattr(hold(Y), "rotate") else Y[:59], False)
        with pytest.raises(ValueError, match="held_out: 60 rows and 30 targets"):
            trained(X, Y, False, held_out=(hold(X), Y[:30]))
    hidden = np.ma.masked_array(X, mask=X > 2.0)
    for call in (lambda: trained(hidden, Y, False), lambda: nn.predict(model, hidden)):
        with pytest.raises(TypeError, match="a masked array hides some"):
            call()
    with pytest.raises(TypeError, match="squared_error takes one target for each row, and got 2"):
        trained(X, X, False, loss="squared_error")
