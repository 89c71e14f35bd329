"""Neural networks of scalar Values: modules, losses, optimisers, training, data, and figure 5's network."""

from typing import TYPE_CHECKING, Any

from nn.activations import ACTIVATIONS
from nn.attention import Attention, attention_weights, scaled_dot_product_attention
from nn.datasets import DatasetError, Person, Table, davis, read_people
from nn.dropout import Dropout, dropout, nothing_dropped
from nn.embedding import Embedding, embedding
from nn.figure5 import Figure5
from nn.grids import AvgPool2d, Conv2d, MaxPool2d, avg_pool2d, conv2d, max_pool2d
from nn.history import History
from nn.init import INITIALISERS
from nn.layers import MLP, Layer, Neuron
from nn.linear import Linear, linear
from nn.losses import (
    LOSSES,
    absolute_error,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    mean,
    squared_error,
)
from nn.metrics import auc, log_loss
from nn.module import Module
from nn.norms import LayerNorm, RMSNorm, layer_norm, rms_norm
from nn.optim import SGD, Adam, AdamW, Optimizer, clip_gradients
from nn.persistence import SavedModel, load, save
from nn.predict import predict
from nn.scaler import Scaler
from nn.schedules import constant, cosine, step_decay, warmup_cosine
from nn.sequential import Elementwise, Residual, Sequential, flatten
from nn.source import to_source
from nn.torch_layout import from_torch, to_torch
from nn.training import EarlyStop, accuracy, average_loss, fit

if TYPE_CHECKING:
    from nn.estimators import Classifier as Classifier
    from nn.estimators import Regressor as Regressor

__all__ = [
    "ACTIVATIONS",
    "INITIALISERS",
    "LOSSES",
    "MLP",
    "SGD",
    "Adam",
    "AdamW",
    "Attention",
    "AvgPool2d",
    "Conv2d",
    "DatasetError",
    "Dropout",
    "EarlyStop",
    "Elementwise",
    "Embedding",
    "Figure5",
    "History",
    "Layer",
    "LayerNorm",
    "Linear",
    "MaxPool2d",
    "Module",
    "Neuron",
    "Optimizer",
    "Person",
    "RMSNorm",
    "Residual",
    "SavedModel",
    "Scaler",
    "Sequential",
    "Table",
    "absolute_error",
    "accuracy",
    "attention_weights",
    "auc",
    "average_loss",
    "avg_pool2d",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "clip_gradients",
    "constant",
    "conv2d",
    "cosine",
    "cross_entropy",
    "davis",
    "dropout",
    "embedding",
    "fit",
    "flatten",
    "from_torch",
    "hinge",
    "layer_norm",
    "linear",
    "load",
    "log_loss",
    "max_pool2d",
    "mean",
    "nothing_dropped",
    "predict",
    "read_people",
    "rms_norm",
    "save",
    "scaled_dot_product_attention",
    "squared_error",
    "step_decay",
    "to_source",
    "to_torch",
    "warmup_cosine",
]


def __getattr__(name: str) -> Any:
    """The estimators, at their first use: they need scikit-learn, and so are not in ``__all__``."""
    if name in ("Classifier", "Regressor"):
        import nn.estimators

        return getattr(nn.estimators, name)
    raise AttributeError(f"module 'nn' has no attribute {name!r}")
