"""Files are written whole or not at all; and large structures are built with the collector at rest."""

import contextlib
import gc
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from autograd.locks import in_child


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write ``content`` to ``path`` so that a reader finds the old file or the new one, never a part.

    The text (UTF-8) goes to a temporary file in the same folder, reaches the disk, and takes the name in one step.
    A file that was there keeps its permissions; a symbolic link keeps pointing where it points.

    Raises:
        OSError: the folder is missing or not writable, or the disk is full; ``path`` is as it was.
    """
    target = Path(os.path.realpath(path))
    data = content.encode("utf-8") if isinstance(content, str) else content
    if target.is_dir():
        raise IsADirectoryError(f"{os.fspath(path)} is a folder: give the name of a file in it")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"the folder {target.parent} does not exist: create it, or choose another path")
    try:
        mode = target.stat().st_mode & 0o7777
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        mode = 0o666 & ~umask
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name[:40]}.", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


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
