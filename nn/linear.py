"""``Linear``: PyTorch's dense layer, which gives a list of sums, and takes a sequence of vectors too.

``Layer`` is micrograd's, neurons with an activation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd as ag
from autograd import Value
from nn.checks import check_count
from nn.init import Initialiser, drawing
from nn.layers import Seed
from nn.module import Module
from nn.nested import check_shape, each_vector, named, parameters, shape_of

__all__ = ["Linear", "linear"]


def linear(x: Sequence[Any], weight: Sequence[Sequence[Any]], bias: Sequence[Any] | None = None) -> list[Any]:
    """``weight @ x + bias`` of one vector: a dot product for each row of ``weight`` [output][input].

    Raises:
        ValueError: a row of weights is not as long as x, or there is not one bias for each.
    """
    if bias is not None and len(bias) != len(weight):
        raise ValueError(f"linear: {len(weight)} rows of weights and {len(bias)} biases: one for each is needed")
    if bias is None:
        return [ag.dot(row, x) for row in weight]
    return [ag.dot(row, x, b) for row, b in zip(weight, bias, strict=True)]


class Linear(Module):
    """``weight @ x + bias`` over the last dimension; PyTorch's ``torch.nn.Linear``.

    Args:
        in_features, out_features: the lengths of a vector before and after.
        bias: whether there is one.
        name: the scope of its Values: weights "<name>.n1.w1", as in a ``Layer``, outputs "<name>.n1.s".
        init: of weights and bias, by name or function; PyTorch's default unless told, uniform within
            1 / sqrt(in_features).
        seed: as for ``Neuron``.

    Raises:
        ValueError: a size below 1, an unknown initialiser. TypeError: a size that is no int.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        name: str = "linear1",
        init: str | Initialiser = "fan_in_uniform",
        seed: Seed = None,
    ) -> None:
        check_count("in_features", in_features)
        check_count("out_features", out_features)
        draw = drawing(init, seed, in_features, out_features)
        self.name = name
        self.in_features, self.out_features = in_features, out_features
        scopes = [f"{name}.n{i + 1}" for i in range(out_features)]
        self.weight: list[list[Value]] = [parameters([in_features], draw, f"{scope}.w") for scope in scopes]
        self.bias = [Value(draw(), f"{scope}.b") for scope in scopes] if bias else None

    def __call__(self, x: Any) -> Any:
        """The outputs of one vector of ``in_features``, a list; of nested lists, of every innermost one.

        Raises:
            ValueError: vectors of another length. TypeError: no lists of numbers.
        """
        shape = shape_of(self.name, x)
        check_shape(self.name, x, [*map(str, shape[:-1]), self.in_features])
        return each_vector(self._of_vector, x)

    def _of_vector(self, x: list[Any]) -> list[Any]:
        outputs = linear(x, self.weight, self.bias)
        for i, output in enumerate(outputs):
            named(output, f"{self.name}.n{i + 1}.s")
        return outputs

    def __repr__(self) -> str:
        return f"Linear({self.in_features}, {self.out_features}, bias={self.bias is not None}, name={self.name!r})"
