"""``python -m nn.figure5`` leaves its old files or its new ones, whatever ends it, and names the file that failed."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autograd import files
from nn.figure5.cli import main

ARGUMENTS = ["--steps", "3", "--quiet"]
NAMES = ["gradients.svg", "learning-curve.svg", "model.json", "network.svg"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert main(["--out", str(tmp_path), *ARGUMENTS]) == 0
    return tmp_path


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))])
@pytest.mark.parametrize("at", [1, 2, 4])
def test_a_fault_while_it_writes_leaves_the_old_set(folder, monkeypatch, capsys, call, fault, at):
    before, real, count = content(folder), getattr(os, call), 0

    def faulty(path, *args, **options):
        nonlocal count
        count += call != "open" or ".part" in str(path)
        if count == at:
            count += 1
            raise fault
        return real(path, *args, **options)

    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(files.os, call, faulty)
        status = main(["--out", str(folder), "--seed", "5", *ARGUMENTS])
    said = capsys.readouterr().err
    assert content(folder) == before
    assert status == (130 if fault is KeyboardInterrupt else 2)
    if fault is not KeyboardInterrupt:
        assert any(f"{folder / name}: No space left on device" in said for name in NAMES)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="limits on files are POSIX")
def test_a_full_disk_leaves_the_old_set_and_names_the_file(folder):
    before = content(folder)
    code = (
        "import resource, signal, sys\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        f"from nn.figure5.cli import main\nsys.exit(main(['--out', {str(folder)!r}, '--seed', '5', *{ARGUMENTS!r}]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"{folder}{os.sep}" in done.stderr
    assert content(folder) == before


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("at", [1, 3])
def test_a_signal_in_the_middle_of_the_names_leaves_one_set(folder, number, at):
    before = content(folder)
    code = (
        "import os, sys\nfrom autograd import files\nfrom nn.figure5.cli import main\nreal, count = os.replace, 0\n"
        "def struck(*args):\n    global count\n    count += 1\n"
        f"    if count == {at}: os.kill(os.getpid(), {int(number)})\n"
        "    real(*args)\nfiles.os.replace = struck\n"
        f"sys.exit(main(['--out', {str(folder)!r}, '--seed', '5', *{ARGUMENTS!r}]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode in (130, -signal.SIGTERM), done.stderr
    after = content(folder)
    assert sorted(after) == NAMES
    assert all(after[name] != before[name] for name in ("gradients.svg", "model.json", "network.svg"))
