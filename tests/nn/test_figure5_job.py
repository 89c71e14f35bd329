"""nn.figure5.job: split, training on Davis, and what is explained for the lesson's person."""

from pathlib import Path

import pytest

from nn.datasets import DatasetError, Person, davis
from nn.figure5 import job


def people(men: int, women: int) -> list[Person]:
    sexes = "M" * men + "F" * women
    return [Person(i, sex, 60.0 + i, 160.0 + i) for i, sex in enumerate(sexes, start=1)]


@pytest.mark.parametrize("seed", range(5))
def test_a_fifth_is_held_out_and_row_9_is_among_it(seed: int) -> None:
    table = davis().people
    training, held_out = job.split(table, seed)
    assert len(training) == 160
    assert len(held_out) == 40
    assert Person(9, "M", 71.0, 178.0) in held_out
    assert sorted(training + held_out, key=lambda p: p.row) == list(table)
    assert job.split(table, seed) == (training, held_out)
    assert job.split(table, seed + 1) != (training, held_out)


@pytest.mark.parametrize("size", [5, 6, 7, 8, 9, 12])
def test_a_small_table_is_split_too(size: int) -> None:
    training, held_out = job.split(people(size - 3, 3), 0)
    assert len(held_out) == max(1, round(size / 5))
    assert len(training) + len(held_out) == size
    assert (9 in {p.row for p in held_out}) == (size >= 9)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (people(2, 2), "4 usable rows are too few to train on and to hold a fifth out: 5 are needed"),
        (people(20, 0), "the 16 rows to train on are all men: there is nothing to tell apart"),
        (people(0, 20), "the 16 rows to train on are all women"),
    ],
)
def test_a_table_that_cannot_be_split(table: list[Person], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        job.split(table, 0)


def test_the_scaler_has_seen_the_training_rows_alone() -> None:
    task = job.prepare(job.Settings(seed=2))
    weights = [p.weight_kg for p in task.training]
    assert task.scaler.mean[0] == pytest.approx(sum(weights) / 160)
    assert task.model.scaler is task.scaler


@pytest.mark.parametrize("loss", job.LOSSES)
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_every_loss_and_activation_learns(loss: str, activation: str) -> None:
    task = job.prepare(job.Settings(loss=loss, activation=activation, steps=50, learning_rate=2.0))
    history = job.train(task, progress=False)
    assert history.losses[-1] < 0.7 * history.losses[0]
    assert task.accuracy(task.training) > 0.85
    assert [step for step, _ in history.held_out] == list(range(51))


def test_an_unknown_loss() -> None:
    with pytest.raises(ValueError, match="no loss is called 'hinge': choose one of absolute, squared, cross-entropy"):
        job.Settings(loss="hinge")


def test_the_same_seed_gives_the_same_numbers() -> None:
    runs = []
    for _ in range(2):
        task = job.prepare(job.Settings(seed=3, steps=6, batch_size=16))
        runs.append((job.train(task, progress=False), task.model.state_dict()))
    assert runs[0] == runs[1]


def test_a_column_that_tells_nothing(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("sex,weight_kg,height_cm\n" + "M,80,180\nF,60,180\n" * 5, encoding="utf-8")
    with pytest.raises(DatasetError, match="height_cm is 180 in every row: it tells nothing apart, leave it out"):
        job.prepare(job.Settings(data=str(path)))


def test_the_folder_is_made_and_tried(tmp_path: Path) -> None:
    job.prepare_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert not list((tmp_path / "a" / "b").iterdir())
    (tmp_path / "model.json").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder, and a file of that name is to be written"):
        job.prepare_folder(tmp_path)


@pytest.mark.parametrize("loss", job.LOSSES)
def test_the_gradient_explained_is_the_gradient_of_that_person(loss: str) -> None:
    task = job.prepare(job.Settings(loss=loss, steps=20))
    history = job.train(task, progress=False)
    explained = job.explain_person(task, history)
    model, w1 = task.model, task.model.w1
    assert explained.probability == model.predict(71, 178)
    assert explained.gradient_of_w1 == w1.grad != 0
    before = w1.data
    slopes = []
    for h in (1e-6, -1e-6):
        w1.data = before + h
        slopes.append(job.LOSSES[loss](model(*model.standardise(71, 178)), 1.0).data)
    w1.data = before
    assert explained.gradient_of_w1 == pytest.approx((slopes[0] - slopes[1]) / 2e-6, rel=1e-5)
    assert explained.derivation.startswith("dL/dw1 = dL/do1 * do1/dh1 * dh1/dw1")
    assert f"{explained.gradient_of_w1:.4g}" in explained.derivation


def test_the_pictures_show_the_person_and_are_the_same_for_the_same_run() -> None:
    figures = []
    for _ in range(2):
        task = job.prepare(job.Settings(steps=3))
        figures.append(job.explain_person(task, job.train(task, progress=False)).pictures)
    assert set(figures[0]) == {"gradients.svg", "network.svg", "learning-curve.svg"}
    for name, figure in figures[0].items():
        assert figure.svg == figures[1][name].svg
        assert figure.svg.startswith("<svg")
    for name in ("gradients.svg", "network.svg"):
        assert "71 kg" in figures[0][name].svg
        assert "178 cm" in figures[0][name].svg
