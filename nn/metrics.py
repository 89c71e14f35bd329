"""How good probabilities and scores are, of plain numbers: AUC and log loss, as scikit-learn defines them."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from nn.rows import SEVERAL, in_order, number_in

__all__ = ["auc", "log_loss"]


def auc(targets: Sequence[float], scores: Sequence[float]) -> float:
    """The probability that a row of target 1 has a higher score than a row of target 0; a tie counts half.

    It is the area under the ROC curve, and the Mann-Whitney statistic over the number of pairs.

    Raises:
        ValueError: not one score for each target, a target that is neither 0 nor 1, targets all alike, or a score
            that is nan.
    """
    targets, scores = _numbers("auc", targets), _numbers("auc", scores, "scores")
    _check_targets("auc", targets, scores)
    if any(math.isnan(score) for score in scores):
        raise ValueError("auc: a score is nan, which is neither above nor below another one")
    ones = sum(1 for target in targets if target == 1)
    zeros = len(targets) - ones
    if not (ones and zeros):
        raise ValueError(f"auc compares rows of target 1 with rows of target 0: there are {ones} and {zeros}")
    order = sorted(zip(scores, targets, strict=True), key=lambda pair: pair[0])
    twice_won, below = 0, 0
    for _, tied in groupby(order, key=lambda pair: pair[0]):
        group = [target for _, target in tied]
        won = sum(1 for target in group if target == 1)
        twice_won += won * (2 * below + len(group) - won)
        below += len(group) - won
    return twice_won / (2 * ones * zeros)


def log_loss(targets: Sequence[float], probabilities: Sequence[Any]) -> float:
    """The mean of -log of the probability given to what was true, in nats.

    Args:
        targets: 0 or 1 each; or the index of the right class.
        probabilities: of target 1; or rows of the probabilities of all classes.

    A probability of 0 counts as 2.2e-16, one of 1 as as much below 1, so that the loss is finite, as in scikit-learn.

    Raises:
        ValueError: not one probability (or row) for each target, one outside [0, 1], a row that does not add to 1, a
            target that is neither 0 nor 1, or no class.
    """
    targets, probabilities = _numbers("log_loss", targets), in_order("log_loss: the probabilities", probabilities)
    if len(probabilities) and isinstance(probabilities[0], SEVERAL) and len(probabilities[0]) > 1:
        if len(targets) != len(probabilities):
            raise ValueError(f"log_loss: {len(targets)} targets and {len(probabilities)} rows of probabilities")
        rows = enumerate(zip(targets, probabilities, strict=True))
        given = [_of_class(target, list(row), i) for i, (target, row) in rows]
    else:
        probabilities = _numbers("log_loss", probabilities, "probabilities")
        _check_targets("log_loss", targets, probabilities)
        given = [p if target == 1 else 1.0 - p for target, p in zip(targets, probabilities, strict=True)]
        for p in probabilities:
            _check_probability(p)
    eps = sys.float_info.epsilon
    return -math.fsum(math.log(min(max(p, eps), 1.0 - eps)) for p in given) / len(given)


def _numbers(what: str, x: Sequence[Any], called: str = "targets") -> list[Any]:
    """Numbers by position, whatever holds them."""
    return [number_in(what, each) for each in in_order(f"{what}: the {called}", x)]


def _of_class(target: float, row: list[float], i: int) -> float:
    for p in row:
        _check_probability(p)
    if abs(math.fsum(row) - 1.0) > 1e-6:
        raise ValueError(f"log_loss: the probabilities of row {i} (from 0) add to {math.fsum(row):g}, not to 1")
    if not (0 <= target < len(row) and target == int(target)):
        raise ValueError(f"log_loss: there is no class {target} among {len(row)} (they count from 0)")
    return row[int(target)]


def _check_targets(what: str, targets: Sequence[float], numbers: Sequence[float]) -> None:
    if not len(targets) or len(targets) != len(numbers):
        raise ValueError(f"{what}: {len(targets)} targets and {len(numbers)} numbers: one for each is needed")
    for target in targets:
        if target not in (0, 1):
            raise ValueError(f"{what} takes targets of 0 and 1, not {target!r}")


def _check_probability(p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"log_loss takes probabilities from 0 to 1, not {p!r}")
