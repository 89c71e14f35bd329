"""Numbers that notice who looks at them, for as long as a function is traced.

What a function decides by a number that it reads, a program would do for ever. So the nodes of a traced function are of
a subclass of Value whose attributes report who reads them, and the Values that the function finds elsewhere (its
parameters, and what hangs on it) are of it meanwhile. Outside of a trace nothing is paid; other threads see Values.

The engine and ``nn`` read ``_data`` for their own purposes, which is no look of the user's; whatever reads ``data``,
a format or a comparison of NumPy's, does so on the user's behalf.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

import numpy as np

from autograd import modes
from autograd.locks import in_child, new_lock
from autograd.op import READINGS
from autograd.value import Value

MOST = 1_000_000
"""So many objects are searched for Values."""

_lock = new_lock()
_watchers: dict[int, tuple[Value, list[int]]] = {}
"""The Values that are watched, by id, each with the threads of the traces that do."""


def looked(name: str, read: Callable[[Any], Any], write: Any = None, ours: bool = False) -> property:
    """An attribute that reports who reads it; with ``ours``, whoever is not the engine itself."""

    def reading(self: Any) -> Any:
        if modes.traces and not (ours and modes.package(sys._getframe(1)) in modes.ENGINE):
            modes.refuse_look(f"{name} of a number")
        return read(self)

    def writing(self: Any, number: Any) -> None:
        if modes.traces and not ours:
            modes.refuse_look(f"{name} of a number, which is written")
        write(self, number)

    return property(reading, write if ours else writing if write else None)


def refusing(name: str, what: str) -> Any:
    """A method that takes the number out of its graph."""
    method = getattr(Value, name)

    def refused(self: Any, *args: Any) -> Any:
        if modes.traces:
            modes.refuse_look(what)
        return method(self, *args)

    return refused


_slots: dict[str, Any] = {name: vars(Value)[name] for name in ("_data", "_grad")}
_public: dict[str, Any] = {name: vars(Value)[name] for name in ("data", "grad", "has_grad", "operands", "partials")}

Watched: type[Value] = type(
    "Value",
    (Value,),
    {
        "__slots__": (),
        **{name: looked(name, slot.__get__, slot.__set__, ours=True) for name, slot in _slots.items()},
        **{name: looked(name, _public[name].fget, _public[name].fset) for name in ("data", "grad", "has_grad")},
        **{name: looked(name, _public[name].fget, ours=True) for name in ("operands", "partials")},
        "__repr__": refusing("__repr__", "its number as text"),
        "__copy__": refusing("__copy__", "a copy of a number, which is no node of the graph"),
        "__deepcopy__": refusing("__deepcopy__", "a copy of a number, which is no node of the graph"),
        "detach": refusing("detach", "a number without its graph, detach"),
    },
)
"""A Value of a traced function."""

READINGS[Watched] = READINGS[Value]


@contextmanager
def watched(values: Iterable[Value]) -> Iterator[None]:
    """Inside, these Values report who looks at them."""
    mine = [value for value in {id(x): x for x in values}.values() if type(value) in (Value, Watched)]
    done, thread = 0, threading.get_ident()
    try:
        for value in mine:
            with _lock:
                _watchers.setdefault(id(value), (value, []))[1].append(thread)
                done += 1
                value.__class__ = Watched
        yield
    finally:
        with _lock:
            for value in mine[:done]:
                _watchers[id(value)][1].remove(thread)
                unwatch(value)


def unwatch(value: Value) -> None:
    """Make it an ordinary Value again, if nobody watches it."""
    if not _watchers[id(value)][1]:
        del _watchers[id(value)]
        value.__class__ = Value


@in_child
def watch_alone() -> None:
    """In a forked child, which has no other thread that traces."""
    for value, threads in list(_watchers.values()):
        threads[:] = [thread for thread in threads if thread == threading.get_ident()]
        unwatch(value)


def behind(*roots: Any) -> tuple[list[Value], list[Any]]:
    """The Values, and the generators of random numbers, that functions and objects hold.

    In attributes, containers, closures, and globals that the user's functions name.
    """
    values: list[Value] = []
    generators: list[Any] = []
    seen: dict[int, Any] = {}
    stack: list[Any] = [*roots]
    kinds = (
        random.Random,
        *(getattr(sys.modules.get("numpy.random"), name, ()) for name in ("Generator", "RandomState")),
    )
    while stack and len(seen) < MOST:
        x = stack.pop()
        if x is None or x.__class__ in (float, int, str) or id(x) in seen:
            continue
        seen[id(x)] = x
        if isinstance(x, Value):
            values.append(x)
        elif isinstance(x, kinds):
            generators.append(x)
        else:
            stack += parts(x)
    return values, generators


def parts(x: Any) -> Iterable[Any]:
    """What an object holds."""
    if isinstance(x, list | tuple | set | frozenset):
        return x
    if isinstance(x, Mapping):
        return x.values()
    if isinstance(x, np.ndarray):
        return x.flat if x.dtype == object else ()
    if isinstance(x, MethodType):
        return x.__self__, x.__func__
    if isinstance(x, partial):
        return x.func, x.args, x.keywords
    if isinstance(x, FunctionType):
        return parts_of_function(x)
    if isinstance(x, BuiltinFunctionType):
        return (x.__self__,)
    if isinstance(x, type | ModuleType) or type(x).__module__ in ("builtins", "threading"):
        return ()
    of_class = [each for kind in type(x).__mro__ for each in vars(kind).values()]
    slots = [each for each in of_class if isinstance(each, MemberDescriptorType)]
    methods = [each for each in of_class if isinstance(each, FunctionType)]
    return [*getattr(x, "__dict__", {}).values(), *(held(x, slot) for slot in slots), *methods]


def held(x: Any, slot: Any) -> Any:
    """What stands in a slot; None where nothing does."""
    try:
        return slot.__get__(x)
    except AttributeError:
        return None


def parts_of_function(function: FunctionType) -> list[Any]:
    """What a function reaches: its closure, its defaults, and the globals that its code names."""
    found: list[Any] = [function.__defaults__, function.__kwdefaults__]
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # not bound yet
            continue
    scope = function.__globals__
    installed = f"{os.sep}site-packages{os.sep}" in function.__code__.co_filename
    if not installed and str(scope.get("__name__")).partition(".")[0] not in modes.LIBRARY:
        codes: list[CodeType] = [function.__code__]
        for code in codes:
            found += [scope[name] for name in code.co_names if name in scope]
            codes += [each for each in code.co_consts if isinstance(each, CodeType)]
    return found
