"""The sweep, the steps, and graphs of real size."""

import copy
import gc
import json
import math
import threading
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
from autograd import Value
from autograd.reverse import adjoints, edges, steps, topological

LARGE = 1_000_000


@st.composite
def graphs(draw):
    """A random graph with shared nodes: its leaves and its root."""
    leaves = [Value(draw(st.floats(-2, 2)), name=f"x{i}") for i in range(draw(st.integers(1, 4)))]
    nodes = list(leaves)
    for _ in range(draw(st.integers(0, 25))):
        a, b = (nodes[draw(st.integers(0, len(nodes) - 1))] for _ in "ab")
        kind = draw(st.sampled_from(["add", "sub", "mul", "scale", "tanh", "sin", "relu", "sum", "dot", "maximum"]))
        nodes.append(
            {
                "add": lambda a, b: a + b, "sub": lambda a, b: 1.5 - a * 0.5, "mul": lambda a, b: ag.tanh(a * b),
                "scale": lambda a, b: a * 0.7, "tanh": lambda a, b: a.tanh(), "sin": lambda a, b: ag.sin(a),
                "relu": lambda a, b: a.relu(), "sum": lambda a, b: ag.sum([a, b, a]),
                "dot": lambda a, b: ag.dot([a, b], [b, 0.5], a), "maximum": lambda a, b: ag.maximum(a, b),
            }[kind](a, b)
        )  # fmt: skip
    return leaves, nodes[-1]


@given(graphs())
def test_backward_is_the_steps_run_to_their_end(graph):
    _, root = graph
    root.backward()
    expected = [v.grad for v in topological(root)]
    root.zero_grad()
    for step in steps(root):
        assert step.contribution == step.upstream * step.local
        assert step.after == step.before + step.contribution
    assert [v.grad for v in topological(root)] == expected


@given(graphs())
def test_adjoints_beside_the_graph_are_the_gradients_on_it(graph):
    leaves, root = graph
    found = adjoints(root)
    assert not any(v.has_grad for v in leaves)
    root.backward()
    for node in topological(root):
        assert found[id(node)] == node.grad


@given(graphs())
def test_topological_order_is_complete_and_operands_come_first(graph):
    _, root = graph
    order = topological(root)
    place = {id(v): i for i, v in enumerate(order)}
    assert len(place) == len(order)
    assert order[-1] is root
    for node in order:
        for operand, _ in edges(node):
            assert place[id(operand)] < place[id(node)]


@given(graphs())
def test_copies_and_saved_graphs_are_the_same_graph(graph):
    _, root = graph
    root.backward()
    for twin in (copy.deepcopy(root), ag.io.loads(ag.io.dumps(root))):
        pairs = list(zip(topological(root), topological(twin), strict=True))
        for a, b in pairs:
            assert (a.data, a.grad, a.name, a.op, a.partials) == (b.data, b.grad, b.name, b.op, b.partials)
            assert a is not b


def test_x_times_x_has_two_edges():
    x = Value(3.0)
    assert [operand for operand, _ in edges(x * x)] == [x, x]
    assert len(list(steps(x * x))) == 2


@pytest.mark.slow
def test_a_chain_of_a_million_operations():
    x = Value(1.0)
    y = x
    for _ in range(LARGE):
        y = y * 1.0
    y.backward()
    assert x.grad == 1.0
    twin = copy.deepcopy(y)
    del y
    twin.backward()
    assert x.grad == 1.0


@pytest.mark.slow
def test_a_long_chain_is_saved_and_loaded(tmp_path):
    x = Value(1.0)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    ag.save(y, tmp_path / "chain.json")
    del y
    assert len(topological(ag.load(tmp_path / "chain.json"))) == 100_001


@pytest.mark.slow
def test_a_sum_of_200_000_terms():
    xs = [Value(1.0) for _ in range(200_000)]
    for total in (ag.sum(xs), sum(xs)):
        total.backward()
        assert total.data == 200_000
    assert xs[0].grad == xs[-1].grad == 2.0


@pytest.mark.slow
def test_no_reference_cycles():
    gc.collect()
    gc.disable()
    try:
        leaf = Value(2.0)
        watch = weakref.ref(leaf)
        y = ag.dot([leaf, leaf], [leaf, 1.0], leaf).tanh() * leaf + ag.sum([leaf, leaf]) ** 2
        y.backward()
        list(steps(y))
        ag.verify(y)
        copy.deepcopy(y)
        ag.io.dumps(y)
        del leaf, y
        assert watch() is None
        point = Value(0.5)
        watch = weakref.ref(point)
        ag.grad(ag.grad(lambda x: (x * x).tanh()))(point)
        ag.jvp(lambda x: x.exp(), (point,), (1.0,))
        del point
        assert watch() is None
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_threads_with_their_own_graphs_do_not_disturb_each_other():
    shared = Value(0.5, name="shared")
    failures = []
    start = threading.Barrier(4)

    def work(seed):
        start.wait()
        for i in range(150):
            x = Value(seed + i / 100)
            with ag.no_grad():
                if not (x * x).is_leaf:
                    failures.append("recorded inside no_grad")
            y = x
            for _ in range(30):
                y = (y * x).tanh() + shared
            if y.is_leaf:
                failures.append("another thread's no_grad was felt")
            first = [adjoints(y)[id(x)], ag.grad(ag.grad(ag.sin))(x.data)]
            y.backward()
            if x.grad != first[0] or abs(first[1] + math.sin(x.data)) > 1e-15 or len(topological(y)) != 93 - 1:
                failures.append((x.grad, first, len(topological(y))))

    threads = [threading.Thread(target=work, args=(s,)) for s in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


BROKEN = [
    ("not json", "not JSON at line 1"),
    ("[1]", "no saved graph"),
    ('{"format": "autograd scalar graph", "version": 99}', 'its "version" is 99'),
    ("[" * 100_000, "nested too deeply"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_broken_files_say_what_is_wrong(text, message):
    with pytest.raises(ag.LoadError, match=message):
        ag.io.loads(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["nodes"].__setitem__(1, [1, 2]), "5 entries"),
        (lambda d: d["nodes"][1].__setitem__(0, "os.system"), "no operation 'os.system' is declared"),
        (lambda d: d["nodes"][1].__setitem__(1, [7, 7]), "not the number of an earlier node"),
        (lambda d: d["nodes"][1].__setitem__(1, [1, 1]), "not the number of an earlier node"),
        (lambda d: d["nodes"][1].__setitem__(1, [0]), "cannot have these 1 operand"),
        (lambda d: d["nodes"][1].__setitem__(2, "9"), "no number"),
        (lambda d: d["nodes"][1].__setitem__(2, 8.0), r"is 9\.0, but the file says 8\.0"),
        (lambda d: d["nodes"][0].__setitem__(4, 5), "name must be text"),
        (lambda d: d.__setitem__("roots", []), "must be a root"),
        (lambda d: d.__setitem__("roots", [-1]), "not the number"),
        (lambda d: d.__setitem__("roots", [True]), "not the number"),
    ],
)
def test_tampered_graphs_are_refused(change, message):
    x = Value(3.0, name="x")
    document = json.loads(ag.io.dumps(x * x))
    change(document)
    with pytest.raises(ag.LoadError, match=message):
        ag.io.loads(json.dumps(document))


def test_save_and_load_several_roots_with_sharing(tmp_path):
    x = Value(0.3, name='a|b{c}"')
    with ag.ieee():
        roots = [x * 2.0, 2.0 / (x * 0.0), ag.clip(x, 0.0, 1.0)]
    ag.save(roots, tmp_path / "g.json")
    a, b, c = ag.load(tmp_path / "g.json")
    assert a.operands[0] is c.operands[0]
    assert a.operands[0].name == 'a|b{c}"'
    assert b.data == math.inf
    assert not a.has_grad
    assert c.operands[1:] == (0.0, 1.0)


def test_saving_refuses_stale_graphs_and_non_values(tmp_path):
    x = Value(3.0)
    y = x * x
    x.data = 4.0
    with pytest.raises(ag.StaleGraphError):
        ag.save(y, tmp_path / "g.json")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TypeError, match="takes a Value"):
        ag.save([3.0], tmp_path / "g.json")
