"""nn.persistence: files give back the same network; broken ones say why; old ones survive a kill."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograd import LoadError, Value
from nn import MLP, Figure5, Module, Scaler, load, save
from nn.persistence import SavedModel

SCALER = Scaler(("weight_kg", "height_cm"), (65.3, 170.6), (13.3, 8.9))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.json"


def test_an_mlp_comes_back_bit_for_bit(path: Path) -> None:
    model = MLP(3, [4, 2], "tanh", output="softplus", init="he_normal", seed=11)
    save(
        model,
        path,
        scaler=Scaler(("a", "b", "c"), (0.1,) * 3, (1 / 3,) * 3),
        metadata={"seed": 11, "of": ["ü", None]},
    )
    saved = load(path)
    assert isinstance(saved.model, MLP)
    assert saved.model.state_dict() == model.state_dict()
    x = [0.1, -0.2, 0.3]
    assert [o.data for o in saved.model(x)] == [o.data for o in model(x)]  # type: ignore[union-attr]
    assert saved.scaler == Scaler(("a", "b", "c"), (0.1,) * 3, (1 / 3,) * 3)
    assert saved.metadata == {"seed": 11, "of": ["ü", None]}
    assert repr(saved.model) == repr(model)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_figure5_comes_back_with_its_scaler_and_predicts_the_same(path: Path, activation: str) -> None:
    model = Figure5(activation, seed=3, scaler=SCALER)
    save(model, path)
    saved = load(path)
    assert isinstance(saved.model, Figure5)
    for weight, height in ((71.0, 178.0), (50.5, 155.25)):
        assert saved.model.predict(weight, height) == model.predict(weight, height)


def test_a_model_without_a_scaler(path: Path) -> None:
    save(Figure5(seed=1), path)
    assert load(path).scaler is None


def test_the_same_model_gives_the_same_bytes(path: Path) -> None:
    save(Figure5(seed=1, scaler=SCALER), path)
    first = path.read_bytes()
    save(Figure5(seed=1, scaler=SCALER), path)
    assert path.read_bytes() == first


def test_the_file_is_plain_json(path: Path) -> None:
    save(Figure5(seed=1, scaler=SCALER), path, metadata={"rows": 160})
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["format"] == "glassgrad model"
    assert content["version"] == 1
    assert content["architecture"] == {"type": "Figure5", "activation": "sigmoid"}
    assert list(content["parameters"]) == ["w1", "w2", "w3", "w4", "w5", "w6", "b1", "b2", "b3"]
    assert content["scaler"] == {
        "columns": ["weight_kg", "height_cm"],
        "mean": [65.3, 170.6],
        "scale": [13.3, 8.9],
    }
    assert content["metadata"] == {"rows": 160}


class Killed(BaseException):
    """Stands for whatever ends the process."""


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_kill_in_the_middle_of_a_save_leaves_the_old_file_whole(
    path: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(Figure5(seed=1), path)
    old = path.read_bytes()

    def kill(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(os, moment, kill)
        with pytest.raises(Killed):
            save(Figure5(seed=2), path)
    assert path.read_bytes() == old
    assert os.listdir(path.parent) == [path.name]
    save(Figure5(seed=2), path)
    assert path.read_bytes() != old


def edited(**changes: Any) -> str:
    """A model file's text with some entries changed; ... takes one out."""
    content: dict[str, Any] = {
        "format": "glassgrad model",
        "version": 1,
        "architecture": {"type": "Figure5", "activation": "sigmoid"},
        "parameters": dict.fromkeys(("w1", "w2", "w3", "w4", "w5", "w6", "b1", "b2", "b3"), 0.5),
        "scaler": {"columns": ["weight_kg", "height_cm"], "mean": [65.0, 170.0], "scale": [13.0, 9.0]},
        "metadata": {},
        **changes,
    }
    return json.dumps({key: value for key, value in content.items() if value is not ...})


def mlp(**changes: Any) -> dict[str, Any]:
    entries = {"type": "MLP", "inputs": 2, "layers": [1], "activation": "relu", "output": "linear", **changes}
    return {key: value for key, value in entries.items() if value is not ...}


W = dict.fromkeys(("w1", "w2", "w3", "w4", "w5", "w6", "b1", "b2"), 0.5)
S = {"columns": ["weight_kg", "height_cm"], "mean": [65.0, 170.0], "scale": [13.0, 9.0]}


def test_the_text_that_the_next_test_breaks_is_a_good_one(path: Path) -> None:
    path.write_text(edited(), encoding="utf-8")
    assert isinstance(load(path), SavedModel)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no model file: not JSON at line 1: Expecting value"),
        ("{", "is no model file: not JSON at line 1"),
        ("[" * 100_000, "is no model file: it is nested too deeply"),
        ("[1, 2]", '"format" is not "glassgrad model"'),
        ("null", '"format" is not "glassgrad model"'),
        (edited()[:-60], "is no model file: not JSON at line 1"),
        (edited(format="x"), '"format" is not "glassgrad model"'),
        (edited(version=2), '"version" is 2, and this program reads version 1'),
        (edited(version=...), '"version" is None'),
        (edited(version=True), '"version" is True'),
        (edited(architecture=...), 'there is no "architecture"'),
        (edited(architecture="Figure5"), '"architecture" is no object'),
        (edited(architecture={}), "the architecture's type is None: known are Figure5, MLP"),
        (edited(architecture={"type": ["MLP"]}), "the architecture's type is ['MLP']"),
        (edited(architecture={"type": "Figure5"}), "the architecture has no entry 'activation'"),
        (edited(architecture={"type": "Figure5", "activation": "step"}), "no activation is called 'step'"),
        (
            edited(architecture={"type": "Figure5", "activation": 1}),
            "the architecture's activation is not given by name",
        ),
        (edited(architecture=mlp(layers=...)), "the architecture has no entry 'layers'"),
        (
            edited(architecture=mlp(layers=[0])),
            "the architecture's inputs and layers are not whole numbers from 1 up",
        ),
        (edited(architecture=mlp(layers="11")), "are not whole numbers"),
        (edited(architecture=mlp(inputs=True)), "are not whole numbers"),
        (edited(architecture=mlp(layers=[])), "an MLP needs one layer at least"),
        (edited(architecture=mlp(layers=[10**6, 10**6])), "asks for more than 1,000 parameters"),
        (edited(architecture=mlp(output=None)), "the architecture's activations are not given by name"),
        (edited(architecture=mlp()), "missing: layers.0.neurons.0.w.0"),
        (edited(parameters=...), 'there is no "parameters"'),
        (edited(parameters=[1.0]), '"parameters" is no object'),
        (edited(parameters=W), "the state does not fit Figure5: missing: b3"),
        (edited(parameters={**W, "b3": 0.0, "b4": 0.0}), "unexpected: b4"),
        (edited(parameters={**W, "b3": "0"}), "a parameter is one number: b3 is a str"),
        (edited(parameters={**W, "b3": None}), "b3 is None"),
        (edited(parameters={**W, "b3": float("nan")}), "is a broken model file: it holds the number NaN"),
        (edited(parameters={**W, "b3": 0}).replace('"b3": 0', '"b3": 1e999'), "not finite: b3 is inf"),
        (edited(parameters={**W, "b3": 10**400}), "it holds a number of 401 characters"),
        (
            edited(parameters={**W, "b3": 0}).replace('"b3": 0', '"b3": 0, "b3": 1'),
            "the entry 'b3' is there twice",
        ),
        (edited(scaler=...), 'there is no "scaler"'),
        (edited(scaler=[]), '"scaler" is no object'),
        (
            edited(scaler={**S, "mean": ["65", 170.0]}),
            'the scaler\'s "mean" holds something that is no number',
        ),
        (edited(scaler={**S, "mean": [65.0]}), "it has 2 columns, 1 means, 2 scales"),
        (
            edited(scaler={**S, "scale": [0, 1]}),
            "the scale of weight_kg is 0.0: it must be positive and finite",
        ),
        (edited(scaler={**S, "scale": [10**400, 1]}), "a number of 401 characters"),
        (edited(scaler={**S, "columns": [1, 2]}), 'the scaler\'s "columns" are not all text'),
        (edited(scaler={**S, "columns": ["a", "b"]}), "takes a scaler of weight_kg, height_cm, not of a, b"),
        (edited(metadata=[]), '"metadata" is no object'),
        (edited(metadata=...), 'there is no "metadata"'),
    ],
)
def test_a_broken_file_says_what_is_wrong(path: Path, text: str, message: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LoadError) as caught:
        load(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\x80\x04\x95K.", b"\xff\xfe{\x00}\x00"], ids=["pickle", "UTF-16"])
def test_a_binary_file_is_no_model(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(LoadError, match="is no model file: it is not UTF-8 text"):
        load(path)


def test_a_missing_file_and_a_folder_are_os_errors(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(path)
    with pytest.raises(IsADirectoryError):
        load(path.parent)


class Bare(Module):
    """A module that cannot say how it is built."""


class Foreign(Module):
    """A module of a type that no file may hold."""

    def architecture(self) -> dict[str, object]:
        return {"type": "Foreign"}


def with_nan() -> Module:
    model = Figure5(seed=1)
    model.w3.data = float("nan")
    return model


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (Bare, TypeError, r"Bare has no architecture\(\)"),
        (Foreign, TypeError, "no network of type 'Foreign' is registered"),
        (lambda: Figure5(lambda x: x * 2), ValueError, "a model file holds only named ones"),
        (lambda: MLP(2, [1], output=Value.square), ValueError, "square is an activation of your own"),
        (with_nan, ValueError, "a model with parameters that are not finite is not saved: w3 is nan"),
    ],
)
def test_what_is_not_saved(path: Path, make: Callable[[], Module], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        save(make(), path)
    assert not path.exists()


@pytest.mark.parametrize("metadata", [{"x": float("nan")}, {"x": object()}])
def test_metadata_is_json(path: Path, metadata: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match="JSON"):
        save(Figure5(seed=1), path, metadata=metadata)
    assert not path.exists()
