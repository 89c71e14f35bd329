"""A small graph as two functions, one line for each operation, under the names that the user gave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from autograd.compiler.source.helpers import Helpers
from autograd.compiler.source.names import GENERATED, Names
from autograd.compiler.straightline.body import Body
from autograd.compiler.straightline.forms import Form, Ref, form_of
from autograd.compiler.straightline.sweep import Nodes, Terms, backward, forward
from autograd.compiler.straightline.whole import text
from autograd.ops import TABLE

SIGMOID = TABLE["sigmoid"]
CALLED = {form_of(SIGMOID): Form("sigmoid", function=SIGMOID.forward, bound={"sigmoid": SIGMOID.forward})}
"""Written out they are faster; for a reader they are calls."""


class Lines(Body):
    """A body in which every node's line, and every adjoint's, is a statement."""

    def line(self, form: Form, refs: Sequence[Ref]) -> int:
        """See ``Body``; what is better read as a call is one."""
        return super().line(CALLED.get(form, form), refs)

    def count(self, results: Iterable[int]) -> list[int]:
        """See ``Body``; a line with a label passes for used twice, so that it gets a variable."""
        uses = super().count(results)
        for ref in self.labels:
            if uses[ref] == 1 and self.forms[ref] is not None:
                uses[ref] = 2
        return uses


class Small:
    """The functions of one small graph.

    Args:
        leaves: how every input and parameter is called, by its node.
        names: what is taken; gets what is named here.
    """

    def __init__(self, nodes: Nodes, leaves: dict[int, str], names: Names, helpers: Helpers) -> None:
        self.nodes = nodes
        self.leaves = leaves
        self.helpers = helpers
        self.adjoints: dict[str, str] = {}
        self.values: dict[int, str] = {}
        for i in nodes.inner:
            if name := nodes.tape.names.get(i):
                self.values[i] = names.new(name, f"n{i}_")
        for i, name in (leaves | self.values).items():
            self.adjoints[f"g{i}"] = names.new(f"d_{name}", f"g{i}_")

    def function(self, head: str, doc: str, single: bool, gradient: bool) -> str:
        """The text of a function that returns the outputs (``single``: the only one), or (the output, its slopes)."""
        nodes = self.nodes
        body = Lines({}, {})
        lines = {i: body.leaf(name) for i, name in self.leaves.items()}
        lines |= {i: body.number(float(nodes.tape.data[i])) for i in range(len(nodes.code)) if nodes.constant(i)}
        forward(nodes, nodes.inner, lines, body)
        for i, name in self.values.items():
            body.labels[lines[i]] = name
        results = [lines[i] for i in nodes.outputs]
        if gradient:
            terms: Terms = {nodes.outputs[0]: [body.number(1.0)]}
            backward(nodes, reversed(nodes.inner), nodes.reached_from(nodes.inputs), lines, terms, body)
            slopes = [body.total(terms.get(i, ())) for i in nodes.inputs]
            body.labels = {ref: self.adjoints.get(label, label) for ref, label in body.labels.items()}
            for i, ref in zip(nodes.inputs, slopes, strict=True):
                if GENERATED.fullmatch(body.labels.get(ref, "g0")):
                    body.labels[ref] = self.adjoints[f"g{i}"]
            results += slopes
        statements, texts = body.write([], results)
        for name, thing in body.functions.items():
            self.helpers.add(name, thing)
        if gradient:
            return text([head, doc, *statements, f"return {texts[0]}, {bracketed(texts[1:])}"])
        return text([head, doc, *statements, f"return {texts[0] if single else bracketed(texts)}"])


def bracketed(texts: Sequence[str]) -> str:
    """The text of a tuple."""
    return f"({', '.join(texts)}{',' * (len(texts) == 1)})"
