"""The functions behind the layers against PyTorch's values and gradients (tests/oracle/torch_layers.json)."""

import math
from typing import Any

import numpy as np
import pytest
from support import frozen

import autograd as ag
import nn
from autograd import Value, tree

ORACLE = frozen("torch_layers")


def values(numbers: Any) -> Any:
    return [values(part) for part in numbers] if isinstance(numbers, list) else Value(numbers)


def grads(x: Any) -> Any:
    return [grads(part) for part in x] if isinstance(x, list) else x.grad


def data(x: Any) -> Any:
    return [data(part) for part in x] if isinstance(x, list) else x.data


def attention(x: Any, in_weight: Any, in_bias: Any, out_weight: Any, out_bias: Any, heads: int, causal: bool) -> Any:
    """nn.Attention with PyTorch's parameters: its query, key and value stand in one matrix."""
    layer = nn.Attention(len(x[0]), heads, causal=causal, seed=0)
    d = len(x[0])
    for i, part in enumerate((layer.query, layer.key, layer.value)):
        part.weight, part.bias = in_weight[i * d : (i + 1) * d], in_bias[i * d : (i + 1) * d]
    layer.out.weight, layer.out.bias = out_weight, out_bias
    return layer(x)


@pytest.mark.parametrize("row", ORACLE["rows"], ids=lambda row: f"{row['function']} {row['options']}")
def test_values_and_gradients_are_pytorchs(row: dict[str, Any]) -> None:
    function = attention if row["function"] == "attention" else getattr(nn, row["function"])
    inputs = {name: values(numbers) for name, numbers in row["inputs"].items()}
    options = {name: tuple(x) if isinstance(x, list) else x for name, x in row["options"].items()}
    out = function(**inputs, **options)
    assert np.array(data(out)) == pytest.approx(np.array(row["value"]), rel=1e-12, abs=1e-13)
    outputs = tree.leaves(out)
    ag.dot([math.cos(i + 1) for i in range(len(outputs))], outputs).backward()
    for name, numbers in row["gradients"].items():
        assert np.array(grads(inputs[name])) == pytest.approx(np.array(numbers), rel=1e-11, abs=1e-12), name
