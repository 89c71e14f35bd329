"""The Python snippets of a page: they run, and print what their comments say."""

import contextlib
import io
import re
from typing import Any

from support import ROOT


def snippets(page: str) -> list[str]:
    """Those of a page, given by its path in the repository."""
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)


def check_snippet(snippet: str, namespace: dict[str, Any] | None = None) -> None:
    """Run it; every line that it prints stands in a comment behind its ``print``."""
    expected = re.findall(r"^\s*print\(.*\)  # (.+)$", snippet, re.MULTILINE)
    assert len(expected) == snippet.count("print(")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(snippet, "snippet of a page", "exec"), {"__name__": "page"} if namespace is None else namespace)
    assert printed.getvalue().splitlines() == expected
