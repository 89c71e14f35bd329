"""Several threads over graphs that share nodes, forked children, and signal handlers that walk too."""

import copy
import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
import weakref

import numpy as np
import pytest
from support import ROOT
from support.interrupting import by_signal

import autograd as ag
import nn
import viz
from autograd import Value, modes, reverse
from autograd.compiler import plans


@pytest.fixture(autouse=True)
def many_switches():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def in_threads(*actions):
    """Run the actions at once; the errors that they raised."""
    errors, barrier = [], threading.Barrier(len(actions))

    def run(action):
        barrier.wait()
        try:
            action()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def chain(x, length):
    y = x
    for _ in range(length):
        y = y * 0.5 + y * 0.5
    return y


def test_backward_of_several_threads_over_a_shared_trunk_adds_up():
    x = Value(1.0)
    trunk = chain(x, 300)
    roots = [trunk * float(k) for k in (1, 2, 4)]

    def work(root):
        for _ in range(20):
            root.backward()

    in_threads(*[lambda root=root: work(root) for root in roots])
    assert x.grad == 20.0 * 7.0


def test_one_pullback_called_by_several_threads():
    _, pullback = ag.vjp(lambda x: chain(x, 300), 1.0)
    found = []
    in_threads(*[lambda: found.extend(pullback(float(k))[0] - k for k in range(20))] * 3)
    assert found == [0.0] * 60


def test_everything_that_walks_at_once_over_one_graph():
    x = Value(1.0, name="x")
    trunk = chain(x, 30)
    loss = trunk * 3.0
    loss.name = "loss"
    text, picture = None, None
    loss.backward()
    saved, drawn = ag.io.dumps(loss), viz.draw(loss).svg
    x.grad = 0.0
    loss.zero_grad()
    loss.backward()
    rest = {"backward": 0}

    def backward():
        for _ in range(20):
            (trunk * 2.0).backward()
            rest["backward"] += 1

    def save():
        for _ in range(10):
            assert ag.io.loads(ag.io.dumps(loss)).data == loss.data
            assert len(ag.io.dumps(loss)) >= len(saved) - 2000

    def draw():
        for _ in range(2):
            # gradients are those of the moment, 0 where a paused walk has not come yet; a bar for them may be missing
            assert viz.draw(loss).svg.count("data-card=") == drawn.count("data-card=") > 30
            assert viz.explain(loss, x).gradient == 3.0

    def compiled():
        for _ in range(10):
            assert ag.compile(loss, inputs=[x])([[2.0]])[0] == 6.0

    def copied():
        for _ in range(10):
            root = copy.deepcopy(loss)
            assert len(ag.topological(root)) == len(ag.topological(loss))

    def steps():
        for _ in range(3):
            walk = reverse.steps(trunk * 5.0)
            total = sum(step.contribution for step in walk if step.operand is x)
            assert total == 5.0

    in_threads(backward, save, draw, compiled, copied, steps, lambda: ag.verify(loss))
    assert text is picture is None
    assert x.grad == 3.0 + 20 * 2.0 + 3 * 5.0


def test_a_walk_that_waits_in_the_middle_does_not_mind_other_passes():
    x = Value(1.0)
    trunk = chain(x, 5)
    walk = reverse.steps(trunk * 1.0)
    for _ in range(7):
        next(walk)
    (trunk * 2.0).backward()
    assert x.grad == 2.0
    for _ in walk:
        pass
    assert x.grad == 3.0


def test_zeroing_and_adding_leave_what_one_order_of_them_leaves():
    x = Value(1.0)
    trunk = chain(x, 100)

    def zero():
        for _ in range(30):
            trunk.zero_grad()

    def add():
        for _ in range(30):
            trunk.backward()
            assert x.grad == int(x.grad)

    in_threads(zero, add, add)
    assert x.grad in range(61)


def test_programs_that_share_parameters_and_plans_in_several_threads():
    model = nn.MLP(2, [4, 1], activation="tanh", seed=1)
    inputs = [Value(0.0), Value(0.0)]
    batch = np.array([[1.0, 2.0], [0.5, -1.0]])
    program = ag.compile(model(inputs), inputs=inputs)
    right, slopes = program.value_and_grad(batch)

    def work():
        for _ in range(20):
            mine = ag.compile(model(inputs), inputs=inputs)
            for each in (program, mine):
                value, found = each.value_and_grad(batch)
                assert value == right
                assert (found == slopes).all()
            program.backward(batch)

    in_threads(work, work, work)
    for parameter, slope in zip(program.parameters, slopes, strict=True):
        assert parameter.grad == pytest.approx(60 * slope)


@pytest.mark.parametrize("times", [100, pytest.param(2000, marks=pytest.mark.slow)])
def test_a_signal_handler_may_walk_in_the_middle_of_a_walk(times):
    """Its own pass, the one it strikes and a recording are right."""
    x = Value(1.0)
    trunk = chain(x, 40)
    other, root, done = trunk * 2.0, trunk * 1.0, 0

    def handle(number, frame):
        nonlocal done
        other.backward()
        done += 1

    before = signal.signal(signal.SIGALRM, handle)
    chance = random.Random(1)
    passes = 0
    try:
        while done < times:
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, 2e-4))
            root.backward()
            passes += 1
            if passes % 8 == 0:
                assert ag.compile(root, inputs=[x])([[3.0]])[0] == 3.0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert x.grad == passes + 2.0 * done


@pytest.mark.parametrize("times", [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_after_an_interruption_the_next_pass_is_right_and_no_lock_is_held(times):
    x = Value(1.0)
    root = chain(x, 40)
    row = Value(1.0)
    program = ag.compile(row * x, inputs=[row])

    def work():
        root.backward()
        ag.grad(lambda y: chain(y, 3))(1.0)
        program([[2.0]])

    for _ in by_signal(work, times):
        root.zero_grad()
        root.backward()
        assert x.grad == 1.0
        assert not reverse.undisturbed._is_owned()
    in_threads(work)
    assert gc.isenabled()


forks = pytest.mark.usefixtures("forks_allowed")


@pytest.fixture
def forks_allowed():
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    with warnings.catch_warnings():  # Python's own and JAX's, if another test has imported it
        warnings.simplefilter("ignore")
        yield


# -- fork --------------------------------------------------------------------------------------------------------------


def child_is_well():
    """What a child does; every kind of work that takes a lock or asks for the mode."""
    assert modes.current() == modes.ORDINARY
    assert not modes.active
    assert gc.isenabled()
    x = Value(2.0)
    y = x * x
    y.backward()
    assert x.grad == 4.0
    assert ag.grad(lambda v: v * v * v)(2.0) == 12.0
    w, column = Value(3.0), Value(0.0)
    program = ag.compile((w * column).square(), inputs=[column])
    assert program([[2.0]])[0] == 36.0
    assert MODEL_PROGRAM(BATCH).shape == (300,)
    with program.session() as session:
        session.sgd([[0.1]], 0.01)
    assert type(PARAMETER) is Value
    viz.draw(y)
    ag.io.dumps(y)


MODEL = nn.MLP(8, [16, 1], activation="tanh", seed=1)
PARAMETER = MODEL.parameters()[0]
INPUTS = [Value(0.0) for _ in range(8)]
MODEL_PROGRAM = ag.compile(MODEL(INPUTS), inputs=INPUTS)
BATCH = np.random.default_rng(1).normal(size=(300, 8))


def busy(stop):
    """What other threads do meanwhile."""
    quiet = ag.no_grad()

    def compiling():
        while not stop.is_set():
            plans.forget()
            x = Value(1.0)
            ag.compile(MODEL(INPUTS) * x, inputs=[*INPUTS, x])(np.ones((3, 9)))

    def tracing():
        while not stop.is_set():
            ag.compile(lambda x: MODEL(x)).program(np.ones((3, 8)))

    def inside():
        while not stop.is_set():
            with quiet, ag.ieee():
                MODEL(INPUTS)

    def walking():
        root = MODEL(INPUTS)
        while not stop.is_set():
            root.backward()

    def running():
        while not stop.is_set():
            MODEL_PROGRAM.value_and_grad(BATCH)

    return [compiling, tracing, inside, walking, running]


@forks
@pytest.mark.parametrize(
    "children", [pytest.param(6, marks=pytest.mark.slow), pytest.param(300, marks=pytest.mark.full)]
)
def test_forked_children_work_whatever_other_threads_were_doing(children):
    child_is_well()
    stop, chance, results = threading.Event(), random.Random(children), []
    threads = [threading.Thread(target=action) for action in busy(stop)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(children):
            time.sleep(chance.uniform(0.0, 0.02))
            child = os.fork()
            if not child:
                signal.alarm(60)  # which ends it
                code = 1
                try:
                    child_is_well()
                    code = 0
                except BaseException:
                    traceback.print_exc()
                finally:
                    os._exit(code)
            results.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert results == [0] * children


@forks
def test_a_child_keeps_the_modes_and_the_locks_of_the_thread_that_forks():
    lock = reverse.undisturbed
    with ag.ieee(), lock:
        child = os.fork()
        if not child:
            code = 1
            try:
                assert modes.current() == modes.Mode(ieee=True)
                assert lock._is_owned()
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


FIRST_IMPORT = """
import os, signal, sys, threading, time
import autograd as ag
from autograd import Value

def work():
    w, column = Value(3.0), Value(0.0)
    program = ag.compile((w * column).square(), inputs=[column], backend="numpy")
    assert program([[2.0]])[0] == 36.0

thread = threading.Thread(target=work)
thread.start()
time.sleep(float(sys.argv[1]))
child = os.fork()
if not child:
    signal.alarm(20)
    work()
    os._exit(0)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
thread.join()
raise SystemExit(code)
"""


@forks
@pytest.mark.slow
@pytest.mark.parametrize("moment", [0.003, 0.03, 0.1])
def test_a_fork_waits_for_what_another_thread_is_importing(moment):
    command = [sys.executable, "-W", "ignore", "-c", FIRST_IMPORT, str(moment)]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0


@pytest.mark.parametrize("what", ["cached_property", "Lock()", "ContextVar("])
def test_locks_and_contexts_are_those_that_forks_know(what):
    files = [path for package in ("autograd", "nn", "viz") for path in (ROOT / package).rglob("*.py")]
    users = {path.name for path in files if what in path.read_text("utf-8").replace("functools.cached_property", "")}
    assert users <= {"locks.py", "blocks.py"}


def test_a_value_may_be_referred_to_weakly():
    x = Value(2.0)
    y = x * x
    seen = weakref.ref(y)
    assert seen() is y
    del y
    assert seen() is None
