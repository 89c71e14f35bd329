"""Ctrl-C: in the writing of a parameter, at every instruction of a module, at random moments."""

import random
import signal
import sys

from autograd import Value


class Interrupting(Value):
    """A parameter whose writing is interrupted, as often as ``times`` says."""

    __slots__ = ("times",)
    times: int

    @property
    def data(self) -> float:
        return super().data

    @data.setter
    def data(self, number: float) -> None:
        if self.times > 0:
            self.times -= 1
            raise KeyboardInterrupt
        Value.data.fset(self, number)  # type: ignore[attr-defined]


def interrupting(number: float, times: int) -> Interrupting:
    value = Interrupting(number)
    value.times = times
    return value


def at_every_step(function, where):
    """Run ``function`` again and again, with a KeyboardInterrupt at its first instruction in the files that ``where``
    names, then at the second, and so on; yields after each, until a run is not interrupted any more."""
    number, interrupted = 0, True
    while interrupted:
        number, left, interrupted = number + 1, number + 1, False

        def trace(frame, event, argument):
            nonlocal left, interrupted
            if not frame.f_code.co_filename.endswith(where):
                return None
            frame.f_trace_opcodes = True
            left -= 1
            if not left:
                interrupted = True
                sys.settrace(None)
                raise KeyboardInterrupt
            return trace

        before, hook = sys.gettrace(), sys.unraisablehook
        sys.unraisablehook = lambda dropped: None  # in a finalizer
        sys.settrace(trace)
        try:
            function()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
            sys.unraisablehook = hook
        yield number


def by_signal(function, times, longest=3e-4):
    """Run ``function`` for ever, so many times, each until SIGALRM interrupts it; yields after each.

    The signal comes again: Python drops an exception that it meets while it finalizes something.
    """
    armed = False

    def interrupt(number, frame):
        if armed:
            raise KeyboardInterrupt

    chance = random.Random(times)
    before, hook = signal.signal(signal.SIGALRM, interrupt), sys.unraisablehook
    try:
        sys.unraisablehook = lambda dropped: None
        for number in range(times):
            try:
                armed = True
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, longest), 1e-3)
                while True:
                    function()
            except KeyboardInterrupt:
                armed = False
            yield number
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
        sys.unraisablehook = hook
