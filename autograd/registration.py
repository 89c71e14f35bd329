"""Tells Hypothesis, where somebody uses it, how to draw a Value: ``st.from_type(Value)``.

Whichever of the two is imported last does it: ``autograd`` at the end of its own import, or Hypothesis by its entry
point (``_glassgrad_hypothesis``). The strategies themselves are imported when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from autograd.value import Value


def register() -> None:
    """Register the strategy; doing it again does nothing new."""
    from hypothesis import strategies as st

    def values_of(kind: type[Value]) -> Any:
        return import_module("autograd.strategies").values()  # by its name: it imports this module

    st.register_type_strategy(Value, values_of)
