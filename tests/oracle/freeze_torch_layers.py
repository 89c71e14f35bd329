"""Freeze PyTorch's layers into `torch_layers.json`, so that the tests can use them as an oracle.

    python -m venv venv && venv/bin/pip install torch==2.13.0 numpy
    venv/bin/python tests/oracle/freeze_torch_layers.py

All in float64 on the CPU. A row holds a function's inputs by name (nested lists), its options, its value, and for a
fixed root, the sum of `value * weights`, the gradient in each input. Pooling inputs have no ties, for which the two
engines differ by convention. `optimisers`: as in `freeze_torch_nn.py`; `clipped`: `clip_grad_norm_`.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from freeze_torch_nn import GRADIENTS, START, path_of


def numbers(*shape: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(*shape, dtype=torch.float64, generator=generator)
    return drawn.round(decimals=3).requires_grad_()


def row(name: str, function: Callable[..., torch.Tensor], inputs: dict[str, torch.Tensor], **options: Any) -> Any:
    value = function(**inputs, **options)
    weights = torch.arange(1, value.numel() + 1, dtype=torch.float64).cos().reshape(value.shape)
    (value * weights).sum().backward()
    return {
        "function": name,
        "options": options,
        "inputs": {key: tensor.detach().tolist() for key, tensor in inputs.items()},
        "value": value.tolist(),
        "gradients": {key: tensor.grad.tolist() for key, tensor in inputs.items() if tensor.grad is not None},
    }


def attention(x: torch.Tensor, in_weight: torch.Tensor, in_bias: torch.Tensor, out_weight: torch.Tensor,
              out_bias: torch.Tensor, heads: int, causal: bool) -> torch.Tensor:  # fmt: skip
    mask = torch.triu(torch.ones(len(x), len(x), dtype=torch.bool), diagonal=1) if causal else None
    result, _ = F.multi_head_attention_forward(
        x[:, None], x[:, None], x[:, None], x.shape[1], heads, in_weight, in_bias, None, None, False, 0.0, out_weight,
        out_bias, attn_mask=mask,
    )  # fmt: skip
    return result[:, 0]


def clipped(gradients: list[float], max_norm: float) -> dict[str, Any]:
    parameters = [torch.zeros((), dtype=torch.float64, requires_grad=True) for _ in gradients]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = torch.tensor(gradient, dtype=torch.float64)
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    after = [parameter.grad.item() for parameter in parameters if parameter.grad is not None]
    return {"gradients": gradients, "max_norm": max_norm, "norm": norm.item(), "clipped": after}


def main() -> None:
    convolutions = [
        ((1, 5, 6), (2, 1, 3, 3), True, {}),
        ((2, 5, 4), (3, 2, 2, 3), True, {"stride": 2, "padding": 1}),
        ((2, 4, 5), (1, 2, 3, 1), False, {"stride": (1, 2), "padding": (2, 0)}),
    ]
    rows = []
    for seed, (grid, filters, bias, options) in enumerate(convolutions):
        inputs = {"x": numbers(*grid, seed=seed), "weight": numbers(*filters, seed=seed + 50)}
        if bias:
            inputs["bias"] = numbers(filters[0], seed=seed + 90)
        rows.append(row("conv2d", lambda x, **rest: F.conv2d(x[None], **rest)[0], inputs, **options))
    for name, function in (("max_pool2d", F.max_pool2d), ("avg_pool2d", F.avg_pool2d)):
        for seed, options in enumerate(({"kernel_size": 2}, {"kernel_size": (3, 2), "stride": (2, 1), "padding": 1})):
            inputs = {"x": numbers(2, 5, 6, seed=seed + 7)}
            rows.append(row(name, lambda x, f=function, **rest: f(x[None], **rest)[0], inputs, **options))
    rows += [
        row("linear", F.linear, {"x": numbers(3, seed=1), "weight": numbers(2, 3, seed=2), "bias": numbers(2, seed=3)}),
        row("layer_norm", lambda x, weight, bias: F.layer_norm(x, [5], weight, bias),
            {"x": numbers(5, seed=4), "weight": numbers(5, seed=5), "bias": numbers(5, seed=6)}),
        row("layer_norm", lambda x, eps: F.layer_norm(x, [3], eps=eps), {"x": numbers(3, seed=8)}, eps=0.25),
        row("rms_norm", lambda x, weight: F.rms_norm(x, [4], weight),
            {"x": numbers(4, seed=9), "weight": numbers(4, seed=10)}),
        row("rms_norm", lambda x, eps: F.rms_norm(x, [4], eps=eps), {"x": numbers(4, seed=11)}, eps=0.5),
        *(row("scaled_dot_product_attention",
              lambda query, key, value, causal: F.scaled_dot_product_attention(query, key, value, is_causal=causal),
              {"query": numbers(4, 3, seed=12), "key": numbers(4, 3, seed=13), "value": numbers(4, 2, seed=14)},
              causal=causal) for causal in (False, True)),
        *(row("attention", attention, {
            "x": numbers(3, 4, seed=15), "in_weight": numbers(12, 4, seed=16), "in_bias": numbers(12, seed=17),
            "out_weight": numbers(4, 4, seed=18), "out_bias": numbers(4, seed=19)}, heads=heads, causal=causal)
          for heads, causal in ((1, True), (2, True), (2, False))),
    ]  # fmt: skip
    optimisers = [
        {"options": options, "path": path_of(torch.optim.AdamW, options)}
        for options in ({}, {"lr": 0.1, "weight_decay": 0.5, "betas": (0.8, 0.95), "eps": 1e-6}, {"weight_decay": 0.0})
    ]
    clips = [clipped([3.0, -4.0], 1.0), clipped([0.3, -0.4], 1.0), clipped([0.0, 0.0], 2.0), clipped([1e3] * 5, 0.1)]
    content = {"torch": torch.__version__, "start": START, "gradients": GRADIENTS, "rows": rows,
               "optimisers": optimisers, "clips": clips}  # fmt: skip
    assert all(math.isfinite(x) for o in optimisers for x in o["path"])
    Path(__file__).with_name("torch_layers.json").write_text(json.dumps(content) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
