"""Freeze PyTorch's optimisers and losses into `torch_nn.json`, so that the tests can use them as an oracle.

    python -m venv venv && venv/bin/pip install torch==2.13.0 numpy
    venv/bin/python tests/oracle/freeze_torch_nn.py

All in float64 on the CPU. `optimisers`: one parameter, started at `start`, is given the gradients one by one
(null: no gradient, the step must pass it over) and stands at `path` after each step. `losses`: value and
gradient in the prediction; probabilities no closer than 1e-9 to 0 and 1, since PyTorch's gradient of the binary
cross-entropy divides by p (1 - p) or 1e-12, whichever is more.
"""

import json
import math
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

START = 0.75
GRADIENTS = [0.5, -1.25, 3.0, None, 0.001, 0.0, -40.0, 2.5, 0.125, -0.75]
OPTIMISERS: list[tuple[str, type[torch.optim.Optimizer], dict[str, Any]]] = [
    ("SGD", torch.optim.SGD, {"lr": 0.1}),
    ("SGD", torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    ("SGD", torch.optim.SGD, {"lr": 0.05, "momentum": 0.5, "nesterov": True}),
    ("Adam", torch.optim.Adam, {}),
    ("Adam", torch.optim.Adam, {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-6}),
    ("Adam", torch.optim.Adam, {"lr": 0.01, "betas": (0.0, 0.5)}),
]
PROBABILITIES = [1e-9, 0.001, 0.25, 0.5, 0.9, 1 - 1e-9]
LOGITS = [-700.0, -40.0, -2.5, -1e-9, 0.0, 0.3, 36.0, 800.0]
ROWS = [[0.0, 0.0], [1.5, -2.0, 0.25], [1000.0, 0.0, -1000.0], [-3.0, -3.5, 40.0, 39.0]]


def path_of(make: type[torch.optim.Optimizer], options: dict[str, Any]) -> list[float]:
    parameter = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimiser = make([parameter], **options)
    path = []
    for gradient in GRADIENTS:
        parameter.grad = None if gradient is None else torch.tensor(gradient, dtype=torch.float64)
        optimiser.step()
        path.append(parameter.item())
    return path


def loss_row(name: str, prediction: Any, target: float) -> dict[str, Any]:
    p = torch.tensor(prediction, dtype=torch.float64, requires_grad=True)
    y = torch.tensor(target, dtype=torch.float64)
    if name == "cross_entropy":
        value = F.cross_entropy(p, torch.tensor(int(target)))
    elif name == "hinge":
        value = torch.clamp(1 - y * p, min=0)
    else:
        function = {
            "absolute_error": F.l1_loss,
            "squared_error": F.mse_loss,
            "binary_cross_entropy": F.binary_cross_entropy,
            "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits,
        }[name]
        value = function(p, y)
    value.backward()
    assert p.grad is not None
    assert math.isfinite(value.item())
    return {
        "loss": name,
        "prediction": prediction,
        "target": target,
        "value": value.item(),
        "gradient": p.grad.tolist(),
    }


def main() -> None:
    optimisers = [
        {"name": name, "options": options, "path": path_of(make, options)} for name, make, options in OPTIMISERS
    ]
    losses = [
        *(
            loss_row(name, p, y)
            for name in ("absolute_error", "squared_error")
            for p in (-2.0, 0.3, 1.0)
            for y in (0.0, 1.0)
        ),
        *(loss_row("binary_cross_entropy", p, y) for p in PROBABILITIES for y in (0.0, 1.0, 0.25)),
        *(loss_row("binary_cross_entropy_with_logits", z, y) for z in LOGITS for y in (0.0, 1.0, 0.25)),
        *(loss_row("hinge", s, y) for s in (-2.0, -0.5, 0.0, 0.5, 3.0) for y in (-1.0, 1.0)),
        *(loss_row("cross_entropy", row, i) for row in ROWS for i in range(len(row))),
    ]
    content = {
        "torch": torch.__version__,
        "start": START,
        "gradients": GRADIENTS,
        "optimisers": optimisers,
        "losses": losses,
    }
    Path(__file__).with_name("torch_nn.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
