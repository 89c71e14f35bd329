"""nn.predict: the outputs for many rows, by a program or one by one."""

from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Value
from nn.predict import FEW


@pytest.mark.parametrize("rows", [3, FEW])
@pytest.mark.parametrize("outputs", [1, 3])
def test_it_is_what_the_model_gives_row_by_row(rows: int, outputs: int) -> None:
    model = nn.Sequential(nn.Dropout(0.5, seed=0), nn.MLP(2, [4, outputs], "tanh", seed=0))
    x = np.random.default_rng(0).normal(size=(rows, 2))
    found = nn.predict(model, x)
    assert found.shape == ((rows,) if outputs == 1 else (rows, outputs))
    for given in (x.tolist(), [tuple(row) for row in x]):
        assert nn.predict(model, given) == pytest.approx(found, rel=1e-14)
    model.eval()
    eager = [[v.data for v in out] if outputs > 1 else out.data for out in map(model, x.tolist())]
    assert found == pytest.approx(np.array(eager), rel=1e-12)


def test_many_rows_are_compiled_and_the_model_is_not_called_for_each() -> None:
    calls = []

    def model(x: Any) -> Value:
        calls.append(x)
        out: Value = x[0] * 2.0
        return out

    assert nn.predict(model, [[float(i)] for i in range(200)]).tolist() == [2.0 * i for i in range(200)]
    assert len(calls) < 10


def test_a_model_that_decides_by_its_data_is_called_for_each() -> None:
    def model(x: Any) -> Any:
        return x[0] * 2.0 if x[0] > 0 else 0.0

    rows = [[float(i - 50)] for i in range(100)]
    assert nn.predict(model, rows).tolist() == [max(0.0, 2.0 * row[0]) for row in rows]


def test_errors_are_the_models() -> None:
    with pytest.raises(ValueError, match="predict: there are no rows"):
        nn.predict(nn.MLP(2, [1]), [])
    for count in (3, FEW):
        with pytest.raises(ValueError, match="takes 2 inputs, not 1"):
            nn.predict(nn.MLP(2, [1]), [[1.0]] * count)
        with pytest.raises(ag.DomainError):
            nn.predict(lambda x: ag.log(x[0]), [[1.0]] * (count - 1) + [[-1.0]])
