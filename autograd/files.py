"""Files are written whole or not at all, several together too; large structures are built with the collector at rest.

What is written goes aside first, into a hidden ``.part`` file of the same folder, reaches the disk, and takes its name
in one step. A ``.part`` file is locked by its writer: one that nobody holds is left over from a process that was
killed, and the next save of that name sweeps it away.
"""

import contextlib
import gc
import os
import re
import secrets
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from autograd.locks import in_child

fcntl: Any = import_module("fcntl") if os.name == "posix" else None
"""None on Windows, where an open file can be neither removed nor renamed: that is lock enough."""

Name = str | os.PathLike[str]


def write_atomically(path: Name, content: str | bytes) -> None:
    """Write ``content`` (text as UTF-8) to ``path`` so that a reader finds the old file or the new one, never a part.

    A regular file keeps its permissions, owner and group, as far as this process may give them; a symbolic link keeps
    pointing where it points. What exists and is no regular file, a FIFO, a device, /dev/stdout, is written into.

    Raises:
        OSError: the folder is missing or not writable, or the disk is full; ``path`` is as it was.
    """
    write_together({path: content})


def write_together(contents: Mapping[Any, str | bytes]) -> None:
    """Write several files by their paths: all of them, or none; see ``write_atomically``.

    All are written aside before the first takes its name. Where that fails, or Ctrl-C comes between, the old files
    are put back; signals wait meanwhile. Only a power cut or SIGKILL in that moment can leave a mixture.

    Raises:
        OSError: as ``write_atomically``; names the file.
    """
    with contextlib.ExitStack() as parts:
        renames: list[tuple[Name, Path, Path]] = []
        streams: list[tuple[Name, str, bytes]] = []
        for path, content in contents.items():
            data = content.encode("utf-8") if isinstance(content, str) else content
            with naming(path):
                target = destination(path)
                if is_stream(target):
                    streams.append((path, target, data))
                else:
                    renames.append((path, parts.enter_context(written_aside(Path(target), data)), Path(target)))
        for path, target, data in streams:
            with naming(path):
                write_into(target, data)
        take_names(renames)


@contextlib.contextmanager
def naming(path: Name) -> Iterator[None]:
    """An OSError within names the file that was asked for, not the one aside."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def destination(path: Name) -> str:
    """Where ``path`` leads, links followed; up to the door of /proc and /dev/fd, whose links are no paths."""
    here = os.fspath(path)
    for _ in range(40):
        folder, name = os.path.split(here)
        folder = os.path.realpath(folder or os.curdir)
        here = os.path.join(folder, name)
        if folder == "/dev/fd" or folder.startswith("/proc/") or not os.path.islink(here):
            break
        here = os.path.join(folder, os.readlink(here))
    if os.path.isdir(here):
        raise IsADirectoryError(f"{os.fspath(path)} is a folder: give the name of a file in it")
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"the folder {folder} does not exist: create it, or choose another path")
    return here


def is_stream(target: str) -> bool:
    """Is this something that exists and is no regular file of a folder: to be written into, not replaced?"""
    if os.path.dirname(target) == "/dev/fd" or target.startswith("/proc/"):
        return True
    try:
        return not stat.S_ISREG(os.stat(target).st_mode)
    except FileNotFoundError:
        return False


def write_into(target: str, data: bytes) -> None:
    """Write to a FIFO, a device, or a descriptor that this process has open, where that one stands."""
    own = re.fullmatch(rf"(?:/dev/fd|/proc/(?:self|{os.getpid()})/fd)/(\d+)", target)
    if own:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()  # what was printed before comes before
    with os.fdopen(os.dup(int(own[1])) if own else os.open(target, os.O_WRONLY), "wb") as file:
        file.write(data)


@contextlib.contextmanager
def written_aside(target: Path, data: bytes) -> Iterator[Path]:
    """A locked ``.part`` file beside ``target`` that holds the data, with the rights that the new file is to have.

    Whatever of it is left at the end is removed.
    """
    sweep(target)
    try:
        old = os.stat(target)
    except FileNotFoundError:
        old = None
    temporary, descriptor = create(target, 0o666 if old is None else 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if old is not None:
                give_rights(temporary, file.fileno(), old)
            if fcntl is None:
                file.close()
            yield temporary
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def create(target: Path, mode: int) -> tuple[Path, int]:
    """A new ``.part`` file for ``target``, locked, and its descriptor; the kernel applies the umask."""
    while True:
        temporary = target.with_name(f".{target.name[:40]}.{secrets.token_hex(4)}.part")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(temporary, flags, mode)
        try:
            lock(descriptor, wait=True)
            with contextlib.suppress(FileNotFoundError):
                os.stat(temporary)
                return temporary, descriptor
        except BaseException:
            os.close(descriptor)
            temporary.unlink(missing_ok=True)
            raise
        os.close(descriptor)  # swept away between the two calls: another name


def lock(descriptor: int, wait: bool = False) -> bool | None:
    """Lock an open file; False where another holds it, None where files cannot be locked here."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def sweep(target: Path) -> None:
    """Remove the ``.part`` files of killed saves of this name: those that no process holds."""
    ours = re.compile(re.escape(f".{target.name[:40]}.") + r"[a-z0-9_]{8}\.part")
    with contextlib.suppress(OSError):
        for name in os.listdir(target.parent):
            if ours.fullmatch(name):
                remove_unheld(target.with_name(name))


def remove_unheld(part: Path) -> None:
    """Remove a file unless a process has it locked."""
    with contextlib.suppress(OSError):
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(part, flags)
        try:
            if fcntl is None or lock(descriptor):
                if fcntl is None:
                    os.close(descriptor)
                os.unlink(part)
        finally:
            if fcntl is not None:
                os.close(descriptor)


def give_rights(path: Path, descriptor: int, old: os.stat_result) -> None:
    """Owner, group and permissions of the file that was there; where the group cannot be kept, it gets no rights."""
    mode = stat.S_IMODE(old.st_mode)
    if hasattr(os, "fchown"):
        new = os.fstat(descriptor)
        if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
            mode = chown(descriptor, old.st_uid, old.st_gid, mode)
    os.chmod(path, mode)


def chown(descriptor: int, owner: int, group: int, mode: int) -> int:
    """Give a file away, as far as this process may; the permissions that suit what came of it."""
    for uid, kept in ((owner, mode), (-1, mode & 0o1777)):
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, uid, group)
            return kept
    return mode & 0o1707


def take_names(renames: list[tuple[Name, Path, Path]]) -> None:
    """Give all their names, or put back what was there."""
    undo: list[Callable[[], None]] = []
    with signals_waiting(), contextlib.ExitStack() as spares:
        try:
            for path, temporary, target in renames:
                with naming(path):
                    if len(renames) > 1:
                        undo.append(restoring(target, spares))
                    os.replace(temporary, target)
        except BaseException:
            for step in reversed(undo):
                step()
            raise


def restoring(target: Path, spares: contextlib.ExitStack) -> Callable[[], None]:
    """What puts a name back to what it is now: a second name of its file, or nothing where there is none."""
    spare = target.with_name(f".{target.name[:40]}.{secrets.token_hex(4)}.part")
    spares.callback(spare.unlink, missing_ok=True)
    try:
        os.link(target, spare)
    except FileNotFoundError:
        return lambda: target.unlink(missing_ok=True)
    except OSError:  # a file system without links
        os.replace(target, spare)
    return lambda: os.replace(spare, target)


@contextlib.contextmanager
def signals_waiting() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the end. Only the main thread may ask that; the others get no Ctrl-C."""
    numbers = [signal.SIGINT, signal.SIGTERM] if threading.current_thread() is threading.main_thread() else []
    came: list[int] = []
    before = {n: signal.signal(n, lambda n, _: came.append(n)) for n in numbers if signal.getsignal(n) is not None}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for each in came:
            signal.raise_signal(each)


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Build a large structure without the cyclic collector, which would walk all of it again and again.

    The engine's nodes are in no reference cycles, so there is nothing for it to find.
    """
    was_enabled = gc.isenabled()
    try:
        if was_enabled:
            _pausing.add(threading.get_ident())
            gc.disable()
        yield
    finally:
        if was_enabled:
            gc.enable()
            _pausing.discard(threading.get_ident())


_pausing: set[int] = set()
"""The threads that have paused it."""


@in_child
def enable_collector() -> None:
    """In a forked child, which has no other thread that would."""
    if _pausing and threading.get_ident() not in _pausing:
        gc.enable()
    _pausing.intersection_update({threading.get_ident()})
