"""Files out: whole or not at all, whatever stands at the name and whatever happens on the way."""

import contextlib
import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from autograd import files
from autograd.files import write_atomically, write_together

posix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="FIFOs and devices are POSIX")
root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")


class Killed(BaseException):
    """Stands for Ctrl-C, SystemExit, whatever unwinds."""


CALLS = ["open", "fsync", "replace", "chmod", "stat", "listdir", "link", "fdopen"]


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("old", [True, False], ids=["over old files", "into an empty folder"])
@pytest.mark.parametrize("fault", [Killed, KeyboardInterrupt, OSError(errno.ENOSPC, "No space left"), MemoryError])
@pytest.mark.parametrize("call", CALLS)
def test_a_fault_at_any_call_leaves_the_old_set_or_the_new_one(tmp_path, monkeypatch, call, fault, old):
    names = ["a.svg", "b.svg", "c.json"]
    before = {name: f"old {name}".encode() for name in names} if old else {}
    after = {name: f"new {name}".encode() for name in names}
    real = getattr(os, call)
    for at in range(60):
        for path in tmp_path.iterdir():
            path.unlink()
        for name, content in before.items():
            (tmp_path / name).write_bytes(content)
        count = 0

        def faulty(*args, at=at, **options):
            nonlocal count
            count += 1
            if count == at + 1:
                raise fault
            return real(*args, **options)

        with monkeypatch.context() as patch:
            patch.setattr(files.os, call, faulty)
            with contextlib.suppress(Killed, KeyboardInterrupt, OSError, MemoryError):
                write_together({tmp_path / name: content for name, content in after.items()})
        assert tree(tmp_path) in (before, after), (call, at)
        if count <= at:
            break
    else:
        pytest.fail("the calls never ended")


def test_the_file_that_failed_is_named(tmp_path, monkeypatch):
    real, count = os.replace, 0

    def full(source, target):
        nonlocal count
        count += 1
        if count == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), source)
        real(source, target)

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError) as caught:
        write_together({tmp_path / "one": "1", tmp_path / "two": "2"})
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(tmp_path / "two")


@posix
def test_a_limit_on_sizes_stands_for_a_full_disk(tmp_path):
    (tmp_path / "a").write_text("old")
    code = (
        "import resource, signal\nfrom autograd.files import write_together\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_together({'a': 'new', 'b': 'x' * 5000})\n"
        "except OSError as error: print(error.filename)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout == "b\n", done.stderr
    assert tree(tmp_path) == {"a": b"old"}


@posix
def test_a_fifo_is_written_into(tmp_path):
    fifo, link = tmp_path / "fifo", tmp_path / "link"
    os.mkfifo(fifo)
    link.symlink_to("fifo")
    for path in (fifo, link):
        got = []
        reader = threading.Thread(target=lambda got=got: got.append(fifo.read_bytes()))
        reader.start()
        write_atomically(path, "through")
        reader.join()
        assert got == [b"through"]
        assert stat.S_ISFIFO(os.stat(fifo).st_mode)


@posix
def test_a_device_is_written_into(tmp_path):
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    for path in ("/dev/null", link):
        write_atomically(path, "nothing")
        assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(OSError) as caught:
        write_atomically("/dev/full", "nothing")
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == "/dev/full"


@root
def test_a_device_node_of_this_folder_stays_one(tmp_path):
    node = tmp_path / "node"
    try:
        os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        write_atomically(node, "nothing")
    except PermissionError:
        pytest.skip("no device nodes in this container")
    assert stat.S_ISCHR(os.stat(node).st_mode)


WRITE = (
    "from autograd.files import write_atomically; print('before'); write_atomically({!r}, 'text\\n'); print('after')"
)


@posix
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("into", ["pipe", "file", "appended"])
def test_standard_output_is_written_into_in_order(tmp_path, name, into):
    out = tmp_path / "out"
    out.write_text("first\n")
    command = [sys.executable, "-c", WRITE.format(name)]
    if into == "pipe":
        got = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
        assert got == "before\ntext\nafter\n"
        return
    with out.open("a" if into == "appended" else "w") as file:
        subprocess.run(command, stdout=file, check=True)
    assert out.read_text() == ("first\n" if into == "appended" else "") + "before\ntext\nafter\n"


@posix
def test_a_process_substitution_is_written_into():
    read, write = os.pipe()
    write_atomically(f"/dev/fd/{write}", "through")
    os.close(write)
    assert os.read(read, 100) == b"through"
    os.close(read)


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o4755, 0o666])
def test_permissions_and_links_are_kept(tmp_path, mode):
    path, near, far = tmp_path / "a", tmp_path / "near", tmp_path / "far"
    path.write_text("old")
    path.chmod(mode)
    near.symlink_to("a")
    far.symlink_to(near)
    write_atomically(far, "new")
    assert far.is_symlink()
    assert near.is_symlink()
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


@posix
def test_a_link_to_no_file_yet_makes_that_file(tmp_path):
    (tmp_path / "link").symlink_to("sub/../made")
    (tmp_path / "sub").mkdir()
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "made").read_text() == "new"
    assert (tmp_path / "link").is_symlink()


@root
def test_owner_and_group_are_kept(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    os.chown(path, 1234, 4321)
    path.chmod(0o640)
    write_atomically(path, "new")
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 4321, 0o640)


@posix
@pytest.mark.parametrize(("denied", "mode"), [((), 0o4664), (("owner",), 0o664), (("owner", "group"), 0o604)])
def test_who_may_not_give_a_file_away_opens_it_to_nobody_new(tmp_path, monkeypatch, denied, mode):
    def fchown(descriptor, uid, gid):
        if "group" in denied or ("owner" in denied and uid != -1):
            raise PermissionError(errno.EPERM, "not permitted")

    monkeypatch.setattr(files.os, "fchown", fchown)
    assert files.chown(0, 1, 1, 0o4664) == mode


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_the_kernel_applies_the_umask_and_nobody_reads_it(tmp_path, monkeypatch, mask):
    before = os.umask(mask)
    try:
        with monkeypatch.context() as patch:
            patch.delattr(files.os, "umask")
            write_atomically(tmp_path / "new", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o666 & ~mask


@posix
def test_no_moment_at_which_a_private_file_can_be_read(tmp_path, monkeypatch):
    path, seen = tmp_path / "secret", []
    path.write_text("old")
    path.chmod(0o600)
    for call in ("open", "fsync", "chmod", "replace"):
        real = getattr(os, call)

        def watched(*args, real=real, **options):
            answer = real(*args, **options)
            seen.extend(stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir())
            return answer

        monkeypatch.setattr(files.os, call, watched)
    write_atomically(path, "new")
    assert set(seen) == {0o600}


@posix
def test_leftovers_of_killed_saves_are_swept_and_those_at_work_are_not(tmp_path):
    code = (
        "import os, sys\nfrom autograd import files\n"
        "def wait(*_):\n    print('writing', flush=True); sys.stdin.read()\n"
        "files.os.fsync = wait\nfiles.write_atomically('a.json', 'x')\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    pair = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    for each in pair:
        assert each.stdout.readline() == b"writing\n"
    kept = [".a.json.notes.part", ".b.json.abcdefgh.part", "a.json.abcdefgh.part"]
    for name in kept:
        (tmp_path / name).touch()
    killed, alive = pair
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert len(list(tmp_path.iterdir())) == 5
    write_atomically(tmp_path / "a.json", "mine")
    assert len([p for p in tmp_path.iterdir() if p.name not in [*kept, "a.json"]]) == 1
    alive.communicate(b"")
    assert alive.returncode == 0
    assert tree(tmp_path) == {**dict.fromkeys(kept, b""), "a.json": b"x"}
    for each in pair:
        each.stdin.close()
        each.stdout.close()


@posix
def test_ctrl_c_and_sigterm_wait_while_names_are_taken(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).write_text("old")
    real = os.replace

    def struck(source, target):
        os.kill(os.getpid(), signal.SIGINT)
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", struck)
        with pytest.raises(KeyboardInterrupt):
            write_together({tmp_path / "a": "new", tmp_path / "b": "new"})
    assert tree(tmp_path) == {"a": b"new", "b": b"new"}


@posix
@pytest.mark.skipif(os.geteuid() != 0 if hasattr(os, "geteuid") else True, reason="drops root's rights")
@pytest.mark.filterwarnings(r"ignore:os\.fork:RuntimeWarning")  # where another test of this worker imported JAX
def test_a_folder_that_cannot_be_written_says_so_by_the_name_asked_for():
    folder = tempfile.mkdtemp()  # pytest's own is in one that nobody else may enter
    os.chmod(folder, 0o755)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.chdir(folder)
            os.setgid(65534)
            os.setuid(65534)
            write_atomically("a.json", "x")
        except PermissionError as error:
            status = 0 if error.filename == "a.json" else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.rmdir(folder)
