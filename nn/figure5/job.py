"""The main job: train figure 5's network on people, and show what it learned and why.

What it does, in order: read the table, hold a fifth of the rows out (row 9 among them), standardise by the
rows that are left, train, say what was learned, write the chain rule out for one person, and write the
pictures and the model.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nn.losses as losses
from autograd import Value
from autograd.files import write_together
from nn.datasets import DatasetError, Person, Swapped, Table, davis, read_people
from nn.figure5.model import COLUMNS, Figure5
from nn.history import History
from nn.optim import SGD
from nn.persistence import dumps
from nn.scaler import Scaler
from nn.training import accuracy, fit

if TYPE_CHECKING:
    import viz

__all__ = [
    "FILES",
    "HELD_OUT_ROW",
    "LOSSES",
    "Explained",
    "Settings",
    "Task",
    "explain_person",
    "prepare",
    "prepare_folder",
    "split",
    "train",
    "write",
]

HELD_OUT_ROW = 9
"""The person of the lesson, whom the network must not have seen: 71 kg, 178 cm, a man."""

PERSON = Person(HELD_OUT_ROW, "M", 71.0, 178.0)

LOSSES: dict[str, losses.Loss] = {
    "absolute": losses.absolute_error,
    "squared": losses.squared_error,
    "cross-entropy": losses.binary_cross_entropy,
}

FILES = {
    "gradients.svg": "the gradient graph: every value and gradient for that person",
    "network.svg": "the network as in figure 5, with the gradients on its edges",
    "learning-curve.svg": "the loss, step by step",
    "model.json": "the trained network, with its scaler",
}


@dataclass(frozen=True)
class Settings:
    """What the main job can be told; the defaults are the lesson's loss and gradient descent on Davis."""

    loss: str = "absolute"
    activation: str = "sigmoid"
    learning_rate: float = 1.0
    steps: int = 300
    batch_size: int | None = None
    seed: int = 0
    data: str | None = None
    swapped: Swapped = "repair"

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ValueError(f"no loss is called {self.loss!r}: choose one of {', '.join(LOSSES)}")


@dataclass(frozen=True)
class Task:
    """A network and the people that it learns from; training changes the network in place."""

    settings: Settings
    table: Table
    training: tuple[Person, ...]
    held_out: tuple[Person, ...]
    scaler: Scaler
    model: Figure5

    def accuracy(self, people: Sequence[Person]) -> float:
        """The share of these people, from 0 to 1, whom the network tells right."""
        return accuracy(self.model, *_standardised(self.model, people))


@dataclass(frozen=True)
class Explained:
    """The gradient graph of one person: the loss, its pictures, and the chain rule of dL/dw1 as text."""

    person: Person
    probability: float
    loss: Value
    gradient_of_w1: float
    derivation: str
    pictures: dict[str, viz.Figure]


def split(people: Sequence[Person], seed: int) -> tuple[tuple[Person, ...], tuple[Person, ...]]:
    """The people to train on, and the fifth that is held out (one at least), row 9 (if any) among them.

    Both in the table's order; which rows are held out is decided by ``seed`` alone.

    Raises:
        DatasetError: fewer than 5 people, or only men or only women to train on.
    """
    if len(people) < 5:
        raise DatasetError(f"{len(people)} usable rows are too few to train on and to hold a fifth out: 5 are needed")
    chosen = [person.row for person in people if person.row == HELD_OUT_ROW]
    others = [person.row for person in people if person.row != HELD_OUT_ROW]
    random.Random(seed).shuffle(others)
    rows = {*chosen, *others[: round(len(people) / 5) - len(chosen)]}
    training = tuple(person for person in people if person.row not in rows)
    if len({person.sex for person in training}) == 1:
        kind = "men" if training[0].sex == "M" else "women"
        raise DatasetError(f"the {len(training)} rows to train on are all {kind}: there is nothing to tell apart")
    return training, tuple(person for person in people if person.row in rows)


def prepare(settings: Settings) -> Task:
    """Read the table, hold rows out, fit the scaler to the rows that are left, and draw the first weights.

    Raises:
        OSError, DatasetError: the table cannot be read or used.
    """
    swapped = settings.swapped
    table = davis(swapped) if settings.data is None else read_people(settings.data, swapped)
    try:
        training, held_out = split(table.people, settings.seed)
        scaler = Scaler.fit([(p.weight_kg, p.height_cm) for p in training], COLUMNS)
    except ValueError as error:
        raise DatasetError(f"{table.report.source}: {error}") from None
    model = Figure5(settings.activation, seed=settings.seed, scaler=scaler)
    return Task(settings, table, training, held_out, scaler, model)


def train(
    task: Task,
    *,
    progress: bool = True,
    on_step: Callable[[int, float], object] | None = None,
    eager: bool = False,
) -> History:
    """Train the task's network in place; see ``nn.training.fit`` for Ctrl-C and errors.

    ``eager`` steps on the eager engine, which takes hundreds of times as long to the same numbers.

    Raises:
        DomainError, FloatingPointError: the training went out of range.
    """
    settings, model = task.settings, task.model
    forward, loss = _objective(model, settings.loss)
    rows, targets = _standardised(model, task.training)
    # a weighted sum of Values alone takes the engine's quick way, one with numbers among them does not
    inputs: Any = [(Value(x1), Value(x2)) for x1, x2 in rows]
    return fit(
        forward,
        inputs,
        targets,
        loss=loss,
        optimizer=SGD(model.parameters(), settings.learning_rate),
        steps=settings.steps,
        batch_size=settings.batch_size,
        seed=settings.seed,
        held_out=_standardised(model, task.held_out),
        held_out_every=1,
        on_step=on_step,
        progress=progress,
        compile=False if eager else None,
    )


def _objective(model: Figure5, name: str) -> tuple[Callable[..., Value], losses.Loss]:
    """What the training calls: for cross-entropy the logit, since that loss stays finite at any."""
    if name == "cross-entropy":
        return model.logit, losses.binary_cross_entropy_with_logits
    return model, LOSSES[name]


def _standardised(model: Figure5, people: Sequence[Person]) -> tuple[list[tuple[float, float]], list[float]]:
    return [model.standardise(p.weight_kg, p.height_cm) for p in people], [p.male for p in people]


def explain_person(task: Task, history: History, person: Person = PERSON) -> Explained:
    """The loss of one person as a graph of named Values, differentiated, drawn and explained."""
    import viz  # only the application may see both packages, and `import nn` must not load the pictures

    model = task.model
    model.zero_grad()
    x1, x2 = model.standardise(person.weight_kg, person.height_cm)
    output = model(Value(x1, name="x1"), Value(x2, name="x2"))
    y = Value(person.male, name="y")
    loss = LOSSES[task.settings.loss](output, y)  # of o1, not of the logit: the graph shows the whole network
    loss.name = "L"
    loss.backward()
    notes = {"x1": f"{person.weight_kg:g} kg", "x2": f"{person.height_cm:g} cm"}
    who = f"{person.weight_kg:g} kg, {person.height_cm:g} cm"
    return Explained(
        person,
        output.data,
        loss,
        model.w1.grad,
        str(viz.explain(loss, model.w1)),
        {
            "gradients.svg": viz.draw(loss, title=f"Gradients for {who}", notes=notes),
            "network.svg": viz.network(loss, title=f"The network of figure 5 for {who}", notes=notes),
            "learning-curve.svg": viz.curve(
                {"trained on": history.losses, "held out": [loss for _, loss in history.held_out]},
                title=f"Learning curve: mean {task.settings.loss} loss",
            ),
        },
    )


def write(task: Task, history: History, explained: Explained, folder: Path) -> list[Path]:
    """Write the pictures and the model to the folder, all of them or none; returns their paths."""
    contents = {folder / name: picture.content(name) for name, picture in explained.pictures.items()}
    settings = task.settings
    contents[folder / "model.json"] = dumps(
        task.model,
        metadata={
            "data": task.table.report.source,
            "rows_trained_on": len(task.training),
            "rows_held_out": [person.row for person in task.held_out],
            "accuracy_held_out": task.accuracy(task.held_out),
            "loss": settings.loss,
            "learning_rate": settings.learning_rate,
            "batch_size": settings.batch_size,
            "seed": settings.seed,
            "steps": len(history.losses),
        },
    )
    write_together(contents)
    return [folder / name for name in FILES]


def prepare_folder(folder: Path) -> None:
    """Make the folder and see that the files can be written there, before any work is done for them.

    Raises:
        OSError: they cannot, and why.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if (folder / name).is_dir():
            raise IsADirectoryError(f"{folder / name} is a folder, and a file of that name is to be written")
    with tempfile.TemporaryFile(dir=folder):
        pass
