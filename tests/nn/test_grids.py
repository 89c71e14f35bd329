"""nn.grids: convolution and pooling against loops in NumPy; names, what compiles to what, what is refused."""

import math
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Value, tree
from autograd.check import assert_gradients

CHANCE = np.random.default_rng(3)


def by_hand(x: Any, weight: Any, bias: Any, stride: tuple[int, int], padding: tuple[int, int]) -> Any:
    """A convolution as its definition says: windows of the padded grid."""
    padded = np.pad(x, [(0, 0), (padding[0],) * 2, (padding[1],) * 2])
    height, width = weight.shape[2:]
    rows = (padded.shape[1] - height) // stride[0] + 1
    columns = (padded.shape[2] - width) // stride[1] + 1
    out = np.empty((len(weight), rows, columns))
    for i in range(rows):
        for j in range(columns):
            window = padded[:, i * stride[0] : i * stride[0] + height, j * stride[1] : j * stride[1] + width]
            out[:, i, j] = (weight * window).sum(axis=(1, 2, 3)) + bias
    return out


@pytest.mark.parametrize(
    ("stride", "padding", "kernel"), [(1, 0, 3), (2, 1, 3), ((1, 2), (0, 2), (2, 3)), (1, (2, 0), (4, 1)), (3, 0, 5)]
)
def test_a_convolution_is_what_its_definition_says(stride: Any, padding: Any, kernel: Any) -> None:
    layer = nn.Conv2d(2, 3, kernel, stride, padding, seed=1)
    x = CHANCE.normal(size=(2, 5, 6))
    weight = np.array(tree.rebuild(layer.weight, lambda w, _: w.data))
    assert layer.bias is not None
    expected = by_hand(x, weight, [b.data for b in layer.bias], layer.stride, layer.padding)
    leaves = tree.rebuild(x, lambda v, _: Value(v))
    for given in (x, x.tolist(), leaves, leaves.tolist()):
        out = layer(given)
        assert np.array(tree.rebuild(out, lambda v, _: v.data)) == pytest.approx(expected, rel=1e-13)


def test_pools_are_what_numpy_says() -> None:
    x = CHANCE.normal(size=(2, 5, 6))
    cut = x[:, :4].reshape(2, 2, 2, 3, 2)
    assert np.array(nn.max_pool2d(x, 2)) == pytest.approx(cut.max(axis=(2, 4)))
    assert np.array(nn.avg_pool2d(x, 2)) == pytest.approx(cut.mean(axis=(2, 4)))
    assert np.array(nn.MaxPool2d(3, 1)(x))[1, 2, 3] == x[1, 2:5, 3:6].max()
    assert np.array(nn.AvgPool2d((1, 6))(x))[:, :, 0] == pytest.approx(x.mean(axis=2))


@pytest.mark.slow
def test_gradients_of_convolution_and_pools() -> None:
    weight, bias, x = CHANCE.normal(size=(2, 1, 2, 2)), [0.1, -0.2], CHANCE.normal(size=(1, 4, 4))

    def loss(weight: Any, bias: Any, x: Any) -> Any:
        features = nn.conv2d(x.tolist(), weight.tolist(), bias, 1, 1)
        pooled = nn.flatten(nn.max_pool2d(features, 2)) + nn.flatten(nn.avg_pool2d(features, 3, 2))
        return ag.sum([ag.sin(v) for v in pooled])

    assert_gradients(loss, weight, bias, x)


def test_a_tie_in_a_pool_shares_the_gradient() -> None:
    x = [[[Value(0.0), Value(0.0)], [Value(-1.0), Value(-1.0)]]]
    nn.max_pool2d(x, 2)[0][0][0].backward()
    assert [v.grad for v in nn.flatten(x)] == [0.5, 0.5, 0.0, 0.0]


def test_names_say_filter_and_place() -> None:
    layer = nn.Conv2d(1, 2, 2, name="conv1", seed=0)
    assert [p.name for p in layer.parameters()][3:5] == ["conv1.f1.w1_2_2", "conv1.f2.w1_1_1"]
    assert [path for path, _ in layer.named_parameters()][-2:] == ["bias.0", "bias.1"]
    assert layer.named_parameters()[5][0] == "weight.1.0.0.1"
    out = layer([[[1.0] * 3] * 3])
    assert out[1][0][1].name == "conv1.f2.s1_2"
    assert nn.MaxPool2d(2, name="pool1")(out)[1][0][0].name == "pool1.c2.p1_1"


def test_initial_weights_are_pytorchs_in_size() -> None:
    layer = nn.Conv2d(3, 40, 5, seed=0)
    numbers = [p.data for p in layer.parameters()]
    limit = 1 / math.sqrt(75)
    assert 0.98 * limit < max(map(abs, numbers)) <= limit
    assert len(numbers) == 40 * 76
    assert nn.Conv2d(3, 4, 5, seed=0).state_dict() == nn.Conv2d(3, 4, 5, seed=0).state_dict()
    assert nn.Conv2d(3, 4, 5, bias=False).bias is None


def test_a_convolution_compiles_to_one_matrix_product() -> None:
    layer = nn.Conv2d(2, 3, 3, padding=1, seed=0)
    x = tree.rebuild(CHANCE.normal(size=(2, 4, 4)).tolist(), lambda v, _: Value(v))
    loss = ag.sum([v.tanh() for v in nn.flatten(layer(x))])
    loss.backward()
    program = ag.compile(loss, inputs=nn.flatten(x))
    products = [g["shape"] for g in program.explain(8).data["groups"] if g["kind"] == "matrix product"]
    assert products == ["3x19 by 19x16"]
    value, gradient = program.value_and_grad([[v.data for v in nn.flatten(x)]])
    assert value == pytest.approx(loss.data, rel=1e-13)
    assert gradient == pytest.approx([p.grad for p in program.parameters], rel=1e-12)


GRID = [[[0.0] * 4] * 3] * 2


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: nn.Conv2d(1, 1, 0), ValueError, "kernel_size is 0: it must be 1 or above"),
        (lambda: nn.Conv2d(0, 1, 2), ValueError, "in_channels is 0"),
        (lambda: nn.Conv2d(1, 1, (1, 2, 3)), ValueError, "kernel_size is one number, or two, for rows and columns"),  # type: ignore[arg-type]
        (lambda: nn.Conv2d(1, 1, 2, 1.5), TypeError, "stride is a whole number, not 1.5"),  # type: ignore[arg-type]
        (lambda: nn.Conv2d(1, 1, 2, padding=-1), ValueError, "padding is one whole number from 0 up"),
        (lambda: nn.Conv2d(1, 1, 2)(GRID), ValueError, "conv1 takes 1 x rows x columns numbers, not 2 x 3 x 4"),
        (lambda: nn.Conv2d(2, 1, 2)(GRID[0]), ValueError, "conv1 takes 2 x rows x columns numbers, not 3 x 4"),
        (lambda: nn.Conv2d(2, 1, (4, 2))(GRID), ValueError, "a window of 4 x 2 does not fit into a grid of 3 x 4"),
        (lambda: nn.Conv2d(1, 1, 2)([[[1.0, 2.0], [3.0]]]), ValueError, r"item 1 \(from 0\) is 1, item 0 is 2"),
        (lambda: nn.Conv2d(1, 1, 2)([[["1"]]]), TypeError, "conv1 takes numbers in nested lists, and got a str"),  # type: ignore[list-item]
        (lambda: nn.Conv2d(1, 1, 2)(None), TypeError, "got a NoneType"),  # type: ignore[arg-type]
        (lambda: nn.conv2d(GRID, GRID), ValueError, "conv2d: weight takes filters x channels x rows x columns"),
        (lambda: nn.conv2d(GRID, [GRID], [0.0, 0.0]), ValueError, "1 filters and 2 biases"),
        (lambda: nn.max_pool2d(GRID, 4), ValueError, "max_pool2d: a window of 4 x 4 does not fit into a grid of 3 x 4"),
        (lambda: nn.avg_pool2d(GRID, 2, padding=2), ValueError, "the padding 2 is more than half of the window 2"),
        (lambda: nn.max_pool2d([1.0], 1), ValueError, "max_pool2d takes channels x rows x columns numbers, not 1"),
    ],
)  # fmt: skip
def test_what_does_not_fit(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_how_they_print() -> None:
    assert repr(nn.Conv2d(1, 2, 3)) == ("Conv2d(1, 2, (3, 3), stride=(1, 1), padding=(0, 0), bias=True, name='conv1')")
    assert repr(nn.MaxPool2d(2)) == "MaxPool2d((2, 2), stride=(2, 2), padding=(0, 0), name='pool1')"
