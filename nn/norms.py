"""LayerNorm and RMSNorm: every vector to one size, then each of its numbers to a size that is learned."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import autograd as ag
from autograd import Value
from nn.checks import check_count, check_range
from nn.module import Module
from nn.nested import check_shape, each_vector, lists, named, parameters, scoped, shape_of

__all__ = ["LayerNorm", "RMSNorm", "layer_norm", "rms_norm"]


def layer_norm(
    x: Sequence[Any], weight: Sequence[Any] | None = None, bias: Sequence[Any] | None = None, eps: float = 1e-5
) -> list[Any]:
    """(x - mean) / sqrt(variance + eps) * weight + bias of one vector; its variance is the mean square.

    Ba, Kiros and Hinton 2016, "Layer normalization", arXiv:1607.06450.

    Raises:
        ValueError: not as many weights or biases as numbers; no numbers.
    """
    mean = ag.mean(x)
    centred = [each - mean for each in x]
    scale = 1.0 / ag.sqrt(ag.mean([ag.square(c) for c in centred]) + eps)
    return _affine([c * scale for c in centred], weight, bias)


def rms_norm(x: Sequence[Any], weight: Sequence[Any] | None = None, eps: float | None = None) -> list[Any]:
    """x / sqrt(mean square + eps) * weight of one vector. Zhang and Sennrich 2019, "Root mean square layer
    normalization", NeurIPS.

    ``eps`` None is the spacing of floats at 1, 2.2e-16, as in PyTorch.
    """
    eps = sys.float_info.epsilon if eps is None else eps
    scale = 1.0 / ag.sqrt(ag.mean([ag.square(each) for each in x]) + eps)
    return _affine([each * scale for each in x], weight, None)


def _affine(x: list[Any], weight: Sequence[Any] | None, bias: Sequence[Any] | None) -> list[Any]:
    for what, numbers in (("weights", weight), ("biases", bias)):
        if numbers is not None and len(numbers) != len(x):
            raise ValueError(f"a norm of {len(x)} numbers takes as many {what}, not {len(numbers)}")
    if weight is not None:
        x = [w * each for w, each in zip(weight, x, strict=True)]
    if bias is not None:
        x = [each + b for each, b in zip(x, bias, strict=True)]
    return x


class LayerNorm(Module):
    """``layer_norm`` over the last dimension, with a weight (1 at first) and a bias (0); PyTorch's arguments.

    Args:
        normalized_shape: the length of a vector.
        eps: added to the variance.
        elementwise_affine: whether weight and bias are there; ``bias`` False leaves the bias out.
        name: the scope of its Values: "<name>.w1", "<name>.b1", outputs "<name>.y1".

    Raises:
        ValueError: a length below 1, an eps that is not positive. TypeError: a length that is no int.
    """

    def __init__(
        self,
        normalized_shape: int,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        name: str = "norm1",
    ) -> None:
        check_count("normalized_shape", normalized_shape)
        self.name, self.normalized_shape = name, normalized_shape
        self.eps = check_range("eps", eps, 0.0, float("inf"), low_open=True)
        size = [normalized_shape]
        self.weight: list[Value] | None = parameters(size, lambda: 1.0, f"{name}.w") if elementwise_affine else None
        self.bias: list[Value] | None = (
            parameters(size, lambda: 0.0, f"{name}.b") if elementwise_affine and bias else None
        )

    def __call__(self, x: Any) -> Any:
        """The vector normalised; of nested lists, every innermost one.

        Raises:
            ValueError: vectors of another length. TypeError: no lists of numbers.
        """
        check_shape(self.name, x, [*map(str, shape_of(self.name, x)[:-1]), self.normalized_shape])
        outputs = each_vector(lambda vector: layer_norm(vector, self.weight, self.bias, self.eps), x)
        return scoped(named(outputs, f"{self.name}.y"), lists(x), self.name)

    def __repr__(self) -> str:
        return f"LayerNorm({self.normalized_shape}, eps={self.eps:g}, name={self.name!r})"


class RMSNorm(Module):
    """``rms_norm`` over the last dimension, with a weight (1 at first); arguments and errors as for ``LayerNorm``."""

    def __init__(
        self, normalized_shape: int, eps: float | None = None, elementwise_affine: bool = True, *, name: str = "norm1"
    ) -> None:
        check_count("normalized_shape", normalized_shape)
        self.name, self.normalized_shape = name, normalized_shape
        self.eps = None if eps is None else check_range("eps", eps, 0.0, float("inf"), low_open=True)
        self.weight: list[Value] | None = (
            parameters([normalized_shape], lambda: 1.0, f"{name}.w") if elementwise_affine else None
        )

    def __call__(self, x: Any) -> Any:
        """The vector normalised; of nested lists, every innermost one. Raises as ``LayerNorm``."""
        check_shape(self.name, x, [*map(str, shape_of(self.name, x)[:-1]), self.normalized_shape])
        outputs = each_vector(lambda vector: rms_norm(vector, self.weight, self.eps), x)
        return scoped(named(outputs, f"{self.name}.y"), lists(x), self.name)

    def __repr__(self) -> str:
        return f"RMSNorm({self.normalized_shape}, name={self.name!r})"
