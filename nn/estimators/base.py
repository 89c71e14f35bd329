"""What the classifier and the regressor share: parameters, the fit, the graph of a row."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

import autograd as ag
from autograd import Value
from nn.activations import ACTIVATIONS
from nn.checks import check_count, check_range, choose
from nn.estimators.network import Array, Network
from nn.history import History
from nn.layers import MLP
from nn.losses import Loss
from nn.optim import SGD, Adam, AdamW, Optimizer
from nn.scaler import Scaler
from nn.training import EarlyStop, fit

__all__ = ["OPTIMIZERS", "Estimator"]

OPTIMIZERS: dict[str, Callable[..., Optimizer[Any]]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}

RECTIFIERS = ("relu", "leaky_relu", "elu", "gelu", "silu", "softplus")


class Estimator(BaseEstimator, ABC):
    """A multi-layer perceptron of Values with scikit-learn's interface: see ``Classifier`` and ``Regressor``."""

    def __init__(
        self,
        hidden: Sequence[int] = (16,),
        activation: str = "relu",
        *,
        loss: str | Loss | None = None,
        optimizer: str | Callable[..., Optimizer[Any]] = "adam",
        learning_rate: float = 0.01,
        steps: int = 500,
        batch_size: int | None = None,
        l2: float = 0.0,
        weight_decay: float | None = None,
        init: str = "auto",
        standardise: bool = True,
        held_out: float = 0.0,
        early_stop: EarlyStop | None = None,
        random_state: int | np.random.RandomState | None = 0,
        progress: bool = False,
        compile: bool | None = None,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.steps = steps
        self.batch_size = batch_size
        self.l2 = l2
        self.weight_decay = weight_decay
        self.init = init
        self.standardise = standardise
        self.held_out = held_out
        self.early_stop = early_stop
        self.random_state = random_state
        self.progress = progress
        self.compile = compile

    # -- what a kind of estimator gives -----------------------------------------------------------------------------

    @abstractmethod
    def _learn_target(self, y: Any) -> npt.NDArray[Any]:
        """Check the target of ``fit``, keep what predictions need of it, and return it as class indices or numbers."""

    @abstractmethod
    def _targets(self, y: npt.NDArray[Any]) -> list[Any]:
        """The targets as the loss takes them."""

    @abstractmethod
    def _row_loss(self, network: Network) -> Loss:
        """``loss(logits, target)`` of one row."""

    # -- fitting ----------------------------------------------------------------------------------------------------

    def _fit(self, X: Any, y: Any, *, classifies: bool) -> Self:
        for name in ("_network", "history_", "n_iter_"):  # a fit that fails must not leave half of the one before
            self.__dict__.pop(name, None)
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=not classifies)
        sizes, seed = self._sizes(), self._seed()
        l2 = check_range("l2", plain(self.l2), 0.0, math.inf)
        if not isinstance(self.early_stop, EarlyStop | None):
            raise TypeError(
                f"early_stop is an nn.EarlyStop, such as nn.EarlyStop(patience=20), or None, not {self.early_stop!r}"
            )
        target = self._learn_target(y)
        training, apart = self._split(len(X), target if classifies else None, seed)
        self.scaler_: Scaler | None = None
        if self.standardise:
            self.scaler_ = Scaler.fit(X[training].tolist(), self._columns(), keep_constant=True)
        target = self._scale_target(target, training)
        outputs = len(self.classes_) if classifies and len(self.classes_) > 2 else 1
        model = MLP(X.shape[1], [*sizes, outputs], self._activation(), init=self._init(), seed=seed)
        network = Network(model, classifies=classifies)
        rows, targets = self._scaled(X).tolist(), self._targets(target)
        weights = [weight for layer in model.layers for neuron in layer.neurons for weight in neuron.w]

        def part(chosen: Sequence[int], penalty: float) -> tuple[list[Any], list[Any]]:
            return [rows[i] for i in chosen], [(targets[i], penalty) for i in chosen]

        try:
            history = fit(
                network.logits,
                *part(training, l2),
                loss=penalised(self._row_loss(network), weights) if l2 else unpenalised(self._row_loss(network)),
                optimizer=self._make_optimizer(model.parameters()),
                steps=plain(self.steps),
                batch_size=plain(self.batch_size),
                seed=seed,
                held_out=part(apart, 0.0) if apart else None,  # which measures the network, not its weights
                early_stop=self.early_stop,
                restore_best=bool(apart) and self.early_stop is not None,
                progress=self.progress,
                compile=self.compile,
            )
        except FloatingPointError as error:
            error.add_note(f"the training diverges: lower learning_rate, which is {self.learning_rate!r}")
            raise
        if history.interrupted:
            made, planned = len(history.losses), self.steps
            warnings.warn(f"Ctrl-C ended the training after {made} of {planned} steps", RuntimeWarning, stacklevel=3)
        model.zero_grad()  # those of the last step: `graph(x, y).backward()` would add to them
        network.compile()
        self._network = network
        self.history_: History = history
        self.n_iter_ = len(history.losses)
        return self

    def _split(self, count: int, classes: npt.NDArray[Any] | None, seed: int) -> tuple[list[int], list[int]]:
        """The rows to train on and those held out, each in order; of every class its share, where there are classes."""
        share = check_range("held_out", plain(self.held_out), 0.0, 1.0)
        if not share:
            return list(range(count)), []
        parts = train_test_split(np.arange(count), test_size=share, stratify=classes, random_state=seed % 2**32)
        training, apart = (sorted(part.tolist()) for part in parts)
        return training, apart

    def _scale_target(self, target: npt.NDArray[Any], training: list[int]) -> npt.NDArray[Any]:
        """The target as the network sees it, by the rows to train on."""
        return target

    def _sizes(self) -> list[int]:
        if isinstance(self.hidden, str | Integral):
            raise TypeError(
                f"hidden is the sequence of hidden layer sizes, such as (16, 16) or (), not {self.hidden!r}"
            )
        sizes = [plain(size) for size in self.hidden]
        for place, size in enumerate(sizes):
            check_count(f"hidden[{place}]", size)
        return sizes

    def _seed(self) -> int:
        generator = check_random_state(self.random_state)
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(generator.randint(2**31 - 1))

    def _make_optimizer(self, parameters: list[Value]) -> Optimizer[Any]:
        make = choose("optimiser", self.optimizer, OPTIMIZERS, "(parameters, learning_rate) -> Optimizer")
        rate = plain(self.learning_rate)
        if self.weight_decay is None:
            return make(parameters, rate)
        if make is not AdamW:
            raise ValueError(
                f'weight_decay is AdamW\'s, and the optimizer is {self.optimizer!r}: give optimizer="adamw", or l2'
            )
        return make(parameters, rate, weight_decay=plain(self.weight_decay))

    def _activation(self) -> str:
        if not isinstance(self.activation, str):
            raise TypeError(f"the activation is one of {', '.join(ACTIVATIONS)}, not {self.activation!r}")
        choose("activation", self.activation, ACTIVATIONS, "")
        return self.activation

    def _init(self) -> str:
        if self.init == "auto":
            return "he_uniform" if self.activation in RECTIFIERS else "glorot_uniform"
        return self.init

    def _columns(self) -> list[str]:
        """What the columns are called: as in the data frame, or x1, x2, ..."""
        names = getattr(self, "feature_names_in_", None)
        return [f"x{i + 1}" for i in range(self.n_features_in_)] if names is None else [str(name) for name in names]

    # -- using ------------------------------------------------------------------------------------------------------

    @property
    def model_(self) -> MLP:
        """The network: change its Values, and the predictions change. ``nn.save`` writes it, with ``scaler_``."""
        check_is_fitted(self, "n_iter_")
        network: Network = self._network
        return network.model

    def _read(self, X: Any) -> Array:
        """What the network predicts for every row."""
        check_is_fitted(self, "n_iter_")
        network: Network = self._network
        return network.predict(self._scaled(validate_data(self, X, dtype=np.float64, reset=False)))

    def _scaled(self, X: Array) -> Array:
        """The rows as the network sees them."""
        if self.scaler_ is None:
            return X
        scaled: Array = (X - np.array(self.scaler_.mean)) / np.array(self.scaler_.scale)
        return scaled

    def graph(self, x: Any, y: Any = None) -> Value | list[Value]:
        """The gradient graph of one row: its loss for the target ``y``; without one, what is predicted.

        The inputs are Values named after the columns, standardised as the network sees them. The loss is without the
        penalty. Give it to ``viz.draw``, ``viz.network``, ``viz.explain``, or call ``backward``.

        Args:
            x: the numbers of one row: a sequence, an array, a pandas Series, or one row of a data frame.
            y: its class, or its number.

        Raises:
            NotFittedError: ``fit`` comes first.
            ValueError: other columns than those of ``fit``, a number that is not finite, a class that ``fit`` has not
                seen.
        """
        check_is_fitted(self, "n_iter_")
        names = self._columns()
        given = getattr(x, "columns", getattr(x, "index", ()))  # of a data frame, of a Series
        called = [] if callable(given) else [each for each in given if isinstance(each, str)]
        if called and hasattr(self, "feature_names_in_") and called != names:
            raise ValueError(f"graph takes the columns {', '.join(names)}, in this order, not {', '.join(called)}")
        row = np.asarray(x, float)
        if row.size != self.n_features_in_ or row.ndim > 2:
            raise ValueError(f"graph takes one row of {self.n_features_in_} numbers, not an array of shape {row.shape}")
        if not np.isfinite(row).all():
            raise ValueError(f"graph takes finite numbers, and the row holds {row[~np.isfinite(row)].flat[0]}")
        inputs = [
            Value(number, name=name)
            for number, name in zip(self._scaled(row.reshape(1, -1))[0].tolist(), names, strict=True)
        ]
        logits = self._network.logits(inputs)
        if y is not None:
            return self._row_loss(self._network)(logits, self._targets(self._known(y))[0])
        found: list[Value] = self._network.read(logits)
        return found if self._network.classifies else found[0]

    @abstractmethod
    def _known(self, y: Any) -> npt.NDArray[Any]:
        """The target of one row as ``_targets`` takes it."""


def penalised(loss: Loss, weights: Sequence[Value]) -> Loss:
    """The loss of a row, and its factor times the sum of squares of the weights; a target is (target, factor)."""

    def total(prediction: Any, target: Any) -> Value:
        answer, factor = target
        found: Value = loss(prediction, answer) + factor * ag.dot(weights, weights)
        return found

    return total


def unpenalised(loss: Loss) -> Loss:
    """The loss of a row, for a target (target, 0)."""

    def total(prediction: Any, target: Any) -> Value:
        return loss(prediction, target[0])

    return total


def plain(number: Any) -> Any:
    """A NumPy scalar, as the grids of a search hold them, as Python's number; anything else as it is."""
    return number.item() if isinstance(number, np.generic) else number
