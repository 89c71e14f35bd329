"""The command line of ``python -m nn.figure5``: options, what is printed, and how it ends.

Exit status: 0 done, 2 a wrong option, file or folder (one line on standard error says which), 130 interrupted
by Ctrl-C.
"""

from __future__ import annotations

import argparse
import math
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from autograd.errors import AutogradError
from autograd.showing import one_line, visible
from nn.activations import ACTIVATIONS
from nn.datasets import DatasetError
from nn.figure5 import job
from nn.figure5.model import Figure5
from nn.history import History
from nn.persistence import load

__all__ = ["main"]

PROGRAM = "python -m nn.figure5"
DEFAULTS = job.Settings()

TRAIN_DESCRIPTION = """\
Train the 2-2-1 network of figure 5 to tell men from women by weight and
height, and show every gradient.

Prints the learned weights w1..w6 and biases b1..b3, the accuracy on people
whom the network has not seen, the probability that a person of 71 kg and
178 cm is a man, and dL/dw1 for that person, written out by the chain rule.
Writes
  gradients.svg        the gradient graph: every value and gradient
  network.svg          the network, with the gradients on its edges
  learning-curve.svg   the loss, step by step
  model.json           the trained network, for predictions
"""

TRAIN_EXAMPLES = f"""\
examples:
  {PROGRAM}
  {PROGRAM} --loss cross-entropy --activation tanh --seed 7
  {PROGRAM} --data people.csv --steps 1000 --out people
  {PROGRAM} predict figure5-out/model.json --weight 71 --height 178

The last one predicts from a saved model: see {PROGRAM} predict --help

Ctrl-C ends the training at the last complete step, and the results so far are
written; the exit status is 130. A wrong option, file or folder is answered by
one line that says which; the exit status is 2.
"""

PREDICT_DESCRIPTION = """\
Predict from a model that the main job has saved: prints the probability, from
0 to 1, that the person is a man.
"""

PREDICT_EXAMPLES = f"""\
example:
  {PROGRAM} predict figure5-out/model.json --weight 71 --height 178
"""

FORMULAS = {
    "absolute": "|y - o1|",
    "squared": "(y - o1)^2",
    "cross-entropy": "-(y log(o1) + (1 - y) log(1 - o1))",
}
"""How the losses are printed, by the name of the option."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line (``sys.argv`` unless told); returns the exit status or raises SystemExit."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # where a terminal lacks a character, a question mark
    try:
        if arguments[:1] == ["predict"]:
            return _predict(_predict_parser().parse_args(arguments[1:]))
        return _train(_train_parser().parse_args(arguments))
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except BrokenPipeError:
        # the reader of our output has gone (| head); Python must not complain once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        what = error.strerror or str(error)
        return _fail(f"{error.filename}: {what}" if error.filename and error.strerror else str(error))
    except (DatasetError, AutogradError, FloatingPointError) as error:
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        return _fail(f"{error}{notes}")


def _train(options: argparse.Namespace) -> int:
    folder: Path = options.out
    settings = job.Settings(
        loss=options.loss,
        activation=options.activation,
        learning_rate=options.learning_rate,
        steps=options.steps,
        batch_size=options.batch_size,
        seed=options.seed,
        data=options.data,
        swapped=options.swapped,
    )
    job.prepare_folder(folder)
    task = job.prepare(settings)
    for line in _plan(task):
        _say(line)
    history = job.train(task, progress=not options.quiet, eager=options.eager)
    _say(f"steps: {history.engine}")
    made = len(history.losses)
    if history.interrupted:
        if not made:
            return _fail("interrupted before the first step was complete: nothing is written", 130)
        _say(f"interrupted: the results are those after the last complete step, {made} of {settings.steps}")
    explained = job.explain_person(task, history)
    for line in _learned(task, history) + _explanation(task, explained):
        _say(line)
    paths = job.write(task, history, explained, folder)
    for line in _written(paths, folder):
        _say(line)
    return 130 if history.interrupted else 0


def _predict(options: argparse.Namespace) -> int:
    model = load(options.model).model
    if not isinstance(model, Figure5):
        return _fail(f"{options.model} holds a network of another kind, {type(model).__name__}")
    if model.scaler is None:
        return _fail(f"{options.model} holds no scaler: the network cannot take kg and cm")
    probability = model.predict(options.weight, options.height)
    _say(f"P(male | {options.weight:g} kg, {options.height:g} cm) = {probability:.4f}")
    return 0


def _plan(task: job.Task) -> list[str]:
    settings = task.settings
    held = f"{len(task.held_out)} held out"
    if any(person.row == job.HELD_OUT_ROW for person in task.held_out):
        held += f", row {job.HELD_OUT_ROW} among them"
    batch = "all rows" if settings.batch_size is None else f"{settings.batch_size} rows"
    (weight, height), (weight_scale, height_scale) = task.scaler.mean, task.scaler.scale
    return [
        *str(task.table.report).split("\n"),
        f"{len(task.training)} rows to train on, {held} (seed {settings.seed})",
        f"x1 = (weight - {weight:.2f} kg) / {weight_scale:.2f} kg",
        f"x2 = (height - {height:.2f} cm) / {height_scale:.2f} cm",
        f"gradient descent: {settings.loss} loss, f = {settings.activation}, "
        f"learning rate {settings.learning_rate:g}, {settings.steps} steps of {batch}",
    ]


def _learned(task: job.Task, history: History) -> list[str]:
    state = task.model.state_dict()
    f = task.settings.activation
    lines = ["", "Learned"]
    for formula, names in (
        (f"h1 = {f}(w1 x1 + w2 x2 + b1)", ("w1", "w2", "b1")),
        (f"h2 = {f}(w3 x1 + w4 x2 + b2)", ("w3", "w4", "b2")),
        ("o1 = sigmoid(w5 h1 + w6 h2 + b3)", ("w5", "w6", "b3")),
    ):
        numbers = "".join(f"{name} = {state[name]:<+10.4f}" for name in names)
        lines.append(f"  {formula:<36}{numbers}".rstrip())
    losses = history.losses
    lines += ["", f"Loss: {losses[0]:.4f} at the first step, {losses[-1]:.4f} at step {len(losses)}"]
    lines.append("Accuracy")
    for label, people in (("held out", task.held_out), ("trained on", task.training)):
        share = task.accuracy(people)
        lines.append(f"  {label:<12}{share:.1%}  ({round(share * len(people))} of {len(people)} people)")
    return lines


def _explanation(task: job.Task, explained: job.Explained) -> list[str]:
    person = explained.person
    kind = "man" if person.sex == "M" else "woman"
    return [
        "",
        f"P(male | {person.weight_kg:g} kg, {person.height_cm:g} cm) = {explained.probability:.4f}",
        "",
        f"The gradient of that person's loss in w1 (a {kind}: y = {person.male:g})",
        f"  L = {FORMULAS[task.settings.loss]} = {explained.loss.data:.4g}",
        f"  dL/dw1 = {explained.gradient_of_w1:.4g}, by the chain rule:",
        "",
        *(f"  {line}".rstrip() for line in explained.derivation.splitlines()),
    ]


def _written(paths: Sequence[Path], folder: Path) -> list[str]:
    width = max(len(str(path)) for path in paths)
    return [
        "",
        "Written",
        *(f"  {path!s:{width}}  {what}" for path, what in zip(paths, job.FILES.values(), strict=True)),
        "",
        "Predict for someone else:",
        f"  {PROGRAM} predict {shlex.quote(str(folder / 'model.json'))} --weight 60 --height 165",
    ]


def _say(text: str) -> None:
    print("\n".join(map(visible, text.split("\n"))), flush=True)


def _fail(message: str, status: int = 2) -> int:
    print(f"{PROGRAM}: {one_line(message)}", file=sys.stderr, flush=True)
    return status


class _Parser(argparse.ArgumentParser):
    """Says what was wrong in one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {one_line(message)} (--help shows the options)\n")


def _train_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [options]\n       {PROGRAM} predict MODEL.json --weight KG --height CM",
        description=TRAIN_DESCRIPTION,
        epilog=TRAIN_EXAMPLES,
    )
    d = DEFAULTS
    files = parser.add_argument_group("files")
    files.add_argument(
        "--out",
        metavar="DIR",
        type=_folder,
        default="figure5-out",
        help="the folder for the results, made if need be (figure5-out)",
    )
    files.add_argument(
        "--data",
        metavar="CSV",
        help="a table with the columns sex (M or F), weight_kg and height_cm; unless given, the 200 people "
        "of C. Davis (1990), Appetite 15, 13-21",
    )
    files.add_argument(
        "--swapped",
        choices=("repair", "reject"),
        default=d.swapped,
        help="what to do with a row whose weight and height were recorded in each other's place: a weight in "
        f"kg above the height in cm, where the exchange makes both plausible for an adult ({d.swapped})",
    )
    training = parser.add_argument_group("training")
    training.add_argument(
        "--loss",
        choices=tuple(job.LOSSES),
        default=d.loss,
        help="of the output o1 against y (1 for a man, 0 for a woman), the mean over the rows: absolute is "
        f"the lesson's |y - o1| ({d.loss})",
    )
    training.add_argument(
        "--activation",
        metavar="F",
        choices=tuple(ACTIVATIONS),
        default=d.activation,
        help=f"f of the hidden neurons: {', '.join(ACTIVATIONS)}; the output is a sigmoid in any case, since "
        f"it is a probability ({d.activation})",
    )
    training.add_argument(
        "--learning-rate",
        metavar="X",
        type=_positive,
        default=d.learning_rate,
        help=f"how far a step goes against the gradient ({d.learning_rate:g})",
    )
    training.add_argument(
        "--steps",
        metavar="N",
        type=_count,
        default=d.steps,
        help=f"how many updates of the weights ({d.steps})",
    )
    training.add_argument(
        "--batch-size",
        metavar="N",
        type=_count,
        help="how many rows a step takes, in a shuffled order (all of them)",
    )
    training.add_argument(
        "--seed",
        metavar="N",
        type=_whole,
        default=d.seed,
        help="decides the first weights, the rows held out and the order of mini batches: the same seed "
        f"gives the same numbers ({d.seed})",
    )
    training.add_argument(
        "--eager",
        action="store_true",
        help="step on the eager engine, one graph for every row, in place of a compiled program: the same "
        "numbers, slower",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def _predict_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=f"{PROGRAM} predict", description=PREDICT_DESCRIPTION, epilog=PREDICT_EXAMPLES)
    parser.add_argument("model", metavar="MODEL.json", help="a model that the main job has written")
    parser.add_argument("--weight", metavar="KG", type=_positive, required=True, help="weight in kilograms")
    parser.add_argument("--height", metavar="CM", type=_positive, required=True, help="height in centimetres")
    return parser


def _folder(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("a folder is needed")
    return Path(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return number


def _count(text: str) -> int:
    number = _whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 up")
    return number


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
