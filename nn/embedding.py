"""Embedding: a table with a vector for each of ``num_embeddings`` things (words, users, letters)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd as ag
from autograd import Value
from autograd.number import Number
from autograd.tree import is_number
from nn.checks import check_count
from nn.init import Initialiser, drawing
from nn.layers import Seed
from nn.module import Module
from nn.nested import named, parameters

__all__ = ["Embedding", "embedding"]


def embedding(index: Any, weight: Sequence[Sequence[Any]]) -> list[Any]:
    """Row ``index`` of the table ``weight`` [row][column]; of a list of indices, a list of rows.

    An index that is a Value is looked up by ``autograd.take`` in every column, so that a compiled program does it again
    for every row of a batch; its own slope is 0. An index that is a number gives the row itself: no gradient reaches
    the other rows then, and an optimiser leaves them alone; after a lookup they have the gradient 0, and Adam still
    moves them by what it remembers (as in PyTorch, unless the embedding is ``sparse``).

    Raises:
        ValueError: there is no such row, or the number is not whole. DomainError: the same, of a Value.
        TypeError: no number.
    """
    if isinstance(index, list | tuple) or (isinstance(index, np.ndarray) and index.ndim):
        return [embedding(each, weight) for each in index]
    if isinstance(index, Number):
        return [ag.take(column, index) for column in zip(*weight, strict=True)]
    if not is_number(index):
        raise TypeError(f"an embedding takes the index of a row, a whole number or a Value, not {index!r}")
    if not (0 <= index < len(weight) and index == int(index)):
        raise ValueError(f"there is no row {index} among {len(weight)} of the embedding (they count from 0)")
    return list(weight[int(index)])


class Embedding(Module):
    """``num_embeddings`` vectors of length ``embedding_dim``; PyTorch's ``torch.nn.Embedding``.

    Args:
        num_embeddings: how many things there are: indices from 0 to one below it.
        embedding_dim: the length of a vector.
        name: the scope of its Values: the row of index 3 is "<name>.r3.w1", ...
        init: by name or function; normal with standard deviation 1 unless told, as in PyTorch.
        seed: as for ``Neuron``.

    Raises:
        ValueError: a size below 1, an unknown initialiser. TypeError: a size that is no int.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *,
        name: str = "embedding1",
        init: str | Initialiser = "normal",
        seed: Seed = None,
    ) -> None:
        check_count("num_embeddings", num_embeddings)
        check_count("embedding_dim", embedding_dim)
        self.name = name
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        draw = drawing(init, seed, num_embeddings, embedding_dim)
        self.weight: list[list[Value]] = [
            parameters([embedding_dim], draw, f"{name}.r{i}.w") for i in range(num_embeddings)
        ]

    def __call__(self, index: Any) -> list[Any]:
        """The vector of an index; of a list of indices a list of vectors. Raises as ``embedding``."""
        return named(embedding(index, self.weight), f"{self.name}.e")  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"Embedding({self.num_embeddings}, {self.embedding_dim}, name={self.name!r})"
