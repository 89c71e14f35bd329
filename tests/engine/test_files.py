"""Files are written whole or not at all."""

import os

import pytest

from autograd import files
from autograd.files import write_atomically


def test_writes_text_and_bytes_and_replaces(tmp_path):
    path = tmp_path / "a.txt"
    write_atomically(path, "µ\n")
    assert path.read_bytes() == "µ\n".encode()
    write_atomically(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_atomically(path, "old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_keeps_permissions_and_links(tmp_path):
    path, link = tmp_path / "a.txt", tmp_path / "link"
    write_atomically(path, "old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_atomically(link, "new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640


def test_says_what_is_wrong(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist: create it"):
        write_atomically(tmp_path / "no" / "a.txt", "x")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        write_atomically(tmp_path, "x")
