"""Files in: whatever a file says, loading it gives what can be saved again, or a LoadError of one short line."""

import json
import math
import random
import sys
from pathlib import Path

import pytest
from support.hostile import NAMES

import autograd as ag
import nn
from autograd import LoadError, Value
from nn.persistence import dumps as model_text


def graph_text() -> str:
    x, w, b = Value(0.7, "h1.x"), Value(-1.3, "h1.w"), Value(0.2, 'a|b{c}"')
    with ag.ieee():
        y = ag.tanh(ag.dot([w, b], [x, 2.0], b)) ** 3.0 + ag.log(x) / b + ag.where(x > 0.5, x, b) + ag.softplus(w)
        z = ag.grad(ag.grad(lambda t: t**2.5 * ag.sin(t)))(x) + ag.sum([x, w, 1.5]) * (1.0 / (x - x))
    y.backward()
    return ag.io.dumps([y, z, x])


def models() -> list[str]:
    made = [
        nn.MLP(2, [3, 1], "tanh", seed=1),
        nn.Figure5(seed=2, scaler=nn.Scaler(("weight_kg", "height_cm"), (65.0, 170.0), (13.0, 9.0))),
        nn.Sequential(nn.Linear(2, 3), "relu", nn.Residual(nn.LayerNorm(3)), nn.Dropout(0.5), nn.Linear(3, 1)),
        nn.Sequential(nn.Conv2d(1, 1, 2), nn.MaxPool2d(2)),
        nn.Embedding(3, 2),
        nn.Attention(4, 2),
    ]
    return [model_text(model, metadata={"rows": 3, "of": ["x", None, {"a": 1.5}]}) for model in made]


HOSTILE_VALUES = [
    None, True, False, 0, -1, 1, 2, 7, 1e9, 1e308, -0.0, 0.5, 10**18, 10**300, 3, "", "inf", "nan", "x", "\ud800",
    "\x1b[31m", "a." * 500, "sum", "power_derivative", "pow", "exp", "MLP", [], [0], [[]], [1e9], ["inf"], {},
    {"type": "MLP"}, [[[[]]]],
]  # fmt: skip


def places(thing, found):
    """Every container with a key or an index into it."""
    for key, item in thing.items() if isinstance(thing, dict) else enumerate(thing):
        found.append((thing, key))
        if isinstance(item, dict | list):
            places(item, found)
    return found


def mutated(text: str, chance: random.Random) -> str | bytes:
    """The text with something wrong."""
    way = chance.randrange(9)
    if way < 4:
        document = json.loads(text)
        for _ in range(chance.choice([1, 1, 1, 2, 5])):
            spots = places(document, [])
            holder, key = chance.choice(spots)
            other_holder, other = chance.choice(spots)
            action = chance.randrange(5)
            if action == 0:
                holder[key] = json.loads(json.dumps(chance.choice(HOSTILE_VALUES)))
            elif action == 1:
                holder[key] = json.loads(json.dumps(other_holder[other]))
            elif action == 2 and isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
                holder[key] = chance.choice([holder[key] * 1e6, -holder[key], holder[key] + 1, int(holder[key])])
            elif action == 3:
                del holder[key]
            elif isinstance(holder, list):
                holder.extend(json.loads(json.dumps(holder[:50])))
        return json.dumps(document)
    at = chance.randrange(len(text))
    if way == 4:
        return text[:at]
    if way == 5:
        raw = bytearray(text.encode())
        for _ in range(chance.choice([1, 3, 10])):
            raw[chance.randrange(len(raw))] = chance.choice([chance.randrange(256), *b'0123456789[]{},:"-e. '])
        return bytes(raw)
    if way == 6:
        end = min(len(text), at + chance.randrange(1, 200))
        return text[:end] + text[at:end] * chance.choice([1, 2, 20]) + text[end:]
    if way == 7:
        literals = [
            "NaN",
            "Infinity",
            "-Infinity",
            "9" * 400,
            "9" * 5000,
            "1e999",
            "1." + "3" * 5000,
            "\ufeff",
            "[" * 3000,
        ]
        return text[:at] + chance.choice([*literals, '"\\ud800"', "\x00"]) + text[at:]
    return text[:at] + text[chance.randrange(len(text)) :]


def check_message(error: LoadError) -> None:
    message = str(error)
    assert 0 < len(message) <= 600
    assert "\n" not in message
    assert all(char.isprintable() for char in message), message


def fuzz_graphs(seed: int, count: int) -> int:
    chance, text, loaded = random.Random(seed), graph_text(), 0
    for _ in range(count):
        broken = mutated(text, chance)
        try:
            roots = ag.io.loads(broken)
        except LoadError as error:
            check_message(error)
            continue
        loaded += 1
        again = ag.io.dumps(roots)
        assert ag.io.dumps(ag.io.loads(again)) == again
    return loaded


def fuzz_models(seed: int, count: int, path: Path) -> int:
    chance, texts, loaded = random.Random(seed), models(), 0
    for _ in range(count):
        broken = mutated(chance.choice(texts), chance)
        path.write_bytes(broken if isinstance(broken, bytes) else broken.encode("utf-8", "surrogatepass"))
        try:
            saved = nn.load(path)
        except LoadError as error:
            check_message(error)
            continue
        loaded += 1
        nn.save(saved.model, path, scaler=saved.scaler, metadata=saved.metadata)
        assert nn.load(path).model.state_dict() == saved.model.state_dict()
    return loaded


def test_a_mutated_graph_loads_and_saves_or_is_a_load_error():
    assert 10 < fuzz_graphs(1, 600) < 590


def test_a_mutated_model_loads_and_saves_or_is_a_load_error(tmp_path):
    assert 5 < fuzz_models(1, 300, tmp_path / "m.json") < 290


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(3, 6))])
def test_thousands_of_mutated_graphs_and_models(tmp_path, seed):
    assert fuzz_graphs(seed, 1500)
    assert fuzz_models(seed, 700, tmp_path / "m.json")


@pytest.mark.full
@pytest.mark.parametrize("seed", range(100, 120))
def test_a_hundred_thousand_of_them(tmp_path, seed):
    assert fuzz_graphs(seed, 4000)
    assert fuzz_models(seed, 1000, tmp_path / "m.json")


def graph(nodes: str, version: str = "1", roots: str = "[1]") -> str:
    head = f'{{"format":"autograd scalar graph","version":{version},"roots":{roots},"single":true,"nodes":['
    return head + nodes + "]}"


LEAF = '[null,[],2.0,null,""]'


def power(k: object, m: object) -> str:
    return f'{LEAF},["power_derivative",[0,[2.0],[{k}],[{m}]],0.0,null,""]'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (graph(power(1e9, 0.0)), "operand 3 of power_derivative is an order"),
        (graph(power(0.0, 3e8)), "operand 4 of power_derivative is an order"),
        (graph(power(-1.0, 0.0)), "is an order"),
        (graph(power(0.5, 0.0)), "is an order"),
        (graph(power('"inf"', 0.0)), "is an order"),
        (graph(f'{LEAF},["power_derivative",[0,[2.0],0,[0.0]],0.0,null,""]'), "is an order"),
        (graph(LEAF.replace("2.0", "9" * 401)), "a number of 401 characters"),
        (graph(LEAF.replace("2.0", "9" * 400)), "is no number of a float's range"),
        (graph(LEAF.replace("2.0", "1e999")), "is no number of a float's range"),
        (graph(LEAF.replace("2.0", "NaN")), "it holds the number NaN"),
        (graph(LEAF.replace("2.0", "-Infinity")), "it holds the number -Infinity"),
        (graph(LEAF, version='"' + "9" * 100_000 + '"'), '"version" is'),
        (graph(LEAF, version="true"), '"version" is True'),
        (graph(LEAF, version="1.0"), '"version" is 1.0'),
        (graph(LEAF)[:-1] + ',"nodes":[]}', "the entry 'nodes' is there twice"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        (graph(f'{LEAF},["evil\\u001b[2J",[0],1.0,null,""]'), "no operation"),
        (graph(LEAF, roots=f"[{'[' * 200}{']' * 200}]"), "is not the number of an earlier node"),
        (b"\xff\xfe[\x00", "not UTF-8"),
        (b"\xed\xa0\x80", "not UTF-8"),
        ("", "not JSON at line 1"),
    ],
)
def test_what_a_graph_may_not_ask_for(text, message):
    with pytest.raises(LoadError) as caught:
        ag.io.loads(text)
    assert message in str(caught.value)
    check_message(caught.value)


def test_orders_that_derivatives_have_are_read():
    x = Value(1.3)
    f = lambda t: t**2.5  # noqa: E731
    for _ in range(6):
        f = ag.grad(f)
    y = f(x)
    assert ag.io.loads(ag.io.dumps(y)).data == y.data


@pytest.mark.parametrize("name", [*NAMES, "\udc80\ud800", "\ud83d", "\x1b[2J", "a." * 3000])
def test_every_name_survives_both_ways(tmp_path, name):
    y = Value(1.5, name) * 2.0
    ag.save(y, tmp_path / "g.json")
    assert ag.load(tmp_path / "g.json").operands[0].name == name
    assert ag.io.loads("\ufeff" + ag.io.dumps(y)).operands[0].name == name


def test_a_byte_order_mark_is_no_fault(tmp_path):
    for text, read in ((models()[0], nn.load), (ag.io.dumps(Value(1.0) * 2.0), ag.load)):
        (tmp_path / "f.json").write_bytes(b"\xef\xbb\xbf" + text.encode())
        read(tmp_path / "f.json")


# -- work, counted -----------------------------------------------------------------------------------------------------


def work(function) -> int:
    """How many lines of Python run, and how many calls of C functions."""
    count = 0

    def local(frame, event, argument):
        nonlocal count
        count += 1
        return local

    before = sys.gettrace()
    sys.settrace(lambda frame, event, argument: local)
    try:
        function()
    except LoadError:
        pass
    finally:
        sys.settrace(before)
    return count


def memory(function) -> int:
    import tracemalloc

    tracemalloc.start()
    try:
        function()
    except LoadError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


def chain(n: int) -> Value:
    y = Value(0.5, "x")
    for _ in range(n):
        y = y + 1.0
    return y


def every_root(n: int) -> str:
    roots = []
    y = Value(0.5)
    for _ in range(n):
        y = y * 1.01
        roots.append(y)
    return ag.io.dumps(roots)


GROWING = {
    "a chain": lambda n: ag.io.dumps(chain(n)),
    "a wide sum": lambda n: ag.io.dumps(ag.sum([Value(float(i)) for i in range(n)])),
    "a wide product": lambda n: ag.io.dumps(ag.product([Value(1.0) for i in range(n)])),
    "softmax": lambda n: ag.io.dumps(ag.softmax([Value(i / n) for i in range(n // 10)])),
    "many roots": every_root,
    "one root many times": lambda n: ag.io.dumps([chain(n)] * n),
    "one name": lambda n: ag.io.dumps(Value(1.0, "a." * n) * 2.0),
}


@pytest.mark.parametrize("kind", GROWING)
def test_loading_and_saving_take_twice_the_work_for_twice_the_graph(kind):
    def both(text):
        ag.io.dumps(ag.io.loads(text))

    once, twice = GROWING[kind](300), GROWING[kind](600)
    both(once)
    assert work(lambda: both(twice)) < 2.3 * work(lambda: both(once)) + 500
    assert memory(lambda: both(twice)) < 2.5 * memory(lambda: both(once)) + 100_000


def model_file(n: int, kind: str) -> str:
    document = json.loads(models()[0])
    if kind == "a key repeated":
        return models()[0].replace('"metadata": {', '"metadata": {' + ", ".join(['"k": 0'] * n) + ",", 1)
    if kind == "keys unknown":
        document["parameters"] |= {f"k{i}": 0.0 for i in range(n)}
    elif kind == "a long name":
        document["architecture"] = {
            "type": "Linear",
            "in_features": n,
            "out_features": 1,
            "bias": True,
            "name": "a" * n,
        }
        document["parameters"] = {f"k{i}": 0.0 for i in range(n)}
    elif kind == "many layers":
        document["architecture"]["layers"] = [1] * n
    elif kind == "neurons that it does not hold":
        document["architecture"]["layers"] = [n * n, n]
    elif kind == "layers of no weights":
        document["architecture"] = {
            "type": "Sequential", "layers": [{"type": "function", "name": "flatten"}] * n,
        }  # fmt: skip
    elif kind == "a kernel":
        document["architecture"] = {
            "type": "Conv2d", "in_channels": 1, "out_channels": 1, "kernel_size": 30 * n, "stride": 1, "padding": 0,
            "bias": True, "name": "c",
        }  # fmt: skip
        document["parameters"] = {f"k{i}": 0.0 for i in range(30 * n)}
    elif kind == "columns":
        document["scaler"] = {"columns": ["a"] * n, "mean": [1.0] * n, "scale": [1.0] * n}
    return json.dumps(document)


MODEL_KINDS = [
    "a key repeated", "keys unknown", "a long name", "many layers", "neurons that it does not hold",
    "layers of no weights", "a kernel", "columns",
]  # fmt: skip


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_a_model_file_takes_twice_the_work_at_twice_the_size(tmp_path, kind):
    def load(n):
        path = tmp_path / f"{n}.json"
        path.write_text(model_file(n, kind), encoding="utf-8")
        return lambda: nn.load(path)

    once, twice = load(1000), load(2000)
    memory(once)
    assert work(twice) < 2.3 * work(once) + 1000
    assert memory(twice) < 2.5 * memory(once) + 200_000


@pytest.mark.parametrize("layers", [[3_300_000], [1] * 300_000, [1000, 1000, 1]])
def test_more_neurons_than_the_file_holds_are_refused_before_any_is_made(tmp_path, monkeypatch, layers):
    document = json.loads(models()[0])
    document["architecture"]["layers"] = layers
    path = tmp_path / "m.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    monkeypatch.setattr("nn.architectures.MLP", lambda *_, **__: pytest.fail("it was built"))
    with pytest.raises(LoadError, match="asks for more than 1,000 parameters"):
        nn.load(path)


def test_what_cannot_be_read_again_is_not_saved(tmp_path):
    for metadata in ({"n": 10**401}, {"a": {1: 0, "1": 1}}, {"x": math.nan}):
        with pytest.raises((ValueError, TypeError)):
            nn.save(nn.Linear(1, 1), tmp_path / "m.json", metadata=metadata)
    with pytest.raises(ValueError, match="200 at most"):
        nn.save(nn.Linear(1, 1, name="n" * 300), tmp_path / "m.json")
    assert not list(tmp_path.iterdir())
