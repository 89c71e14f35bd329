"""A parameter whose writing Ctrl-C interrupts."""

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
