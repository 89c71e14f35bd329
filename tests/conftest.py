"""Hypothesis: the same examples every time, and no deadlines, because machines are noisy. And the circles of checks."""

import os

import pytest
from hypothesis import settings

settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is neither slow nor for the full circle is quick: nobody keeps a list."""
    for item in items:
        if not any(item.iter_markers("slow")) and not any(item.iter_markers("full")):
            item.add_marker("quick")
