"""Locks that a forked child finds free, whatever the other threads of its parent were doing.

A child has one thread, a copy of the one that forked. What another thread had locked would stay locked for ever; so the
child frees every lock that is not its own thread's. All locks of this project are made here, and are re-entrant: a
signal handler, or a finalizer, may come to a lock that its own thread holds.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")

_locks: set[weakref.ref[Any]] = set()
_lock_kind: Any = threading.RLock


def new_lock() -> Any:
    """A re-entrant lock for ``with``."""
    lock = _lock_kind()
    _locks.add(weakref.ref(lock, _locks.discard))
    return lock


def in_child(action: Callable[[], object]) -> Callable[[], object]:
    """Run ``action`` in every forked child, before anything else there; a decorator."""
    if hasattr(os, "register_at_fork"):  # Windows has no fork
        os.register_at_fork(after_in_child=action)
    return action


importing = new_lock()
"""Held while modules are imported that are imported late. A fork waits for it: an import that another thread was in the
middle of would never end in the child, and Python has no help against that."""
_waited: list[bool] = []


def before_fork() -> None:
    """Wait for imports, but not for ever."""
    _waited.append(importing.acquire(timeout=30.0))


def after_fork() -> None:
    """Let imports go on, in parent and child."""
    if _waited.pop():
        importing.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=before_fork, after_in_parent=after_fork, after_in_child=after_fork)


@in_child
def free_locks() -> None:
    """Free what threads hold that this child does not have."""
    for lock in [reference() for reference in _locks]:
        if lock is not None and not lock._is_owned():
            lock._at_fork_reinit()


class cached(Generic[T]):
    """``functools.cached_property`` without the lock that it has before Python 3.12: one for all objects, and for good
    in a child that was forked while another thread computed one. Two threads may both compute the same."""

    def __init__(self, function: Callable[[Any], T]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> cached[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        return instance.__dict__.setdefault(self.function.__name__, self.function(instance))
