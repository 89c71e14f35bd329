"""nn.architectures: a model of layers comes back from its file and computes the same; no file holds anything else."""

import json
from pathlib import Path
from typing import Any

import pytest

import autograd as ag
import nn
from autograd import LoadError, Value
from nn.architectures import BUILDERS, FUNCTIONS, KINDS, build, describe

GRID = [[[((3 * i + 5 * j) % 7) / 7 - 0.5 for j in range(6)] for i in range(6)]]
VECTOR = [0.3, -0.2, 0.7]
SEQUENCE = [[0.1, 0.2, -0.3, 0.4], [0.5, -0.6, 0.7, 0.8], [0.0, 1.0, -1.0, 0.5]]


def convolutional() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 2, (3, 2), stride=(1, 2), padding=1, name="first", seed=1),
        "relu",
        nn.MaxPool2d(2, stride=1, name="small"),
        nn.Residual(nn.Conv2d(2, 2, 3, padding=1, bias=False, seed=2), name="around"),
        nn.AvgPool2d((2, 1), padding=(1, 0)),
        nn.flatten,
        nn.Dropout(0.3, seed=3),
        nn.Linear(18, 3, bias=False, seed=4),
        ag.softmax,
    ).eval()


def transformer() -> nn.Sequential:
    return nn.Sequential(
        nn.Embedding(5, 4, name="letters", seed=1),
        nn.Residual(nn.Sequential(nn.RMSNorm(4), nn.Attention(4, 2, bias=False, causal=True, seed=2)), name="one"),
        nn.Residual(nn.Sequential(nn.LayerNorm(4, eps=1e-3, bias=False), nn.Linear(4, 4, seed=3), "gelu"), name="two"),
        nn.RMSNorm(4, eps=0.01, elementwise_affine=False),
        nn.Attention(4, causal=False, seed=5),
    )


def dense() -> nn.Sequential:
    return nn.Sequential(
        nn.Layer(3, 4, "tanh", seed=1),
        nn.Elementwise("sin", name="wave"),
        nn.MLP(4, [3, 2], "softplus", output="silu", seed=2),
        nn.LayerNorm(2, elementwise_affine=False),
        nn.Neuron(2, "sigmoid", name="last", seed=3),
    )


def numbers(x: Any) -> Any:
    return [numbers(each) for each in x] if isinstance(x, list) else x.data if isinstance(x, Value) else x


@pytest.mark.parametrize(
    ("make", "x"), [(convolutional, GRID), (transformer, [0, 3, 4, 3]), (dense, VECTOR)], ids=lambda part: ""
)
def test_a_sequential_comes_back_bit_for_bit(tmp_path: Path, make: Any, x: Any) -> None:
    model = make()
    for parameter in model.parameters():
        parameter.data *= 1.1  # no longer what a seed gives
    nn.save(model, tmp_path / "model.json", metadata={"of": "letters"})
    loaded = nn.load(tmp_path / "model.json").model
    assert isinstance(loaded, nn.Sequential)
    assert repr(loaded) == repr(model)
    assert loaded.state_dict() == model.state_dict()
    assert [p.name for p in loaded.parameters()] == [p.name for p in model.parameters()]
    assert loaded.training == model.training
    before, after = model(x), loaded(x)
    assert numbers(after) == numbers(before)


LAYERS = {
    "Linear": lambda: nn.Linear(3, 2),
    "Layer": lambda: nn.Layer(3, 2, "elu"),
    "Neuron": lambda: nn.Neuron(3),
    "Conv2d": lambda: nn.Conv2d(1, 2, 2),
    "MaxPool2d": lambda: nn.MaxPool2d(2),
    "AvgPool2d": lambda: nn.AvgPool2d(2, 1),
    "Embedding": lambda: nn.Embedding(3, 2),
    "LayerNorm": lambda: nn.LayerNorm(3),
    "RMSNorm": lambda: nn.RMSNorm(3),
    "Attention": lambda: nn.Attention(4),
    "Dropout": lambda: nn.Dropout(0.25).eval(),
    "Elementwise": lambda: nn.Elementwise("relu"),
}
INPUTS: dict[str, Any] = {
    "Conv2d": GRID, "MaxPool2d": GRID, "AvgPool2d": GRID, "Embedding": 2, "Attention": SEQUENCE,
    "Elementwise": [Value(-1.0), Value(2.0)],
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_alone(tmp_path: Path, kind: str) -> None:
    assert kind in LAYERS, f"add a {kind} to LAYERS of this file"
    layer = LAYERS[kind]()
    nn.save(layer, tmp_path / "layer.json")
    content = json.loads((tmp_path / "layer.json").read_text("utf-8"))
    assert content["architecture"]["type"] == kind
    loaded = nn.load(tmp_path / "layer.json").model
    assert repr(loaded) == repr(layer)
    x = INPUTS.get(kind, VECTOR)
    assert numbers(loaded(x)) == numbers(layer(x))  # type: ignore[operator]


def test_every_module_of_the_package_can_be_saved() -> None:
    modules = {
        name for name in nn.__all__ if isinstance(found := getattr(nn, name), type) and issubclass(found, nn.Module)
    }
    differing = modules - {"Module"} ^ {*KINDS, *BUILDERS, "Sequential", "Residual"}
    assert not differing, f"KINDS of nn/architectures.py and nn.__all__ differ in {differing}"


def test_dropout_comes_back_as_it_was(tmp_path: Path) -> None:
    for training in (True, False):
        nn.save(nn.Sequential(nn.Dropout(0.5)).train(training), tmp_path / "model.json")
        loaded = nn.load(tmp_path / "model.json").model
        assert [module.training for module in loaded.modules()] == [training, training]
        assert loaded([1.0] * 64) == [1.0] * 64 or training  # type: ignore[operator]


def test_a_model_in_training_drops_on(tmp_path: Path) -> None:
    nn.save(nn.Sequential(nn.Dropout(0.5)), tmp_path / "model.json")
    outputs = numbers(nn.load(tmp_path / "model.json").model([1.0] * 64))  # type: ignore[operator]
    assert set(outputs) == {0.0, 2.0}


# -- what is not saved -------------------------------------------------------------------------------------------------


class Louder(nn.MLP):
    """Inherits an architecture that is not its own."""

    def __call__(self, x: Any) -> Any:
        return super().__call__(x) * 2.0


class Wider(nn.Linear):
    """As a layer."""


def shared() -> nn.Module:
    layer = nn.Linear(2, 2)
    return nn.Sequential(layer, "relu", layer)


def tied() -> nn.Module:
    model = nn.Sequential(nn.Embedding(3, 2), nn.Linear(2, 3))
    model[1].weight = model[0].weight  # type: ignore[attr-defined]
    return model


def double(x: Any) -> Any:
    return x


class Own(nn.Module):
    """Not known to a file."""

    def __call__(self, x: Any) -> Any:
        return x


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: Louder(2, [1]), TypeError, r"Louder has no architecture\(\) of its own"),
        (lambda: nn.Sequential(Wider(2, 2)), TypeError, r"Wider has no architecture\(\) of its own"),
        (lambda: nn.Sequential("relu", Own()), TypeError, r"Own has no architecture\(\) of its own: .*register"),
        (lambda: nn.Residual(double), ValueError, "double is a function of your own: a model file holds flatten"),
        (lambda: nn.Sequential(lambda x: x), ValueError, "<lambda> is a function of your own"),
        (lambda: nn.Elementwise(Value.square), ValueError, "square is an activation of your own"),
        (lambda: nn.Layer(2, 2, Value.square), ValueError, "a model file holds only named ones"),
        (shared, ValueError, r"layers\.2\.\S+ stands in two places"),
        (tied, ValueError, r"layers\.1\.weight\.\S+ stands in two places"),
    ],
)
def test_what_a_file_cannot_hold(tmp_path: Path, make: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        nn.save(make(), tmp_path / "model.json")
    assert not (tmp_path / "model.json").exists()


def test_a_module_of_ones_own_among_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Scale(nn.Module):
        def __init__(self, size: int) -> None:
            self.factor = [Value(1.0) for _ in range(size)]

        def __call__(self, x: Any) -> Any:
            return [f * each for f, each in zip(self.factor, x, strict=True)]

        def architecture(self) -> dict[str, object]:
            return {"type": "Scale", "size": len(self.factor)}

    monkeypatch.setitem(BUILDERS, "Scale", lambda entry: Scale(entry["size"]))
    model = nn.Sequential(nn.Linear(3, 2, seed=1), Scale(2)).eval()
    model[1].factor[0].data = 5.0  # type: ignore[attr-defined]
    nn.save(model, tmp_path / "model.json")
    loaded = nn.load(tmp_path / "model.json").model
    assert numbers(loaded(VECTOR)) == numbers(model(VECTOR))  # type: ignore[operator]
    assert not loaded.training


# -- what is not read --------------------------------------------------------------------------------------------------

LINEAR = {"type": "Linear", "in_features": 2, "out_features": 1, "bias": True, "name": "linear1"}
CONV = describe(nn.Conv2d(1, 1, 2))


def nested(depth: int) -> str:
    return '{"type": "Sequential", "layers": [' * depth + json.dumps(LINEAR) + "]}" * depth


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ({"type": "os.system"}, "the architecture's type is 'os.system': known are Figure5, MLP, Linear, Layer, "),
        ({"type": "Sequential", "layers": [{"type": "Own"}]}, "the architecture's type is 'Own': known are"),
        ({"type": "Sequential", "layers": [LINEAR, "relu"]}, "a layer of the architecture is no object: 'relu'"),
        ({"type": "Sequential", "layers": LINEAR}, "the layers of a Sequential are no list"),
        ({"type": "Sequential", "layers": []}, "a Sequential needs one part at least"),
        ({"type": "Sequential"}, "the architecture has no entry 'layers'"),
        ({"type": "Sequential", "layers": [LINEAR], "loss": 1}, "a Sequential of a model file has no entry 'loss'"),
        ({"type": "Residual", "part": LINEAR, "name": "r", 5: 1}, "a Residual of a model file has no entry '5'"),
        ({"type": "Residual", "name": "r"}, "the architecture has no entry 'part'"),
        ({"type": "Residual", "part": LINEAR, "name": 5}, '"name" is 5, and no text'),
        ({"type": "function", "name": "flatten"}, "the architecture is a function, and not a network"),
        (
            {"type": "Sequential", "layers": [{"type": "function", "name": "exec"}]},
            "no function of a model file is called 'exec': known are flatten, softmax",
        ),
        ({**LINEAR, "in_features": 0}, '"in_features" is 0, and not made of whole numbers from 1 up'),
        ({**LINEAR, "in_features": True}, '"in_features" is True'),
        ({**LINEAR, "bias": "no"}, "\"bias\" is 'no', and no true or false"),
        ({**LINEAR, "init": "uniform"}, "a Linear of a model file has no entry 'init'"),
        ({**LINEAR, "colour": 1}, "a Linear is not made of in_features, out_features, bias, name, colour: "),
        ({k: v for k, v in LINEAR.items() if k != "out_features"}, "the architecture has no entry 'out_features'"),
        ({k: v for k, v in LINEAR.items() if k != "name"}, "the architecture has no entry 'name'"),
        ({**LINEAR, "training": 1}, '"training" is 1, and not true or false'),
        ({**LINEAR, "in_features": 10**6, "out_features": 10**6}, "asks for more than 1,000 parameters"),
        ({**CONV, "kernel_size": [10**4, 10**4]}, "asks for more than 1,000 parameters"),
        ({**CONV, "stride": [1, 0]}, "stride is 0: it must be 1 or above"),
        ({**CONV, "stride": None}, "a Conv2d is not made of"),
        ({"type": "Elementwise", "function": "exec", "name": "a"}, "no activation is called 'exec'"),
        ({"type": "Dropout", "p": 2, "name": "d"}, "p is 2: it must be 0 or above, and below 1"),
    ],
)
def test_a_wrong_architecture_says_what_is_wrong(tmp_path: Path, architecture: Any, message: str) -> None:
    nn.save(nn.Linear(2, 1), tmp_path / "model.json")
    content = json.loads((tmp_path / "model.json").read_text("utf-8"))
    content["architecture"] = architecture
    (tmp_path / "model.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(LoadError) as caught:
        nn.load(tmp_path / "model.json")
    assert message in str(caught.value)


def test_layers_nested_without_end(tmp_path: Path) -> None:
    content = '{"format": "glassgrad model", "version": 1, "scaler": null, "metadata": {}, "parameters": {}, '
    (tmp_path / "model.json").write_text(content + f'"architecture": {nested(450)}}}', encoding="utf-8")
    with pytest.raises(LoadError, match="nested too deeply"):
        nn.load(tmp_path / "model.json")


def test_many_small_layers_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nn.architectures.MAX_PARAMETERS", 6)
    build({"type": "Sequential", "layers": [LINEAR] * 3})
    with pytest.raises(ValueError, match="asks for more than 6 parameters"):
        build({"type": "Sequential", "layers": [LINEAR] * 4})


def test_functions_are_found_by_what_they_are() -> None:
    for name, function in FUNCTIONS.items():
        assert describe(function) == {"type": "function", "name": name}
