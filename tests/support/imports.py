"""Who imports whom, read from the source: nothing is run."""

import ast
from collections.abc import Iterator
from pathlib import Path

from support import ROOT

PACKAGES = ("autograd", "nn", "viz")


def module_of(path: Path) -> str:
    """``viz/player/__init__.py`` is viz.player."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES = {module_of(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}
"""The file of every module of the three packages."""


def statements(tree: ast.AST, late: bool = False) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Every import that runs, and whether it waits for a call; what only a type checker reads is none."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, late
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from statements(ast.Module(node.orelse, []), late)
        else:
            yield from statements(node, late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))


def imports(text: str) -> dict[str, bool]:
    """The modules of ours that a module's text imports; true where it does so only inside functions."""
    found: dict[str, bool] = {}
    for node, late in statements(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in FILES else str(node.module) for name in names]
        else:
            names = [alias.name for alias in node.names]
        for name in names:
            if name in FILES:
                found[name] = found.get(name, True) and late
    return found


IMPORTS = {module: imports(path.read_text("utf-8")) for module, path in FILES.items()}
"""For every module the modules of ours that it imports; true where that waits for a call."""
