"""PyTorch's ``state_dict`` in and out, against networks of PyTorch's (tests/oracle/torch_state.json)."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support import frozen

import autograd as ag
import nn
from autograd import Value, tree
from nn.torch_layout import layout

ORACLE = frozen("torch_state")["networks"]


class Transformer(nn.Module):
    """The oracle's, attribute by attribute."""

    def __init__(self) -> None:
        self.table = nn.Embedding(5, 4, seed=0)
        self.norm = nn.LayerNorm(4)
        self.attention = nn.Attention(4, 2, causal=True, seed=0)
        self.last = nn.RMSNorm(4)
        self.readout = nn.Linear(4, 5, bias=False, seed=0)

    def __call__(self, index: Any) -> Any:
        x = self.table(index)
        attended = self.attention(self.norm(x))
        added = [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(x, attended, strict=True)]
        return self.readout(self.last(added))


def convolution() -> nn.Module:
    parts = ("relu", nn.MaxPool2d(2), nn.flatten, nn.Dropout(0.5), nn.Linear(12, 2, seed=0))
    return nn.Sequential(nn.Conv2d(1, 3, 3, seed=0), *parts).eval()


OURS: list[tuple[str, Callable[[], Any]]] = [
    ("linear", lambda: nn.Linear(3, 2, seed=0)),
    ("linear", lambda: nn.Layer(3, 2, "linear", seed=0)),
    ("mlp", lambda: nn.MLP(2, [5, 4, 3], "tanh", seed=0)),
    ("mlp", lambda: nn.Sequential(nn.Linear(2, 5, seed=0), "tanh", nn.Linear(5, 4), "tanh", nn.Linear(4, 3))),
    ("figure5", lambda: nn.Figure5(seed=0)),
    ("figure5", lambda: nn.MLP(2, [2, 1], "sigmoid", output="sigmoid", seed=0)),
    ("convolution", convolution),
    ("transformer", Transformer),
]


def arrays(name: str) -> dict[str, Any]:
    return {key: np.array(numbers) for key, numbers in ORACLE[name]["state"].items()}


@pytest.mark.parametrize(("name", "make"), OURS, ids=[name for name, _ in OURS])
def test_a_network_of_pytorchs_computes_the_same_here(name: str, make: Callable[[], Any]) -> None:
    """Outputs and every gradient to 1e-12, and the state comes out as it went in."""
    row, model = ORACLE[name], make()
    state = arrays(name)
    nn.from_torch(model, state)
    x = row["input"] if name == "transformer" else tree.rebuild(row["input"], lambda number, _: Value(number))
    out = model(x)
    assert np.ravel(tree.leaves(tree.rebuild(out, lambda v, _: v.data))) == pytest.approx(
        np.ravel(row["output"]), rel=1e-12, abs=1e-14
    )
    outputs = tree.leaves(out)
    ag.dot([math.cos(i + 1) for i in range(len(outputs))], outputs).backward()
    if row["input gradient"] is not None:
        found = [v.grad for v in tree.leaves(x)]
        assert found == pytest.approx(np.ravel(row["input gradient"]), rel=1e-12, abs=1e-14)
    places = layout(model)
    for key, expected in row["gradients"].items():
        found = [v.grad for v in places[key].flat]
        assert found == pytest.approx(np.ravel(expected), rel=1e-12, abs=1e-14), key
    back = nn.to_torch(model)
    assert back.keys() == state.keys()
    for key, array in back.items():
        assert array.dtype == np.float64
        assert array.shape == state[key].shape
        assert (array == state[key]).all()


def test_names_and_shapes() -> None:
    def shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
        return {key: array.shape for key, array in nn.to_torch(model).items()}

    assert shapes(nn.Neuron(3)) == {"weight": (1, 3), "bias": (1,)}
    assert shapes(nn.MLP(2, [3, 1])) == {"0.weight": (3, 2), "0.bias": (3,), "2.weight": (1, 3), "2.bias": (1,)}
    assert shapes(nn.LayerNorm(3, bias=False)) == {"weight": (3,)}
    assert shapes(nn.Attention(4, 2, bias=False)) == {"in_proj_weight": (12, 4), "out_proj.weight": (4, 4)}
    assert shapes(nn.Sequential("relu", nn.Residual(nn.Linear(2, 2)))) == {
        "1.part.weight": (2, 2), "1.part.bias": (2,),
    }  # fmt: skip
    assert nn.to_torch(nn.Dropout()) == {}


def test_arrays_are_copies() -> None:
    model = nn.MLP(2, [1], seed=0)
    given = nn.to_torch(model)
    given["0.bias"][0] = 7.0
    assert model.layers[0].neurons[0].b.data == 0.0
    nn.from_torch(model, given)
    given["0.bias"][0] = 8.0
    assert model.layers[0].neurons[0].b.data == 7.0


class Own(nn.Module):
    """Attributes of every kind."""

    def __init__(self) -> None:
        self.slope = Value(1.0)
        self.offsets = [Value(2.0), Value(3.0)]
        self.grid = np.array([[Value(4.0), Value(5.0)]], dtype=object)
        self.ragged = [[Value(6.0)], [Value(7.0), Value(8.0)]]
        self.blocks = [nn.Neuron(1), nn.Linear(1, 1)]
        self.by_name = {"left": nn.Linear(1, 1, bias=False), "right": None}
        self.words = ["a", "b"]
        self._last = Value(1.0) * 2.0
        self.parent = self


def test_other_modules_are_read_by_their_attributes() -> None:
    model = Own()
    state = nn.to_torch(model)
    assert {key: array.shape for key, array in state.items()} == {
        "slope": (), "offsets": (2,), "grid": (1, 2), "ragged.0": (1,), "ragged.1": (2,), "blocks.0.weight": (1, 1),
        "blocks.0.bias": (1,), "blocks.1.weight": (1, 1), "blocks.1.bias": (1,), "by_name.left.weight": (1, 1),
    }  # fmt: skip
    nn.from_torch(model, {key: array + 1.0 for key, array in state.items()})
    assert [v.data for v in model.parameters()[:8]] == [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]


def test_a_module_can_say_where_its_parameters_stand() -> None:
    class Transposed(nn.Module):
        def __init__(self) -> None:
            self.columns = [[Value(1.0), Value(2.0), Value(3.0)], [Value(4.0), Value(5.0), Value(6.0)]]
            self.inner = nn.LayerNorm(2)

        def __call__(self, x: Any) -> Any:
            return x

        def torch_layout(self) -> dict[str, Any]:
            return {"weight": [*zip(*self.columns, strict=True)], "norm": self.inner}

    state = nn.to_torch(nn.Sequential(Transposed()))
    assert state["0.weight"].tolist() == [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
    assert [*state] == ["0.weight", "0.norm.weight", "0.norm.bias"]


def test_shared_parameters() -> None:
    first, second = nn.Linear(1, 1, seed=0), nn.Linear(1, 1, seed=1)
    second.weight = first.weight
    model = nn.Sequential(first, second)
    state = nn.to_torch(model)
    assert state["0.weight"] == state["1.weight"]
    nn.from_torch(model, state | {"0.weight": [[3.0]], "1.weight": [[3.0]]})
    assert first.weight[0][0].data == 3.0
    with pytest.raises(ValueError, match=r"1\.weight gives a parameter that it shares another number"):
        nn.from_torch(model, state | {"0.weight": [[3.0]], "1.weight": [[4.0]]})


# errors ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"0.bias": None}, ValueError, r"^the state does not fit MLP: missing: 0\.bias \(3,\)$"),
        ({"0.bias": None, "bias": np.ones(3)}, ValueError, r"missing: 0\.bias \(3,\); unexpected: bias$"),
        ({"0.weight": np.ones((2, 3))}, ValueError, r"0\.weight has shape \(2, 3\), where \(3, 2\) is needed"),
        ({"2.bias": np.ones(())}, ValueError, r"2\.bias has shape \(\), where \(1,\) is needed"),
        ({"2.bias": [math.nan]}, ValueError, r"2\.bias holds a number that is not finite"),
        ({"2.bias": ["x"]}, TypeError, r"2\.bias is no array of real numbers: its dtype is <U1"),
        ({"2.bias": [True]}, TypeError, r"2\.bias is no array of real numbers: its dtype is bool"),
        ({"2.bias": [[1.0], [2.0, 3.0]]}, TypeError, r"2\.bias cannot be read as an array"),
        ({f"k{i}": 0.0 for i in range(20)}, ValueError, r"unexpected: k0;.*; and 8 more$"),
    ],
    ids=range(9),
)
def test_states_that_do_not_fit_change_nothing(change: dict[str, Any], error: type[Exception], message: str) -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    before = model.state_dict()
    state: dict[str, Any] = {key: array + 1.0 for key, array in nn.to_torch(model).items()} | change
    state = {key: array for key, array in state.items() if array is not None}
    with pytest.raises(error, match=message):
        nn.from_torch(model, state)
    assert model.state_dict() == before


def test_a_tensor_that_wants_to_be_detached() -> None:
    class Tensor:
        def __array__(self, *args: Any, **named: Any) -> Any:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad")

    with pytest.raises(TypeError, match=r"bias cannot be read .* requires grad; give tensor\.detach\(\)"):
        nn.from_torch(nn.Linear(1, 1), {"weight": [[1.0]], "bias": Tensor()})


def test_what_is_no_state_and_no_module() -> None:
    with pytest.raises(TypeError, match=r"a state is a mapping from names to arrays, .* not a list"):
        nn.from_torch(nn.Linear(1, 1), [1.0])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"take an nn\.Module, not a Value"):
        nn.to_torch(Value(1.0))  # type: ignore[arg-type]


def test_parameters_without_a_place() -> None:
    class More(nn.MLP):
        def __init__(self) -> None:
            super().__init__(1, [1])
            self.temperature = Value(1.0)

    with pytest.raises(ValueError, match=r"More has parameters without a place in PyTorch's layout: temperature; give"):
        nn.to_torch(More())

    class Twice(nn.Module):
        def __init__(self) -> None:
            self.w, self.v = Value(1.0), Value(2.0)

        def torch_layout(self) -> dict[str, Any]:
            return {"a": {"b": self.w}, "a.b": self.v}

    with pytest.raises(ValueError, match=r"the layout of Twice: a\.b is there twice"):
        nn.to_torch(Twice())

    class Nothing(nn.Module):
        def __init__(self) -> None:
            self.w = Value(1.0)

        def torch_layout(self) -> Any:
            return [self.w]

    with pytest.raises(TypeError, match=r"torch_layout\(\) of Nothing returned a list: it gives a dictionary"):
        nn.to_torch(Nothing())


def test_values_that_are_no_parameters() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            self.w = Value(1.0)

        def torch_layout(self) -> dict[str, Any]:
            return {"weight": [self.w, Value(2.0)]}

    with pytest.raises(ValueError, match="the layout of Mixed: weight holds Values that are no parameters"):
        nn.to_torch(Mixed())
