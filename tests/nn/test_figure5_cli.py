"""``python -m nn.figure5``: what it prints, what it writes, and how it ends when something is wrong."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nn import MLP, Figure5, load, save
from nn.figure5 import job
from nn.figure5.cli import main

FILES = ["gradients.svg", "learning-curve.svg", "model.json", "network.svg"]


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 0
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one short run."""
    folder = tmp_path_factory.mktemp("figure5")
    assert main(["--out", str(folder), "--steps", "30", "--learning-rate", "3", "--quiet"]) == 0
    return folder


def test_the_main_job_prints_what_was_learned(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, out, err = run(capsys, "--out", tmp_path / "o", "--steps", 30, "--learning-rate", 3)
    assert status == 0
    assert "row 12 (line 13): a weight of 166 kg exceeds a height of 57 cm; exchanged to 57 kg, 166 cm" in out
    assert "160 rows to train on, 40 held out, row 9 among them (seed 0)" in out
    for name in ("w1", "w2", "w3", "w4", "w5", "w6", "b1", "b2", "b3"):
        assert re.search(rf"{name} = [+-]\d+\.\d{{4}}", out)
    assert re.search(r"held out +\d\d\.\d%  \(\d\d of 40 people\)", out)
    probability = load(tmp_path / "o" / "model.json").model.predict(71, 178)  # type: ignore[attr-defined]
    assert f"P(male | 71 kg, 178 cm) = {probability:.4f}" in out
    assert re.search(r"L = \|y - o1\| = 0\.\d+\n  dL/dw1 = -?\d\S*, by the chain rule:\n\n  dL/dw1 = dL/do1", out)
    assert "dL/dw1 = dL/do1 * do1/dh1 * dh1/dw1" in out
    assert sorted(os.listdir(tmp_path / "o")) == FILES
    assert all(str(tmp_path / "o" / name) in out for name in FILES)
    assert "30/30" in err
    assert "Traceback" not in err


def test_quiet_shows_no_progress_bar(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, _, err = run(capsys, "--out", tmp_path, "--steps", 2, "--quiet")
    assert (status, err) == (0, "")


def test_the_same_seed_writes_the_same_bytes(capsys: pytest.CaptureFixture[str], results: Path, tmp_path: Path) -> None:
    run(capsys, "--out", tmp_path, "--steps", 30, "--learning-rate", 3, "--quiet")
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (results / name).read_bytes(), name


def test_the_model_file_says_how_it_was_made(results: Path) -> None:
    metadata = json.loads((results / "model.json").read_text(encoding="utf-8"))["metadata"]
    rows = metadata.pop("rows_held_out")
    assert len(rows) == 40
    assert 9 in rows
    assert 0.8 < metadata.pop("accuracy_held_out") <= 1
    assert metadata == {
        "data": "Davis (1990)",
        "rows_trained_on": 160,
        "loss": "absolute",
        "learning_rate": 3.0,
        "batch_size": None,
        "seed": 0,
        "steps": 30,
    }


def test_predict_gives_the_probability_of_the_saved_model(capsys: pytest.CaptureFixture[str], results: Path) -> None:
    status, out, err = run(capsys, "predict", results / "model.json", "--weight", 71, "--height", 178)
    probability = load(results / "model.json").model.predict(71, 178)  # type: ignore[attr-defined]
    assert (status, out, err) == (0, f"P(male | 71 kg, 178 cm) = {probability:.4f}\n", "")


@pytest.mark.parametrize("arguments", [["--help"], ["predict", "--help"]])
def test_help_shows_units_and_an_example(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    status, out, _ = run(capsys, *arguments)
    assert status == 0
    assert "python -m nn.figure5 predict figure5-out/model.json --weight 71 --height 178" in out
    if arguments == ["--help"]:
        for option in [
            "out",
            "data",
            "swapped",
            "loss",
            "activation",
            "learning-rate",
            "steps",
            "batch-size",
            "seed",
            "quiet",
        ]:
            assert f"--{option}" in out
        assert "the exit status is 2" in out
    else:
        assert "kilograms" in out
        assert "centimetres" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lr", "1"], "unrecognized arguments: --lr 1"),
        (["--loss", "l3"], "argument --loss: invalid choice: 'l3'"),
        (["--activation", "step"], "argument --activation: invalid choice: 'step'"),
        (["--learning-rate", "-1"], "argument --learning-rate: '-1' is not a positive number"),
        (["--learning-rate", "0"], "argument --learning-rate: '0' is not a positive number"),
        (["--learning-rate", "nan"], "argument --learning-rate: 'nan' is not a positive number"),
        (["--learning-rate", "fast"], "argument --learning-rate: 'fast' is not a positive number"),
        (["--steps", "0"], "argument --steps: 0 is not a whole number from 1 up"),
        (["--steps", "1.5"], "argument --steps: '1.5' is not a whole number"),
        (["--batch-size", "-3"], "argument --batch-size: -3 is not a whole number from 1 up"),
        (["--seed", "x"], "argument --seed: 'x' is not a whole number"),
        (["--swapped", "ignore"], "argument --swapped: invalid choice: 'ignore'"),
        (["--steps"], "argument --steps: expected one argument"),
        (["train"], "unrecognized arguments: train"),
        (["predict"], "the following arguments are required: MODEL.json, --weight, --height"),
        (["predict", "m.json", "--weight", "71"], "the following arguments are required: --height"),
        (
            ["predict", "m.json", "--weight", "-71", "--height", "178"],
            "argument --weight: '-71' is not a positive",
        ),
        (["predict", "m.json", "--weight", "71", "--height", "178"], "m.json: No such file or directory"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_status_2(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.startswith("python -m nn.figure5")
    assert err.count("\n") == 1
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "people.csv: No such file or directory"),
        (b"", "people.csv is empty"),
        (b"sex,weight_kg,height_cm\n", "has a header and no rows"),
        (b"name,age\nAda,36\n", "has no column sex, weight_kg, height_cm; its first line has 'name', 'age'"),
        (b"sex;weight_kg;height_cm\nM;80;180\n", "separates its fields by semicolons"),
        (b'sex,weight_kg,height_cm\nM,"80,180\n', "is broken CSV"),
        (b"\x00\x01\x02", "is a binary file"),
        (b"sex,weight_kg,height_cm\nM,80,180\n", "1 usable rows are too few"),
        (b"sex,weight_kg,height_cm\n" + b"M,80,180\n" * 9, "are all men: there is nothing to tell apart"),
        (b"sex,weight_kg,height_cm\n" + b"M,80,180\nF,60,180\n" * 9, "height_cm is 180 in every row"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line_and_exit_status_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "people.csv"
    if content is not None:
        path.write_bytes(content)
    status, out, err = run(capsys, "--data", path, "--out", tmp_path / "out", "--quiet")
    assert (status, out) == (2, "")
    assert message in err
    assert str(path) in err
    assert err.count("\n") == 1


def test_rows_left_out_are_reported_and_the_rest_is_used(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    rows = [f"{'MF'[i % 2]},{80 - 20 * (i % 2) + i % 7},{180 - 15 * (i % 2) + i % 5}" for i in range(40)]
    rows[4], rows[20] = "M,,180", "F,sixty,165"
    path.write_text("sex,weight_kg,height_cm\n" + "\n".join(rows), encoding="utf-8")
    status, out, _ = run(capsys, "--data", path, "--out", tmp_path, "--steps", 5, "--quiet", "--batch-size", 8)
    assert status == 0
    assert "40 rows, 38 used (0 of them repaired), 2 left out" in out
    assert "left out: row 5 (line 6): weight_kg is missing" in out
    assert "left out: row 21 (line 22): weight_kg is 'sixty': a number is needed" in out


def test_a_folder_that_cannot_be_written_is_found_before_the_training(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_training(*_: Any, **__: Any) -> None:
        raise AssertionError("trained")

    monkeypatch.setattr(job, "train", no_training)
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "taken" / "model.json").mkdir(parents=True)
    for out, message in (
        (tmp_path / "file", "file: File exists"),
        (tmp_path / "file" / "below", "below: Not a directory"),
        (tmp_path / "taken", "model.json is a folder, and a file of that name is to be written"),
        ("", "argument --out: a folder is needed"),
    ):
        status, _, err = run(capsys, "--out", out, "--quiet")
        assert status == 2
        assert message in err
        assert err.count("\n") == 1

    def denied(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path / "locked"))

    monkeypatch.setattr(job.tempfile, "TemporaryFile", denied)
    status, _, err = run(capsys, "--out", tmp_path / "locked", "--quiet")
    assert status == 2
    assert err == f"python -m nn.figure5: {tmp_path / 'locked'}: Permission denied\n"


def test_a_diverging_training_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, _, err = run(
        capsys,
        "--out",
        tmp_path,
        "--activation",
        "relu",
        "--loss",
        "cross-entropy",
        "--learning-rate",
        "1e300",
        "--quiet",
    )
    assert status == 2
    assert err.count("\n") == 1
    assert "in training step" in err
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "not JSON at line 1"), ('{"format": "x"}', '"format" is not'), ("[" * 10**5, "nested too deeply")],
)
def test_a_broken_model_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "model.json"
    path.write_text(content, encoding="utf-8")
    status, out, err = run(capsys, "predict", path, "--weight", 71, "--height", 178)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_model_of_another_kind_or_without_a_scaler_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    save(MLP(2, [1], seed=0), tmp_path / "mlp.json")
    save(Figure5(seed=0), tmp_path / "bare.json")
    for name, message in (("mlp", "holds a network of another kind, MLP"), ("bare", "holds no scaler")):
        status, _, err = run(capsys, "predict", tmp_path / f"{name}.json", "--weight", 71, "--height", 178)
        assert status == 2
        assert message in err
        assert err.count("\n") == 1


@pytest.mark.parametrize("after", [0, 4])
def test_ctrl_c_keeps_the_last_complete_step(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    plain = job.train

    def interrupted(task: job.Task, **options: Any) -> Any:
        if after == 0:
            monkeypatch.setattr(Figure5, "logit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))

        def stop(step: int, loss: float) -> None:
            if step == after:
                raise KeyboardInterrupt

        return plain(task, on_step=stop, **options)

    monkeypatch.setattr(job, "train", interrupted)
    status, out, err = run(capsys, "--out", tmp_path, "--quiet", "--steps", 10)
    assert status == 130
    if after == 0:
        assert err == "python -m nn.figure5: interrupted before the first step was complete: nothing is written\n"
        assert os.listdir(tmp_path) == []
    else:
        assert "interrupted: the results are those after the last complete step, 4 of 10" in out
        assert sorted(os.listdir(tmp_path)) == FILES
        assert load(tmp_path / "model.json").metadata["steps"] == 4


def test_ctrl_c_elsewhere_is_one_line_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "prepare", interrupted)
    status, out, err = run(capsys, "--out", tmp_path)
    assert (status, out, err) == (130, "", "python -m nn.figure5: interrupted\n")


@pytest.mark.slow
def test_importing_nn_loads_no_pictures() -> None:
    code = "import sys, nn, nn.figure5.cli; sys.exit('viz' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "error", "-c", code], check=False).returncode == 0
    assert importlib.import_module("nn.figure5").__all__ == ["Figure5"]


@pytest.mark.slow
def test_as_a_command(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path]),
        "PYTHONIOENCODING": "ascii",
    }
    command = [sys.executable, "-W", "error", "-m", "nn.figure5"]
    done = subprocess.run(
        [*command, "--steps", "5"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "P(male | 71 kg, 178 cm) = 0." in done.stdout
    assert "5/5" in done.stderr
    assert sorted(os.listdir(tmp_path / "figure5-out")) == FILES
    wrong = subprocess.run(
        [*command, "--steps", "no"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1
    assert wrong.stdout == ""
