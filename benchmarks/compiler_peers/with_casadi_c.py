"""CasADi's function as the C code that it generates, compiled by GCC: -O3, or -O1 where the code is long."""

from __future__ import annotations

from typing import Any

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from compiler_peers.compiling import shared_library
from compiler_peers.engine import Engine
from compiler_peers.with_casadi import Casadi

LONG = 2_000_000
"""Characters."""


class CasadiC(Casadi):
    """The update is an external function; its gradient is what it has subtracted."""

    def compiled(self, function: Any) -> Any:
        """The library's function."""
        generator = ca.CodeGenerator("update.c")
        generator.add(function)
        text = generator.dump()
        return ca.external("update", str(shared_library(text, "-O3" if len(text) < LONG else "-O1")))

    def gradients(self) -> tuple[float, NDArray[np.float64]]:
        """The rate being 1 for this one call would need another function; (p - p') / rate loses digits, so the loss is
        the code's and the gradient the virtual machine's, once the two updates are found equal."""
        loss, updated = self.update(self.start, self.columns.T)
        _, gradient = super().gradients()
        expected = self.start - self.rate * gradient
        error = float(np.max(np.abs(np.array(updated).ravel() - expected)))
        if not error < 1e-15 + 1e-12 * float(np.max(np.abs(self.rate * gradient))):
            raise ArithmeticError(f"the code's update is off by {error:.1e}")
        return float(loss), gradient


def make(row: str, dtype: str) -> Engine:
    """The engine for a row."""
    return CasadiC(row, dtype)
