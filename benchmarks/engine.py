"""What building, differentiating and dropping a graph costs, beside micrograd: every figure by one command.

    python benchmarks/engine.py              # two or three minutes
    python benchmarks/engine.py --quick      # does it run at all
    python benchmarks/engine.py --json FILE

The workload is micrograd's demo: an MLP 2-16-16-1 (relu hidden, linear output) over 100 points of two
half-moons, with the demo's loss, sum of relu(1 - y * score) / n + 1e-4 * sum of squared parameters. Data and
initial weights are the same numbers for every engine, inputs are Values as in the demo, and the gradients are
compared before anything is timed.

- `micrograd`: micrograd 0.1.0 from PyPI, its own `Neuron`;
- `autograd, sum(w * x)`: the same source with our Value, a neuron written as micrograd's users write it;
- `autograd, nn.MLP`: our `nn.MLP`, whose neurons are one n-ary dot node each.

How it is measured. Every sample is a fresh process with one engine in it: micrograd's nodes are reference
cycles, and in a shared process the collector would go through them while another engine is timed. Rounds are
interleaved (A B C A B C ...), CPU time is the mean over the steps of a process, tables give the median and
the range over rounds, and a ratio is the median of the ratios within a round. "collector on" is Python as it
starts; "collector off" is `gc.disable()`, where micrograd leaks every graph. Bytes per node is the growth of
memory traced by `tracemalloc` from before to after the forward pass with the loss alive, over the number of
Values made: nodes, their data and derivatives as float objects, tuples and closures, and the Values behind
constants; the model and the inputs existed before. (tracemalloc counts the bytes asked for; pymalloc rounds
to 16, and the collector's header is included.)
"""

import argparse
import copy
import gc
import importlib.util
import itertools
import json
import math
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MICROGRAD = "micrograd==0.1.0"
ENGINES = {
    "micrograd": "micrograd",
    "operators": "autograd, sum(w * x)",
    "nn": "autograd, nn.MLP",
}
SIZES = (2, 16, 16, 1)
PHASES = ("build", "backward", "drop")


# ---- the workload ----


def half_moons(points: int) -> tuple[list[tuple[float, float]], list[float]]:
    """Two interleaved half circles with noise 0.1, labels -1 and 1 (scikit-learn's make_moons, as in the
    demo)."""
    rng = random.Random(1337)
    xs, ys = [], []
    for i in range(points):
        angle = rng.uniform(0.0, math.pi)
        x, y = math.cos(angle), math.sin(angle)
        if i % 2:
            x, y = 1.0 - x, 0.5 - y
        xs.append((x + rng.gauss(0.0, 0.1), y + rng.gauss(0.0, 0.1)))
        ys.append(2.0 * (i % 2) - 1.0)
    return xs, ys


def weights() -> list[list[tuple[list[float], float]]]:
    """Per layer, per neuron: weights as micrograd draws them, and the bias."""
    rng = random.Random(1337)
    return [
        [([rng.uniform(-1.0, 1.0) for _ in range(nin)], 0.0) for _ in range(nout)]
        for nin, nout in itertools.pairwise(SIZES)
    ]


def loss_of(model: Callable[[Any], Any], parameters: list[Any], inputs: list[Any], labels: list[float]) -> Any:
    """The loss as the demo writes it."""
    scores = list(map(model, inputs))
    losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(labels, scores, strict=True)]
    data_loss = sum(losses) * (1.0 / len(losses))
    reg_loss = 1e-4 * sum(p * p for p in parameters)
    return data_loss + reg_loss


class Neuron:
    """A neuron as micrograd writes it, over any engine's Value."""

    def __init__(self, Value: Any, w: list[float], b: float, nonlin: bool) -> None:
        self.w = [Value(wi) for wi in w]
        self.b = Value(b)
        self.nonlin = nonlin

    def __call__(self, x: Any) -> Any:
        """The neuron's output."""
        act = sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b)
        return act.relu() if self.nonlin else act

    def parameters(self) -> list[Any]:
        """Weights, then the bias."""
        return [*self.w, self.b]


class Network:
    """Layers of `Neuron`."""

    def __init__(self, Value: Any) -> None:
        table = weights()
        self.layers = [
            [Neuron(Value, w, b, nonlin=i < len(table) - 1) for w, b in layer] for i, layer in enumerate(table)
        ]

    def __call__(self, x: Any) -> Any:
        """The score of one point."""
        for layer in self.layers:
            x = [neuron(x) for neuron in layer]
        return x[0]

    def parameters(self) -> list[Any]:
        """Of every neuron, in order."""
        return [p for layer in self.layers for neuron in layer for p in neuron.parameters()]


def workload(engine: str, points: int) -> tuple[Callable[[], Any], list[Any]]:
    """A function that builds the loss, and the parameters in one order for all engines."""
    xs, labels = half_moons(points)
    model: Any
    if engine == "micrograd":
        import micrograd.nn
        from micrograd.engine import Value

        model = micrograd.nn.MLP(SIZES[0], list(SIZES[1:]))
        set_weights(model.parameters())
    elif engine == "operators":
        from autograd import Value

        model = Network(Value)
    else:
        import nn
        from autograd import Value

        model = nn.MLP(SIZES[0], list(SIZES[1:]), activation="relu")
        set_weights(model.parameters())
    inputs = [list(map(Value, x)) for x in xs]
    parameters = model.parameters()
    return lambda: loss_of(model, parameters, inputs, labels), parameters


def set_weights(parameters: list[Any]) -> None:
    numbers = [x for layer in weights() for w, b in layer for x in (*w, b)]
    for p, x in zip(parameters, numbers, strict=True):
        p.data = x


# ---- one sample: a process with one engine ----


def sample_gradients(engine: str, points: int) -> list[float]:
    build, parameters = workload(engine, points)
    loss = build()
    loss.backward()
    return [float(loss.data), *(float(p.grad) for p in parameters)]


def sample_time(engine: str, points: int, steps: int) -> dict[str, float]:
    """Mean CPU seconds of a step and its phases. The first step warms up."""
    build, parameters = workload(engine, points)
    clock = time.process_time
    total = dict.fromkeys(PHASES, 0.0)
    for step in range(steps + 1):
        for p in parameters:
            p.grad = 0.0
        t0 = clock()
        loss = build()
        t1 = clock()
        loss.backward()
        t2 = clock()
        del loss
        t3 = clock()
        if step:
            for phase, seconds in zip(PHASES, (t1 - t0, t2 - t1, t3 - t2), strict=True):
                total[phase] += seconds / steps
    return total | {"step": sum(total.values())}


def sample_memory(engine: str, points: int) -> dict[str, float]:
    build, parameters = workload(engine, points)
    build().backward()  # whatever is made once is made now
    gc.collect()
    before = set(map(id, values()))
    tracemalloc.start()
    start = tracemalloc.get_traced_memory()[0]
    loss = build()
    grown = tracemalloc.get_traced_memory()[0] - start
    tracemalloc.stop()
    nodes = sum(id(v) not in before for v in values())
    del loss, parameters
    return {"nodes": nodes, "bytes": grown / nodes}


def values() -> list[Any]:
    """Every Value alive."""
    return [x for x in gc.get_objects() if type(x).__name__ == "Value"]


def sample_large(engine: str, size: int) -> dict[str, Any]:
    """CPU seconds for graphs that break engines which recurse; the exception's name where one does."""
    if engine == "micrograd":
        from micrograd.engine import Value

        size = min(size, 10_000)  # it fails from about a thousand; a million would only take a gigabyte first
        n_ary: Callable[[Any], Any] | None = None
    else:
        import autograd
        from autograd import Value

        n_ary = autograd.sum

    def chain() -> Any:
        x = Value(0.5)
        w = Value(0.9999999)
        y = x
        for _ in range(size // 2):
            y = y * w
            y = y + 1e-9
        return y

    def terms() -> list[Any]:
        return [Value(1e-6) for _ in range(size)]

    result: dict[str, Any] = {}
    clock = time.process_time

    def measure(name: str, make: Callable[[], Any]) -> None:
        try:
            t0 = clock()
            y = make()
            t1 = clock()
            result[f"{name}: forward"] = t1 - t0
            y.backward()
            t2 = clock()
            result[f"{name}: backward"] = t2 - t1
            if name == "chain":
                twin = copy.deepcopy(y)
                t3 = clock()
                result[f"{name}: deepcopy"] = t3 - t2
                del twin
            t4 = clock()
            del y
            result[f"{name}: drop"] = clock() - t4
        except RecursionError as error:
            result[f"{name}: failed"] = type(error).__name__

    measure("chain", chain)
    leaves = terms()
    measure("sum of a list", lambda: sum(leaves))
    if n_ary is not None:
        measure("autograd.sum", lambda: n_ary(leaves))
    return result


# ---- the parent ----


def child(job: dict[str, Any], extra_path: str) -> Any:
    """Run one sample in a process of its own and return what it measured."""
    search = os.pathsep.join(filter(None, [str(ROOT), extra_path]))
    environment = os.environ | {"PYTHONPATH": search, "PYTHONHASHSEED": "0"}
    command = [sys.executable, str(Path(__file__).resolve()), "--sample", json.dumps(job)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"sample {job} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def run_sample(job: dict[str, Any]) -> Any:
    if not job.pop("collector", True):
        gc.disable()
    what = job.pop("what")
    samples: dict[str, Callable[..., Any]] = {
        "gradients": sample_gradients, "time": sample_time, "memory": sample_memory, "large": sample_large,
    }  # fmt: skip
    return samples[what](**job)


def install_micrograd(folder: str) -> bool:
    """Put micrograd (pure Python, no dependencies) into a folder; a peer is never a dependency of ours."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, MICROGRAD]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"micrograd is left out, pip could not install it: {done.stderr.strip()[-300:]}", file=sys.stderr)
    return done.returncode == 0


def machine() -> dict[str, str]:
    """What a reader needs to judge the figures; no host name."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {"cpu": model, "python": python, "platform": f"{platform.system()} {platform.machine()}"}


def spread(numbers: list[float]) -> dict[str, float]:
    return {"median": statistics.median(numbers), "min": min(numbers), "max": max(numbers)}


def compare_gradients(engines: list[str], points: int, extra_path: str) -> float:
    """The largest difference between the engines' losses and gradients, relative to the largest gradient."""
    results = [child({"what": "gradients", "engine": e, "points": points}, extra_path) for e in engines]
    scale = max(map(abs, results[0]))
    worst = max(abs(a - b) / scale for other in results for a, b in zip(results[0], other, strict=True))
    if not worst < 1e-12:
        raise SystemExit(f"the engines' gradients differ by {worst:.1e}; nothing to compare")
    return worst


def progress(text: str) -> None:
    """One line that is overwritten, for a person who waits."""
    if sys.stderr.isatty():
        print(f"\r{text:<70}", end="" if text else "\r", file=sys.stderr, flush=True)


def measure(engines: list[str], points: int, steps: int, rounds: int, size: int, extra_path: str) -> dict[str, Any]:
    """Every figure, as JSON data."""
    report: dict[str, Any] = {
        "machine": machine(),
        "points": points,
        "rounds": rounds,
        "steps": steps,
        "size": size,
    }
    report["gradient_difference"] = compare_gradients(engines, points, extra_path)
    for name, collector in (("collector on", True), ("collector off", False)):
        raw: dict[str, list[dict[str, float]]] = {e: [] for e in engines}
        for number in range(rounds):
            for e in engines:
                progress(f"{name}, round {number + 1} of {rounds}: {ENGINES[e]}")
                job = {"what": "time", "engine": e, "points": points, "steps": steps, "collector": collector}
                raw[e].append(child(job, extra_path))
        report[name] = {
            e: {phase: spread([s[phase] for s in samples]) for phase in (*PHASES, "step")} for e, samples in raw.items()
        }
        if "micrograd" in engines:
            for e in engines[1:]:
                pairs = zip(raw["micrograd"], raw[e], strict=True)
                report[name][e]["ratio"] = spread([peer["step"] / own["step"] for peer, own in pairs])
    progress("memory and large graphs")
    report["memory"] = {e: child({"what": "memory", "engine": e, "points": points}, extra_path) for e in engines}
    large = [e for e in engines if e != "nn"]
    report["large"] = {e: child({"what": "large", "engine": e, "size": size}, extra_path) for e in large}
    progress("")
    return report


def table(report: dict[str, Any]) -> str:
    """The report as one Markdown table with its caption."""
    m = report["machine"]
    lines = [
        f"{m['cpu']}, {m['python']}, {m['platform']}. MLP 2-16-16-1, {report['points']} points; CPU ms a step "
        f"(build, backward, drop), median (min to max) of {report['rounds']} rounds of {report['steps']} steps; "
        f"gradients agree to {report['gradient_difference']:.0e}.",
        "",
        "| | " + " | ".join(ENGINES[e] for e in report["memory"]) + " |",
        "|---" * (len(report["memory"]) + 1) + "|",
    ]

    def row(label: str, cells: list[str]) -> None:
        lines.append(f"| {label} | " + " | ".join(cells) + " |")

    for name in ("collector on", "collector off"):
        part = report[name]
        for phase in ("step", *PHASES):
            cells = []
            for times in part.values():
                low, middle, high = (times[phase][k] * 1e3 for k in ("min", "median", "max"))
                cells.append(f"{middle:.1f} ({low:.1f} to {high:.1f})")
            row(f"{name}: {phase}, ms", cells)
        if any("ratio" in times for times in part.values()):
            ratios = [times.get("ratio") for times in part.values()]
            cells = ["1" if r is None else f"{r['median']:.1f} ({r['min']:.1f} to {r['max']:.1f})" for r in ratios]
            row(f"{name}: micrograd's time over ours", cells)
    row("Values made in a forward pass", [f"{x['nodes']}" for x in report["memory"].values()])
    row("bytes a Value after the forward pass", [f"{x['bytes']:.0f}" for x in report["memory"].values()])
    totals = [x["nodes"] * x["bytes"] / 1e6 for x in report["memory"].values()]
    row("the whole graph after the forward pass, MB", [f"{x:.1f}" for x in totals])
    keys = [k for k in report["large"]["operators"] if not k.endswith("failed")]
    for key in keys:
        cells = []
        for e in report["memory"]:
            result = report["large"].get(e, {})
            failed = result.get(key.partition(":")[0] + ": failed", "")
            cells.append(failed or (f"{result[key]:.2f}" if key in result else "-"))
        name, _, phase = key.partition(": ")
        unit = "operations" if name == "chain" else "terms"
        row(f"{name}, {report['size']:,} {unit}: {phase}, s", cells)
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small and once: does it run, not how fast")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every figure to FILE as well")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (7; 1 with --quick)")
    parser.add_argument("--no-install", action="store_true", help="do not fetch micrograd where it is not installed")
    parser.add_argument("--sample", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.sample:
        print(json.dumps(run_sample(json.loads(options.sample))))
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        present = importlib.util.find_spec("micrograd") is not None
        if not present and not options.no_install:
            present = install_micrograd(folder)
        engines = [e for e in ENGINES if e != "micrograd" or present]
        sizes = (
            {"points": 4, "steps": 1, "size": 10_000}
            if options.quick
            else {"points": 100, "steps": 5, "size": 1_000_000}
        )
        rounds = options.rounds or (1 if options.quick else 7)
        report = measure(engines, **sizes, rounds=rounds, extra_path=folder)
    print(table(report))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
