"""Neural networks of scalar Values: modules, losses, optimisers, training, data, and figure 5's network."""

from nn.activations import ACTIVATIONS
from nn.datasets import DatasetError, Person, Table, davis, read_people
from nn.figure5 import Figure5
from nn.init import INITIALISERS
from nn.layers import MLP, Layer, Neuron
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
from nn.module import Module
from nn.optim import SGD, Adam, Optimizer
from nn.persistence import SavedModel, load, save
from nn.scaler import Scaler
from nn.training import EarlyStop, History, accuracy, average_loss, fit

__all__ = [
    "ACTIVATIONS",
    "INITIALISERS",
    "LOSSES",
    "MLP",
    "SGD",
    "Adam",
    "DatasetError",
    "EarlyStop",
    "Figure5",
    "History",
    "Layer",
    "Module",
    "Neuron",
    "Optimizer",
    "Person",
    "SavedModel",
    "Scaler",
    "Table",
    "absolute_error",
    "accuracy",
    "average_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "davis",
    "fit",
    "hinge",
    "load",
    "mean",
    "read_people",
    "save",
    "squared_error",
]
