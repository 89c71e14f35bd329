"""Importing autograd brings nothing along but its own modules; NumPy comes when an array first appears."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import autograd as ag

CORE = [*Path(ag.__file__).parent.glob("*.py"), *(Path(ag.__file__).parent / "ops").glob("*.py")]


def fresh(code: str) -> str:
    """What a new interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


USES = """
import autograd as ag
x, y = ag.Value(3.0), ag.Value(0.5)
loss = ag.dot([x, y], [1.0, 2.0], ag.tanh(x * 2) / y) - x**2 + ag.logsumexp([x, y]) + ag.take(ag.softmax([x, 1.0]), 1)
loss.backward()
ag.hessian(lambda p: ag.exp(p["a"]) * p["b"][0])({"a": 1.0, "b": [2.0]})
ag.jvp(lambda p: ag.mean(p), ([1.0, 2.0],), ([1.0, 0.0],))
for wrong in (lambda: x + "text", lambda: x < None, lambda: ag.exp([x]), lambda: ag.Value(None)):
    try:
        wrong()
    except TypeError:
        pass
"""


def test_numbers_alone_need_no_numpy():
    outside = "print([m for m in sys.modules if m.split('.')[0] in ('numpy', 'hypothesis', 'graphviz', 'tqdm')])"
    assert fresh(f"import sys\n{USES}\n{outside}") == "[]"


@pytest.mark.slow
def test_an_array_that_comes_later_is_known():
    code = "import autograd as ag; x = ag.Value(2.0)\nimport numpy as np\n"
    assert fresh(code + "print((x * np.ones(2))[1].data, ag.exp(np.zeros(2)), np.square(x).data)") == "2.0 [1. 1.] 4.0"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["check_gradients", "assert_gradients", "compile", "Program", "to_source"])
def test_what_needs_numpy_comes_when_it_is_asked_for(name):
    assert fresh(f"from autograd import {name}; print({name}.__name__)") == name


def test_one_module_of_the_core_imports_numpy():
    found = set()
    for path in CORE:
        nodes = [*ast.walk(ast.parse(path.read_text("utf-8")))]
        blocks = [n for n in nodes if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
        typing = {id(n) for block in blocks for statement in block.body for n in ast.walk(statement)}
        for node in nodes:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            if id(node) not in typing and any(name.split(".")[0] == "numpy" for name in names):
                found.add(path.name)
    assert found == {"arrays.py"}
