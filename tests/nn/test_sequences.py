"""Linear, Embedding, LayerNorm, RMSNorm and Attention: against NumPy, gradients, names, programs, refusals."""

import math
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import DomainError, Value, tree
from autograd.check import assert_gradients, check_modes
from nn.nested import elementwise

CHANCE = np.random.default_rng(5)


def values(x: Any) -> Any:
    return tree.rebuild(x.tolist(), lambda v, _: Value(v))


def data(x: Any) -> Any:
    return np.array(tree.rebuild(x, lambda v, _: v.data if isinstance(v, Value) else v))


def test_linear_is_a_matrix_product_over_the_last_dimension() -> None:
    layer = nn.Linear(3, 2, seed=0)
    x = CHANCE.normal(size=(4, 3))
    expected = x @ data(layer.weight).T + data(layer.bias)
    assert data(layer(x)) == pytest.approx(expected, rel=1e-13)
    assert data(layer(x[1])) == pytest.approx(expected[1], rel=1e-13)
    assert max(abs(p.data) for p in layer.parameters()) <= 1 / math.sqrt(3)
    assert [p.name for p in layer.parameters()][-3:] == ["linear1.n2.w3", "linear1.n1.b", "linear1.n2.b"]
    assert layer(x[0])[1].name == "linear1.n2.s"
    assert nn.Linear(1, 1, bias=False)([2.0])[0].op is not None
    assert len(nn.Linear(3, 2, bias=False).parameters()) == 6


def test_an_embedding_gives_rows_and_looks_values_up() -> None:
    table = nn.Embedding(4, 3, seed=0)
    assert table(2) == table.weight[2]
    assert table([1, [0]])[1][0] == table.weight[0]
    assert all(a is b for a, b in zip(table(2.0), table.weight[2], strict=True))
    looked_up = table(Value(2.0, name="i"))
    assert [v.data for v in looked_up] == [w.data for w in table.weight[2]]
    assert looked_up[1].name == "embedding1.e2"
    assert table.weight[2][1].name == "embedding1.r2.w2"
    assert nn.embedding([0, 1], [[5.0], [6.0]]) == [[5.0], [6.0]]
    ag.dot([1.0, 2.0, 3.0], looked_up).backward()
    assert [[w.grad for w in row] for row in table.weight] == [[0.0] * 3, [0.0] * 3, [1.0, 2.0, 3.0], [0.0] * 3]


def test_embedded_rows_are_rows_of_a_table_in_a_program() -> None:
    table, index = nn.Embedding(4, 3, seed=0), [Value(0.0), Value(1.0)]
    loss = ag.sum([v.sin() for row in table(index) for v in row])
    program = ag.compile(loss, inputs=index)
    assert next(g["kind"] for g in program.explain(4).data["groups"]) == "rows of a table"
    found = program([[3.0, 1.0]])[0]
    assert found == pytest.approx(sum(math.sin(w.data) for i in (3, 1) for w in table.weight[i]), rel=1e-13)


def test_norms_are_what_numpy_says() -> None:
    x = CHANCE.normal(size=(3, 5)) * 4 + 1
    layer, rms = nn.LayerNorm(5), nn.RMSNorm(5)
    for i, p in enumerate([*layer.parameters(), *rms.parameters()]):
        p.data += 0.1 * i
    centred = x - x.mean(axis=1, keepdims=True)
    expected = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    assert data(layer(x)) == pytest.approx(expected * data(layer.weight) + data(layer.bias), rel=1e-12)
    assert data(rms(x)) == pytest.approx(x / np.sqrt((x**2).mean(axis=1, keepdims=True)) * data(rms.weight), rel=1e-12)
    assert data(nn.LayerNorm(5, elementwise_affine=False)(x[0])) == pytest.approx(expected[0], rel=1e-12)
    assert [p.name for p in layer.parameters()][4:6] == ["norm1.w5", "norm1.b1"]
    assert nn.LayerNorm(2, bias=False).bias is None
    assert layer(x[0])[2].name == "norm1.y3"
    inner = {node.name for node in ag.topological(ag.sum(layer([Value(1.0), Value(2.0), *x[0][2:]])))}
    assert {"norm1.mean", "norm1.sub", "norm1.sqrt", "norm1.y5"} <= inner


def test_attention_is_what_numpy_says() -> None:
    layer, x = nn.Attention(6, 2, seed=1), CHANCE.normal(size=(4, 6))
    q, k, v = (x @ data(part.weight).T + data(part.bias) for part in (layer.query, layer.key, layer.value))
    heads = []
    for h in (slice(0, 3), slice(3, 6)):
        scores = np.where(np.tri(4), q[:, h] @ k[:, h].T / np.sqrt(3), -np.inf)
        shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        heads.append(shares @ v[:, h])
    expected = np.concatenate(heads, axis=1) @ data(layer.out.weight).T + data(layer.out.bias)
    assert data(layer(x)) == pytest.approx(expected, rel=1e-12)


def test_a_causal_position_sees_none_that_come_after_it() -> None:
    x = values(CHANCE.normal(size=(3, 2)))
    out = nn.Attention(2, seed=0)(x)
    ag.sum(out[1]).backward()
    assert [v.grad for v in x[2]] == [0.0, 0.0]
    assert all(v.grad for row in x[:2] for v in row)
    full = nn.Attention(2, causal=False, seed=0)(x)
    ag.sum(full[0]).backward()
    assert all(v.grad for v in x[2])


def test_scores_of_any_size_give_finite_shares() -> None:
    shares = nn.attention_weights([[1e200, 0.0]], [[1e100, 0.0], [-1e100, 1.0], [1e100, 5.0]])
    assert shares == [[0.5, 0.0, 0.5]]


@pytest.mark.slow
def test_gradients() -> None:
    x, w = CHANCE.normal(size=(3, 4)), CHANCE.normal(size=(2, 4))

    def loss(x: Any, w: Any) -> Any:
        normed = [nn.rms_norm(nn.layer_norm(row.tolist(), w[0].tolist(), w[1].tolist())) for row in x]
        out = nn.scaled_dot_product_attention(normed, normed, x.tolist(), True)
        return ag.sum([ag.sin(v) for v in nn.flatten(out)])

    assert_gradients(loss, x, w)
    assert check_modes(loss, x, w)


def test_attention_compiles_to_products() -> None:
    layer, x = nn.Attention(4, 2, seed=0), values(CHANCE.normal(size=(5, 4)))
    loss = ag.sum([v.square() for v in nn.flatten(layer(x))])
    loss.backward()
    program = ag.compile(loss, inputs=nn.flatten(x))
    explained = program.explain(8).data
    products = [(g["kind"], g["shape"]) for g in explained["groups"] if "product" in g["kind"]]
    assert products == [
        ("matrix product", "12x5 by 5x5"),  # query, key and value together, with their biases
        ("batched product", "2 of 5x2 by 2x5"),  # the scores of two heads
        ("batched product", "2 of 5x5 by 5x2"),
        ("matrix product", "4x5 by 5x5"),
    ]
    value, gradient = program.value_and_grad([[v.data for v in nn.flatten(x)]])
    assert value == pytest.approx(loss.data, rel=1e-12)
    assert gradient == pytest.approx([p.grad for p in program.parameters], rel=1e-10, abs=1e-13)


def test_initial_weights_of_attention_are_pytorchs_in_size() -> None:
    layer = nn.Attention(16, 4, seed=0)
    limit = math.sqrt(6 / 64)
    largest = max(abs(w.data) for part in (layer.query, layer.key, layer.value) for row in part.weight for w in row)
    assert 0.98 * limit < largest <= limit
    assert max(abs(w.data) for row in layer.out.weight for w in row) <= 0.25
    assert all(p.data == 0 for p in layer.parameters() if p.name.endswith(".b"))
    assert {p.name.rsplit(".", 2)[0] for p in layer.parameters()} == {
        f"attention1.{part}" for part in ("query", "key", "value", "out")
    }
    out = layer([[0.0] * 16] * 2)[1]
    assert out[0].name == "attention1.out.n1.s"
    scopes = {node.name.rpartition(".")[0] for node in ag.topological(ag.sum(out))}
    assert {"attention1.h4", "attention1.query.n16"} <= scopes
    names = {node.name for node in ag.topological(ag.sum(out))}
    assert {"attention1.h2.a2_1", "attention1.h2.o2_4", "attention1.h2.logsumexp", "attention1.h2.dot"} <= names


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: nn.Linear(2, 0), ValueError, "out_features is 0: it must be 1 or above"),
        (lambda: nn.Linear(2, 1)([1.0]), ValueError, "linear1 takes 2 numbers, not 1"),
        (lambda: nn.Linear(2, 1)([[1.0]]), ValueError, "linear1 takes 1 x 2 numbers, not 1 x 1"),
        (lambda: nn.Linear(2, 1)(1.0), ValueError, "linear1 takes 2 numbers, not one number"),
        (lambda: nn.linear([1.0], [[1.0]], []), ValueError, "1 rows of weights and 0 biases"),
        (lambda: nn.Embedding(3, 1)(3), ValueError, "there is no row 3 among 3 of the embedding"),
        (lambda: nn.Embedding(3, 1)(-1), ValueError, "there is no row -1"),
        (lambda: nn.Embedding(3, 1)(0.5), ValueError, "there is no row 0.5"),
        (lambda: nn.Embedding(3, 1)("a"), TypeError, "takes the index of a row, a whole number or a Value, not 'a'"),
        (lambda: nn.Embedding(3, 1)(True), TypeError, "not True"),
        (lambda: nn.Embedding(3, 1)(math.nan), ValueError, "there is no row nan"),
        (
            lambda: nn.scaled_dot_product_attention([[1.0]], None, [[1.0]]),  # type: ignore[arg-type]
            TypeError,
            "attention: key takes numbers in nested lists, and got a NoneType",
        ),
        (
            lambda: nn.linear([1.0], [1.0]),
            TypeError,
            r"dot takes two sequences, as in dot\(\[w1, w2\], \[x1, x2\]\); got 1\.0",
        ),
        (lambda: nn.layer_norm([]), DomainError, r"mean\(\) is not defined: the sequence is empty"),
        (lambda: nn.Embedding(3, 1)(Value(3.0)), DomainError, "take"),
        (lambda: nn.LayerNorm(2)([1.0]), ValueError, "norm1 takes 2 numbers, not 1"),
        (lambda: nn.LayerNorm(2, eps=0.0), ValueError, "eps is 0: it must be above 0"),
        (lambda: nn.RMSNorm(0), ValueError, "normalized_shape is 0"),
        (lambda: nn.rms_norm([1.0], [1.0, 1.0]), ValueError, "a norm of 1 numbers takes as many weights, not 2"),
        (lambda: nn.layer_norm([1.0], None, [1.0, 1.0]), ValueError, "as many biases, not 2"),
        (lambda: nn.Attention(4, 3), ValueError, "3 heads do not divide vectors of 4 numbers evenly"),
        (lambda: nn.Attention(2)([[1.0]]), ValueError, "attention1 takes times x 2 numbers, not 1 x 1"),
        (lambda: nn.Attention(2)([]), ValueError, "attention1 takes times x 2 numbers, not 0"),
        (lambda: nn.attention_weights([[1.0]], [[1.0, 2.0]]), ValueError, "key takes times x 1 numbers, not 1 x 2"),
        (
            lambda: nn.scaled_dot_product_attention([[1.0]], [[1.0]], [[1.0], [2.0]]),
            ValueError,
            "attention: value takes 1 x numbers numbers, not 2 x 1",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_how_they_print() -> None:
    assert repr(nn.Linear(2, 1)) == "Linear(2, 1, bias=True, name='linear1')"
    assert repr(nn.Embedding(2, 1)) == "Embedding(2, 1, name='embedding1')"
    assert repr(nn.LayerNorm(2)) == "LayerNorm(2, eps=1e-05, name='norm1')"
    assert repr(nn.RMSNorm(2)) == "RMSNorm(2, name='norm1')"
    assert repr(nn.Attention(4, 2)) == "Attention(4, 2 heads, causal, name='attention1')"


class TinyGpt(nn.Module):
    """Token and place embedded, one block of attention and one of two layers, scores of the next token."""

    def __init__(self) -> None:
        self.token, self.place = nn.Embedding(5, 4, name="token", seed=0), nn.Embedding(3, 4, name="place", seed=1)
        self.blocks = nn.Sequential(
            nn.Residual(nn.Sequential(nn.RMSNorm(4), nn.Attention(4, 2, seed=2))),
            nn.Residual(
                nn.Sequential(nn.LayerNorm(4, name="norm2"), nn.Linear(4, 8, name="up", seed=3), "gelu",
                              nn.Linear(8, 4, name="down", seed=4)), name="residual2"
            ),
            nn.Linear(4, 5, name="scores", seed=5),
        )  # fmt: skip

    def __call__(self, tokens: Any) -> Any:
        return self.blocks(elementwise(lambda a, b: a + b, self.token(tokens), self.place([0, 1, 2])))


def test_a_gpt_trains_compiled_as_it_does_eagerly() -> None:
    def loss(scores: Any, targets: Any) -> Value:
        return nn.mean([nn.cross_entropy(row, target) for row, target in zip(scores, targets, strict=True)])

    inputs, targets = [[0, 1, 2], [3, 1, 4], [2, 2, 0]], [[1, 2, 3], [1, 4, 0], [2, 0, 1]]
    states = []
    for compile in (False, True):
        model = TinyGpt()
        history = nn.fit(model, inputs, targets, loss=loss, optimizer=nn.SGD(model.parameters(), 0.5), steps=6,
                         progress=False, compile=compile)  # fmt: skip
        states.append(list(model.state_dict().values()))
    assert history.engine.startswith("compiled")
    assert history.losses[-1] < history.losses[0]
    assert states[1] == pytest.approx(states[0], rel=1e-9, abs=1e-12)


def test_an_index_in_an_array_without_axes() -> None:
    table = nn.Embedding(3, 2, seed=0)
    assert table(np.array(2)) == table(2)
