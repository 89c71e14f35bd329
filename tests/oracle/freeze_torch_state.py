"""Freeze PyTorch's networks into `torch_state.json`: their `state_dict`, and what they compute with it.

    python -m venv venv && venv/bin/pip install torch==2.13.0 numpy
    venv/bin/python tests/oracle/freeze_torch_state.py

All in float64 on the CPU. A row holds the state (arrays as nested lists), an input, the output, and for a fixed root,
the sum of `output * cos(1, 2, ...)`, the gradient in the input (where it is one of numbers) and in every parameter.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn


class Transformer(nn.Module):
    """An embedding, attention around which the input is added, and a readout."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5, 4)
        self.norm = nn.LayerNorm(4)
        self.attention = nn.MultiheadAttention(4, 2)
        self.last = nn.RMSNorm(4)
        self.readout = nn.Linear(4, 5, bias=False)

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        x = self.table(index)
        y = self.norm(x)
        mask = torch.triu(torch.ones(len(x), len(x), dtype=torch.bool), diagonal=1)
        attended, _ = self.attention(y, y, y, attn_mask=mask, need_weights=False)
        readout: torch.Tensor = self.readout(self.last(x + attended))
        return readout


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Any]] = {
    "linear": (lambda: nn.Linear(3, 2), [0.5, -1.25, 2.0]),
    "mlp": (
        lambda: nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)),
        [0.75, -0.5],
    ),
    "figure5": (
        lambda: nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1), nn.Sigmoid()),
        [0.75, -0.5],
    ),
    "convolution": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(0), nn.Dropout(0.5), nn.Linear(12, 2)
        ).eval(),
        [[[((7 * i + 3 * j + i * j * j) % 11) / 11 for j in range(6)] for i in range(6)]],
    ),
    "transformer": (Transformer, [3, 0, 4, 0]),
}


def row(make: Callable[[], nn.Module], given: Any) -> dict[str, Any]:
    torch.manual_seed(0)
    network = make().double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_((parameter + 0.3 * torch.randn_like(parameter)).mul(1024).round().div(1024))
    x = torch.tensor(given, dtype=torch.int64 if isinstance(given[0], int) else torch.float64)
    x.requires_grad_(x.is_floating_point())
    output = network(x)
    (output * torch.arange(1, output.numel() + 1, dtype=torch.float64).cos().reshape(output.shape)).sum().backward()
    return {
        "state": {name: tensor.tolist() for name, tensor in network.state_dict().items()},
        "input": given,
        "output": output.tolist(),
        "input gradient": None if x.grad is None else x.grad.tolist(),
        "gradients": {name: p.grad.tolist() for name, p in network.named_parameters() if p.grad is not None},
    }


def main() -> None:
    networks = {name: row(make, given) for name, (make, given) in NETWORKS.items()}
    content = {"torch": torch.__version__, "networks": networks}
    Path(__file__).with_name("torch_state.json").write_text(json.dumps(content) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
