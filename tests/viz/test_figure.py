"""Figure: saving by suffix, notebook display, the document around a picture."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET

import pytest

from viz.figure import Figure, document
from viz.palette import text

SVG = document(text(5, 20, "<b>"), 60, 30, title="a <title>", description="what is & what is not")


def test_the_document_is_accessible_xml():
    root = ET.fromstring(SVG)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == "a <title>"
    assert [child.tag.rpartition("}")[2] for child in root][:3] == ["title", "desc", "style"]
    assert root[1].text == "what is & what is not"
    assert "id=" not in SVG
    assert "<script" not in SVG


def test_svg_and_dot_are_saved(tmp_path):
    figure = Figure(SVG, dot=lambda: "digraph {}", title="t")
    figure.save(tmp_path / "x.svg")
    figure.save(str(tmp_path / "x.DOT"))
    figure.save(tmp_path / "x.gv")
    assert (tmp_path / "x.svg").read_text(encoding="utf-8") == SVG == figure.svg
    assert (tmp_path / "x.DOT").read_text() == (tmp_path / "x.gv").read_text() == "digraph {}"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.DOT", "x.gv", "x.svg"]


@pytest.mark.parametrize("name", ["x.jpg", "x", "svg", ".svg", "x.svg.bak"])
def test_an_unknown_suffix_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"cannot tell the format of .*: end its name in \.svg, \.html, \.dot or"):
        Figure(SVG).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_picture_without_dot_says_so(tmp_path):
    with pytest.raises(ValueError, match=r"this picture has no DOT form: save it as \.svg or \.png"):
        Figure(SVG).save(tmp_path / "x.dot")


def test_an_unwritable_folder_is_an_error_with_the_path(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        Figure(SVG).save(tmp_path / "nowhere" / "x.svg")


def test_png_without_the_package_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(ImportError, match="PNG needs the resvg-py package: install it"):
        Figure(SVG).save(tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


def test_png_with_the_package(tmp_path):
    pytest.importorskip("resvg_py")
    Figure(SVG).save(tmp_path / "x.png")
    data = (tmp_path / "x.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(data[16:20]) == 120
    assert int.from_bytes(data[20:24]) == 60


def test_png_hands_over_the_svg(tmp_path, monkeypatch):
    class Renderer:
        @staticmethod
        def svg_to_bytes(*, svg_string: str, zoom: float) -> bytes:
            return f"{zoom} {svg_string}".encode()

    monkeypatch.setitem(sys.modules, "resvg_py", Renderer)
    Figure(SVG).save(tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes() == f"2.0 {SVG}".encode()


def test_notebooks_get_svg():
    figure = Figure(SVG, title="t")
    assert figure._repr_mimebundle_() == {"image/svg+xml": SVG, "text/plain": repr(figure)}
    assert figure._repr_mimebundle_(include={"image/svg+xml"}).keys() == {"image/svg+xml"}
    assert figure._repr_mimebundle_(exclude={"image/svg+xml"}).keys() == {"text/plain"}
    assert figure._repr_svg_() == SVG
    assert repr(figure) == "<Figure 't': display it in a notebook, or .save('x.svg')>"


def test_a_picture_wider_than_a_notebooks_column_takes_its_width():
    wide, narrow = (document("<g/>", width, 400, title="t > u", description="") for width in (901, 900))
    shown = Figure(wide)._repr_svg_()
    assert ' width="100%" viewBox="0 0 901 400"' in shown
    assert " height=" not in shown.partition(">")[0]
    assert shown == wide.replace(' width="901" height="400" viewBox', ' width="100%" viewBox', 1)
    assert Figure(wide)._repr_mimebundle_()["image/svg+xml"] == shown
    assert Figure(wide).svg == wide  # a file keeps its size
    assert Figure(narrow)._repr_svg_() == narrow
