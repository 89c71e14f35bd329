"""Training steps of `autograd.compile` beside NumPy by hand, straight-line C and the libraries: one command, one table.

    python benchmarks/compiler.py --environments FOLDER     # hours; the peers are installed into FOLDER and kept there
    python benchmarks/compiler.py --rows b,c --peers numpy,torch
    python benchmarks/compiler.py --quick --peers numpy     # does it run at all

Every engine trains the same model from the same numbers (`compiler_peers/workloads.py`), written the way that engine's
users write it: ours in scalar Values (`compiler_models.py`), the tensor libraries in tensors, the whole step in one
jitted function where there is such a thing. A step is forward, backward and the SGD update. Before anything is timed,
every engine's loss and gradient are compared with NumPy's by hand, which has nothing of ours in it.

How it is measured. A sample is a fresh process with one engine, one row, one precision and one thread; it warms up,
then takes the median over many blocks of steps. Rounds are interleaved (A B C A B C ...). A cell is the median over
rounds of a step's time, and the ratio of it to ours in the same round: median, minimum and maximum over rounds. Time is
the smaller of wall-clock and CPU time: the one counts the waiting for other processes of the machine, the other counts
threads that overlap. A step of CasADi, NumPy, PyTorch and ours is a call from Python; straight-line C loops in C; JAX's
steps are dispatched without waiting for each other. An engine that has not made its first step after `--limit` seconds
is said not to compile in them, which is a result.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compiler_peers.environments import REQUIREMENTS, interpreter, prepare
from engine import machine, progress, spread

HERE = Path(__file__).resolve().parent
ENGINES = {
    "ours": "autograd.compile", "numpy": "NumPy by hand", "c": "straight-line C", "torch": "PyTorch eager",
    "torch-compile": "torch.compile", "jax": "jax.jit", "casadi": "CasADi SX", "casadi-c": "CasADi's C code",
    "micrograd": "micrograd", "loop": "plain Python loop", "eager": "our eager engine",
}  # fmt: skip
HOMES = {
    "torch": "torch", "torch-compile": "torch", "jax": "jax", "casadi": "casadi", "casadi-c": "casadi",
    "micrograd": "micrograd",
}  # fmt: skip
"""The environment of an engine that needs one."""
ROWS = ("a1", "a200", "b", "c", "d", "e", "f1s", "f256s", "f1d", "f256d")
DTYPES = ("float64", "float32")
TOLERANCE = {"float64": 1e-10, "float32": 2e-3}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
XLA = "--xla_cpu_multi_thread_eigen=false"
MEMORY = 12 << 30
"""Bytes of address space of a sample: a compiler that needs more has failed, and the machine stays usable."""


# ---- samples ----


@dataclass
class Bench:
    """Where samples run, and for how long they may."""

    folder: Path
    cache: Path
    limit: float
    failures: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """Why an engine has no figure for a row and a precision."""

    def child(self, engine: str, job: dict[str, Any]) -> dict[str, Any]:
        """What a sample in a process of its own measured; {"failed": why} where it did not."""
        home = HOMES.get(engine)
        python = str(interpreter(self.folder, home)) if home else sys.executable
        environment = os.environ | dict.fromkeys(THREADS, "1")
        environment |= {
            "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)]),
            "PYTHONHASHSEED": "0",
            "XLA_FLAGS": XLA,
            "TORCHINDUCTOR_CACHE_DIR": str(self.cache / "torch"),
            "BENCH_CACHE": str(self.cache),
            "PYTHONPYCACHEPREFIX": str(self.cache / "python"),  # an installed package has its bytecode
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [python, "-m", "compiler_peers.sample", json.dumps(job)]
        with subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=bounded if os.name == "posix" else None,
        ) as process:
            try:
                out, error = process.communicate(timeout=self.limit)
            except subprocess.TimeoutExpired:
                stop(process)
                out, _ = process.communicate()
                what = "does not finish" if '"ready"' in out else "does not compile"
                return {"failed": f"{what} in {self.limit:g} s"}
            except BaseException:  # Ctrl-C: nothing of ours goes on behind the user's back
                stop(process)
                raise
        if process.returncode:
            reason = error.strip().splitlines()[-1:] or [f"exit status {process.returncode}"]
            return {"failed": "out of memory" if "MemoryError" in error else reason[0][:200]}
        result: dict[str, Any] = json.loads(out.splitlines()[-1])["result"]
        return {"failed": result["not"]} if "not" in result else result


def stop(process: subprocess.Popen[str]) -> None:
    """Kill a sample and what it has started: the C compiler holds its pipes."""
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def bounded() -> None:
    """In a child before it starts: no more than MEMORY."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def check(bench: Bench, engines: list[str], row: str, dtype: str) -> dict[str, dict[str, float]]:
    """Compare every engine's loss and gradient with NumPy by hand: the difference relative to the largest, and the
    seconds until the first gradient. SystemExit where they differ by more than the precision explains."""
    own: dict[str, dict[str, float]] = {}
    judge = bench.child("numpy", {"what": "check", "engine": "numpy", "row": row, "dtype": "float64"})
    if "failed" in judge:
        raise SystemExit(f"NumPy by hand failed on row {row}: {judge['failed']}")
    scale = max(map(abs, judge["gradient"]))
    for engine in engines:
        progress(f"{row} {dtype}: gradients of {ENGINES[engine]}")
        result = bench.child(engine, {"what": "check", "engine": engine, "row": row, "dtype": dtype})
        if "failed" in result:
            bench.failures[engine, row, dtype] = result["failed"]
            continue
        pairs = zip(result["gradient"], judge["gradient"], strict=True)
        worst = max(max(abs(a - b) for a, b in pairs) / scale, abs(result["loss"] - judge["loss"]))
        if not worst < TOLERANCE[dtype]:
            raise SystemExit(f"{ENGINES[engine]}, row {row}, {dtype}: the gradient is off by {worst:.1e}; not timed")
        own[engine] = {"difference": worst, "make": result["make"]}
    return own


def measure(bench: Bench, engines: list[str], rows: list[str], dtypes: list[str], rounds: int, seconds: float) -> Any:
    """Every figure, as JSON data."""
    report: dict[str, Any] = {}
    for row in rows:
        for dtype in dtypes:
            entry = report[f"{row} {dtype}"] = {"checks": check(bench, engines, row, dtype), "samples": {}}
            for number in range(rounds):
                for engine in engines:
                    if (engine, row, dtype) in bench.failures:
                        continue
                    progress(f"{row} {dtype}, round {number + 1} of {rounds}: {ENGINES[engine]}")
                    job = {"what": "time", "engine": engine, "row": row, "dtype": dtype, "seconds": seconds}
                    result = bench.child(engine, job)
                    if "failed" in result:
                        bench.failures[engine, row, dtype] = result["failed"]
                        continue
                    result["seconds"] = min(result["wall"], result["cpu"])
                    entry["samples"].setdefault(engine, []).append(result)
            entry["engines"] = summary(entry["samples"])
            entry["failures"] = {e: why for (e, r, d), why in bench.failures.items() if (r, d) == (row, dtype)}
    progress("")
    return report


def summary(samples: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Of each engine, the time of a step and the ratio to ours, over rounds."""
    ours = [sample["seconds"] for sample in samples.get("ours", [])]
    result: dict[str, Any] = {}
    for engine, own in samples.items():
        times = [sample["seconds"] for sample in own]
        result[engine] = {"step": spread(times)}
        if len(times) == len(ours):
            result[engine]["ratio"] = spread([t / o for t, o in zip(times, ours, strict=True)])
    return result


# ---- the report ----


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            number = seconds / size
            return f"{number:.{2 if number < 10 else 1 if number < 100 else 0}f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def factor(number: float) -> str:
    return f"{number:.2f}" if number < 10 else f"{number:,.0f}"


def cell(entry: dict[str, Any], engine: str) -> str:
    """Time and ratio; or why there is none."""
    if engine in entry["failures"]:
        return str(entry["failures"][engine]).replace("|", "/")
    own = entry["engines"].get(engine)
    if own is None:
        return "-"
    text = duration(own["step"]["median"])
    if engine == "ours" or "ratio" not in own:
        return text
    low, middle, high = (factor(own["ratio"][key]) for key in ("min", "median", "max"))
    return f"{text} × {middle} ({low} to {high})"


def table(report: dict[str, Any], engines: list[str], titles: dict[str, str]) -> str:
    """The report as a Markdown table with its caption, and one of what compiling takes."""
    m, rows = report["machine"], report["rows"]
    used = [e for e in engines if any(e in entry["engines"] or e in entry["failures"] for entry in rows.values())]
    worst: dict[str, float] = {}
    for key, entry in rows.items():
        for found in entry["checks"].values():
            worst[key.split()[1]] = max(worst.get(key.split()[1], 0.0), found["difference"])
    agree = ", ".join(f"{difference:.0e} ({dtype})" for dtype, difference in worst.items())
    versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    lines = [
        f"{m['cpu']}, {m['python']}, {m['platform']}; {versions}. One thread; load average {report['load']} (1 is this "
        f"benchmark alone). A training step, median of {report['rounds']} rounds; × the ratio to autograd.compile in "
        f"the same round (minimum to maximum): above 1, ours is faster. Gradients agree with NumPy by hand to {agree}.",
        "",
        "| | " + " | ".join(ENGINES[e] for e in used) + " |",
        "|---" * (len(used) + 1) + "|",
    ]
    for key, entry in rows.items():
        row, dtype = key.split()
        lines.append(f"| {titles[row]}, {dtype} | " + " | ".join(cell(entry, e) for e in used) + " |")
    own = [(key, entry["samples"]["ours"]) for key, entry in rows.items() if "ours" in entry["samples"]]
    if own or report["large"]:
        lines += ["", "What our side takes to record a sample's graph and to compile it, to the first gradient:", ""]
        lines.append("| | nodes | record | compile | compile, a node | backend | memory, a node |")
        lines.append("|---" * 7 + "|")
    for key, samples in own:
        row, dtype = key.split()
        nodes, backend = samples[0]["nodes"], samples[0]["backend"]
        record, built = (statistics.median(s[name] for s in samples) for name in ("record", "compile"))
        each = duration(built / nodes)
        lines.append(
            f"| {titles[row]}, {dtype} | {nodes:,} | {duration(record)} | {duration(built)} | {each} | {backend} | |"
        )
    for kind, result in report["large"].items():
        if "failed" in result:
            lines.append(f"| {kind} | {result['failed']} | | | | | |")
            continue
        values, peak = result["values_bytes"], result["peak_bytes"]
        lines.append(
            f"| {kind} | {result['nodes']:,} | {duration(result['record'])} | {duration(result['compile'])} | "
            f"{duration(result['compile'] / result['nodes'])} | {result['backend']} | {values:.0f} bytes recorded, "
            f"{peak:.0f} at the peak |"
        )
    return "\n".join(lines)


def versions(bench: Bench, engines: list[str]) -> dict[str, str]:
    """Of the libraries that take part."""
    found: dict[str, str] = {}
    names = {"ours": ["numpy"]} | {e: [HOMES[e]] for e in engines if e in HOMES}
    for engine, packages in names.items():
        result = bench.child(engine, {"what": "versions", "names": packages})
        found |= {name: number for name, number in result.items() if name in packages}
    if "c" in engines:
        text = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True, check=False).stdout
        found["gcc"] = text.strip()
    return found


def available(bench: Bench, wanted: list[str], install: bool) -> list[str]:
    """The engines that can run here; says which cannot."""
    problems: dict[str, str | None] = {}
    for home in REQUIREMENTS:
        if any(HOMES.get(engine) == home for engine in wanted):
            progress(f"environment of {home}")
            problems[home] = prepare(bench.folder, home, install)
    if "c" in wanted and not shutil.which("gcc"):
        problems["c"] = "no gcc here"
    for name, why in problems.items():
        if why:
            print(f"{name} is left out: {why}", file=sys.stderr)
    return [e for e in wanted if not problems.get(HOMES.get(e, e))]


def load_average() -> str:
    """Processes that ran or waited over the last minute; "unknown" where the system does not say."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def chosen(text: str | None, names: tuple[str, ...] | list[str], what: str) -> list[str]:
    """The names of a list with commas; all of them for None."""
    if text is None:
        return list(names)
    picked = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in picked if name not in names]
    if wrong:
        raise SystemExit(f"no {what} {wrong[0]!r}: choose from {', '.join(names)}")
    return [name for name in names if name in picked]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small rows, once: does it run, not how fast")
    parser.add_argument("--rows", help=f"some of {', '.join(ROWS)}")
    parser.add_argument("--peers", help=f"some of {', '.join(list(ENGINES)[1:])}; ours always takes part")
    parser.add_argument("--dtypes", help="float64, float32")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (5; 1 with --quick)")
    parser.add_argument("--seconds", type=float, help="that a sample spends on timing (1; 0.02 with --quick)")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds that a sample may take (300)")
    parser.add_argument("--environments", metavar="FOLDER", type=Path, help="keep the peers' environments there")
    parser.add_argument("--no-install", action="store_true", help="use the peers that FOLDER has, fetch nothing")
    parser.add_argument("--large", action="store_true", help="graphs of a million nodes too, as without --rows")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every figure to FILE as well")
    options = parser.parse_args(arguments)
    quick = options.quick
    rows = chosen(options.rows, ROWS[:3] if quick and not options.rows else ROWS, "row")
    dtypes = chosen(options.dtypes, DTYPES, "precision")
    wanted = ["ours", *chosen(options.peers, list(ENGINES)[1:], "peer")]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = Bench(options.environments or Path(folder) / "environments", Path(folder) / "cache", options.limit)
        engines = available(bench, wanted, install=not options.no_install)
        report: dict[str, Any] = {"machine": machine(), "rounds": options.rounds or (1 if quick else 5)}
        report["versions"] = versions(bench, engines)
        seconds = options.seconds or (0.02 if quick else 1.0)
        loads = [load_average()]
        report["rows"] = measure(bench, engines, rows, dtypes, report["rounds"], seconds)
        nodes = 10_000 if quick else 1_000_000
        report["large"] = {
            f"{nodes:,} nodes, {name}": bench.child("ours", {"what": "large", "kind": kind, "nodes": nodes})
            for kind, name in (("perceptron", "2-16-16-1 unrolled"), ("random", "random graph, shallow"))
            if options.large or options.rows is None
        }
        report["load"] = " to ".join([*loads, load_average()])
    from compiler_peers.workloads import workload

    print(table(report, engines, {row: workload(row).title for row in rows}))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
