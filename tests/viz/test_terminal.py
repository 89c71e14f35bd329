"""walk(): the screen line by line, the keys through prompt_toolkit's own pipe, plain text without a terminal."""

from __future__ import annotations

import builtins
import io

import pytest
from support.viz_graphs import figure5, mlp

from autograd import Value
from viz import terminal
from viz.stepper import Stepper, step
from viz.terminal import Screen, bar, cells, cut, padded, walk


def shown(screen: Screen, columns: int = 80, rows: int = 24) -> list[str]:
    lines = ["".join(text for _, text in line) for line in screen.lines(columns, rows)]
    assert len(lines) <= rows
    assert all(cells(line) <= columns for line in lines), lines
    return lines


def pressed(stepper: Stepper, keys: str) -> None:
    pytest.importorskip("prompt_toolkit")
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    with create_pipe_input() as pipe:
        pipe.send_text(keys)
        walk(stepper, input=pipe, output=DummyOutput())


RIGHT, LEFT, UP, DOWN, HOME, END = (f"\x1b[{c}" for c in "CDABHF")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keys", "position"),
    [
        ("q", 0),
        ("nn q", 3),
        (f"{RIGHT}{DOWN}\r{LEFT}q", 2),
        (f"nnnb\x7f{UP}q", 0),
        ("bq", 0),
        ("rq", 22),
        (f"{END}nq", 22),
        ("rsq", 0),
        (f"r{HOME}nq", 1),
        ("/x1\rq", 14),
        ("/x1\r/x1\rq", 20),
        ("/zz\rnq", 1),
        ("/n\x03", 0),
        ("kx1\rrq", 14),
        ("kx1\rrrrq", 22),
        ("kx1\rk\rrq", 22),
        ("k0.9\rrq", 2),
        ("nn\x03", 2),
        ("nn\x04", 2),
    ],
)
def test_keys(keys, position):
    stepper = step(figure5())
    pressed(stepper, keys)
    assert stepper.position == position


def test_grain_keys():
    stepper = step(figure5())
    pressed(stepper, "/b3\ruq")
    assert (stepper.grain, stepper.position) == ("neuron", 3)
    pressed(stepper, "oq")
    assert stepper.grain == "node"
    pressed(stepper, "eq")
    assert (stepper.grain, stepper.position) == ("edge", 10)


def test_the_first_screen():
    lines = shown(Screen(step(figure5())))
    assert lines[0].startswith(" step 0 of 22")
    assert lines[0].endswith("edge by edge ")
    assert "The walk to the gradients of L begins. n or the right arrow takes a step." in lines
    assert "q quit" in lines[-1]
    for name in ("w1", "w6", "b3", "x2", "y - o1"):
        assert any(f"  {name} " in line for line in lines)


def test_a_step_shows_formula_sentence_table_and_bar():
    stepper = step(figure5())
    stepper.run_to("w5")
    lines = shown(Screen(stepper))
    assert lines[0].startswith(" step 6 of 22 | dL/dw5")
    assert "dL/dw5 += dL/ds3 * ds3/dw5 = (-0.2471) * 0.2497 = -0.06171 (now -0.06171)" in lines
    assert "s3 passes its gradient -0.2471 to w5, times the local derivative 0.2497:" in lines
    assert any("> w5             -0.06171      -|" in line for line in lines)
    assert any("  o1                   -1 ------|" in line for line in lines)
    assert any("  L                     1       |++++++" in line for line in lines)


def test_the_table_stays_where_it_is():
    screen = Screen(step(figure5(), grain="neuron", forward=True, learning_rate=0.1))
    places = set()
    while screen.stepper.position < len(screen.stepper):
        screen.next()
        places.add(next(i for i, line in enumerate(shown(screen)) if line.startswith("  name")))
    assert len(places) == 1


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 12), (20, 6), (200, 60), (1, 1), (79, 7)])
@pytest.mark.parametrize("grain", ["edge", "node", "neuron"])
def test_every_size(columns, rows, grain):
    screen = Screen(step(figure5(), grain=grain, forward=True))
    for _ in range(len(screen.stepper)):
        screen.next()
        shown(screen, max(columns, 20), max(rows, 6))
        screen.lines(columns, rows)


def test_a_large_graph_scrolls_to_what_changes():
    screen = Screen(step(mlp([4, 16, 16, 1])))
    screen.go_to("layer1.n7.w2")
    lines = shown(screen)
    assert sum("> " in line for line in lines) == 1


def test_names_that_no_terminal_should_be_sent():
    x = Value(2.0, name="\x1b[2J\x07日本語" * 5)
    screen = Screen(step(x * x))
    for _ in range(3):
        text = "".join(shown(screen))
        assert "\x1b" not in text
        assert "\x07" not in text
        screen.next()


def test_messages():
    screen = Screen(step(figure5()))
    screen.back()
    assert screen.message == "This is the beginning: n takes the first step."
    screen.run()
    assert screen.message == ""
    screen.next()
    assert screen.message == "That was the last step: b goes back, s restarts, q quits."
    screen.go_to("w1")
    assert screen.message == "Found from the beginning on."
    place = screen.stepper.position
    screen.go_to("zz")
    assert screen.message.startswith("no value is called 'zz'; the names are ")
    assert screen.stepper.position == place
    screen.break_at("zz")
    assert screen.message.startswith("no value is called 'zz'")
    screen.break_at("x1")
    screen.break_at("0.5")
    assert screen.message == "r stops at x1, |contribution| >= 0.5 (k and enter: forget)."
    screen.restart()
    screen.run()
    assert screen.message == "A break point: r runs on."
    screen.break_at("")
    assert screen.message == "No break points any more."
    screen.grain("neuron")
    assert screen.message == "Steps go neuron by neuron now."


def test_bars_say_the_sign_without_colour():
    assert bar(None, 1.0) == " " * 13
    assert bar(0.0, 1.0) == "      |      "
    assert bar(1.0, 1.0) == "      |++++++"
    assert bar(-0.25, 1.0) == "   ---|      "
    assert bar(1e-12, 1.0) == "      |+     "
    assert bar(float("nan"), 1.0) == "      |      "
    assert bar(float("-inf"), 1.0) == "------|      "


def test_columns():
    assert cells(padded("日本語", 5)) == 5
    assert cut("abcdef", 4) == "ab.."
    assert padded("ab", 4) == "ab  "


def test_plain_text_without_a_terminal(capsys):
    stepper = step(figure5(backward=False))
    walk(stepper)
    out = capsys.readouterr().out
    assert out.startswith("step 1 of 22  dL/dL\n    dL/dL = 1\n")
    assert "step 22 of 22  dL/db2\n" in out
    assert "\ngradients of L\n    L 1\n" in out
    assert "    w1 0.1019\n" in out
    assert "\x1b" not in out
    assert stepper.position == 0


class Terminal(io.StringIO):
    encoding = "ascii"

    def isatty(self) -> bool:
        return True


def test_plain_text_on_a_dumb_terminal_of_ascii(monkeypatch):
    out = Terminal()
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stdout", out)
    x = Value(2.0, name="日")
    walk(step(x * x))
    assert r"\u65e5" in out.getvalue()
    assert out.getvalue().isascii()


def test_no_color(monkeypatch):
    pytest.importorskip("prompt_toolkit")
    from prompt_toolkit.data_structures import Size
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output.vt100 import Vt100_Output

    for value, coloured in (("1", False), ("", True)):
        monkeypatch.setenv("NO_COLOR", value)
        out = io.StringIO()
        output = Vt100_Output(out, lambda: Size(rows=24, columns=80), term="xterm-256color", enable_cpr=False)
        with create_pipe_input() as pipe:
            pipe.send_text("nnnnq")
            walk(step(figure5()), input=pipe, output=output)
        assert ("38;5;" in out.getvalue()) == coloured
        assert " of 22" in out.getvalue()


def test_a_missing_package_is_said_clearly(monkeypatch):
    real = builtins.__import__

    def without(name: str, *args: object, **more: object) -> object:
        if name.startswith("prompt_toolkit"):
            raise ImportError(name)
        return real(name, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"needs the prompt_toolkit package: install it \(pip install prompt_toolkit"):
        terminal.application(Screen(step(figure5())))
