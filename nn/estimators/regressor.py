"""Regressor: a number for every row."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin

from autograd import Value
from nn.checks import choose
from nn.estimators.base import Estimator
from nn.estimators.network import Array, Network
from nn.losses import Loss, absolute_error, squared_error
from nn.scaler import Scaler

__all__ = ["Regressor"]

LOSSES: dict[str, Loss] = {"squared_error": squared_error, "absolute_error": absolute_error}


class Regressor(RegressorMixin, Estimator):
    """A multi-layer perceptron that predicts a number, trained on scalar Values by a compiled program.

        nn.Regressor((16,)).fit(X, y).predict(X)

    The parameters are those of ``Classifier``, with other words for two of them.

    Args:
        hidden: ``()`` is linear regression.
        loss: "squared_error" (also None), "absolute_error", or a function (prediction, target) -> Value.
        standardise: whether every column, and the target too, is brought to mean 0 and standard deviation 1 first. The
            losses in ``history_`` are then of the standardised target.

    Attributes:
        target_scaler_: the ``nn.Scaler`` of the target, or None.
        history_, model_, scaler_, n_iter_, n_features_in_, feature_names_in_: as of ``Classifier``.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on the rows of ``X``, shape (rows, columns), an array or data frame, with one number each in ``y``.

        Ctrl-C ends the training at the last complete step, with a warning.

        Raises:
            ValueError: other shapes, nan, inf, a parameter out of range.
            TypeError: a parameter of another type.
            FloatingPointError: the training diverges: lower the learning rate.
        """
        return self._fit(X, y, classifies=False)

    def predict(self, X: Any) -> Array:
        """The number predicted for every row, shape (rows,), in the unit of ``fit``'s target.

        Raises:
            NotFittedError: ``fit`` comes first.
            ValueError: another number of columns, nan or inf.
        """
        found: Array = self._read(X)[:, 0]
        scaler: Scaler | None = self.target_scaler_
        return found if scaler is None else found * scaler.scale[0] + scaler.mean[0]

    def _learn_target(self, y: Any) -> npt.NDArray[Any]:
        return np.asarray(y, float)

    def _scale_target(self, target: npt.NDArray[Any], training: list[int]) -> npt.NDArray[Any]:
        self.target_scaler_ = None
        if self.standardise:
            self.target_scaler_ = Scaler.fit(target[training, None].tolist(), ["y"], keep_constant=True)
        return self._scaled_target(target)

    def _scaled_target(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        scaler: Scaler | None = self.target_scaler_
        return y if scaler is None else (y - scaler.mean[0]) / scaler.scale[0]

    def _targets(self, y: npt.NDArray[Any]) -> list[Any]:
        return list(y.tolist())

    def _row_loss(self, network: Network) -> Loss:
        each = choose(
            "loss of a Regressor", "squared_error" if self.loss is None else self.loss, LOSSES,
            "(prediction, target) -> Value",
        )  # fmt: skip

        def of_number(logits: list[Value], target: Any) -> Value:
            return each(logits[0], target)

        return of_number

    def _known(self, y: Any) -> npt.NDArray[Any]:
        number = np.asarray(y, float).reshape(-1)
        if len(number) != 1 or not np.isfinite(number[0]):
            raise ValueError(f"the target of a row is one finite number, not {y!r:.60}")
        return self._scaled_target(number)
