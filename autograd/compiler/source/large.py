"""A large graph as many functions of bounded size: the texts of ``straightline.blocks``, and two that call them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd.compiler.source.helpers import Helpers
from autograd.compiler.source.small import bracketed
from autograd.compiler.straightline.blocks import Blocks
from autograd.compiler.straightline.sweep import Nodes
from autograd.compiler.straightline.whole import text


class Texts(Blocks):
    """Blocks that are kept as text."""

    def compiled(self, source: str) -> Any:
        """The text itself."""
        return source


class Large:
    """The functions of one large graph; the parameters are the tuple ``_PARAMETERS``."""

    def __init__(self, nodes: Nodes, helpers: Helpers) -> None:
        self.nodes = nodes
        self.helpers = helpers
        self.blocks = Texts(nodes)

    def pieces(self, arguments: Sequence[str], gradient: bool) -> list[str]:
        """The functions behind the two public ones."""
        blocks, between = self.blocks, len(self.nodes.parameters)
        found = numbered("forward", "v", blocks.forwards)
        lines = [f"def _forward({', '.join(arguments)}):", f"v = [0.0]*{blocks.first}"]
        if between:
            lines.append(f"v[:{between}] = _PARAMETERS")
        if arguments:
            lines.append(f"v[{between}:{blocks.first}] = {bracketed(arguments)}")
        found.append(text([*lines, *[f"v += _forward_{k + 1}(v)" for k in range(len(blocks.forwards))], "return v"]))
        if gradient:
            sweeps, zeros = blocks.sweep("inputs")
            found += numbered("backward", "v, d", sweeps)
            lines = ["def _backward(v):", f"d = [0.0]*{len(zeros)}"]
            lines += [f"d[{place}] = 1.0" for place, x in enumerate(zeros) if x]
            lines += [f"_backward_{k + 1}(v, d)" for k in range(len(sweeps))]
            found.append(text([*lines, f"return tuple(d[:{len(self.nodes.inputs)}])"]))
        for name, thing in blocks.scope.items():
            if name != "__builtins__":
                self.helpers.add(name, thing)
        return found

    def function(self, head: str, doc: str, single: bool, gradient: bool, arguments: Sequence[str]) -> str:
        """The text of a public function."""
        known, slots = self.blocks.constants, self.blocks.slots
        outputs = [number(known[i]) if i in known else self.blocks.load(slots[i]) for i in self.nodes.outputs]
        found = outputs[0] if single else bracketed(outputs)
        if gradient:
            found += ", _backward(v)"
        return text([head, doc, f"v = _forward({', '.join(arguments)})", f"return {found}"])


def number(x: float) -> str:
    """A number as Python reads it, inf and nan too."""
    return repr(x) if x - x == 0.0 else f'float("{x}")'


def numbered(what: str, arguments: str, sources: Sequence[Any]) -> list[str]:
    """The blocks' functions under names of their own."""
    head = f"def block({arguments}):"
    assert all(source.startswith(head) for source in sources)
    return [f"def _{what}_{k + 1}({arguments}):{source[len(head) :]}" for k, source in enumerate(sources)]
