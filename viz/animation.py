"""animated(stepper): the walk as one SVG that plays by CSS alone, for slides and for pages that strip scripts.

The picture is that of ``draw`` at the end of the walk. Whatever looks different earlier is drawn too, each look in a
group that is visible for some of the frames; frame k is the state after k stages, and one more frame shows the end
with nothing lit. Groups of the last frame are visible and all others hidden by plain attributes, so that a reader who
wants no motion, a printer, and a program that knows no CSS animation get the final state.
"""

from __future__ import annotations

import hashlib
import math
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from viz import layout, svg
from viz.figure import document
from viz.markup import DASH, fit, number, text_width, visible
from viz.markup import coordinate as c
from viz.palette import paint, text, tone
from viz.scene import Scene, build, in_order
from viz.steps import GRAINS, Plan, Stage, Step, value_slots

if TYPE_CHECKING:
    from viz.cards import Card
    from viz.stepper import Stepper

__all__ = ["MOST_STAGES", "animated"]

MOST_STAGES = 300
"""A longer walk is shown at a coarser grain, or refused: nobody watches ten minutes of it."""

MOST_CARDS = (120, 300)
"""Larger graphs are folded to the first number, as of more no eye finds the card that lights up; or to the second."""

_PAUSE = 4.0
"""Seconds that the final state stands still before the film begins again."""

_LARGEST, _SMALLEST = 18.0, 12.5
"""The formula is set as large as it fits, for slides that are seen from afar, and larger still in a wide picture."""

_MOST_LINES = 10
_PREFIX = "\0"
"""Stands for the prefix of class names until the content, and so its hash, is known."""

_HEADER = re.compile(r'<svg [^>]*? width="([0-9.]+)" height="([0-9.]+)"')
_PAGE = re.compile(r'</style><rect class="f-page"[^>]*/>')
_GROUP = re.compile(r'<g data-(edge|card)="(\d+)">.*?</g>|<path data-trunk="(\d+)"[^>]*/>', re.DOTALL)
_PART = re.compile(
    r'<(rect|text) data-part="(back|frame|stripe|data|grad|bar)".*?(?:/>|</text>)|<path [^>]*stroke-width="0.8"[^>]*/>',
    re.DOTALL,
)
_DRAWN = re.compile(r' d="([^"]*)"')

Window = tuple[int, int | None]
"""The frames in which something is visible: the first, and the first in which it is not any more; None, to the end."""


def animated(stepper: Stepper, seconds_per_step: float = 1.6) -> str:
    """The walk of a stepper as an SVG document that plays by itself, over and over.

    Args:
        stepper: what ``step(loss)`` gives. Its position plays no part.
        seconds_per_step: how long each step is shown, from 0.1 to 60; the final state stands still for four seconds.

    Returns:
        A document without scripts and ids, with literal colours, for white and dark pages. The same walk gives the
        same bytes. A walk of more than 300 stages is shown at a coarser grain, and says so.

    Raises:
        ValueError: seconds out of range, or a walk too long or a graph too large to be watched.
        StaleGraphError: data was edited after the forward pass.
    """
    if isinstance(seconds_per_step, bool) or not isinstance(seconds_per_step, int | float):
        raise TypeError(f"seconds_per_step must be a number, got {type(seconds_per_step).__name__}")
    if not 0.1 <= seconds_per_step <= 60:
        raise ValueError(f"seconds_per_step must be from 0.1 to 60, got {seconds_per_step!r}")
    plan = _watchable(stepper.plan)
    with plan.final_gradients():
        scene = _scene(stepper)
    layout.place(scene)
    film = _Film(plan, scene)
    return film.document(seconds_per_step, coarser=plan.grain if plan.grain != stepper.plan.grain else "")


def _scene(stepper: Stepper) -> Scene:
    """What is drawn: folded to a few cards if its scopes allow it."""
    for most in MOST_CARDS:
        try:
            return build(stepper.plan.root, title=stepper.title, notes=stepper.notes, max_cards=most)
        except ValueError as error:
            problem = error
    if str(problem).startswith("notes:"):
        raise problem
    what = str(problem).partition(";")[0]
    raise ValueError(
        f"{what}; walk() shows it in the terminal, and values named 'scope.name' (Value(2.0, name='h1.w1')) fold"
    ) from None


def _watchable(plan: Plan) -> Plan:
    for grain in GRAINS[GRAINS.index(plan.grain) :]:
        plan = plan if grain == plan.grain else plan.at(grain)
        if len(plan.stages) <= MOST_STAGES:
            return plan
    raise ValueError(
        f"this walk has {len(plan.stages):,} steps even neuron by neuron, more than the {MOST_STAGES} of an animation "
        "that can be watched: save it as .html, or step through a smaller part of the graph"
    )


class _Film:
    """One walk over one scene, frame by frame."""

    def __init__(self, plan: Plan, scene: Scene) -> None:
        self.plan, self.scene = plan, scene
        self.frames = len(plan.stages) + 1  # the last frame; the first is 0
        self.windows: set[Window] = set()
        self.order = in_order(plan.root)
        self.card_of = {id(self.order[i]): k for k, card in enumerate(scene.cards) for i in card.members}
        self.slots = value_slots(self.order)
        place = {id(v): i for i, v in enumerate(self.order)}
        edge_of = {part: k for k, edge in enumerate(scene.edges) for part in edge.parts}
        self.sent: dict[int, list[int]] = defaultdict(list)  # by edge: the frames in which a gradient runs along it
        self.reached: dict[int, list[int]] = defaultdict(list)  # by card: the frames in which one arrives
        self.rings: dict[tuple[int, str], list[int]] = defaultdict(list)  # by card and colour
        self.grads: dict[int, list[tuple[int, float]]] = defaultdict(list)  # by id of a value: frame, gradient
        self.data: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for frame, stage in enumerate(plan.stages, 1):
            for step in stage.steps:
                self._take(frame, step, place, edge_of)

    def _take(self, frame: int, step: Step, place: Mapping[int, int], edge_of: Mapping[tuple[int, int], int]) -> None:
        target = step.node if step.operand is None else step.operand
        card, source = self.card_of[id(target)], self.card_of[id(step.node)]
        if step.kind in ("seed", "backward"):
            _put(self.grads[id(target)], frame, step.after)
            self.reached[card].append(frame)
        else:
            _put(self.data[id(target)], frame, step.after)
        if step.operand is None:
            self.rings[card, "ink"].append(frame)
            return
        self.rings[source, "ink"].append(frame)
        if card != source:
            self.rings[card, tone(step.contribution)].append(frame)
        edge = edge_of.get((place[id(step.node)], self.slots[id(step.node)][step.slot]))
        if edge is not None:
            self.sent[edge].append(frame)

    # -- what is seen when -------------------------------------------------------------------------------------------

    def during(self, content: str, start: int, stop: int | None) -> str:
        """Content that is seen from frame ``start`` on, up to frame ``stop``."""
        if (start == 0 and stop is None) or not content:
            return content
        self.windows.add((start, stop))
        hidden = "" if stop is None else ' visibility="hidden"'
        return f'<g class="{_PREFIX}{start}_{"" if stop is None else stop}"{hidden}>{content}</g>'

    def states(self, looks: Sequence[tuple[int, str]]) -> str:
        """Looks that follow each other: from which frame on, and what."""
        stops = [start for start, _ in looks[1:]] + [None]
        return "".join(self.during(look, start, stop) for (start, look), stop in zip(looks, stops, strict=True))

    def replaced(self, match: re.Match[str]) -> str:
        """One edge, trunk or card of the still picture, with its looks at all times."""
        if match[1] == "card":
            return self.card(int(match[2]))
        markup = match[0]
        drawn = _DRAWN.findall(markup)
        pending = f'<path {paint(None, "neutral")} stroke-width="1.2" d="{drawn[0]}"/>'
        if match[3] is not None:
            frames = self.reached[int(match[3])]
            return self.states([(0, pending), (max(frames, default=0), markup)])
        if match[1] == "edge" and (frames := self.sent[int(match[2])]):
            arrow = f'<path {paint("neutral")} d="{drawn[1]}"/>'
            moving = paint(None, "page").replace('class="', f'class="{_PREFIX}f ')
            flow = f'<path {moving} stroke-width="2" stroke-dasharray="5 9" d="{drawn[0]}"/>'
            glow = f'<path {paint(None, "ink")} stroke-width="8" opacity="0.22" d="{drawn[0]}"/>'
            now = "".join(self.during(glow, *run) for run in _runs(frames))
            over = "".join(self.during(flow, *run) for run in _runs(frames))
            return now + self.states([(0, pending + arrow), (frames[0], markup)]) + over
        return markup

    def card(self, i: int) -> str:
        card = self.scene.cards[i]
        looks = self._looks(card)
        drawn = [(frame, _parts(svg._card(i, look, self.scene.largest_grad))) for frame, look in looks]
        behind, data, above = (
            self.states(_changes((frame, "".join(map(part.__getitem__, names))) for frame, part in drawn))
            for names in (("back", "frame", "stripe"), ("data",), ("grad", "bar"))
        )
        markup = svg._card(i, card, self.scene.largest_grad)
        title, inside = markup[: (end := markup.index("</title>") + 8)], markup[end:]
        still = _PART.sub("", inside).removesuffix("</g>")
        rings = self._rings(i, card)
        return f"{title}{rings}{behind}{still}{data}{above}</g>"

    def _looks(self, card: Card) -> list[tuple[int, Card]]:
        """The card as it is from each frame on in which it changes."""
        outputs = [self.order[i] for i in card.outputs]
        if len(outputs) == 1:
            v = outputs[0]
            grads, data = self.grads[id(v)], self.data[id(v)]
            first = None if data and not v.is_leaf else v.data
            frames = sorted({0, *(frame for frame, _ in grads), *(frame for frame, _ in data)})
            return [(f, _dressed(card, _at(data, f, first), _at(grads, f, None))) for f in frames]
        known = [frame for v in outputs for frame, _ in self.grads[id(v)]]
        before = replace(card, grad=None, rows=[(a, DASH if a == "grad" else b) for a, b in card.rows])
        return [(0, before), (max(known), card)] if known else [(0, card)]

    def _rings(self, i: int, card: Card) -> str:
        parts = []
        left, top = card.x - card.width / 2 - 4, card.y - card.height / 2 - 4
        frame = f'x="{c(left)}" y="{c(top)}" width="{c(card.width + 8)}" height="{c(card.height + 8)}" rx="12"'
        for (place, colour), frames in self.rings.items():
            if place == i:
                ring = f'<rect {paint(None, colour)} stroke-width="3" {frame}/>'
                parts += [self.during(ring, start, stop) for start, stop in _runs(frames)]
        return "".join(parts)

    # -- the document ------------------------------------------------------------------------------------------------

    def document(self, seconds: float, coarser: str) -> str:
        still = svg.render(self.scene)
        header, page = _HEADER.search(still), _PAGE.search(still)
        assert header is not None
        assert page is not None
        width, height = float(header[1]), float(header[2])
        body = _GROUP.sub(self.replaced, still[page.end() :].removesuffix("</svg>\n"))
        legend = body.rindex("<g>")
        band, deep = self._band(width - 2 * svg.MARGIN, coarser)
        top = height - svg.MARGIN - svg.LEGEND_HEIGHT - (18.0 if self.scene.caption else 0.0) + 14
        body = (
            f'{body[:legend]}<g transform="translate({c(svg.MARGIN)} {c(top)})">{band}</g>'
            f'<g transform="translate(0 {c(deep)})">{body[legend:]}</g>'
        )
        title = self.scene.title or "Gradient graph"
        root = self.plan.names.of(self.plan.root).text
        described = (
            f"The gradients of {visible(root)}, found in {len(self.plan.stages):,} steps, one by one; a film that "
            "starts again by itself. Where motion is not wanted it shows the final state."
        )
        whole = self._style(seconds) + body
        prefix = "k" + hashlib.sha256(whole.encode("utf-8", "backslashreplace")).hexdigest()[:7] + "_"
        return document(whole.replace(_PREFIX, prefix), width, height + deep, title=title, description=described)

    def _band(self, width: float, coarser: str) -> tuple[str, float]:
        """The formula of every step in turn, and the height in pixels that they take."""
        by = f", {coarser} by {coarser}: there are {len(self.plan.steps):,} single ones" if coarser else ""
        told = [stage.text.split("\n") for stage in self.plan.stages]
        longest = max(text_width(line, 1.0, mono=True) for lines in told for line in lines[:_MOST_LINES])
        size = max(_SMALLEST, min(max(_LARGEST, width / 90), (width - 28) / longest))
        small, line = size * 0.8, size * 1.45
        frames = [_said(stage, lines, width - 28, size) for stage, lines in zip(self.plan.stages, told, strict=True)]
        count = len(self.plan.stages)
        most = max(map(len, frames))
        height = most * line + size * 2.8
        parts = [f'<rect {paint("scope", "hairline")} width="{c(width)}" height="{c(height)}" rx="8"/>']
        progress = paint("positive").replace('class="', f'class="{_PREFIX}p ')
        parts.append(f'<rect {progress} width="{c(width)}" height="4" rx="2"/>')
        looks = [
            ("before the first step", []),
            *((stage.title, lines) for stage, lines in zip(self.plan.stages, frames, strict=True)),
            ("the end", [("All gradients are known.", "muted")]),
        ]
        for frame, (title, lines) in enumerate(looks):
            where = fit(f"step {min(frame, count)} of {count}{by} · {title}", width - 28, small, bold=True)
            rows = [text(14, size * 1.7, where, size=small, colour="muted", bold=True)]
            for k, (words, colour) in enumerate(lines):
                mono = colour == "ink"
                y = size * 1.85 + (k + 1) * line
                rows.append(text(14, y, words, size=size if mono else small, colour=colour, mono=mono))
            parts.append(self.during("".join(rows), frame, frame + 1 if frame < self.frames else None))
        return "".join(parts), height + 20

    def _style(self, seconds: float) -> str:
        """What moves: for every window of frames one animation, in steps."""
        total = self.frames * seconds + _PAUSE

        def at(frame: int) -> str:
            return f"{100 * frame * seconds / total:.3f}".rstrip("0").rstrip(".") + "%"

        rules = []
        for start, stop in sorted(self.windows, key=lambda w: (w[0], w[1] or math.inf)):
            name = f"{_PREFIX}{start}_{'' if stop is None else stop}"
            keys = "0%{visibility:hidden}" if start else ""
            keys += f"{at(start)}{{visibility:visible}}"
            keys += f"{at(stop)}{{visibility:hidden}}" if stop is not None else ""
            rules.append(f"@keyframes {name}{{{keys}}}.{name}{{animation:{name} {total:g}s step-end infinite}}")
        rules.append(
            f".{_PREFIX}f{{animation:{_PREFIX}f .7s linear infinite}}"
            f"@keyframes {_PREFIX}f{{from{{stroke-dashoffset:0}}to{{stroke-dashoffset:14}}}}"
            f".{_PREFIX}p{{transform-origin:0 0;animation:{_PREFIX}p {total:g}s linear infinite}}"
            f"@keyframes {_PREFIX}p{{0%{{transform:scaleX(0)}}{at(self.frames - 1)}{{transform:scaleX(1)}}}}"
        )
        return f"<style>@media screen and (prefers-reduced-motion:no-preference){{{''.join(rules)}}}</style>"


def _put(states: list[tuple[int, float]], frame: int, x: float) -> None:
    """Note a number; the last one of a frame is the one that is seen."""
    if states and states[-1][0] == frame:
        states.pop()
    states.append((frame, x))


def _at(states: Iterable[tuple[int, float]], frame: int, before: float | None) -> float | None:
    for start, x in states:
        if start > frame:
            break
        before = x
    return before


def _dressed(card: Card, data: float | None, grad: float | None) -> Card:
    """A card with other numbers."""
    shown = {"data": data, "grad": grad}
    rows = [(name, DASH if (x := shown[name]) is None else number(x)) for name, _ in card.rows]
    return replace(card, data=data, grad=grad, rows=rows)


def _parts(markup: str) -> dict[str, str]:
    """The parts of a card that change, by what they are."""
    found: dict[str, str] = defaultdict(str)
    for match in _PART.finditer(markup):
        found[match[2] or "bar"] += match[0]
    return found


def _changes(looks: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """Looks without those that are like the one before."""
    kept: list[tuple[int, str]] = []
    for frame, look in looks:
        if not kept or kept[-1][1] != look:
            kept.append((frame, look))
    return kept


def _runs(frames: Iterable[int]) -> list[tuple[int, int]]:
    """Frames that follow each other, as windows."""
    runs: list[tuple[int, int]] = []
    for frame in sorted(set(frames)):
        if runs and runs[-1][1] == frame:
            runs[-1] = (runs[-1][0], frame + 1)
        else:
            runs.append((frame, frame + 1))
    return runs


def _said(stage: Stage, formulas: Sequence[str], width: float, size: float) -> list[tuple[str, str]]:
    """A stage's formulas and, if there is only one, its sentence: lines and their colours."""
    more = len(formulas) - _MOST_LINES
    lines = [(fit(line, width, size, mono=True), "ink") for line in formulas[:_MOST_LINES]]
    if more > 0:
        lines.append((f"… and {more:,} more", "muted"))
    if len(stage.steps) == 1:
        lines += [(line, "muted") for line in textwrap.wrap(stage.words, int(width / (size * 0.5)))[:3]]
    return lines
