"""The counts of a run, and the Markdown that shows them."""

import collections
from collections.abc import Sequence
from typing import Any

from checking import corpus, mutants
from checking.environments import PEERS

OURS = {
    "graph": "**autograd.check**, graph of ours",
    "custom": "**autograd.check**, graph with an unknown operation",
    "by hand": "**autograd.check**, `gradient=`, f runs on Values",
    "black box": "**autograd.check**, `gradient=`, f is a black box",
}
LABELS = OURS | {name: f"`{PEERS[name][0]}`" for name in PEERS}
Answer = tuple[str, list[float], float]
"""Verdict, the library's own gradient where it was asked for, CPU seconds."""


def rejected(verdict: str) -> bool:
    """Does the checker say that the gradient is wrong? An exception says so too."""
    return verdict == "wrong" or verdict.startswith("error")


def killed(verdict: str) -> bool:
    """The same of a mutant: "by convention" is no excuse there."""
    return rejected(verdict) or verdict == "convention"


def count_mutants(made: Sequence[mutants.Mutant], verdicts: Sequence[str], base: dict[str, str]) -> dict[str, Any]:
    """How many mutants a checker killed. ``base``: what it said of the right gradient of the same program."""
    kinds: dict[str, list[int]] = {kind: [0, 0] for kind in mutants.KINDS}
    total: collections.Counter[str] = collections.Counter()
    for m, verdict in zip(made, verdicts, strict=True):
        kill = killed(verdict)
        kinds[m.kind][0] += kill
        kinds[m.kind][1] += 1
        total["all"] += 1
        total["killed"] += kill
        total["told apart"] += kill and not rejected(base[key(m.program)])
        total["undecidable"] += verdict == "undecidable"
        total["let pass"] += verdict == "right"
        total["visible"] += m.visible
        total["visible killed"] += kill and m.visible
    right = collections.Counter(rejected(v) for v in base.values())
    return {**total, "kinds": kinds, "base": len(base), "base rejected": right[True]}


def key(program: dict[str, Any]) -> str:
    return repr(program)


def own_is_off(p: corpus.Problem, own: Sequence[float]) -> bool:
    """Is the gradient that a library's own rules give not the right one (at a kink: not finite)?"""
    if p.truth == "kink":
        return not all(g - g == 0.0 for g in own)
    rows = zip(own, p.gradient, p.paths, strict=False)
    return any(not abs(g - right) <= 1e-6 * (paths + abs(right)) + 1e-300 for g, right, paths in rows)


def count_correct(made: Sequence[corpus.Problem], answers: Sequence[Answer]) -> dict[str, Any]:
    """How many right gradients a checker rejected."""
    kinds: dict[str, collections.Counter[str]] = {kind: collections.Counter() for kind in corpus.KINDS}
    others: dict[str, collections.Counter[str]] = {truth: collections.Counter() for truth in corpus.TRUTHS[2:]}
    for p, (verdict, own, _) in zip(made, answers, strict=True):
        word = "error" if verdict.startswith("error") else verdict
        if p.truth in others:
            others[p.truth][word] += 1
        elif rejected(verdict) and own and own_is_off(p, own):
            kinds[p.kind]["own gradient off"] += 1
        else:
            kinds[p.kind][word] += 1
        kinds[p.kind]["all"] += p.truth not in others
    total = sum(kinds.values(), collections.Counter[str]())
    return {"total": dict(total), "kinds": {k: dict(v) for k, v in kinds.items()}, "others": others}


def share(part: int, whole: int) -> str:
    """A count with its percentage; 100 % only where it is all of them."""
    if not whole:
        return "-"
    percent = 100.0 * part / whole
    if part == whole or percent < 99.95:
        return f"{part} ({percent:.1f} %)"
    return f"{part} ({min(percent, 99.99):.2f} %)"


def markdown(report: dict[str, Any]) -> str:
    """The report as Markdown: the summary, kills by mutation, rejections by point."""
    m, rows = report["machine"], report["checkers"]
    some = next(iter(rows.values()))
    left_out = report["left out"]
    out = [
        f"{', '.join([m['cpu'], m['python'], m['platform'], *report['versions']])}. "
        f"{report['mutants']} mutants ({report['unchanged']} more change nothing and are left out); "
        f"{report['problems']} right gradients of random functions, seed {report['seed']} "
        f"({', '.join(f'{n} more: {what}' for what, n in left_out.items())}; left out).",
        "",
        "| checker | mutants killed | and the right gradient not rejected | undecidable mutants | "
        "right gradients rejected | rejected by convention | undecidable, generic points | ms a check |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        a, b = row["mutants"], row.get("correct")
        cells = [share(a["killed"], a["all"]), share(a["told apart"], a["all"]), str(a["undecidable"])]
        if b:
            total, generic = b["total"], b["kinds"]["generic"]
            wrong = total.get("wrong", 0) + total.get("error", 0)
            cells += [share(wrong, total["all"]), str(total.get("convention", 0))]
            cells += [share(generic.get("undecidable", 0), generic["all"]) if name in OURS else "-"]
        else:
            cells += ["-"] * 3
        out.append(f"| {LABELS[name]} | " + " | ".join([*cells, f"{row['seconds'] * 1e3:.1f}"]) + " |")
    kinds = [k for k in mutants.KINDS if some["mutants"]["kinds"][k][1]]
    sizes = [some["mutants"]["kinds"][k][1] for k in kinds]
    out += ["", "Mutants killed, by mutation:", ""]
    out.append("| checker | " + " | ".join(f"{k}, {n}" for k, n in zip(kinds, sizes, strict=True)) + " |")
    out.append("|---" * (len(kinds) + 1) + "|")
    for name, row in rows.items():
        cells = [f"{row['mutants']['kinds'][k][0]}" for k in kinds]
        out.append(f"| {LABELS[name]} | " + " | ".join(cells) + " |")
    out += ["", "Right gradients rejected, by point (ours in brackets: undecidable):", ""]
    checked = {name: row["correct"] for name, row in rows.items() if row.get("correct")}
    first = next(iter(checked.values()))
    out.append("| checker | " + " | ".join(f"{k}, {first['kinds'][k].get('all', 0)}" for k in corpus.KINDS) + " |")
    out.append("|---" * (len(corpus.KINDS) + 1) + "|")
    for name, b in checked.items():
        cells = []
        for kind in corpus.KINDS:
            count = b["kinds"][kind]
            wrong = count.get("wrong", 0) + count.get("error", 0)
            cells.append(f"{wrong} ({count.get('undecidable', 0)})" if name in OURS else f"{wrong}")
        out.append(f"| {LABELS[name]} | " + " | ".join(cells) + " |")
    visible, everything = some["mutants"]["visible"], some["mutants"]["all"]
    if visible < everything:
        counts = ", ".join(f"{LABELS[name]} {row['mutants']['visible killed']}" for name, row in rows.items())
        why = "move f by less than a roundoff over a step as large as x (a saturated tanh): its floats cannot show them"
        out += ["", f"{everything - visible} of the mutants {why}. Killed of the {visible} others: {counts}."]
    off = {name: b["total"].get("own gradient off", 0) for name, b in checked.items() if name not in OURS}
    if any(off.values()):
        counts = ", ".join(f"{LABELS[name]} {n}" for name, n in off.items())
        out += ["", f"Rejected rightly, because the library's own gradient is off there, and not counted: {counts}."]
    return "\n".join(out)
