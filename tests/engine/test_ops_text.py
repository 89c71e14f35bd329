"""The text reading: formulas that are true when they are read back, brackets where they are needed and nowhere else."""

import importlib.util
import inspect
import math
import re
from types import ModuleType
from typing import Any

import pytest
from support import ROOT
from support.operations import DECLARED, each_op, middling

import autograd as ag
from autograd.op import Op
from autograd.ops import TABLE
from autograd.text import CLOSED, PRODUCT, SIGN, SUM, Expr, constant, run_text, written

DOCS = ROOT / "docs"


def names_of(op: Op, count: int = 4) -> list[str]:
    if op.arity is None:
        return [f"x{i + 1}" for i in range(count)]
    return list(inspect.signature(op.forward).parameters)


def read_back(text: str, values: dict[str, float]) -> float:
    """The number that a formula stands for, by Python's own rules for brackets."""
    code = re.sub(r"\|([^|]*)\|", r"abs(\1)", text).replace("[", "1.0*(").replace("]", ")")
    functions = {op.name: op.forward for op in TABLE.values()} | {
        "φ": TABLE["normal_pdf"].forward,
        "Φ": TABLE["normal_cdf"].forward,
    }
    functions |= {"max": max, "min": min, "round": round}
    for name in ("mean", "logsumexp"):
        functions[name] = TABLE[name].forward
    return float(eval(code, {"__builtins__": {}, "pi": math.pi, "e": math.e}, {**functions, **values}))


@each_op
def test_formulas_and_slopes_are_true_when_read_back(op: Op) -> None:
    if op.name == "power_derivative":
        return
    names = names_of(op)
    for p, _ in middling(op):
        values = dict(zip(names, p, strict=True))
        z = op.forward(*p)
        xs = [Expr(name) for name in names]
        assert read_back(run_text(op, tuple(xs)).text, values) == pytest.approx(z, rel=1e-13)
        for i in range(len(p)):
            slope = float(op.rule(i)(z, *p))
            assert read_back(written(op, i, Expr("z"), xs).text, {**values, "z": z}) == pytest.approx(
                slope, rel=1e-12, abs=1e-14
            )


@each_op
def test_brackets_survive_operands_of_every_strength(op: Op) -> None:
    """A sum, a product and a negation as operands: the formula is still the operation of their values."""
    if op.name == "power_derivative":
        return
    for shift, (p, _) in enumerate(middling(op)):
        values: dict[str, float] = {}
        xs = []
        for i, (name, x) in enumerate(zip(names_of(op), p, strict=True)):
            values |= {f"{name}a": x - 0.25, f"{name}b": 0.25, f"{name}m": -x, f"{name}h": x / 2.0}
            kinds = [(f"{name}a + {name}b", SUM), (f"2*{name}h", PRODUCT), (f"-{name}m", SIGN)]
            text, binding = kinds[(i + shift) % 3]
            xs.append(Expr(text, binding=binding))
        formula = run_text(op, tuple(xs)).text
        assert read_back(formula, values) == pytest.approx(op.forward(*p), rel=1e-12, abs=1e-13), formula


@each_op
def test_latex_is_well_formed(op: Op) -> None:
    xs = [Expr(n, f"{n[0]}_{{{n}}}") for n in names_of(op)]
    sums = [Expr("a + b", "a + b", SUM), *xs[1:]]
    count = 2 if op.name == "power_derivative" else len(xs)
    formulas = [
        run_text(op, tuple(xs)),
        run_text(op, tuple(sums)),
        *(written(op, i, Expr("z"), xs) for i in range(count)),
    ]
    for latex in (formula.latex for formula in formulas):
        assert latex.count("{") == latex.count("}")
        assert latex.count(r"\left") == latex.count(r"\right")
        assert r"\left(\left(" not in latex
        assert "((" not in latex
        assert not re.search(r"\^\{[^{}]*\}\^", latex), f"two exponents: {latex}"
        assert not re.search(r"[+-] -", latex), latex


def test_signs_brackets_and_constants() -> None:
    x, y, s = Expr("x"), Expr("y"), Expr("a + b", binding=SUM)
    shown: list[tuple[Any, str, str]] = [
        (x - (-y), "x + y", "x + y"),
        (x + (-y), "x - y", "x - y"),
        (x - (-2.0 * y), "x + 2*y", r"x + 2 \cdot y"),
        (-(-x), "x", "x"),  # noqa: B002
        (x - s, "x - (a + b)", r"x - \left(a + b\right)"),
        (s * s, "(a + b)*(a + b)", r"\left(a + b\right) \cdot \left(a + b\right)"),
        (x * (-y), "x*(-y)", r"x \cdot \left(-y\right)"),
        (x / (y * s), "x/(y*(a + b))", r"\frac{x}{y \cdot \left(a + b\right)}"),
        (-x / y, "-x/y", r"-\frac{x}{y}"),
        ((-x) ** 2.0, "(-x)**2", r"\left(-x\right)^{2}"),
        (ag.exp(x) ** 2.0, "exp(x)**2", r"\left(e^{x}\right)^{2}"),
        (ag.square(s), "(a + b)**2", r"\left(a + b\right)^{2}"),
        (ag.sin(x * y), "sin(x*y)", r"\sin \left(x \cdot y\right)"),
        (ag.where(TABLE["exceeds"](x, 0.0), y, s) * 2.0, "(y if x > 0 else a + b)*2",
         r"\left(y\ \text{if}\ x > 0\ \text{else}\ a + b\right) \cdot 2"),
        (1.0 * x + 0.0, "x", "x"),
        (0.5 * x, "0.5*x", r"0.5 \cdot x"),
        (ag.logsumexp([x, s]), "logsumexp(x, a + b)", r"\ln\left(e^{x} + e^{a + b}\right)"),
    ]  # fmt: skip
    for expression, text, latex in shown:
        assert (expression.text, expression.latex) == (text, latex)


def test_constants() -> None:
    assert [constant(c).text for c in (1.0 / 3.0, 0.25, 2.0, -1.0, 1.1283791670955126, 0.1, math.inf)] == [
        "1/3", "0.25", "2", "-1", "2/sqrt(pi)", "0.1", "inf",
    ]  # fmt: skip


def test_slopes_of_the_piecewise_operations() -> None:
    x, leak = Expr("x"), Expr("leak")
    assert written(TABLE["leaky_relu"], 0, Expr("z"), [x, leak]).text == "1 if x > 0 else leak"
    assert written(TABLE["leaky_relu"], 0, Expr("z"), [x, 0.01]).text == "1 if x > 0 else 0.01"
    assert written(TABLE["elu"], 0, Expr("z"), [x, 1.0]).text == "1 if x > 0 else exp(x)"
    assert written(TABLE["relu"], 0, Expr("z"), [x]).latex == r"1\ \text{if}\ x > 0\ \text{else}\ 0"


def test_a_template_of_the_users_own() -> None:
    loose, tight = (Op.__new__(type(TABLE["exp"])) for _ in range(2))
    for op, text, binding in ((loose, "{0}**3", 4), (tight, "cube({0})", CLOSED)):
        op.name, op.text, op.latex, op.binding = "cube", text, "", binding
    s = Expr("a + b", binding=SUM)
    assert run_text(loose, (s,)).text == "(a + b)**3"
    assert run_text(tight, (s,)).text == "cube(a + b)"


def test_a_rule_cannot_look_at_names() -> None:
    with pytest.raises(TypeError, match="the expression x has no value: a rule may not look at data"):
        Expr("x").data  # noqa: B018


# docs/operations.md --------------------------------------------------------------------------------------------------


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_operations", DOCS / "make_operations.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_operations_is_what_the_script_makes() -> None:
    page = (DOCS / "operations.md").read_text(encoding="utf-8")
    assert page == script().page(), "run `python docs/make_operations.py`"


def test_the_page_names_every_public_operation_once() -> None:
    listed = re.findall(r"^\| \*\*(\w+)\*\* \|", script().page(), re.MULTILINE)
    assert sorted(listed) == sorted(op.name for op in DECLARED if op.public and op.name != "identity")
    assert set(script().DEFINED) == {op.name for op in DECLARED if op.defined}
    assert all(callable(getattr(ag, name)) for name in listed)
