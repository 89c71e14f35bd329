"""Figure: a finished picture, as SVG text that notebooks display and files keep."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Container
from pathlib import PurePath

from autograd.files import write_atomically
from viz.markup import SANS, coordinate, escape
from viz.palette import LIGHT, style_sheet

__all__ = ["Figure", "document"]

_PNG_ZOOM = 2.0
_COLUMN = 900.0
"""How wide a picture in a notebook may be, in pixels, before it is fitted to the column."""


def document(body: str, width: float, height: float, *, title: str, description: str) -> str:
    """A whole SVG document: `body` on the page's colour, with title, description, role and dark-mode styles.

    `width` and `height` are in pixels; screen readers read out `title` and `description`, plain text.
    The document is valid as a file, in ``<img>`` and inline in HTML; it holds no ids: several fit on a page.
    """
    w, h = coordinate(width), coordinate(height)
    page = f'<rect class="f-page" fill="{LIGHT["page"]}" width="{w}" height="{h}" rx="8"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="autograd" width="{w}" height="{h}" '
        f'viewBox="0 0 {w} {h}" role="img" aria-label="{escape(title)}" '
        f'direction="ltr" xml:space="preserve" font-family="{SANS}">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
        f"<style>{style_sheet(page + body)}</style>{page}{body}</svg>\n"
    )


class Figure:
    """A picture. Display it in a notebook by returning it from a cell; keep it with `save`.

    `svg` is the picture as SVG text. `dot` is the same scene for Graphviz, or None where a picture has none.
    """

    __slots__ = ("_dot", "_page", "_svg", "title")

    def __init__(
        self,
        svg: str,
        *,
        dot: str | Callable[[], str] | None = None,
        title: str = "",
        page: Callable[[], str] | None = None,
    ) -> None:
        """Wrap `svg` text (a whole document), the `dot` source of the same scene or what makes it, and its `page`."""
        self._page = page
        self._svg = svg
        self._dot = dot
        self.title = title

    @property
    def svg(self) -> str:
        """The picture as SVG text."""
        return self._svg

    @property
    def dot(self) -> str | None:
        """The same scene as DOT source, or None."""
        if callable(self._dot):
            self._dot = self._dot()
        return self._dot

    def png(self) -> bytes:
        """The picture on white as PNG bytes, two pixels to each of the SVG's.

        Raises ImportError without the optional package `resvg-py`.
        """
        try:
            resvg = importlib.import_module("resvg_py")
        except ImportError:
            raise ImportError(
                "PNG needs the resvg-py package: install it (pip install resvg-py, or this distribution's "
                "extra 'png'), or save the picture as .svg"
            ) from None
        return bytes(resvg.svg_to_bytes(svg_string=self._svg, zoom=_PNG_ZOOM))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to `path`; its suffix says how: ``.svg``, ``.html``, ``.dot`` (or ``.gv``) or ``.png``.

        ``.html`` is a page by itself, nothing loaded from a network, in which the folded boxes and stacks of a
        gradient graph open on a click. The file appears whole or not at all. Raises ValueError for another suffix, a
        picture without such a form, or values that have changed since the picture was drawn; ImportError
        for ``.png`` without the optional package, OSError where the path cannot be written.
        """
        write_atomically(path, self.content(path))

    def content(self, path: str | os.PathLike[str]) -> str | bytes:
        """What ``save(path)`` writes; raises as it does."""
        name = os.fspath(path)
        suffix = PurePath(name).suffix.lower()
        if suffix == ".svg":
            return self._svg
        if suffix in (".html", ".htm"):
            if self._page is None:
                raise ValueError(f"this picture has no page: save it as .svg or .png, not {name!r}")
            return self._page()
        if suffix in (".dot", ".gv"):
            if self.dot is None:
                raise ValueError(f"this picture has no DOT form: save it as .svg or .png, not {name!r}")
            return self.dot
        if suffix == ".png":
            return self.png()
        raise ValueError(f"cannot tell the format of {name!r}: end its name in .svg, .html, .dot or .png")

    def _repr_svg_(self) -> str:
        """The picture for a notebook: one that is wider than a column of text takes the column's width.

        Pages that nbconvert makes, and others, show it as ``<img>`` without any limit and cut off what is too wide.
        """
        head, end, rest = self._svg.partition(">")
        size = re.search(r' width="([\d.]+)" height="[\d.]+" viewBox=', head)
        if size is None or float(size[1]) <= _COLUMN:
            return self._svg
        return head.replace(size[0], ' width="100%" viewBox=') + end + rest

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        bundle = {"image/svg+xml": self._repr_svg_(), "text/plain": repr(self)}
        return {
            kind: data
            for kind, data in bundle.items()
            if (not include or kind in include) and (not exclude or kind not in exclude)
        }

    def __repr__(self) -> str:
        """One line that says how to see the picture."""
        return f"<Figure {self.title!r}: display it in a notebook, or .save('x.svg')>"
