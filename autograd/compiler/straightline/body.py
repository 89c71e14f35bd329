"""The lines of one generated function: written once each, constants folded, single uses put where they are used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf, isfinite
from typing import Any

from autograd.compiler.straightline import forms
from autograd.compiler.straightline.forms import CHOICE, CLOSED, SIGN, Form, Ref, Step

LONGEST = 24
"""The most operations in one expression: Python's parser is recursive, and a reader's eye is too."""


class Body:
    """Lines, each with a number; a line applies a form to lines before it. Equal lines are one line.

    Args:
        functions: the namespace of the generated function, to which every function that is called is added.
        names: how an operation of a user's own is called, by its form.
    """

    def __init__(self, functions: dict[str, Any], names: dict[Form, str]) -> None:
        self.functions = functions
        self.names = names
        self.forms: list[Form | None] = []
        self.refs: list[tuple[int, ...]] = []
        self.constants: dict[int, float] = {}
        self.leaves: dict[int, tuple[str, str]] = {}
        self.labels: dict[int, str] = {}
        self.known: dict[Any, int] = {}

    def new(self, key: Any, form: Form | None, refs: tuple[int, ...]) -> int:
        """A line that was not there."""
        ref = self.known[key] = len(self.forms)
        self.forms.append(form)
        self.refs.append(refs)
        return ref

    def leaf(self, name: str, load: str = "") -> int:
        """A variable that is there already; or one that is read by the expression ``load``."""
        ref = self.known.get(name)
        if ref is None:
            ref = self.new(name, None, ())
            self.leaves[ref] = (name, load)
        return ref

    def number(self, x: float) -> int:
        """A constant."""
        key = repr(x), ""
        ref = self.known.get(key)
        if ref is None:
            ref = self.new(key, None, ())
            self.constants[ref] = x
        return ref

    def line(self, form: Form, refs: Sequence[Ref]) -> int:
        """The number of the line that applies ``form``: a new one, an equal one, or what it simplifies to.

        Only what is exact on every float is simplified: 1*x, but not 0*x.
        """
        refs = tuple([self.number(x) if x.__class__ is float else x for x in refs])
        constants = self.constants
        if constants and not constants.keys().isdisjoint(refs):
            found = self.with_constants(form, refs)  # type: ignore[arg-type]
            if found is not None:
                return found
        if form is forms.IDENTITY:
            return refs[0]  # type: ignore[return-value]
        if form is forms.MUL and self.forms[refs[1]] is forms.EXCEEDS:  # type: ignore[index]
            form, refs = forms.GATE, (refs[0], *self.refs[refs[1]])  # type: ignore[index]
        elif form is forms.WHERE and self.forms[refs[0]] is forms.EXCEEDS:  # type: ignore[index]
            form, refs = forms.CHOOSE, (*self.refs[refs[0]], *refs[1:])  # type: ignore[index]
        key = form, refs
        ref = self.known.get(key)
        return self.new(key, form, refs) if ref is None else ref  # type: ignore[arg-type]

    def with_constants(self, form: Form, refs: tuple[int, ...]) -> int | None:
        """What a line with a constant among its operands simplifies to, if to anything."""
        values = [self.constants.get(ref) for ref in refs]
        if form.function is not None and None not in values:
            try:
                return self.number(float(form.function(*values)))
            except (ValueError, ArithmeticError):  # it is to raise when the function runs
                return None
        if form is forms.MUL:
            for value, other in ((values[0], refs[1]), (values[1], refs[0])):
                if value == 1.0:
                    return other
                if value == -1.0:
                    return self.line(forms.NEG, (other,))
        elif form is forms.POW and values[1] is not None and values[1].is_integer() and abs(values[1]) < 2.0**53:
            return self.line(forms.WHOLE_POWER, refs)
        return None

    def total(self, refs: Iterable[int]) -> int:
        """The sum of lines."""
        found = None
        for ref in refs:
            found = ref if found is None else self.line(forms.ADD, (found, ref))
        return self.number(0.0) if found is None else found

    def play(self, steps: Iterable[Step], operands: Sequence[int], z: int) -> list[int]:
        """The lines of a recipe written for these operands; the result is to be indexed by the recipe's references."""
        found = [*operands]
        for form, refs in steps:
            found.append(
                self.line(form, [x if x.__class__ is float else z if x == -1 else found[x] for x in refs])  # type: ignore[index]
            )
        return found

    # -- text ------------------------------------------------------------------------------------------------------

    def write(self, statements: Sequence[tuple[str, int]], results: Sequence[int] = ()) -> tuple[list[str], list[str]]:
        """The lines that are needed, as statements; and the text of each result, which stands where it is returned.

        Args:
            statements: (head, line): ``head`` + expression is a statement of its own, after all others.
        """
        out, _, texts = self.pieces(statements, results)
        lines = [f"{target} = {text}" for target, text in out[: len(out) - len(statements)]]
        return lines + [head + text for head, text in out[len(lines) :]], texts

    def write_loop(
        self, statements: Sequence[tuple[str, int]], results: Sequence[int], varying: Iterable[int]
    ) -> tuple[list[str], list[str], list[str]]:
        """``write`` for the body of a loop in which the ``varying`` leaves change.

        Returns what is to be computed before the loop, the statements inside it, and the texts of the results.
        """
        ends = [*(ref for _, ref in statements), *results]
        varies = [False] * len(self.forms)
        for ref in varying:
            varies[ref] = True
        uses = self.count(ends)
        kept = {ref for ref in ends if not varies[ref]}
        for ref, refs in enumerate(self.refs):
            if uses[ref] and True in [varies[k] for k in refs]:
                varies[ref] = True
                kept.update([k for k in refs if not varies[k]])
        out, _, texts = self.pieces(statements, results, [ref for ref in kept if self.forms[ref] is not None])
        count = len(out) - len(statements)
        inside = {self.labels.get(ref) or f"t{ref}" for ref, changes in enumerate(varies) if changes}
        before = [f"{target} = {text}" for target, text in out[:count] if target not in inside]
        lines = [f"{target} = {text}" for target, text in out[:count] if target in inside]
        return before, lines + [head + text for head, text in out[count:]], texts

    def pieces(
        self,
        statements: Sequence[tuple[str, int]],
        results: Sequence[int] = (),
        kept: Sequence[int] = (),
        sent: Sequence[tuple[str, int]] = (),
    ) -> tuple[list[tuple[str, str]], dict[str, str], list[str]]:
        """``write``, but statements as (target, expression), and variables that are read first apart: their loads.

        Args:
            kept: lines that become variables, however often they are used.
            sent: as ``statements``, but each is made as soon as its line is there.
        """
        uses = self.count([*(ref for _, ref in (*statements, *sent)), *results, *kept, *kept])
        heads: dict[int, list[str]] = {}
        for head, ref in sent:
            heads.setdefault(ref, []).append(head)
        texts: list[Any] = [None] * len(uses)
        bindings = [CLOSED] * len(uses)
        sizes = [0] * len(uses)
        out: list[tuple[str, str]] = []
        loads: dict[str, str] = {}
        for ref, used in enumerate(uses):
            if not used:
                continue
            form = self.forms[ref]
            if form is None:
                texts[ref] = self.plain(ref, used, loads)
                bindings[ref] = SIGN if texts[ref][0] == "-" else CLOSED
                out += [(head, texts[ref]) for head in heads.get(ref, ())]
                continue
            refs = self.refs[ref]
            if form.bound or not form.template:
                self.bring(form)
            if form.template:
                text = form.pattern % tuple(
                    [texts[refs[k]] if bindings[refs[k]] >= need else f"({texts[refs[k]]})" for k, need in form.places]
                )
            else:
                text = f"{self.names.get(form) or form.name}({', '.join([texts[k] for k in refs])})"
            size = sizes[ref] = 1 + sum([sizes[k] for k in refs])
            if used == 1 and size < LONGEST:
                texts[ref], bindings[ref] = text, form.binding
            else:
                name = texts[ref] = self.labels.get(ref) or f"t{ref}"
                out.append((name, text))
                sizes[ref] = 0
            out += [(head, texts[ref]) for head in heads.get(ref, ())]
        out += [(head, texts[ref]) for head, ref in statements]
        return out, loads, [f"({texts[ref]})" if bindings[ref] == CHOICE else texts[ref] for ref in results]

    def count(self, results: Iterable[int]) -> list[int]:
        """How often each line's text will be written; 0 for what no result needs."""
        uses = [0] * len(self.forms)
        for ref in results:
            uses[ref] += 1
        for ref in range(len(uses) - 1, -1, -1):
            form = self.forms[ref]
            if form is None or not uses[ref]:
                continue
            refs = self.refs[ref]
            if form.template:
                for place, _ in form.places:
                    uses[refs[place]] += 2 if form.lazy else 1
            else:
                for operand in refs:
                    uses[operand] += 1
        return uses

    def plain(self, ref: int, used: int, loads: dict[str, str]) -> str:
        """The text of a constant or a leaf; a leaf that is read more than once is read into a variable."""
        if ref in self.constants:
            x = self.constants[ref]
            if isfinite(x):
                return repr(x)
            self.functions["inf"] = inf
            return "inf" if x == inf else "-inf" if x == -inf else "(inf - inf)"
        name, load = self.leaves[ref]
        if load and used > 1:
            loads[name] = load
        return name if used > 1 or not load else load

    def bring(self, form: Form) -> None:
        """Put what a form calls into the function's namespace."""
        if form.own and form not in self.names:
            self.names[form] = f"own{len(self.names)}"
        for name, function in form.bound.items():
            self.functions[name or self.names[form]] = function
