"""nn.sequential: parts one after the other, and around one."""

from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Value, tree


def convolution_network() -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, name="conv1", seed=0),
        "relu",
        nn.MaxPool2d(2),
        nn.flatten,
        nn.Linear(8, 5, seed=1),
        "relu",
        nn.Dropout(0.5, seed=2),
        nn.Linear(5, 3, name="linear2", seed=3),
    )


def test_parts_run_one_after_the_other() -> None:
    model, image = convolution_network().eval(), np.random.default_rng(0).normal(size=(1, 6, 6))
    conv, hidden, last = (model[i] for i in (0, 4, 7))
    x = np.maximum(np.array(tree.rebuild(conv(image), lambda v, _: v.data)), 0.0)
    x = x.reshape(2, 2, 2, 2, 2).max(axis=(2, 4)).ravel()
    for layer, f in ((hidden, lambda z: np.maximum(z, 0.0)), (last, lambda z: z)):
        weight = np.array([[w.data for w in row] for row in layer.weight])
        x = f(weight @ x + [b.data for b in layer.bias])
    assert [v.data for v in model(image)] == pytest.approx(x, rel=1e-12)
    assert len(model) == 8
    assert list(model)[3] is nn.flatten
    assert [path for path, _ in model.named_parameters()][-1] == "layers.7.bias.2"


def test_every_node_has_the_scope_of_its_part() -> None:
    model = convolution_network()
    image = tree.rebuild(np.ones((1, 6, 6)).tolist(), lambda v, _: Value(v, "x"))
    nodes = ag.topological(ag.logsumexp(model(image)))
    scopes = {node.name.partition(".")[0] for node in nodes}
    assert scopes - {"x", ""} == {"conv1", "relu1", "pool1", "linear1", "relu2", "drop1", "linear2"}
    unnamed = {node.op.name for node in nodes if not node.name and node.op is not None}
    assert unnamed == {"logsumexp"}  # the root
    assert {"pool1.c1.maximum", "pool1.c2.p2_1", "conv1.f2.s3_4", "drop1.m5"} <= {node.name for node in nodes}


def test_it_trains_compiled() -> None:
    model, chance = convolution_network().eval(), np.random.default_rng(1)
    images = chance.normal(size=(6, 1, 6, 6))
    history = nn.fit(
        model, images.tolist(), [0, 1, 2, 0, 1, 2], loss=nn.cross_entropy, optimizer=nn.Adam(model.parameters(), 0.05),
        steps=60, progress=False, compile=True,
    )  # fmt: skip
    assert history.engine.startswith("compiled")
    assert history.losses[-1] < 0.5 * history.losses[0]


def test_an_elementwise_part_names_its_outputs() -> None:
    assert nn.Elementwise("tanh")([Value(1.0)])[0].name == "tanh.a1"
    assert nn.Elementwise(lambda x: x * x, name="square")([[Value(3.0)]])[0][0].name == "square.a1_1"


def test_a_residual_adds_what_it_gets() -> None:
    inner, x = nn.Linear(2, 2, seed=0), [Value(0.5), Value(-1.0)]
    out = nn.Residual(inner)(x)
    assert [v.data for v in out] == [a.data + b.data for a, b in zip(x, inner(x), strict=True)]
    assert out[1].name == "residual1.y2"
    (out[0] * 1.0).backward()
    assert x[0].grad == 1.0 + inner.weight[0][0].data
    sequence = nn.Residual(nn.Attention(2, seed=0))([[0.1, 0.2], [0.3, 0.4]])
    assert np.shape(sequence) == (2, 2)


def test_flatten_runs_fastest_over_the_last_dimension() -> None:
    assert nn.flatten([[[1, 2], [3]], [[4]]]) == [1, 2, 3, 4]
    assert nn.flatten(np.arange(6).reshape(1, 2, 3)) == list(range(6))


def test_an_error_says_in_which_part() -> None:
    with pytest.raises(ValueError, match="linear1 takes 3 numbers, not 2") as caught:
        nn.Sequential(nn.Linear(1, 2), "relu", nn.Linear(3, 1))([1.0])
    assert caught.value.__notes__ == ["in part 2 (from 0) of a Sequential, Linear(3, 1, bias=True, name='linear1')"]


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: nn.Sequential(), ValueError, "a Sequential needs one part at least"),
        (lambda: nn.Sequential("rulu"), ValueError, "no activation is called 'rulu'"),
        (lambda: nn.Sequential(3), TypeError, r"part 0 \(from 0\) of a Sequential is a module, .*, not 3"),  # type: ignore[arg-type]
        (lambda: nn.Residual("relu"), TypeError, "a Residual goes around a module or a function, not 'relu'"),  # type: ignore[arg-type]
        (lambda: nn.flatten(None), TypeError, "flatten takes numbers in nested lists, and got a NoneType: None"),
        (lambda: nn.flatten("ab"), TypeError, "flatten takes numbers in nested lists, and got a str: 'ab'"),
        (lambda: nn.flatten(3.0), TypeError, "flatten takes numbers in nested lists, and got a float: 3.0"),
        (
            lambda: nn.Residual(nn.Linear(2, 1))([1.0, 2.0]),
            ValueError,
            r"residual1 adds x to what Linear.* makes of it: shape \(2,\) and \(1,\)",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_how_they_print() -> None:
    model = nn.Sequential(nn.Linear(1, 2), "relu", nn.flatten)
    assert repr(model) == (
        "Sequential(Linear(1, 2, bias=True, name='linear1'), Elementwise(relu, name='relu1'), flatten)"
    )
    assert repr(nn.Residual(nn.flatten)) == "Residual(flatten, name='residual1')"
