"""How good is the gradient checker? Wrong gradients killed and right ones rejected, beside three others.

    python benchmarks/checker.py                          # about a quarter of an hour on two cores
    python benchmarks/checker.py --environments DIR       # keep the peers' environments for the next time
    python benchmarks/checker.py --quick --no-peers       # does it run at all
    python benchmarks/checker.py --json FILE

It needs the `test` extra (mpmath, Hypothesis, pytest: the published examples and the mpmath functions are those of
tests/). Peers are torch.autograd.gradcheck, jax.test_util.check_grads and HIPS autograd.test_util.check_grads, each in
a virtual environment and a process of its own; HIPS autograd has our import name.

Mutants (checking/mutants.py). Every public operation at moderate, large and small points, alone and times its first
operand, and the published examples of tests/oracle/published_gradients.json; each local derivative with its sign
flipped, times 1 + 1e-3, 1 + 1e-5, 1 + 1e-7, its rule with two operands swapped (for one operand: the operand and the
output), a term of its sum or a whole path missing, and, for every node used twice, the adjoint assigned in place of
added up.
What changes the gradient by less than 1e-8 of itself is left out and counted. All checkers get the same function, point
and wrong gradient: programs are plain data, which each library runs in its own arithmetic, and the gradient enters by
its own mechanism for hand-written ones (torch.autograd.Function, jax.custom_vjp, HIPS primitive and defvjp). Ours meets
it in four ways: see checking/ours.py. "And the right gradient not rejected": a checker that cries wolf kills all, so
that the kills are counted once more without the programs whose right gradient it rejects too.

Right gradients (checking/corpus.py). Random functions at generic points, at kinks, within a step of kinks, with large
and small inputs. Here the peers differentiate their own operations, with their own rules and conventions; where
that gradient itself is off, their rejection is right and is not counted. An exception from a checker counts as
rejection. Ours may answer "undecidable", which is counted apart; "rejected by convention" are entries of kind
"convention".

Settings: gradcheck's defaults, float64; check_grads of jax in 64 bits, modes=["rev"], order=1, otherwise defaults; that
of HIPS the same; ours has none.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
for place in (ROOT / "tests", ROOT):
    sys.path.insert(0, str(place))

from checking import corpus, environments, mutants, table  # noqa: E402  (the path comes first)
from checking.ours import MUTANT_MODES  # noqa: E402
from engine import machine  # noqa: E402
from tqdm import tqdm  # noqa: E402

Item = dict[str, Any]
CHUNK = 1000


class Questions(NamedTuple):
    """What every checker is asked.

    Attributes:
        made: the mutants. base: every program among them once, with its right gradient. problems: random functions.
        unchanged: how many mutants were left out since they change nothing.
    """

    made: list[mutants.Mutant]
    base: list[mutants.Mutant]
    problems: list[corpus.Problem]
    unchanged: int

    def items(self, ours: bool) -> list[Item]:
        """The questions as JSON data, in order."""
        both = [*self.made, *self.base]
        if ours:
            return [
                *({"mutant": m} for m in both),
                *({"program": p.program, "right": p.gradient} for p in self.problems),
            ]
        wrong = ({"program": m.program, "gradient": m.gradient} for m in both)
        return [*wrong, *({"program": p.program} for p in self.problems)]


def questions(seed: int, count: int, quick: bool) -> Questions:
    made, unchanged = mutants.all_mutants(seed, quick)
    base = {table.key(m.program): m for m in made}.values()
    right = [m._replace(kind="none", line=0, operand=0, part=-1, gradient=m.right, change=0.0) for m in base]
    return Questions(made, right, corpus.problems(seed, count), len(unchanged))


def child(name: str, python: str, items: list[Item], folder: Path, number: int) -> list[Any]:
    """The answers of one checker, in order, from a process of its own."""
    job, result = (folder / f"{what}-{name}-{number}.json" for what in ("job", "result"))
    job.write_text(json.dumps(items), encoding="utf-8")
    if name == "ours":
        variables = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests")))}
        command = [python, "-m", "checking.ours", str(job), str(result)]
        done = subprocess.run(command, env=variables, cwd=HERE, capture_output=True, text=True, check=False)
    else:
        done = environments.run([python, "-m", "checking.peers", name, str(job), str(result)])
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
    found: list[Any] = json.loads(result.read_text(encoding="utf-8"))
    return found


def ask_all(jobs: dict[str, tuple[str, list[Item]]], workers: int) -> dict[str, list[Any]]:
    """The answers of every checker, in processes of a thousand questions each."""
    answers: dict[str, dict[int, list[Any]]] = {name: {} for name in jobs}
    with tempfile.TemporaryDirectory(prefix="check-") as folder, ThreadPoolExecutor(workers) as pool:
        futures = {}
        for name, (python, items) in jobs.items():
            for number, start in enumerate(range(0, len(items), CHUNK)):
                part = items[start : start + CHUNK]
                futures[pool.submit(child, name, python, part, Path(folder), number)] = name, number
        total = sum(len(items) for _, items in jobs.values())
        with tqdm(total=total, unit="gradient", disable=not sys.stderr.isatty()) as bar:
            for future in as_completed(futures):
                name, number = futures[future]
                answers[name][number] = future.result()
                bar.update(len(answers[name][number]))
    return {name: [a for _, part in sorted(parts.items()) for a in part] for name, parts in answers.items()}


def row(asked: Questions, answers: list[table.Answer]) -> dict[str, Any]:
    """The counts of one checker; the answers on random functions may be missing."""
    a, b = len(asked.made), len(asked.made) + len(asked.base)
    right = {table.key(m.program): answer[0] for m, answer in zip(asked.base, answers[a:b], strict=True)}
    counts: dict[str, Any] = {"seconds": statistics.median(seconds for _, _, seconds in answers)}
    counts["mutants"] = table.count_mutants(asked.made, [answer[0] for answer in answers[:a]], right)
    if answers[b:]:
        counts["correct"] = table.count_correct(asked.problems, answers[b:])
    return counts


def failures(asked: Questions, by_mode: dict[str, list[table.Answer]]) -> list[Item]:
    """What ours did not answer as it should have: mutants that live, right gradients that are not called right."""
    found: list[Item] = []
    both = [*asked.made, *asked.base]
    for mode, answers in by_mode.items():
        for m, (verdict, *_) in zip(both, answers, strict=False):
            if not (table.killed(verdict) if m.kind != "none" else verdict == "right"):
                found.append({"way": mode, "verdict": verdict, "mutant": m._asdict()})
        for p, (verdict, *_) in zip(asked.problems, answers[len(both) :], strict=False):
            if verdict != "right":
                found.append({"way": mode, "verdict": verdict, "problem": p._asdict()})
    return found


def measure(peers: dict[str, tuple[str, str]], seed: int, count: int, quick: bool, workers: int) -> dict[str, Any]:
    """Every figure, as JSON data. ``peers``: the Python and the version of each."""
    asked = questions(seed, count, quick)
    jobs = {name: (python, asked.items(False)) for name, (python, _) in peers.items()}
    answers = ask_all({"ours": (sys.executable, asked.items(True))} | jobs, workers)
    ours = answers.pop("ours")
    by_mode = {mode: [answer[mode] for answer in ours if mode in answer] for mode in MUTANT_MODES}
    out = [p.truth for p in asked.problems if p.truth in corpus.TRUTHS[2:]]
    return {
        "machine": machine(),
        "versions": [version for _, version in peers.values()],
        "seed": seed,
        "mutants": len(asked.made),
        "unchanged": asked.unchanged,
        "problems": len(asked.problems) - len(out),
        "left out": {what: out.count(what) for what in corpus.TRUTHS[2:]},
        "checkers": {name: row(asked, found) for name, found in (by_mode | answers).items()},
        "failures": failures(asked, by_mode),
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small: does it run, not how good")
    parser.add_argument("--no-peers", action="store_true", help="ours alone")
    parser.add_argument("--no-install", action="store_true", help="only the peers that are installed already")
    parser.add_argument("--environments", metavar="DIR", type=Path, help="make and keep the peers' environments here")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every figure to FILE as well")
    parser.add_argument(
        "--failures", metavar="FILE", type=Path, help="write what ours answered otherwise than it should"
    )
    parser.add_argument("--problems", type=int, help="right gradients (10000; 40 with --quick)")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes at a time")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="peers-") as temporary:
        folder = (options.environments or Path(temporary)).resolve()
        peers: dict[str, tuple[str, str]] = {}
        for name in () if options.no_peers else environments.PEERS:
            python, version = environments.interpreter(name, folder, not options.no_install)
            if python:
                peers[name] = python, version
            else:
                print(f"{environments.PEERS[name][0]} is left out, {version}", file=sys.stderr)
        count = options.problems or (40 if options.quick else 10_000)
        report = measure(peers, options.seed, count, options.quick, options.workers)
    print(table.markdown(report))
    failed = report.pop("failures")
    if options.failures:
        options.failures.write_text(json.dumps(failed, indent=1) + "\n", encoding="utf-8")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
