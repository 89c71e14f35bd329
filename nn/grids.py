"""Convolution and pooling over grids: lists [channel][row][column] of numbers, as PyTorch lays an image out.

    image = [[[0.0, 1.0, ...], ...]]                    # 1 x 8 x 8
    features = nn.Conv2d(1, 4, 3, seed=0)(image)        # 4 x 6 x 6
    smaller = nn.max_pool2d(features, 2)                # 4 x 3 x 3

An output of a convolution is one ``autograd.dot`` of a filter with the window that it lies on. All windows of a filter
share its weights; a compiled program finds that again, as one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import compress, product
from typing import Any

import autograd as ag
from autograd import Value
from nn.checks import check_count
from nn.init import Initialiser, drawing
from nn.layers import Seed
from nn.module import Module
from nn.nested import check_shape, lists, named, parameters, scoped

__all__ = ["AvgPool2d", "Conv2d", "MaxPool2d", "avg_pool2d", "conv2d", "max_pool2d"]

Pair = int | tuple[int, int]
Grid = list[list[list[Any]]]


def conv2d(
    x: Sequence[Any], weight: Sequence[Any], bias: Sequence[Any] | None = None, stride: Pair = 1, padding: Pair = 0
) -> Grid:
    """Every filter at every position: out[f][i][j] = bias[f] + sum of weight[f][c][a][b] * window[c][a][b].

    The window of out[f][i][j] starts at row ``i * stride - padding``, and so for columns. What it sees outside the
    grid is 0: those products are left out. (A cross-correlation, as in PyTorch: filters are not flipped.)

    Args:
        x: the grid, [channel][row][column].
        weight: the filters, [filter][channel][row][column].
        bias: one for each filter, or None.
        stride, padding: for rows and columns; one number for both.

    Returns:
        A grid [filter][row][column] of ``(rows + 2 * padding - filter's rows) // stride + 1`` rows.

    Raises:
        ValueError: the shapes do not fit, or a filter is larger than the padded grid.
    """
    filters, channels, *kernel = check_shape("conv2d: weight", weight, ["filters", "channels", "rows", "columns"])
    if bias is not None and len(bias) != filters:
        raise ValueError(f"conv2d: {filters} filters and {len(bias)} biases: one for each is needed")
    _, height, width = check_shape("conv2d", x, [channels, "rows", "columns"])
    x = lists(x)
    rows, columns = _windows("conv2d", (height, width), kernel, _pair("stride", stride), _padding(padding))

    places = list(product(range(channels), range(kernel[0]), range(kernel[1])))
    flat = [[weight[f][c][a][b] for c, a, b in places] for f in range(filters)]

    def outputs(top: int, left: int) -> list[Any]:
        """Of every filter at this position."""
        inside = [0 <= top + a < height and 0 <= left + b < width for _, a, b in places]
        window = [x[c][top + a][left + b] for c, a, b in compress(places, inside)]
        return [
            ag.dot(list(compress(flat[f], inside)), window, None if bias is None else bias[f]) for f in range(filters)
        ]

    positions = [[outputs(top, left) for left in columns] for top in rows]
    return [[[each[f] for each in row] for row in positions] for f in range(filters)]


def max_pool2d(x: Sequence[Any], kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0) -> Grid:
    """The largest number of every window of each channel; windows side by side unless ``stride`` says otherwise.

    The gradient goes to the largest. Where several are, ``autograd.maximum`` shares it among them (PyTorch gives it
    to the first).

    Returns:
        A grid [channel][row][column]; rows and columns that do not fill a window at the end are left out.

    Raises:
        ValueError: no grid, a window larger than it, or a padding of more than half a window.
    """
    return _pool("max_pool2d", x, kernel_size, stride, padding, lambda window, _: _largest(window))


def avg_pool2d(x: Sequence[Any], kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0) -> Grid:
    """The mean of every window of each channel; as ``max_pool2d`` otherwise. Padding counts as zeros, as in PyTorch."""
    return _pool("avg_pool2d", x, kernel_size, stride, padding, lambda window, size: ag.sum(window) * (1.0 / size))


def _largest(window: list[Any]) -> Any:
    """The maximum, pair by pair: as few levels as can be."""
    while len(window) > 1:
        window = [reduce(ag.maximum, window[i : i + 2]) for i in range(0, len(window), 2)]
    return window[0]


def _pool(
    what: str,
    x: Sequence[Any],
    kernel_size: Pair,
    stride: Pair | None,
    padding: Pair,
    summary: Callable[[list[Any], int], Any],
) -> Grid:
    _, height, width = check_shape(what, x, ["channels", "rows", "columns"])
    kernel, pad = _pair("kernel_size", kernel_size), _padding(padding)
    if any(2 * p > k for p, k in zip(pad, kernel, strict=True)):
        raise ValueError(f"{what}: the padding {padding} is more than half of the window {kernel_size}")
    steps = kernel if stride is None else _pair("stride", stride)
    rows, columns = _windows(what, (height, width), kernel, steps, pad)

    def output(channel: Any, top: int, left: int) -> Any:
        window = [
            channel[i][j]
            for i in range(max(top, 0), min(top + kernel[0], height))
            for j in range(max(left, 0), min(left + kernel[1], width))
        ]
        return summary(window, kernel[0] * kernel[1])

    return [[[output(channel, top, left) for left in columns] for top in rows] for channel in lists(x)]


def _windows(
    what: str, size: Sequence[int], kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]
) -> tuple[range, range]:
    """Where the windows start, in rows and in columns."""
    if any(k > n + 2 * p for k, n, p in zip(kernel, size, padding, strict=True)):
        padded = " x ".join(str(n + 2 * p) for n, p in zip(size, padding, strict=True))
        raise ValueError(f"{what}: a window of {kernel[0]} x {kernel[1]} does not fit into a grid of {padded}")
    rows, columns = (range(-p, n + p - k + 1, s) for n, k, s, p in zip(size, kernel, stride, padding, strict=True))
    return rows, columns


def _pair(what: str, size: Pair) -> tuple[int, int]:
    """Rows and columns, each 1 or above."""
    pair = size if isinstance(size, tuple | list) else (size, size)
    if len(pair) != 2:
        raise ValueError(f"{what} is one number, or two, for rows and columns; got {size!r}")
    for number in pair:
        check_count(what, number)
    return pair[0], pair[1]


def _padding(padding: Pair) -> tuple[int, int]:
    pair = padding if isinstance(padding, tuple | list) else (padding, padding)
    if len(pair) != 2 or not all(type(number) is int and number >= 0 for number in pair):
        raise ValueError(f"padding is one whole number from 0 up, or two, for rows and columns; got {padding!r}")
    return pair[0], pair[1]


class Conv2d(Module):
    """A convolution: ``out_channels`` filters over a grid of ``in_channels``; PyTorch's ``torch.nn.Conv2d``.

    Args:
        in_channels, out_channels: how many before and after.
        kernel_size, stride, padding: for rows and columns, one number for both; see ``conv2d``.
        bias: whether each filter has one.
        name: the scope of its Values: the weight of filter 2 at channel 1, row 3, column 1 is "<name>.f2.w1_3_1", its
            bias "<name>.f2.b", and its output at row 4, column 5 "<name>.f2.s4_5".
        init: of weights and biases, by name or function; PyTorch's default unless told, uniform within
            1 / sqrt(in_channels * rows * columns of a filter).
        seed: as for ``Neuron``.

    Raises:
        ValueError: a size below 1, an unknown initialiser. TypeError: a size that is no int.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        bias: bool = True,
        *,
        name: str = "conv1",
        init: str | Initialiser = "fan_in_uniform",
        seed: Seed = None,
    ) -> None:
        check_count("in_channels", in_channels)
        check_count("out_channels", out_channels)
        self.name = name
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride = _pair("kernel_size", kernel_size), _pair("stride", stride)
        self.padding = _padding(padding)
        area = self.kernel_size[0] * self.kernel_size[1]
        draw = drawing(init, seed, in_channels * area, out_channels * area)
        scopes = [f"{name}.f{f + 1}" for f in range(out_channels)]
        size = (in_channels, *self.kernel_size)
        self.weight: list[Grid] = [parameters(size, draw, f"{scope}.w") for scope in scopes]
        self.bias = [Value(draw(), f"{scope}.b") for scope in scopes] if bias else None

    def __call__(self, x: Sequence[Any]) -> Grid:
        """The grid [out_channels][row][column] of one grid [in_channels][row][column].

        Raises:
            ValueError: another number of channels, rows of different lengths, or a grid smaller than a filter.
            TypeError: no nested lists of numbers.
        """
        check_shape(self.name, x, [self.in_channels, "rows", "columns"])
        outputs = conv2d(x, self.weight, self.bias, self.stride, self.padding)
        for f, channel in enumerate(outputs):
            named(channel, f"{self.name}.f{f + 1}.s")
        return outputs

    def __repr__(self) -> str:
        return (
            f"Conv2d({self.in_channels}, {self.out_channels}, {self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}, bias={self.bias is not None}, name={self.name!r})"
        )


class _Pool(Module):
    """What the pools share: a window, and a name: the output of channel 2 at row 3, column 1 is "<name>.c2.p3_1"."""

    function: Callable[..., Grid]

    def __init__(
        self, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0, *, name: str = "pool1"
    ) -> None:
        self.name = name
        self.kernel_size = _pair("kernel_size", kernel_size)
        self.stride = self.kernel_size if stride is None else _pair("stride", stride)
        self.padding = _padding(padding)

    def __call__(self, x: Sequence[Any]) -> Grid:
        """The smaller grid, with as many channels."""
        outputs = type(self).function(x, self.kernel_size, self.stride, self.padding)
        for c, channel in enumerate(outputs):
            scope = f"{self.name}.c{c + 1}"
            scoped(named(channel, f"{scope}.p"), lists(x[c]), scope)
        return outputs

    def __repr__(self) -> str:
        kind = type(self).__name__
        return f"{kind}({self.kernel_size}, stride={self.stride}, padding={self.padding}, name={self.name!r})"


class MaxPool2d(_Pool):
    """``max_pool2d`` as a module."""

    function = staticmethod(max_pool2d)


class AvgPool2d(_Pool):
    """``avg_pool2d`` as a module."""

    function = staticmethod(avg_pool2d)
