"""nn.metrics against their definitions, written out, and numbers from scikit-learn 1.7."""

import math
import random
from typing import Any

import numpy as np
import pytest

import nn


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_the_share_of_pairs_in_order(seed: int) -> None:
    chance = random.Random(seed)
    targets = [chance.randint(0, 1) for _ in range(40)] + [0, 1]
    scores = [float(chance.randint(0, 9)) for _ in targets]  # many ties
    pairs = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a, y in zip(scores, targets, strict=True)
        for b, z in zip(scores, targets, strict=True)
        if y == 1 and z == 0
    ]
    assert nn.auc(targets, scores) == pytest.approx(sum(pairs) / len(pairs), rel=1e-15)
    assert nn.auc(targets, [-s for s in scores]) == pytest.approx(1 - sum(pairs) / len(pairs), rel=1e-12)
    assert nn.auc(np.array(targets), np.array(scores)) == nn.auc(targets, scores)


def test_scikit_learns_own_examples() -> None:
    assert nn.auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) == 0.75
    assert nn.log_loss([1, 0, 0, 1], [0.9, 0.1, 0.2, 0.65]) == pytest.approx(0.21616187468057912, rel=1e-15)
    rows = [[0.1, 0.9], [0.9, 0.1], [0.8, 0.2], [0.35, 0.65]]
    for table in (rows, np.array(rows)):
        assert nn.log_loss([1, 0, 0, 1], table) == pytest.approx(0.21616187468057912, rel=1e-12)


def test_log_loss_of_a_sure_mistake_is_finite() -> None:
    assert nn.log_loss([1, 0], [0.0, 1.0]) == pytest.approx(-math.log(2.0**-52), rel=1e-12)
    assert nn.log_loss([1, 0], [1.0, 0.0]) == pytest.approx(2.0**-52, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.auc([1, 1], [0.1, 0.2]), "there are 2 and 0"),
        (lambda: nn.auc([], []), "0 targets and 0 numbers"),
        (lambda: nn.auc([0, 1], [0.1]), "2 targets and 1 numbers: one for each is needed"),
        (lambda: nn.auc([0, 2], [0.1, 0.2]), "auc takes targets of 0 and 1, not 2"),
        (lambda: nn.auc([0, 1], [math.nan, 0.2]), "a score is nan"),
        (lambda: nn.log_loss([0, 1], [0.1, 1.1]), "probabilities from 0 to 1, not 1.1"),
        (lambda: nn.log_loss([0, 1], [0.1, math.nan]), "not nan"),
        (lambda: nn.log_loss([2], [[0.5, 0.5]]), "there is no class 2 among 2"),
        (lambda: nn.log_loss([0], [[0.5, 0.4]]), r"row 0 \(from 0\) add to 0.9, not to 1"),
        (lambda: nn.log_loss([0, 1], [[0.5, 0.5]]), "2 targets and 1 rows"),
    ],
)
def test_what_is_not_defined(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_accuracy_of_scores_for_classes() -> None:
    model = nn.MLP(2, [3], seed=0)
    rows = [[0.3, 1.0], [-1.0, 2.0], [0.5, -0.7]]
    best = [int(np.argmax([v.data for v in model(row)])) for row in rows]
    assert nn.accuracy(model, rows, best) == 1.0
    assert nn.accuracy(model, rows, [best[0], (best[1] + 1) % 3, best[2]]) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="a list of one output"):
        nn.accuracy(nn.Linear(2, 1), rows, [0, 1, 0])
