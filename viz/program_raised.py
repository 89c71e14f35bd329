"""raised(schedule, by): the scalar graph as it was recorded, and the matrix product that raising made of it.

For graphs of a few neurons: book figures, drawn from a real schedule, node by node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.compiler.schedule import Elementwise, MatMul, Schedule
from autograd.compiler.tape import FIRST_OP
from viz.figure import Figure, document
from viz.formula import chip
from viz.markup import element, label, number, text_width
from viz.palette import paint, text
from viz.program_grid import CELL, COLOURS, PLAIN, Cells, arrow, badge
from viz.program_trees import Tree

if TYPE_CHECKING:
    from autograd.compiler.tape import Tape

__all__ = ["raised"]

MARGIN, PADDING, GAP = 24.0, 12.0, 14.0
MOST = 400
"""Nodes of a tape that is drawn whole."""

_KINDS = ("term", "row", "column")


def raised(schedule: Schedule, by: str, *, title: str, picture: tuple[int, int] | None = None) -> Figure:
    """The first matrix product of a schedule beside the scalar graph that it was raised from.

    Args:
        schedule: what ``raise_tape`` returned, for a graph of a few dozen nodes.
        by: what the colours follow. "term": the terms of one dot product; "row": the neurons of a layer; "column":
            the positions of a convolution, the graph being drawn for the first row of the matrix.
        title: the heading.
        picture: for "column", the height and width of the image whose pixels are the inputs, drawn with its patches.

    Raises:
        ValueError: another `by`, no matrix product, or a graph that is too large to be read.
    """
    if by not in _KINDS:
        raise ValueError(f"raised: by is one of {', '.join(map(repr, _KINDS))}; got {by!r}")
    if len(schedule.tape) > MOST:
        raise ValueError(f"raised: a graph of {len(schedule.tape):,} nodes is too large to be read (at most {MOST})")
    products = [group for group in schedule.groups if isinstance(group, MatMul) and len(group.out) == 1]
    if not products:
        raise ValueError("raised: no matrix product was found in this graph")
    drawing = _Drawing(schedule, products[0], by, title)
    if by == "column":
        drawing.column(picture)
    else:
        drawing.row()
    return drawing.figure()


Look = Callable[[int, int], int | None]
"""The number of the colour of the cell in row r and column c; None for no colour."""


def _always(at: int | None) -> Look:
    return lambda r, c: at


def _row(r: int, c: int) -> int | None:
    """The row's colour, for the first row of the batch."""
    return None if c else r


class _Drawing:
    def __init__(self, schedule: Schedule, product: MatMul, by: str, title: str) -> None:
        self.schedule, self.product, self.by, self.title = schedule, product, by, title
        self.tape: Tape = schedule.tape
        self.w, self.x, self.out = product.w[0], product.x[0], product.out[0]
        self.rows, self.length = self.w.shape
        self.columns = self.x.shape[1]
        self.parts = [text(MARGIN, 34, title, size=17, bold=True)] if title else []
        self.width, self.height = 0.0, 0.0

    def figure(self) -> Figure:
        """The finished picture."""
        body = "".join(self.parts)
        return Figure(
            document(body, self.width, self.height, title=self.title, description=self.told()), title=self.title
        )

    def told(self) -> str:
        """The picture in words."""
        inner = int((self.tape.code >= FIRST_OP).sum())
        rows = [" ".join(self.name(node) for node in row) for row in self.w.tolist()]
        columns = [" ".join(self.name(node) for node in column) for column in self.x.T.tolist()]
        return (
            f"{inner} scalar operations were recorded. Raised, they are {len(self.schedule.groups)} groups; the first "
            f"is a product of a matrix with {self.rows} rows ({'; '.join(rows)}) and a matrix whose columns are "
            f"({'; '.join(columns)}), for every row of the batch."
        )

    # -- names and colours -------------------------------------------------------------------------------------------

    def name(self, node: int) -> str:
        """What stands in the cell of a node."""
        if node < len(self.tape) and self.tape.names.get(node):
            return label(self.tape.names[node])
        return number(float(self.schedule.constant[node])) if self.schedule.known[node] else "·"

    def colour(self, at: int) -> tuple[str, str]:
        """Line and fill."""
        return COLOURS[at % len(COLOURS)]

    def cells(self, nodes: Any, kind: str, look: Look, **more: Any) -> Cells:
        """A matrix of nodes, coloured by the number that ``look`` gives a cell (None: not coloured)."""

        def painted(r: int, c: int) -> tuple[str, str]:
            at = look(r, c)
            return PLAIN if at is None else self.colour(at)

        labels = [[self.name(node) for node in row] for row in nodes.tolist()]
        return Cells(labels, nodes.tolist(), kind, painted, **more)

    def tree_look(self, at: int) -> Callable[[int, tuple[int, ...]], tuple[str, str]]:
        """Colours in the graph of row, or column, ``at``."""
        own = set((self.w[at] if self.by == "row" else self.x[:, at] if self.by == "column" else self.w[0]).tolist())
        term = {node: k for ids in (self.w[0], self.x[:, 0]) for k, node in enumerate(ids.tolist())}

        def look(node: int, way: tuple[int, ...]) -> tuple[str, str]:
            is_leaf = self.tape.code[node] < FIRST_OP
            if self.by == "term":
                product = not is_leaf and self.tape.op(node).name == "mul"
                near = [node, *self.tape.operands(node).tolist()] if product else [node]
                found = [term[each] for each in near if each in term]
                line, fill = self.colour(found[0]) if found else PLAIN
                return fill, line
            line, fill = self.colour(at)
            return (fill if node in own or not is_leaf else "card"), (line if node in own or not is_leaf else "line")

        return look

    # -- pieces ------------------------------------------------------------------------------------------------------

    def say(self, x: float, y: float, bold: str, more: str = "") -> float:
        """A caption, and where it ends."""
        self.parts.append(text(x, y, bold, size=13, bold=True))
        end = x + text_width(bold, 13, bold=True)
        if more:
            self.parts.append(text(end + 8, y, more, size=12, colour="muted"))
            end += 8 + text_width(more, 12)
        self.width = max(self.width, end + MARGIN)
        return end

    def panel(self, x: float, y: float, width: float, height: float, stroke: str = "hairline") -> None:
        """A frame behind a graph."""
        size = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="9"'
        self.parts.append(f'<rect {paint("scope", stroke)} stroke-width="1.2" {size}/>')

    def after(self) -> Elementwise | None:
        """The operation that runs over the whole product, if there is one."""
        out = set(self.out.ravel().tolist())
        for group in self.schedule.groups:
            if isinstance(group, Elementwise) and set(group.args[0].tolist()) == out:
                return group
        return None

    def recorded(self) -> str:
        """What was recorded, in numbers."""
        inner = int((self.tape.code >= FIRST_OP).sum())
        return f"{inner} operations on {int((self.tape.code < FIRST_OP).sum())} leaves"

    def became(self) -> str:
        """What it became, in numbers."""
        many = len(self.schedule.groups)
        return f"{many} group{'s' if many != 1 else ''} for a whole batch"

    def stack(self, cells: Cells, more: str = "") -> None:
        """Draw a matrix, and say below it what its rows and columns are."""
        self.parts.append(cells.drawn())
        if more:
            middle = (cells.x + cells.right) / 2
            self.parts.append(text(middle, cells.bottom + 19, more, size=11.5, colour="muted", anchor="middle"))

    def meeting(self, w: Cells, x: Cells, out: Cells) -> None:
        """Where a row of W and a column of X meet: the cell that is their product."""
        (_, y), (across, _) = w.middle(0, 0), x.middle(0, 0)
        lines = f"M{w.right + 6:.1f} {y:.1f}H{out.x - 6:.1f}M{across:.1f} {x.bottom + 5:.1f}V{out.y - 4:.1f}"
        self.parts.append(f'<path {paint(None, "muted")} stroke-width="1.4" stroke-dasharray="2 4" d="{lines}"/>')
        said = "a cell is its row times its column"
        self.parts.append(text(out.right, out.bottom + 20, said, size=11.5, colour="muted", anchor="end"))

    # -- a neuron and a layer ----------------------------------------------------------------------------------------

    def row(self) -> None:
        """Graphs one below the other on the left; the product on the right, a graph's weights being a row of it."""
        by_term = self.by == "term"
        trees = [Tree(self.tape, int(node), pitch=26.0 if by_term else 24.0) for node in self.tops()]
        inside = max(tree.length for tree in trees) + 20
        width, heights = inside + 2 * PADDING + (0 if by_term else 22), [tree.width + 2 * PADDING for tree in trees]
        top = 92.0
        block = self.length * CELL + 30 + self.rows * CELL
        left_height = sum(heights) + GAP * (len(trees) - 1)
        # the rows of the matrix stand level with the middle of the graphs, as far as there is room above
        w_top = max(top + 8 + self.length * CELL + 34, top + left_height / 2 - self.rows * CELL / 2)
        y = max(top, w_top + self.rows * CELL / 2 - left_height / 2)
        bottom = max(y + left_height, w_top + block - self.length * CELL)
        self.say(MARGIN, 66, "Recorded:", self.recorded())
        ends = []
        for at, (tree, height) in enumerate(zip(trees, heights, strict=True)):
            stroke = "hairline" if by_term else self.colour(at)[0]
            self.panel(MARGIN, y, width, height, stroke)
            if not by_term:
                self.parts.append(badge(MARGIN + width - 20, y + 19, str(at + 1), self.colour(at)[0]))
            self.parts += tree.drawn(MARGIN + PADDING, y + PADDING, self.tree_look(at))
            ends.append((MARGIN + width, y + height / 2))
            y += height + GAP
        x = MARGIN + width
        if by_term:
            x = self.terms(x, ends[0][1])
        self.product_right(x, w_top, ends)
        self.height = max(bottom, w_top + self.rows * CELL + 30) + MARGIN

    def tops(self) -> list[int]:
        """The roots of the graphs: what is made of the product's nodes, where something is."""
        after = self.after()
        made = dict(zip(after.args[0].tolist(), after.out.tolist(), strict=True)) if after is not None else {}
        chosen = self.out[0] if self.by == "column" else self.out[:, 0]
        return [made.get(node, node) for node in chosen.tolist()]

    def terms(self, left: float, middle: float) -> float:
        """The collapsed sum, a line for each term; where it ends."""
        pairs = [[int(self.w[0, k]), int(self.x[k, 0])] for k in range(self.length)]
        pitch, x = 46.0, left + 64
        y = middle - pitch * (self.length - 1) / 2
        for k, pair in enumerate(pairs):
            line, _ = self.colour(k)
            at = y + pitch * k
            for side, node in enumerate(pair):
                cell = self.cells(np.array([[node]]), f"term {k}", _always(k))
                cell.x, cell.y = x + side * (cell.width + 12), at - CELL / 2
                self.parts.append(cell.drawn().partition("<path")[0])
                right = cell.right
            self.parts.append(text(x + 42, at + 4, "·", size=15, anchor="middle", bold=True))
            self.parts.append(arrow((left, middle + (at - middle) * 0.45), (x - 6, at), line))
            if k:
                self.parts.append(text((x + right) / 2, at - pitch / 2 + 5, "+", size=15, anchor="middle", bold=True))
        self.say(x - 8, 66, "Collapsed:", "one sum")
        return right

    def product_right(self, left: float, w_top: float, ends: Sequence[tuple[float, float]]) -> None:
        """The matrices W, X and W X, each row of the result level with its row of W and below its column of X."""
        by_term = self.by == "term"
        w = self.cells(self.w, "w", lambda r, c: c if by_term else r)
        samples = 4
        w.x, w.y = left + (64 if by_term else 92), w_top
        batch = np.repeat(self.x, samples, axis=1)
        x = self.cells(batch, "x", lambda r, c: (r if c == 0 else None) if by_term else None, faint=1)
        x.x, x.y = w.right + 34, w_top - 30 - self.length * CELL
        out = self.cells(np.repeat(self.out, samples, axis=1), "out", _always(None) if by_term else _row, faint=1)
        out.width = x.width = max(x.width, out.width)
        out.x, out.y = x.x, w_top
        self.stack(w)
        self.meeting(w, x, out)
        self.stack(x)
        self.stack(out)
        middle = (x.x + x.right) / 2
        self.parts.append(text(middle, x.y - 10, "one column for each row of the batch", size=11.5, colour="muted",
                               anchor="middle"))  # fmt: skip
        if by_term:
            centre = w_top + CELL / 2
            self.parts.append(arrow((left + 14, ends[0][1]), (w.x - 10, centre), "line", width=3.0))
        else:
            for r, end in enumerate(ends):
                self.parts.append(arrow(end, (w.x - 8, w.middle(r, 0)[1]), self.colour(r)[0]))
        said = f"{self.rows} × {self.length}"
        self.parts.append(text((w.x + w.right) / 2, w.y - 10, said, size=11.5, colour="muted", anchor="middle"))
        self.say(w.x - 4, 66, "Raised:", self.became())
        self.width = max(self.width, out.right + MARGIN)
        after = self.after()
        if after is not None:
            self.applied(out, after)

    def applied(self, out: Cells, after: Elementwise) -> None:
        """The operation over the whole result, and what it makes."""
        made = dict(zip(after.args[0].tolist(), after.out.tolist(), strict=True))
        nodes = np.array([[made[node] for node in row] for row in self.out.tolist()])
        look: Look = _always(None) if self.by == "term" else _row
        result = self.cells(np.repeat(nodes, len(out.labels[0]), axis=1), "after", look, faint=1)
        shown = chip(after.op)
        gap = text_width(shown, 12) + 40
        result.x, result.y = out.right + gap, out.y
        result.width = out.width
        self.stack(result)
        y = (out.y + out.bottom) / 2
        self.parts.append(arrow((out.right + 10, y), (result.x - 8, y), "line"))
        self.parts.append(text(out.right + gap / 2 - 2, y - 9, shown, size=12, anchor="middle"))
        self.width = max(self.width, result.right + MARGIN)

    # -- a convolution -----------------------------------------------------------------------------------------------

    def column(self, picture: tuple[int, int] | None) -> None:
        """Graphs side by side, above the product; what a graph reads is a column of it."""
        trees = [Tree(self.tape, node, down=True, pitch=26.5, step=31.0) for node in self.tops()]
        width = max(tree.width for tree in trees) + 20
        height = max(tree.length for tree in trees) + 2 * PADDING - 4
        top, behind = 84.0, 5.0 * (self.rows - 1)
        self.say(MARGIN, 62, "Recorded:", self.recorded() + self.others())
        ends, x = [], MARGIN
        for at, tree in enumerate(trees):
            for k in range(self.rows - 1, 0, -1):
                self.panel(x + 5 * k, top + 5 * k, width, height)
            self.panel(x, top, width, height, self.colour(at)[0])
            self.parts += tree.drawn(x + 10, top + PADDING, self.tree_look(at))
            self.parts.append(badge(x + 19, top + height - 19, str(at + 1), self.colour(at)[0]))
            ends.append((x + width / 2, top + height + behind))
            x += width + GAP + behind
        right = x - GAP
        self.product_below(top + height + behind + 96, right, ends, picture)
        self.width = max(self.width, right + MARGIN)

    def others(self) -> str:
        """That the graphs of the other rows are not drawn."""
        more = self.rows - 1
        if not more:
            return ""
        return f"; behind those of the first filter lie those of {'the second' if more == 1 else f'{more} more'}"

    def product_below(
        self, top: float, right: float, ends: Sequence[tuple[float, float]], picture: tuple[int, int] | None
    ) -> None:
        """The patches as columns below their graphs; the filters left of the result; the image above the filters."""
        x = self.cells(np.tile(self.x, 2), "x", lambda r, c: c if c < self.columns else None, faint=self.columns)
        out = self.cells(np.tile(self.out, 2), "out", lambda r, c: c if c < self.columns else None, faint=self.columns)
        w = self.cells(self.w, "w", _always(None))
        out.width = x.width = max(x.width, out.width)
        x.x, x.y = right / 2 + MARGIN / 2 - x.width * self.columns / 2, top
        out.x, out.y = x.x, x.bottom + 30
        w.y = out.y
        w.x = out.x - 34 - w.width * self.length
        for cells in (x, out, w):
            self.stack(cells)
        self.meeting(w, x, out)
        for p, end in enumerate(ends):
            self.parts.append(arrow(end, (x.middle(0, p)[0], x.y - 8), self.colour(p)[0], down=True))
        self.say(x.right + 24, x.y + self.length * CELL / 2 + 5, "Raised:", self.became())
        after = x.right - self.columns * x.width / 2
        self.parts.append(text(after, top - 12, "of the next image", size=11.5, colour="muted", anchor="middle"))
        said = f"{self.rows} filter{'s' if self.rows > 1 else ''} of {self.length} weights"
        self.parts.append(text((w.x + w.right) / 2, w.bottom + 20, said, size=11.5, colour="muted", anchor="middle"))
        if picture is not None:
            self.image(picture, w.x, top)
        self.height = out.bottom + 30 + MARGIN

    def image(self, picture: tuple[int, int], left: float, top: float) -> None:
        """The inputs as an image, around the pixels of each column a frame."""
        tall, wide = picture
        if tall * wide != len(self.tape.inputs):
            raise ValueError(f"raised: {tall} x {wide} pixels are no picture of {len(self.tape.inputs)} inputs")
        cells = self.cells(self.tape.inputs.reshape(picture), "image", _always(None), faint=0)
        cells.x, cells.y = left, top + 4
        self.parts.append(cells.drawn().partition("<path")[0])
        self.parts.append(text(left, top - 12, "the image, its patches in colour", size=11.5, colour="muted"))
        place = {node: (i // wide, i % wide) for i, node in enumerate(self.tape.inputs.tolist())}
        for p in range(self.columns):
            at = [place[node] for node in self.x[:, p].tolist() if node in place]
            rows, columns = [r for r, _ in at], [c for _, c in at]
            inset = 1.0 + 3.0 * p / max(1, self.columns - 1)
            x, y = cells.x + min(columns) * cells.width, cells.y + min(rows) * CELL
            w, h = (max(columns) - min(columns) + 1) * cells.width, (max(rows) - min(rows) + 1) * CELL
            size = f'width="{w - 2 * inset:.1f}" height="{h - 2 * inset:.1f}" rx="6"'
            look = f'{paint(None, self.colour(p)[0])} stroke-width="2" x="{x + inset:.1f}" y="{y + inset:.1f}" {size}'
            self.parts.append(element("g", f"<rect {look}/>", data_patch=str(p)))
