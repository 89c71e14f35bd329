"""Blocks of ``with`` that change what happens inside: which are open, and which of them hold here.

A block is open from its ``with`` to the end of it, by whatever way, in whatever order and in whatever thread it ends.
Two things make that so. What is open is one set, and nothing else remembers it. And a block is in it by a weak
reference to what the ``with`` statement itself keeps, so that it ends with that statement even where Ctrl-C or a
RecursionError struck the very call that ends it, or where a generator was thrown away.

A block holds in the context (PEP 567: the thread, the asyncio task) that opened it, and in contexts copied from it
meanwhile. One that a generator opened holds for what the generator runs, in whatever thread, and not for the loop over
it, which runs while the generator waits: it holds where the generator's frame is among the callers. What drives a
generator as a context manager is looked through: ``contextlib.contextmanager`` and pytest's fixtures hold for whoever
entered them.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from autograd.locks import in_child

F = TypeVar("F", bound=Callable[..., Any])

SUSPENDABLE = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
"""The code of functions that wait in the middle while their caller goes on. (A coroutine's caller waits with it.)"""
DRIVERS = ("contextlib", "_pytest.fixtures", "pytest_asyncio.plugin")
"""The modules that run a generator to its ``yield`` to enter a context."""


class Block(weakref.ref[Any]):
    """One block: a weak reference to what keeps it open.

    Attributes:
        change: what it changes.
        frame: the id of the frame that it is in; ``waits``: that of a generator.
        thread: that opened it; 0: it is not open yet. ``number``: blocks opened later have larger ones.
    """

    __slots__ = ("change", "frame", "number", "thread", "waits")

    def __init__(self, owner: object, ended: Callable[[Any], object]) -> None:
        super().__init__(owner, ended)  # type: ignore[call-arg]
        hash(self)  # that of the owner, which is asked for when the owner is gone
        self.change: Any = None
        self.frame = self.thread = self.number = 0
        self.waits = False


class Blocks(set[Block]):
    """The open blocks of one kind, in all threads together; false where there is none."""

    def __init__(self, name: str) -> None:
        self.context: ContextVar[tuple[Block, ...]] = ContextVar(name, default=())
        EVERY.append(self)

    def here(self) -> Sequence[Block]:
        """The blocks that hold for the caller, outermost first."""
        inside = self.context.get()
        for block in tuple(self):
            if block.waits:
                return self.by_callers(inside)
        for block in inside:
            if block not in self:
                return [block for block in inside if block in self]
        return inside

    def by_callers(self, inside: Sequence[Block]) -> Sequence[Block]:
        """``here``, where generators have opened blocks too."""
        height: dict[int, int] = {}
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            height[id(frame)] = -len(height)
            frame = frame.f_back
        found = [block for block in inside if block in self]
        found += [block for block in tuple(self) if block.waits and block.frame in height]
        return sorted(found, key=lambda block: (height.get(block.frame, -len(height)), block.number))

    def __eq__(self, other: object) -> bool:
        """Equal to their number."""
        return len(self) == other


EVERY: list[Blocks] = []
_numbers = itertools.count(1)


@in_child
def forget_other_threads() -> None:
    """End, in a forked child, the blocks of threads that it does not have."""
    for blocks in EVERY:
        mine = blocks.context.get()
        blocks -= {block for block in blocks if block.thread != threading.get_ident() and block not in mine}


def entered_in(frame: FrameType) -> tuple[int, bool]:
    """The id of the frame in which a context is entered that ``frame`` enters, and whether it is a generator's."""
    while True:
        caller = frame.f_back
        driving, driven = (each and each.f_globals.get("__name__") in DRIVERS for each in (frame, caller))
        waits = bool(frame.f_code.co_flags & SUSPENDABLE)
        if caller is None or not (driving or (waits and driven)):
            return id(frame), waits
        frame = caller


class Exit:
    """``Switch.__exit__``. Each ``with`` statement finds a function of its own here, and keeps it until it has ended:
    that function is what keeps the block open."""

    def __get__(self, switch: Switch | None, owner: type) -> Callable[..., None]:
        if switch is None:  # as contextlib.ExitStack asks for it
            return Switch.leave
        mine: list[Block] = []
        end = functools.partial(Switch.end, switch, mine)
        mine.append(Block(end, switch.blocks.discard))
        switch.arriving[id(sys._getframe(1))] = mine[0]
        return end


class Switch:
    """A context: inside, ``change`` holds, of one kind of blocks. It is a decorator of functions, too.

    It may be entered again, inside itself and in several threads as well.
    """

    def __init__(self, blocks: Blocks, change: Any = None) -> None:
        self.blocks = blocks
        self.change = change
        self.arriving: dict[int, Block] = {}  # by the frame of the with statement
        self.others: list[tuple[Block, object]] = []  # entered without one, and what keeps them open

    def __enter__(self) -> bool:
        """Is this inside another such block?"""
        blocks, frame = self.blocks, sys._getframe(1)
        block = self.arriving.pop(id(frame), None)
        if block is None or block() is None:
            owner = functools.partial(int)
            block = Block(owner, blocks.discard)
            self.others.append((block, owner))
        try:
            block.change, block.number, block.thread = self.change, next(_numbers), threading.get_ident()
            block.frame, block.waits = entered_in(frame)
            around = blocks.context.get()
            if around:
                around = tuple([each for each in around if each in blocks])
            if not block.waits:
                blocks.context.set((*around, block))
            blocks.add(block)
        except BaseException:
            blocks.discard(block)
            raise
        return bool(around)

    if TYPE_CHECKING:

        def __exit__(self, *error: object) -> None: ...
    else:
        __exit__ = Exit()

    def end(self, mine: list[Block], *error: object) -> None:
        """End the block of one ``with`` statement."""
        if mine[0].thread:
            self.blocks.discard(mine[0])
            self.tidy()
        else:  # somebody has asked for __exit__, who entered before
            self.leave()

    def leave(self, *error: object) -> None:
        """End the last block that was entered without a ``with`` statement."""
        found = False
        while self.others and not found:
            found = self.others[-1][0] in self.blocks
            del self.others[-1]  # which ends it
        self.tidy()

    def tidy(self) -> None:
        """Drop what has ended from this context."""
        blocks, context = self.blocks, self.blocks.context
        context.set(tuple([block for block in context.get() if block in blocks]) if blocks else ())

    def __call__(self, function: F) -> F:
        """The function, inside this context whenever it runs; of a generator, while it runs and not while it waits.

        Raises:
            TypeError: an asynchronous generator.
        """
        if inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{function.__name__} is an asynchronous generator, which no decorator can run inside a context: "
                "write the with statement inside it"
            )
        wrapped: Callable[..., Any]
        if inspect.iscoroutinefunction(function):

            async def wrapped(*args: Any, **named: Any) -> Any:
                with self:
                    return await function(*args, **named)

        elif inspect.isgeneratorfunction(function):

            def wrapped(*args: Any, **named: Any) -> Any:
                with self:
                    return (yield from function(*args, **named))

        else:

            def wrapped(*args: Any, **named: Any) -> Any:
                with self:
                    return function(*args, **named)

        return functools.wraps(function)(wrapped)  # type: ignore[return-value]
