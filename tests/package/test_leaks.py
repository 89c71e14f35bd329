"""What is loaded, drawn, walked and saved over and over leaves no objects behind."""

import gc

import pytest
from support.viz_graphs import figure5

import autograd as ag
import nn
import viz


def declared() -> None:
    op = ag.custom("declared_again", lambda x: x * x, lambda z, x: 2.0 * x)
    op(ag.Value(2.0)).backward()


def refused() -> None:
    for text in ("{", "[1]", '{"format":"autograd scalar graph","version":2}'):
        with pytest.raises(ag.LoadError):
            ag.io.loads(text)


def models(path) -> None:
    nn.save(nn.MLP(2, [2, 1], seed=1), path / "m.json")
    nn.load(path / "m.json")


def trained() -> None:
    w, x = ag.Value(1.0), ag.Value(0.0)
    program = ag.compile((w * x - 2.0).square(), inputs=[x])
    program([[1.0], [2.0]])
    with program.session() as session:
        session.sgd([[1.0]], 0.01)


def fitted() -> None:
    model = nn.MLP(1, [1], seed=1)
    nn.fit(model, [[1.0], [2.0]], [1.0, 2.0], loss="squared_error", optimizer=nn.SGD(model.parameters(), 0.1), steps=2)


ROUNDS = {
    "programs and sessions": lambda path: trained(),
    "trainings": lambda path: fitted(),
    "graphs": lambda path: (ag.save(figure5(), path / "g.json"), ag.load(path / "g.json")),
    "models": models,
    "refused": lambda path: refused(),
    "draws": lambda path: viz.draw(figure5()).save(path / "d.html"),
    "players": lambda path: viz.step(figure5()).save(path / "w.html"),
    "animations": lambda path: viz.step(figure5()).save(path / "w.svg"),
    "explanations": lambda path: str(viz.explain(root := figure5(), ag.topological(root)[0])),
    "custom operations": lambda path: declared(),
}


def objects_after(work, rounds: int) -> int:
    for _ in range(rounds):
        work()
    gc.collect()
    return len(gc.get_objects())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ROUNDS)
def test_rounds_leave_no_objects(tmp_path, kind):
    objects_after(lambda: ROUNDS[kind](tmp_path), 5)
    before = objects_after(lambda: ROUNDS[kind](tmp_path), 5)
    assert objects_after(lambda: ROUNDS[kind](tmp_path), 40) - before < 20


@pytest.mark.full
@pytest.mark.parametrize("kind", ROUNDS)
def test_ten_thousand_rounds_leave_no_objects(tmp_path, kind):
    before = objects_after(lambda: ROUNDS[kind](tmp_path), 20)
    assert objects_after(lambda: ROUNDS[kind](tmp_path), 10_000) - before < 100
