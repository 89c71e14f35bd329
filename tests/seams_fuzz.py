"""Random programs over the seams of the engine: structures, shapes, modes, copies, custom operations, threads.

    python tests/seams_fuzz.py 0 5000      # seeds from 0 to 4999, on all cores
    python tests/seams_fuzz.py 17 18 -v    # one of them, with the program that it runs

A seed makes arguments (numbers, lists, tuples, dicts and arrays, nested), a program of operations on them, and a
direction. Its numbers on floats must be the data of its numbers on Values; value_and_grad, grad, jacobian, vjp, jvp,
hvp and hessian must agree with one another and with differences, or all of them raise; whatever holds a mode, copies
what it is given, or walks the graph in another thread must change nothing. `tests/engine/test_seams.py` runs some.
"""

from __future__ import annotations

import argparse
import copy
import math
import multiprocessing
import os
import random
import threading
from collections import Counter, namedtuple
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import autograd as ag
from autograd import Value, custom, modes

Pair = namedtuple("Pair", "first second")

SCALE = 0.75
bend = custom("bend_of_seams", lambda x: math.tanh(SCALE * x), lambda z, x: SCALE * (1.0 - z * z))
blend = custom(
    "blend_of_seams",
    lambda a, b: math.sin(a) * b,
    [lambda z, a, b: ag.cos(a) * b, lambda z, a, b: ag.sin(a)],
)

UNARY: dict[str, Callable[[Any], Any]] = {
    "tanh": ag.tanh, "sin": ag.sin, "softplus": ag.softplus, "sigmoid": ag.sigmoid, "square": ag.square,
    "gelu": ag.gelu, "bend": bend, "neg": lambda x: -x, "half": lambda x: 0.5 * x, "power": lambda x: x**2,
    "plus": lambda x: x + 1.5, "np.tanh": np.tanh, "np.exp of tanh": lambda x: np.exp(ag.tanh(x)),
    "shallow copy": copy.copy, "deep copy": copy.deepcopy,
}  # fmt: skip
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "blend": blend,
    "div": lambda x, y: x / (1.5 + ag.tanh(y)), "hypot": lambda x, y: ag.hypot(x, 1.0 + ag.square(y)),
    "logaddexp": ag.logaddexp, "maximum": ag.maximum, "atan2": lambda x, y: ag.atan2(x, 2.0 + ag.square(y)),
}  # fmt: skip
SHAPING: dict[str, Callable[[Any, random.Random], Any]] = {
    "transpose": lambda x, chance: x.T,
    "ravel": lambda x, chance: x.ravel(),
    "reverse": lambda x, chance: x[::-1],
    "item": lambda x, chance: x[tuple(chance.randrange(n) for n in x.shape)],
    "no dimensions": lambda x, chance: np.reshape(x[tuple(0 for _ in x.shape)], ()),
    "one more axis": lambda x, chance: x[..., None],
}
REDUCTIONS = ("sum", "mean", "logsumexp", "product", "softmax")

Step = tuple[str, str, tuple[int, ...], dict[str, Any]]
"""What kind, which of that kind, of which items of the pool, with which options."""


# -- what a seed makes -------------------------------------------------------------------------------------------------


def argument(chance: random.Random, depth: int = 0) -> Any:
    """A number, an array, or a structure of them."""
    kind = chance.choice(
        ["number", "array", "array", "no dimensions"] + ["list", "tuple", "dict", "pair"] * (depth < 2)
    )
    if kind == "number":
        return chance.uniform(-1.5, 1.5)
    if kind == "no dimensions":
        return np.array(chance.uniform(-1.5, 1.5))
    if kind == "array":
        shape = tuple(chance.choice([1, 2, 3]) for _ in range(chance.randint(1, 3)))
        return np.random.default_rng(chance.getrandbits(32)).uniform(-1.5, 1.5, shape)
    parts = [argument(chance, depth + 1) for _ in range(2 if kind == "pair" else chance.randint(1, 3))]
    if kind == "pair":
        return Pair(*parts)
    if kind == "dict":
        names = chance.sample("abcdef", len(parts))
        return dict(zip(names, parts, strict=True))
    return parts if kind == "list" else tuple(parts)


def items(tree: Any) -> list[Any]:
    """The numbers and arrays of a structure, dicts by key."""
    if isinstance(tree, dict):
        return [x for key in sorted(tree) for x in items(tree[key])]
    return [x for part in tree for x in items(part)] if isinstance(tree, list | tuple) else [tree]


def mapped(tree: Any, function: Callable[[Any], Any]) -> Any:
    """The structure with ``function`` of each number and array; a dict's keys come in another order."""
    if isinstance(tree, dict):
        return {key: mapped(tree[key], function) for key in reversed(tree)}
    if isinstance(tree, Pair):
        return Pair(*(mapped(x, function) for x in tree))
    if isinstance(tree, list | tuple):
        return type(tree)(mapped(x, function) for x in tree)
    return function(tree)


def shape_of(x: Any) -> tuple[int, ...]:
    return x.shape if isinstance(x, np.ndarray) else ()


def steps_for(chance: random.Random, pool: list[Any]) -> list[Step]:
    """A program for such a pool; ``pool`` ends with what it computes."""
    program: list[Step] = []
    while len(program) < 2 or chance.random() < 0.75:
        at = chance.randrange(len(pool))
        x = pool[at]
        kind = chance.choice(["unary", "binary", "shaping", "reduction", "dot", "list", "mode"])
        step: Step | None = None
        if kind == "unary":
            step = (kind, chance.choice(list(UNARY)), (at,), {})
        elif kind == "binary":
            partners = [i for i, y in enumerate(pool) if shape_of(y) in (shape_of(x), ())]
            step = (kind, chance.choice(list(BINARY)), (at, chance.choice(partners)), {})
        elif kind == "shaping" and shape_of(x):
            step = (kind, chance.choice(list(SHAPING)), (at,), {"seed": chance.getrandbits(16)})
        elif kind == "reduction" and shape_of(x):
            name = chance.choice(REDUCTIONS)
            options: dict[str, Any] = {"axis": chance.choice([-1, *range(x.ndim)])} if chance.random() < 0.5 else {}
            if options and name != "softmax" and chance.random() < 0.5:
                options["keepdims"] = True
            step = (kind, name, (at,), options)
        elif kind == "dot" and shape_of(x):
            partners = [i for i, y in enumerate(pool) if shape_of(y) == shape_of(x)]
            step = (
                kind,
                chance.choice(["ag.dot", "@"]) if x.ndim == 1 else "ag.dot",
                (at, chance.choice(partners)),
                {},
            )
        elif kind == "list":
            numbers = [i for i, y in enumerate(pool) if not shape_of(y)]
            if numbers:
                chosen = tuple(chance.choices(numbers, k=chance.randint(1, 4)))
                step = (kind, chance.choice(REDUCTIONS), chosen, {})
        elif kind == "mode":
            step = (
                kind,
                chance.choice(["ieee", "detect_anomaly", "no_grad in a generator", "no_grad beside it"]),
                (at,),
                {},
            )
        if step:
            program.append(step)
            pool.append(run(step, pool))
    return program


def holding(mode: Any) -> Iterator[int]:
    """A generator that is inside a mode while others work."""
    with mode:
        yield 1
        yield 2


def run(step: Step, pool: list[Any]) -> Any:
    """One step of a program, on any kind of number."""
    kind, name, places, options = step
    x = pool[places[0]]
    if kind == "unary":
        return UNARY[name](x)
    if kind == "binary":
        return BINARY[name](x, pool[places[1]])
    if kind == "shaping":
        return SHAPING[name](x, random.Random(options["seed"]))
    if kind == "reduction":
        return getattr(ag, name)(x, **options)
    if kind == "dot":
        y = pool[places[1]]
        return x @ y if name == "@" else ag.dot(x, y)
    if kind == "list":
        total = getattr(ag, name)([pool[i] for i in places])
        return total[0] if name == "softmax" else total
    if name == "no_grad in a generator":
        for _ in holding(ag.no_grad()):
            x = ag.tanh(x)
        return x
    if name == "no_grad beside it":
        with ag.no_grad():
            ag.tanh(x)
        return 1.25 * ag.tanh(x)
    with getattr(ag, name)():
        return ag.softplus(x)


class Case:
    """Arguments, the function of them, and a direction."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.arguments = tuple(argument(chance) for _ in range(chance.randint(1, 2)))
        self.program = steps_for(chance, items(self.arguments))
        self.wide = chance.random() < 0.5
        rng = np.random.default_rng(seed)
        self.direction = mapped(
            self.arguments, lambda x: rng.uniform(-1, 1, x.shape) if shape_of(x) else rng.uniform(-1, 1)
        )

    def several(self, *arguments: Any) -> Any:
        """What the program computes, as a structure of several numbers and arrays."""
        pool = items(arguments)
        first = len(pool)
        for step in self.program:
            pool.append(run(step, pool))
        return (
            {"last": pool[-1], "others": (pool[first], [pool[first + len(self.program) // 2]])}
            if self.wide
            else pool[-1]
        )

    def one(self, *arguments: Any) -> Any:
        """One number of them."""
        flat = [y for x in items(self.several(*arguments)) for y in (x.ravel() if shape_of(x) else [x])]
        return ag.sum([ag.tanh(y if not isinstance(y, np.ndarray) else y[()]) for y in flat])


# -- what must agree ---------------------------------------------------------------------------------------------------


def flat(tree: Any) -> Any:
    """All numbers of a structure as one array of floats."""
    found = [np.asarray(data_of(x), dtype=float).ravel() for x in items(tree)]
    return np.concatenate(found) if found else np.zeros(0)


def data_of(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        return [y for z in x.ravel() for y in flat(z)] if x.dtype == object else x
    return x.data if isinstance(x, Value) else x


def near(a: Any, b: Any, rtol: float = 1e-9, atol: float = 1e-11) -> bool:
    a, b = np.asarray(a, float), np.asarray(b, float)
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True))


def in_threads(function: Callable[[], Any], times: int = 3) -> list[Any]:
    """The function's results when that many threads run it at once."""
    found: list[Any] = []
    ready = threading.Barrier(times)

    def work() -> None:
        ready.wait()
        result = math.nan  # if it raises
        try:
            result = function()
        finally:
            found.append(result)

    threads = [threading.Thread(target=work) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def values_of(tree: Any) -> Any:
    """The structure with Values in place of its numbers."""
    return mapped(tree, lambda x: np.frompyfunc(Value, 1, 1)(x) if shape_of(x) else Value(float(x)))


def check(seed: int) -> tuple[str, list[str]]:
    """What became of the seed ("agrees", "all raise", "too large" or "differs"), and what disagrees."""
    with np.errstate(all="ignore"):
        try:
            return disagreements(seed)
        except Exception as error:  # nothing here is outside a domain: whatever is raised is a mistake
            return "differs", [f"seed {seed}: {type(error).__name__}: {error}"]


def disagreements(seed: int) -> tuple[str, list[str]]:
    """The same, of errors that are not asked for."""
    case = Case(seed)
    arguments, direction, f = case.arguments, case.direction, case.one
    along = flat(direction)
    wrong: list[str] = []

    def hold(what: str, a: Any, b: Any, **tolerance: float) -> None:
        if not near(a, b, **tolerance):
            wrong.append(f"seed {seed}: {what}: {np.asarray(a).ravel()[:6]} and {np.asarray(b).ravel()[:6]}")

    plain = case.several(*arguments)
    if not (np.abs(flat(plain)) < 1e6).all():
        return "too large", []
    recorded = case.several(*values_of(arguments))
    hold("the numbers on floats and on Values", flat(plain), flat(recorded), rtol=1e-13, atol=1e-15)
    if [shape_of(x) for x in items(plain)] != [shape_of(x) for x in items(recorded)]:
        wrong.append(f"seed {seed}: shapes on floats {plain!r} and on Values {recorded!r}")

    answers: dict[str, Any] = {}
    asked: dict[str, Callable[[], Any]] = {
        "value_and_grad": lambda: ag.value_and_grad(f)(*arguments)[1],
        "grad": lambda: ag.grad(f)(*arguments),
        "jacobian": lambda: ag.jacobian(f)(*arguments),
        "vjp": lambda: one_or_all(ag.vjp(f, *arguments)[1](1.0)),
        "jvp": lambda: ag.jvp(f, arguments, direction)[1],
        "hvp": lambda: ag.hvp(f, arguments, direction),
    }
    for name, ask in asked.items():
        try:
            answers[name] = flat(ask())
        except (ag.errors.AutogradError, TypeError) as error:
            answers[name] = error
    refused = [name for name, answer in answers.items() if isinstance(answer, Exception)]
    if refused:
        if len(refused) < len(answers):
            wrong.append(f"seed {seed}: {refused} raise ({answers[refused[0]]!r:.200}), the others do not")
        return ("differs" if wrong else "all raise"), wrong
    gradient = answers["grad"]
    for name in ("value_and_grad", "jacobian", "vjp"):
        hold(f"grad and {name}", gradient, answers[name])
    hold("grad along the direction, and jvp", gradient @ along, answers["jvp"].sum(), rtol=1e-8, atol=1e-9)
    small = 1e-6
    ahead, behind = (f(*moved(arguments, direction, sign * small)) for sign in (1.0, -1.0))
    hold("jvp and differences", answers["jvp"].sum(), (ahead - behind) / (2 * small), rtol=1e-4, atol=1e-6)
    there, back = (flat(ag.grad(f)(*moved(arguments, direction, sign * small))) for sign in (1.0, -1.0))
    hold("hvp and differences", answers["hvp"], (there - back) / (2 * small), rtol=1e-4, atol=1e-6)
    if len(along) <= 8:
        rows = ag.hessian(f)(*arguments)
        products = [flat(row) for row in rows_of(rows, one_or_all(arguments))]
        hold("hessian and hvp", np.array(products) @ along, answers["hvp"], rtol=1e-8, atol=1e-9)
    value, pullback = ag.vjp(case.several, *arguments)
    hold("the value of vjp", flat(value), flat(plain), rtol=1e-13, atol=1e-15)
    weights = mapped(plain, lambda x: np.cos(1.0 + np.arange(x.size)).reshape(x.shape) if shape_of(x) else 0.5)
    tangents = ag.jvp(case.several, arguments, direction)[1]
    by_vjp, by_jvp = flat(pullback(weights)) @ along, flat(tangents) @ flat(weights)
    hold("vjp and jvp of several numbers", by_vjp, by_jvp, rtol=1e-8, atol=1e-9)
    if seed % 4 == 0:
        for found in in_threads(lambda: flat(pullback(weights)) @ along):
            hold("a pullback in three threads", found, by_vjp) if not isinstance(found, Exception) else wrong.append(
                repr(found)
            )
    if seed % 4 == 0 and not any(
        "copy" in name for _, name, *_ in case.program
    ):  # whose copies have leaves of their own
        leaves = values_of(arguments)
        root = f(*leaves)
        in_threads(root.backward)
        grads = np.concatenate([np.array([v.grad for v in (x.ravel() if shape_of(x) else [x])]) for x in items(leaves)])
        hold("backward in three threads", grads, 3.0 * gradient, rtol=1e-8)
    if modes.active:
        wrong.append(f"seed {seed}: the slow way stayed on")
    return ("differs" if wrong else "agrees"), wrong


def one_or_all(parts: tuple[Any, ...]) -> Any:
    """As grad gives it: for one argument its gradient alone."""
    return parts[0] if len(parts) == 1 else parts


def moved(arguments: tuple[Any, ...], direction: Any, step: float) -> tuple[Any, ...]:
    """The arguments a step along the direction; the direction's dicts have their keys in another order."""

    def add(tree: Any, along: Any) -> Any:
        if isinstance(tree, dict):
            return {key: add(tree[key], along[key]) for key in tree}
        if isinstance(tree, Pair):
            return Pair(*(add(x, d) for x, d in zip(tree, along, strict=True)))
        if isinstance(tree, list | tuple):
            return type(tree)(add(x, d) for x, d in zip(tree, along, strict=True))
        return tree + step * along

    return tuple(add(x, d) for x, d in zip(arguments, direction, strict=True))


def rows_of(rows: Any, tree: Any) -> Iterator[Any]:
    """The rows of a Hessian, one for each number of what it is the Hessian by, each a structure like that."""
    if isinstance(tree, dict):
        for key in sorted(tree):
            yield from rows_of(rows[key], tree[key])
    elif isinstance(tree, list | tuple):
        for row, part in zip(rows, tree, strict=True):
            yield from rows_of(row, part)
    elif shape_of(tree):
        for index in np.ndindex(tree.shape):
            yield rows[index]
    else:
        yield rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("first", type=int, help="the first seed")
    parser.add_argument("last", type=int, help="the seed after the last")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many work at once")
    parser.add_argument("-v", "--verbose", action="store_true", help="show each program")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    with multiprocessing.get_context("spawn").Pool(options.processes, maxtasksperchild=500) as pool:
        for seed, (outcome, problems) in enumerate(
            pool.imap(check, range(options.first, options.last), chunksize=10), options.first
        ):
            counts[outcome] += 1
            if options.verbose:
                case = Case(seed)
                print(f"seed {seed}: {case.arguments}", *case.program, sep="\n    ")
            print(*problems, sep="\n", end="\n" if problems else "")
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()))
    raise SystemExit(bool(counts["differs"]))


if __name__ == "__main__":
    main()
