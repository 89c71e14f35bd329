"""Training steps of a program, one call each: the parameters live in arrays until the session ends.

A step is complete once ``Session.state`` is bound to its result: one store, so that Ctrl-C (or an error) leaves the
numbers of the last complete step or of the one before it, with the optimiser's memory that belongs to them.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autograd import modes
from autograd.compiler import rules
from autograd.compiler.bound import RUNS, Bound
from autograd.compiler.parameters import assign, label
from autograd.compiler.quick import NONE, Quick, Step, quick_steps
from autograd.errors import GraphError
from autograd.locks import new_lock

if TYPE_CHECKING:
    from autograd.compiler.program import Program

Array = npt.NDArray[Any]
Update = Callable[[Array, Array, Any], tuple[Array, Any]]
"""``update(numbers, gradient, memory)``: new numbers and memory, new arrays; see ``rules``."""


_open: weakref.WeakSet[Session] = weakref.WeakSet()
_entering = new_lock()
"""The sessions that are open in all threads; two do not share a parameter."""


class State(NamedTuple):
    """The numbers after a complete step, in the executor's order, and what the optimiser remembers."""

    numbers: Any
    memory: Any = None


class Session:
    """``with program.session() as s: s.sgd(batch, 0.1)``; see ``Program.session``.

    Steps of one session are of one optimiser, whose memory lives as long. While it is open the parameters are its own:
    what is written to the Values meanwhile counts after ``read`` alone, and else is lost when the session writes its
    numbers. What was written before it is entered (again) is read.

    Raises (when entered):
        GraphError: another session over one of the parameters is open.
    """

    def __init__(self, program: Program, devices: Any = None) -> None:
        self.program = program
        self.placement: Any = placement(program, devices)
        self._state: tuple[Any, Any] = State(None)  # or a plain pair, which takes less time to make
        self.rule = ""
        self._bound: Bound | None = None
        self._loaded: tuple[Any, Any] | None = None
        self._quick: Quick = NONE
        self._sgd: Step | None = None  # the one of these that is asked for first
        self._quicks: dict[int, Quick] = {}
        self._slopes: Any = None  # of the last step, or a function that gives them, where they are not in the array

    @property
    def state(self) -> State:
        """The numbers after the last complete step; a quick step writes over those of the step before the last."""
        state = self._state
        return state if isinstance(state, State) else State(*state)

    @state.setter
    def state(self, state: State) -> None:
        self._state = state

    def __enter__(self) -> Session:
        with self.program._lock:
            if self.program._session is not None:
                raise GraphError("a session of this program is open already: end it, or train with that one")
            if not self.program.parameters:
                raise GraphError("this program has no parameters to train: every leaf is an input or a constant")
            with _entering:
                for other in _open:
                    if not self.program.owned.isdisjoint(other.program.owned):
                        raise GraphError(
                            f"a session over {shared_with(self, other)} is open already: end that one first"
                        )
                _open.add(self)
            self.program._session = self
            self.read()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        interrupted = False
        with self.program._lock:
            while True:  # Ctrl-C while the Values are written: they are written first
                try:
                    self.write()
                    self.program._session = None
                    _open.discard(self)
                    self._quick, self._sgd, self._quicks = NONE, None, {}
                    break
                except KeyboardInterrupt:
                    interrupted = True
        if interrupted:
            raise KeyboardInterrupt

    # -- steps -----------------------------------------------------------------------------------------------------

    def sgd(
        self, batch: npt.ArrayLike, learning_rate: float, *, momentum: float = 0.0, nesterov: bool = False
    ) -> float:
        """One step of gradient descent on the mean over the batch; returns the mean before it.

        Raises:
            FloatingPointError: the loss, a gradient or a new number is not finite (allowed inside ``ieee()``).
            ValueError, TypeError, DomainError: as for a call of the program. No parameter has changed then.
        """
        if self._sgd is not None and not momentum:
            loss = self._sgd(batch, learning_rate)
            if loss is not None:
                return loss
        check_rate(learning_rate)
        check_number("momentum", momentum, "0 or above, and below 1", lambda share: 0.0 <= share < 1.0)
        if nesterov and not momentum:
            raise ValueError("nesterov needs a momentum above 0")
        self.one_rule("sgd")
        if not momentum and self._bound is not None and self._bound.python:
            loss = self.on_floats(self._bound, batch, learning_rate)
            if loss is not None:
                return loss
        if self.placement is not None:
            loss = self.on_device("sgd", (momentum, nesterov), batch, learning_rate)
            if loss is not None:
                return loss

        def update(numbers: Array, gradient: Array, memory: Any) -> tuple[Array, Any]:
            return rules.sgd(numbers, gradient, memory, learning_rate, momentum, nesterov)

        return self.advance(batch, update, learning_rate)

    def adam(
        self, batch: npt.ArrayLike, learning_rate: float = 1e-3, *, betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ) -> float:  # fmt: skip
        """One step of Adam on the mean over the batch; returns the mean before it. Raises as ``sgd``."""
        check_rate(learning_rate)
        check_betas(betas)
        check_number("epsilon", epsilon, "above 0, and finite", lambda size: 0.0 < size < math.inf)
        self.one_rule("adam")
        if self._quick.adam is not None:
            loss = self._quick.adam(batch, learning_rate, betas, epsilon)
            if loss is not None:
                return loss
        if self.placement is not None:
            loss = self.on_device("adam", (tuple(betas), epsilon), batch, learning_rate)
            if loss is not None:
                return loss

        def update(numbers: Array, gradient: Array, memory: Any) -> tuple[Array, Any]:
            memory = memory or (0, np.zeros_like(numbers), np.zeros_like(numbers))
            return rules.adam(numbers, gradient, memory, learning_rate, betas, epsilon)

        return self.advance(batch, update, learning_rate)

    def step(self, batch: npt.ArrayLike, update: Update, learning_rate: float = math.nan) -> float:
        """One step by any rule that works on arrays; returns the mean of the output before it. Raises as ``sgd``.

        ``update(numbers, gradient, memory)`` returns new numbers, and what to remember (None at first). The numbers and
        the gradient are its own to keep, and read-only; so is what it returns, of which the session takes a copy.
        """

        def owned(numbers: Array, gradient: Array, memory: Any) -> Any:
            try:
                return fresh(update(frozen(numbers), frozen(gradient), fresh(memory)))
            except ValueError as error:
                if "read-only" in str(error):
                    error.add_note(
                        "a rule's numbers and gradient are read-only: return new ones, as numbers - gradient"
                    )
                raise

        return self.advance(batch, owned, learning_rate)

    def advance(self, batch: npt.ArrayLike, update: Update, learning_rate: float = math.nan) -> float:
        """``step`` by a rule that writes to nothing it is given and keeps nothing: no copies are made."""
        if self._quick.by_rule is not None:
            found = self._quick.by_rule(batch, update)
            if found is not None:
                return found
        self.check_open()
        program = self.program
        program.factor("mean")
        rows = program.rows(batch)
        with program._lock:
            bound = self.ready(len(rows))
            program._last = len(rows)
            loss: float = bound.call("backward", rows)
            self.state, self._slopes = on_host(self.state), None
            done, finite = bound.watch.run(moved, self.state, bound.gradient, update)
            if not (finite and math.isfinite(loss)):
                self.refuse(loss, done, learning_rate)
            self.state = done  # the step is complete
            self.quicken(bound, len(rows))
        return loss

    def on_floats(self, bound: Bound, batch: npt.ArrayLike, learning_rate: float) -> float | None:
        """A step of ``sgd`` by the generated Python of a graph of any size, on floats from beginning to end.

        None where it takes more care than this; nothing has changed then.
        """
        program = self.program
        rows = program.rows(batch).tolist()
        if bound.quiet or modes.active or len(program.tape.outputs) != 1:
            return None
        with program._lock:
            run, before = bound.run(len(rows)), self.state
            parameters = run.parameters
            if parameters.numbers is not before.numbers:
                parameters.numbers = [*map(float, before.numbers)]
            start = parameters.numbers
            try:
                loss: float = run.sgd(rows, float(learning_rate))
                numbers = parameters.numbers
            except ArithmeticError:
                return None
            if not (math.isfinite(loss) and math.isfinite(sum(numbers))):
                return None
            program._last = len(rows)
            self._slopes = lambda: run.slopes(start, rows)[1]
            self.state = State(numbers)  # the step is complete
            self.quicken(bound, len(rows))
        return loss

    def quicken(self, bound: Bound, size: int) -> None:
        """Make the steps to come of batches of this size quick ones, if they can be."""
        if size not in self._quicks:
            if len(self._quicks) == RUNS:
                self._quicks.clear()
            self._quicks[size] = quick_steps(self, bound, size)
        self._quick = self._quicks[size]
        self._sgd = self._quick.sgd if self.rule == "sgd" else None

    def on_device(
        self, rule: str, settings: tuple[Any, ...], batch: npt.ArrayLike, learning_rate: float
    ) -> float | None:
        """A step whose numbers stay on JAX's devices from step to step; None where it takes more care than this.

        Nothing has changed then: a mode is on, an index is out of range, or a number is not finite.
        """
        program = self.program
        program.factor("mean")
        rows = program.rows(batch)
        with program._lock:
            if self._bound is None:
                self.ready(len(rows))
            bound = self._bound
            assert bound is not None
            if modes.active or (bound.quiet and (bound.silent.hidden or bound.suspects(rows))):
                return None
            plan: Any = bound.plan
            before = self.state
            loss, fine, numbers, memory, slopes = plan.step(
                rule, settings, before.numbers, before.memory, rows, learning_rate, self.placement
            )
            if not fine:
                return None
            program._last = len(rows)
            self._slopes = slopes
            self.state = State(numbers, memory)  # the step is complete
        return float(loss)

    def one_rule(self, rule: str) -> None:
        """GraphError where the steps before were another optimiser's, or the session is not open."""
        self.check_open()
        if self.rule not in ("", rule):
            raise GraphError(f"this session makes steps of {self.rule}: open another one for {rule}")
        self.rule = rule

    def check_open(self) -> None:
        """GraphError outside of the ``with`` block: the Values would never get the numbers of such a step."""
        if self.program._session is not self:
            raise GraphError("a session makes steps inside its block: with program.session() as s: s.sgd(batch, 0.1)")

    def refuse(self, loss: float, done: State, learning_rate: float) -> None:
        """FloatingPointError for a step whose numbers are not finite, but inside ``ieee()``."""
        if modes.current().ieee:
            return
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss}: no parameter was changed; autograd.detect_anomaly() names the operation"
            )
        assert self._bound is not None
        broken = ~np.isfinite(done.numbers) | ~np.isfinite(self._bound.gradient)
        if broken.any():
            i = int(np.flatnonzero(self._bound.in_tape_order(broken))[0])
            gradient, numbers = map(self._bound.in_tape_order, (self._bound.gradient, done.numbers))
            name = label(self.program.parameters[i], i)
            raise rules.not_finite(name, float(gradient[i]), float(numbers[i]), learning_rate)

    # -- numbers ---------------------------------------------------------------------------------------------------

    def ready(self, rows: int) -> Bound:
        """The executor with the session's numbers in it; the first batch decides which one."""
        bound = self._bound
        if bound is None:
            bound = self.program.bound(rows)
            bound.read()
            self.state = State(bound.theta.copy(), self.state.memory)
            self._bound = bound
        if self._loaded is not self._state:
            state = self._state
            np.copyto(bound.theta, state[0])
            self._loaded = state
        return bound

    def read(self) -> None:
        """Take the numbers of the Values; what the optimiser remembers stays."""
        if self._bound is not None:
            self._bound.read()
            self.state = State(self._bound.theta.copy(), self.state.memory)

    def write(self) -> None:
        """Give the Values the numbers of the last complete step: all of them or, if it is interrupted, none."""
        if self._bound is not None:
            assign(self._bound.leaves, np.asarray(self.state.numbers, float).tolist())

    def write_gradients(self) -> None:
        """Put the last step's gradient into ``grad`` of the Values."""
        if self._bound is not None:
            if self._slopes is not None:
                np.copyto(self._bound.gradient, self._slopes() if callable(self._slopes) else self._slopes)
            for leaf, slope in zip(self._bound.leaves, self._bound.gradient.tolist(), strict=True):
                leaf.grad = slope

    def memory_in_order(self) -> Any:
        """What the optimiser remembers, its arrays in the order of ``program.parameters``."""
        if self._bound is None:
            return None
        order = self._bound.in_tape_order
        memory = on_host(self.state).memory
        if isinstance(memory, tuple):
            return tuple(x if isinstance(x, int) else order(np.asarray(x)) for x in memory)
        return order(memory) if isinstance(memory, np.ndarray) else memory


def fresh(x: Any) -> Any:
    """A copy of the arrays in tuples, lists and dicts; anything else as it is."""
    if isinstance(x, np.ndarray):
        return x.copy()
    if isinstance(x, dict):
        return {key: fresh(each) for key, each in x.items()}
    return type(x)(map(fresh, x)) if x.__class__ in (tuple, list) else x


def frozen(numbers: Array) -> Array:
    """A copy that nobody can write to."""
    numbers = numbers.copy()
    numbers.flags.writeable = False
    return numbers


def shared_with(mine: Session, other: Session) -> str:
    """What to call a parameter that two sessions share."""
    theirs = other.program.owned
    return next(label(p, i) for i, p in enumerate(mine.program.parameters) if id(p) in theirs)


def moved(state: State, gradient: Array, update: Update) -> tuple[State, bool]:
    """The state after an update, and whether it is surely finite: the sum of squares overflows before a number does."""
    memory = state.memory
    if isinstance(memory, tuple):  # steps on floats remember lists
        memory = tuple([np.array(x) if isinstance(x, list) else x for x in memory])
    found = update(np.asarray(state.numbers, gradient.dtype), gradient, memory)
    numbers, memory = found if isinstance(found, tuple) and len(found) == 2 else (None, None)
    if not isinstance(numbers, np.ndarray) or numbers.shape != gradient.shape:
        raise TypeError(f"update(numbers, gradient, memory) returns an array of {gradient.size} numbers, and memory")
    return State(numbers, memory), math.isfinite(numbers.dot(numbers))


def on_host(state: State) -> State:
    """The state in NumPy's arrays, where a device has it."""

    def fetched(x: Any) -> Any:
        known = isinstance(x, np.ndarray | np.generic) or not hasattr(x, "__array__")
        return x if known else np.array(x)

    memory = state.memory
    return State(fetched(state.numbers), tuple(map(fetched, memory)) if isinstance(memory, tuple) else fetched(memory))


def placement(program: Program, devices: Any) -> Any:
    """Where the steps of a session are made by JAX, or None. ValueError: devices for another backend."""
    if program.forced != "jax":
        if devices is not None:
            raise ValueError('devices are those of JAX: compile the program with backend="jax"')
        return None
    from autograd.compiler.accelerated import Placement

    return Placement(devices)


def check_rate(learning_rate: float) -> None:
    """ValueError unless the learning rate is a positive number."""
    check_number("learning_rate", learning_rate, "above 0, and finite", lambda rate: 0.0 < rate < math.inf)


def check_number(what: str, number: Any, wanted: str, good: Callable[[Any], bool]) -> None:
    """ValueError unless this is a number that is good."""
    try:
        if good(number):
            return
    except (TypeError, ValueError):  # text, None, an array
        pass
    raise ValueError(f"{what} is {number!r:.60}: it must be {wanted}")


def check_betas(betas: Any) -> None:
    """ValueError unless these are Adam's two shares."""
    pair = betas if isinstance(betas, tuple | list) else ()
    if len(pair) != 2:
        raise ValueError(f"betas is {betas!r:.60}: it must be two numbers")
    for i, beta in enumerate(pair):
        check_number(f"betas[{i}]", beta, "0 or above, and below 1", lambda share: 0.0 <= share < 1.0)
