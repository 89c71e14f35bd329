"""Classifier: classes and their probabilities."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets

from autograd import Value
from nn.checks import few
from nn.estimators.base import Estimator
from nn.estimators.network import Array, Network
from nn.losses import Loss, absolute_error, binary_cross_entropy_with_logits, cross_entropy, squared_error

__all__ = ["Classifier"]


def _entropy(logits: list[Value], target: Any) -> Value:
    return binary_cross_entropy_with_logits(logits[0], target) if len(logits) == 1 else cross_entropy(logits, target)


LOSSES: dict[str, Loss | None] = {
    "cross_entropy": None,
    "squared_error": squared_error,
    "absolute_error": absolute_error,
}
"""None is of the logits; the others are of each class's probability, 1 being right for the true class."""


class Classifier(ClassifierMixin, Estimator):
    """A multi-layer perceptron that tells classes apart, trained on scalar Values by a compiled program.

    One logit for two classes, and its sigmoid; one logit for each of more classes, and their softmax.

        nn.Classifier((16,)).fit(X, y).predict_proba(X)

    Args:
        hidden: the sizes of the hidden layers; ``()`` is logistic regression.
        activation: of the hidden layers, a name in ``nn.ACTIVATIONS``.
        loss: "cross_entropy" (in nats; also None), or "squared_error" or "absolute_error" of the probabilities, summed
            over the classes (of two classes, of the second alone).
        optimizer: "adam", "adamw" or "sgd", or a function ``(parameters, learning_rate) -> nn.Optimizer``.
        learning_rate: of the optimiser.
        steps: how many updates are made.
        batch_size: how many rows a step takes; None is all of them.
        l2: this times the sum of squares of all weights (not the biases) is added to the mean loss.
        weight_decay: of "adamw": a step begins with this times the learning rate less of every weight and bias; None is
            ``nn.AdamW``'s own 0.01.
        init: an initialiser's name in ``nn.INITIALISERS``; "auto" is he_uniform for relu and its kin, else
            glorot_uniform.
        standardise: whether every column is brought to mean 0 and standard deviation 1 first.
        held_out: the share of rows, from 0 to below 1, that is not trained on; their loss is recorded in ``history_``.
        early_stop: when to stop early; it watches the rows held out, or else the loss of the batches. With rows held
            out the parameters become again those of the lowest loss of these rows, as by scikit-learn's own networks;
            without, and without it, they are those after the last step.
        random_state: of the weights, the batches and the rows held out: an int, a RandomState, or None for another
            one each time.
        progress: a progress bar on standard error.
        compile: as in ``nn.fit``: True insists on a compiled program, False trains on the eager engine.

    Attributes:
        classes_: the classes, sorted.
        history_: an ``nn.History``: shows its learning curve in a notebook, and ``plot()`` draws it.
        model_: the ``nn.MLP``.
        scaler_: the ``nn.Scaler`` before it, or None.
        n_iter_: how many steps were made.
        n_features_in_, feature_names_in_: the columns of ``fit``.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on the rows of ``X``, shape (rows, columns), an array or data frame, with one class each in ``y``.

        Ctrl-C ends the training at the last complete step, with a warning.

        Raises:
            ValueError: other shapes, nan, inf, one class alone, a parameter out of range.
            TypeError: a parameter of another type.
            FloatingPointError: the training diverges: lower the learning rate.
        """
        return self._fit(X, y, classifies=True)

    def predict_proba(self, X: Any) -> Array:
        """The probability of every class, in the order of ``classes_``, shape (rows, classes).

        Raises:
            NotFittedError: ``fit`` comes first.
            ValueError: another number of columns, nan or inf.
        """
        return self._read(X)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable class of every row, shape (rows,). Raises as ``predict_proba``."""
        probabilities = self.predict_proba(X)  # first: it says so where `fit` is missing, and there are no classes_
        chosen: npt.NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return chosen

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of rows, from 0 to 1, whose class is predicted right.

        Warns where ``y`` holds a class that ``fit`` has not seen: its rows count as wrong.
        """
        found = float(super().score(X, y, sample_weight))
        strangers = [each for each in np.unique(y).tolist() if each not in self.classes_]
        if strangers:
            unseen = few([*map(repr, strangers)])
            warnings.warn(f"fit has not seen {unseen}: their rows count as wrong", UserWarning, stacklevel=2)
        return found

    def _learn_target(self, y: Any) -> npt.NDArray[Any]:
        check_classification_targets(y)
        self.classes_, index = np.unique(y, return_inverse=True)
        if len(self.classes_) == 1:
            raise ValueError(f"y holds 1 class alone, {self.classes_.tolist()[0]!r}: there is nothing to tell apart")
        return index

    def _targets(self, y: npt.NDArray[Any]) -> list[Any]:
        if len(self.classes_) == 2 or self._loss() is None:
            return list(y.tolist())
        rows: list[list[float]] = np.eye(len(self.classes_))[y].tolist()
        return rows

    def _row_loss(self, network: Network) -> Loss:
        each = self._loss()
        if each is None:
            return _entropy

        def of_probabilities(logits: list[Value], target: Any) -> Value:
            probabilities = network.read(logits)
            if len(logits) == 1:
                return each(probabilities[1], target)
            return sum((each(p, t) for p, t in zip(probabilities, target, strict=True)), Value(0.0))

        return of_probabilities

    def _loss(self) -> Loss | None:
        name = "cross_entropy" if self.loss is None else self.loss
        if name not in LOSSES:
            raise ValueError(f"no loss of a Classifier is called {name!r}: choose one of {', '.join(LOSSES)}")
        return LOSSES[name]

    def _known(self, y: Any) -> npt.NDArray[Any]:
        found = np.flatnonzero(self.classes_ == y)
        if len(found) != 1:
            known = few([*map(repr, self.classes_.tolist())])
            raise ValueError(f"fit has not seen the class {y!r}: it knows {known}")
        return found
