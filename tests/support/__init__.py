"""What several test modules share: graphs, references, ways to look at results. It holds no tests."""

import json
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent.parent
ROOT = TESTS.parent
ORACLE = TESTS / "oracle"
"""Numbers of other programs, frozen, with the scripts that froze them."""
EXAMPLES = {"nn/prelu.py", "viz/bars.py"}
"""Files that the recipes of CONTRIBUTING.md make; they were made in a copy."""


def frozen(name: str) -> Any:
    """What ``oracle/name.json`` holds."""
    return json.loads((ORACLE / f"{name}.json").read_text(encoding="utf-8"))
