"""walk(stepper): the steps with keys in a terminal, over ssh too; as plain text where there is no terminal.

The screen is made line by line in `Screen`, which knows no terminal; prompt_toolkit shows it and reads the keys.
"""

from __future__ import annotations

import math
import os
import sys
import textwrap
import unicodedata
from typing import TYPE_CHECKING, Any

from autograd import Value
from viz.palette import share
from viz.steps import GRAINS, Step

if TYPE_CHECKING:
    from prompt_toolkit.application import Application
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from viz.stepper import Stepper

__all__ = ["Screen", "walk"]

Line = list[tuple[str, str]]
"""Pieces of one line: a style's name and text."""

STYLES = {
    "head": "reverse", "title": "bold", "formula": "bold", "words": "", "muted": "#808080", "now": "bold underline",
    "plus": "#3b8eea", "minus": "#e8812f", "odd": "#d670d6", "error": "bold #e8812f", "": "",
}  # fmt: skip
"""Blue for positive and orange for negative, as in the pictures; every bar says its sign in characters as well."""

HELP = "n next  b back  r run  s start  / find  k break  e edge o node u neuron  q quit"

_BAR = 6
_GUTTER = 2


def walk(stepper: Stepper, *, input: Input | None = None, output: Output | None = None) -> None:
    """Walk the steps of `stepper` with keys until q; its position moves along and stays where the walk ends.

    Keys: next (right, down, n, space, enter), back (left, up, b, backspace), r or end: run to the end or a break
    point, s or home: restart, / go to the next step that reaches a name, k break at a name or where a contribution
    is at least a number (nothing: forget the break points), e, o, u: steps by edge, node, neuron, q: quit.

    Without a terminal (a pipe, a file, ``TERM=dumb``) all steps are printed as plain text. Colours stay away where the
    environment says ``NO_COLOR``. `input` and `output` are prompt_toolkit's, for tests.

    Raises:
        ImportError: the optional package prompt_toolkit is missing.
    """
    given = input is not None or output is not None
    if not given and not (sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"):
        print_all(stepper)
        return
    application(Screen(stepper), input, output).run()


def print_all(stepper: Stepper) -> None:
    """All steps and then all gradients, as plain text on standard output."""
    encoding = sys.stdout.encoding or "utf-8"
    lines = []
    for i, stage in enumerate(stepper.plan.stages, 1):
        lines.append(f"step {i} of {len(stepper)}  {stage.title}")
        lines += [f"    {line}" for line in stage.text.split("\n")]
    known = {id(s.node if s.operand is None else s.operand): s.after for s in stepper.plan.steps if _sums(s)}
    names, digits = stepper.plan.names, stepper.plan.digits
    lines += ["", f"gradients of {names.of(stepper.plan.root).text}"]
    lines += [
        f"    {names.of(v).text} {known[id(v)]:.{digits}g}"
        for v in reversed(stepper.plan.graph.nodes)
        if id(v) in known
    ]
    for line in lines:
        print(line.encode(encoding, "backslashreplace").decode(encoding))


class Screen:
    """What the walk shows, line by line, and what its keys do."""

    def __init__(self, stepper: Stepper) -> None:
        self.stepper = stepper
        self.message = ""
        self.breaks: list[str] = []
        nodes = stepper.plan.graph.nodes
        self.order = [v for v in reversed(nodes) if v.name or not v.is_leaf]
        finals = [abs(s.after) for s in stepper.plan.steps if _sums(s) and math.isfinite(s.after)]
        self.largest = max(finals, default=0.0)

    # -- keys --------------------------------------------------------------------------------------------------------

    def next(self) -> None:
        """One step on."""
        self.message = ""
        try:
            self.stepper.next()
        except StopIteration:
            self.message = "That was the last step: b goes back, s restarts, q quits."

    def back(self) -> None:
        """One step back."""
        self.message = ""
        try:
            self.stepper.back()
        except StopIteration:
            self.message = "This is the beginning: n takes the first step."

    def run(self) -> None:
        """To the end, or to a break point."""
        self.stepper.run()
        self.message = "" if self.stepper.position == len(self.stepper) else "A break point: r runs on."

    def restart(self) -> None:
        """To the beginning."""
        self.stepper.restart()
        self.message = ""

    def grain(self, grain: str) -> None:
        """Take other strides."""
        self.stepper.grain = grain
        self.message = f"Steps go {grain} by {grain} now."

    def go_to(self, name: str) -> None:
        """To the next step that reaches a name; from the beginning if there is none later."""
        self.message = ""
        place = self.stepper.position
        try:
            wanted = self.stepper.find(name)
            try:
                self.stepper.run_to(wanted)
            except ValueError:
                self.stepper.restart()
                self.stepper.run_to(wanted)
                self.message = "Found from the beginning on."
        except ValueError as error:
            self.stepper.go(place)
            self.message = str(error)

    def break_at(self, what: str) -> None:
        """Stop a run at a name, or at a contribution of at least some size; at nothing any more for an empty text."""
        if not what:
            self.stepper.clear_breaks()
            self.breaks.clear()
            self.message = "No break points any more."
            return
        try:
            wanted = self.stepper.find(what)
        except ValueError as error:
            try:
                size = abs(float(what))
            except ValueError:
                self.message = str(error)
                return
            self.stepper.break_at(lambda step: step.kind == "backward" and abs(step.contribution) >= size)
            self.breaks.append(f"|contribution| >= {size:g}")
        else:
            self.stepper.break_at(lambda step: wanted is (step.node if step.operand is None else step.operand))
            self.breaks.append(what)
        self.message = f"r stops at {', '.join(self.breaks)} (k and enter: forget)."

    # -- what is seen ------------------------------------------------------------------------------------------------

    def lines(self, columns: int, rows: int) -> list[Line]:
        """The screen, at most ``rows`` lines of at most ``columns`` characters."""
        columns, rows = max(columns, 20), max(rows, 6)
        stepper, stage = self.stepper, self.stepper.stage
        at, end = stepper.position, len(stepper)
        left = f" step {at} of {end}" + (f" | {stage.title}" if stage else "")
        right = f"{stepper.grain} by {stepper.grain} "
        lines: list[Line] = [[("head", padded(left, columns - len(right)) + right)]]
        done = (columns - 2) * at // end
        lines.append([("muted", "[" + "#" * done + "." * (columns - 2 - done) + "]")])
        height = max(3, rows // 4)  # the same for every step, so that the table stays where it is
        said = self._said(columns, height)
        lines += [*said, *[[]] * (height - len(said) + 1)]
        room = rows - len(lines) - 2
        if room > 1:
            lines += self._table(columns, room)
        lines += [[]] * (rows - len(lines) - 2)
        lines.append([("error", cut(self.message, columns))] if self.message else [])
        lines.append([("muted", cut(HELP, columns))])
        return lines[:rows]

    def _said(self, columns: int, room: int) -> list[Line]:
        stage = self.stepper.stage
        if stage is None:
            root = self.stepper.plan.names.of(self.stepper.plan.root).text
            text = f"The walk to the gradients of {root} begins. n or the right arrow takes a step."
            return [[("words", line)] for line in wrapped(text, columns)][:room]
        lines: list[Line] = []
        for formula in stage.text.split("\n"):
            lines += [[("formula", line)] for line in wrapped(formula, columns, "    ")]
        if len(stage.steps) == 1:
            lines += [[("words", line)] for line in wrapped(stage.words, columns)]
        return lines if len(lines) <= room else [*lines[: room - 1], [("muted", "...")]]

    def _table(self, columns: int, room: int) -> list[Line]:
        """The gradients known so far, in two columns where there is room, around those that have just changed."""
        known, names = self.stepper.gradients(), self.stepper.plan.names
        stage = self.stepper.stage
        now = {id(s.node if s.operand is None else s.operand) for s in stage.steps} if stage else set()
        across = max(1, columns // 40)
        width = (columns - _GUTTER * (across - 1)) // across
        number = self.stepper.plan.digits + 7
        name = max(4, width - 2 - number - 2 * _BAR - 2)
        root = names.of(self.stepper.plan.root).text
        head = f"  {padded('name', name)}{f'd{root}/d.':>{number}.{number}}"
        shown = room - 1
        first = 0
        if len(self.order) > shown * across:
            places = [i for i, v in enumerate(self.order) if id(v) in now]
            first = max(0, min(len(self.order) - shown * across, (places or [0])[0] - shown * across // 2))
        rows: list[Line] = [[("muted", cut((" " * _GUTTER).join([padded(head, width)] * across), columns))]]
        for i in range(shown):
            row: Line = []
            for k in range(across):
                at = first + k * shown + i
                if at < len(self.order):
                    row += [("", " " * _GUTTER)] if k else []
                    row += self._cell(self.order[at], known, now, name, number)
            rows.append(row)
        return rows

    def _cell(self, v: Value, known: dict[int, float], now: set[int], name: int, number: int) -> Line:
        x = known.get(id(v))
        called = padded(self.stepper.plan.names.of(v).text, name)
        current = id(v) in now
        shown = "-" if x is None else f"{x:.{self.stepper.plan.digits}g}"
        tone = "muted" if x is None or x == 0 else "odd" if math.isnan(x) else "plus" if x > 0 else "minus"
        return [
            ("now" if current else "", ("> " if current else "  ") + called),
            ("muted" if x is None else tone if tone != "muted" else "", f"{shown:>{number}}"),
            (tone, " " + bar(x, self.largest)),
        ]


def bar(x: float | None, largest: float) -> str:
    """A gradient about a zero line, in characters: minus signs to the left, plus signs to the right."""
    if x is None:
        return " " * (2 * _BAR + 1)
    part = share(x, largest)
    size = max(1, round(abs(part) * _BAR)) if part else 0
    return ("-" * size).rjust(_BAR) + "|" + " " * _BAR if part < 0 else " " * _BAR + "|" + ("+" * size).ljust(_BAR)


def _sums(step: Step) -> bool:
    return step.kind in ("seed", "backward")


def cells(text: str) -> int:
    """The columns that a text takes in a terminal."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def cut(text: str, columns: int) -> str:
    """The text, its end left out where it is wider."""
    if cells(text) <= columns:
        return text
    while text and cells(text) > columns - 2:
        text = text[: max(0, min(len(text) - 1, columns))]
    return text + ".."


def padded(text: str, columns: int) -> str:
    """The text with blanks, or cut, so that it takes so many columns."""
    text = cut(text, columns)
    return text + " " * (columns - cells(text))


def wrapped(text: str, columns: int, indent: str = "") -> list[str]:
    """Lines that fit."""
    lines = textwrap.wrap(text, columns, subsequent_indent=indent, break_on_hyphens=False)
    return [cut(line, columns) for line in lines]


def application(screen: Screen, input: Input | None = None, output: Output | None = None) -> Application[None]:
    """The screen as a prompt_toolkit application.

    Raises:
        ImportError: the package is missing.
    """
    try:
        from prompt_toolkit.application import Application, get_app
        from prompt_toolkit.filters import Condition
        from prompt_toolkit.formatted_text import StyleAndTextTuples
        from prompt_toolkit.key_binding import KeyBindings
        from prompt_toolkit.layout import ConditionalContainer, HSplit, Layout, Window
        from prompt_toolkit.layout.controls import FormattedTextControl
        from prompt_toolkit.output import ColorDepth
        from prompt_toolkit.styles import Style
        from prompt_toolkit.widgets import TextArea
    except ImportError:
        raise ImportError(
            "a walk with keys needs the prompt_toolkit package: install it (pip install prompt_toolkit, or this "
            "distribution's extra 'terminal'); with its output sent to a file or a pipe, walk() does without"
        ) from None

    asking: list[str] = []  # what the line at the bottom is for, while it is open

    def drawn() -> StyleAndTextTuples:
        size = app.output.get_size()
        pieces: StyleAndTextTuples = []
        for line in screen.lines(size.columns, size.rows - len(asking)):
            pieces += [(f"class:{name}" if name else "", text) for name, text in line]
            pieces.append(("", "\n"))
        return pieces[:-1]

    def close() -> None:
        asking.clear()
        field.text = ""
        app.layout.focus(picture)

    def answered(_: Any) -> bool:
        (screen.go_to if asking[0] == "go to" else screen.break_at)(field.text.strip())
        close()
        return False

    picture = Window(FormattedTextControl(drawn, focusable=True, show_cursor=False), wrap_lines=False)
    field = TextArea(
        multiline=False, height=1, prompt=lambda: f"{asking[0] if asking else ''}: ", accept_handler=answered
    )
    line = ConditionalContainer(field, Condition(lambda: bool(asking)))
    keys, free = KeyBindings(), Condition(lambda: not asking)

    def on(names: str, act: Any) -> None:
        for name in names.split():
            keys.add(name, filter=free)(lambda event: act())

    def ask(what: str) -> None:
        asking.append(what)
        app.layout.focus(field)

    on("right down n space enter pagedown", screen.next)
    on("left up b backspace pageup", screen.back)
    on("r end", screen.run)
    on("s home", screen.restart)
    on("/", lambda: ask("go to"))
    on("k", lambda: ask("break at a name or a size"))
    for name, grain in zip("eou", GRAINS, strict=True):
        on(name, lambda grain=grain: screen.grain(grain))
    on("q", lambda: get_app().exit())
    keys.add("c-c")(lambda event: event.app.exit())
    keys.add("c-d")(lambda event: event.app.exit())
    keys.add("escape", filter=~free, eager=True)(lambda event: close())

    app: Application[None] = Application(
        layout=Layout(HSplit([picture, line]), focused_element=picture),
        key_bindings=keys,
        style=Style.from_dict({name: style for name, style in STYLES.items() if name}),
        color_depth=ColorDepth.DEPTH_1_BIT if os.environ.get("NO_COLOR") else None,
        full_screen=True,
        input=input,
        output=output,
    )
    return app
