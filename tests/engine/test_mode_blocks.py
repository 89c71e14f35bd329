"""A mode holds inside its block and nowhere else, and ends with it: whatever ends it, in any order, at any moment."""

import asyncio
import contextlib
import contextvars
import ctypes
import gc
import inspect
import random
import sys
import threading

import pytest
from support.interrupting import at_every_step, by_signal
from support.page_snippets import check_snippet, snippets

import autograd as ag
from autograd import Value, blocks, modes
from nn.dropout import nothing_dropped

X = Value(2.0)
MODES = {"no_grad": ag.no_grad, "ieee": ag.ieee, "detect_anomaly": ag.detect_anomaly}


def recorded():
    return not (X * X).is_leaf


def assert_ordinary():
    assert not any(blocks.EVERY)
    assert modes.active == 0
    assert modes.current() == modes.ORDINARY
    assert recorded()
    with ag.no_grad():
        assert not recorded()
    assert ag.grad(lambda x: x * x)(3.0) == 6.0
    assert type(ag.grad(lambda x: x * x)(3.0)) is float


@pytest.fixture(autouse=True)
def nothing_left():
    yield
    gc.collect()
    assert_ordinary()


# -- generators --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def quiet():
    with ag.no_grad():
        yield


@contextlib.contextmanager
def quieter():
    with contextlib.ExitStack() as stack:
        stack.enter_context(quiet())
        yield


def plain():
    with ag.no_grad():
        for _ in range(3):
            yield recorded()


def by_helper():
    with quieter():
        for _ in range(3):
            yield recorded()


def by_stack():
    with contextlib.ExitStack() as stack:
        stack.enter_context(ag.no_grad())
        for _ in range(3):
            yield recorded()


def delegating():
    yield from plain()


@ag.no_grad()
def decorated():
    for _ in range(3):
        yield recorded()


@quiet()
def calling():
    return list(by_helper())


GENERATORS = [plain, by_helper, by_stack, delegating, decorated]


@pytest.mark.parametrize("generator", GENERATORS)
def test_the_body_of_a_loop_over_a_generator_is_not_inside_its_mode(generator):
    assert [(inside, recorded()) for inside in generator()] == [(False, True)] * 3
    with ag.no_grad():
        assert [(inside, recorded()) for inside in generator()] == [(False, False)] * 3


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_generator_that_is_left_ends_its_mode(generator):
    for _ in generator():
        break
    assert_ordinary()
    kept = generator()
    next(kept)
    with ag.ieee():
        kept.close()
        assert modes.current() == modes.Mode(ieee=True)
    assert_ordinary()
    kept = generator()
    next(kept)
    del kept
    assert_ordinary()


def test_a_context_made_of_a_generator_holds_for_who_entered_it():
    for context in (quiet, quieter):
        with context():
            assert not recorded()
        assert_ordinary()
    assert calling() == [False] * 3
    with pytest.raises(KeyError), quieter():
        raise KeyError
    stack = contextlib.ExitStack()

    def set_up():
        stack.enter_context(ag.no_grad())

    set_up()
    assert not recorded()
    stack.close()


@pytest.fixture
def unrecorded():
    with ag.no_grad():
        yield


def test_a_fixture_that_yields_holds_for_the_test(unrecorded):
    assert not recorded()
    with modes.recording():
        assert recorded()


def test_modes_by_turns_in_generators_closed_in_any_order():
    chance = random.Random(5)

    def run(kinds):
        with contextlib.ExitStack() as stack:
            for kind in kinds:
                stack.enter_context(MODES[kind]())
            expected = set(kinds)
            while True:
                yield expected, modes.current()

    def expected(kinds):
        return modes.Mode("no_grad" not in kinds, "ieee" in kinds, "detect_anomaly" in kinds)

    for _ in range(40):
        open_ones, own = [], []
        for _ in range(30):
            move = chance.random()
            if move < 0.3:
                made = run(chance.sample(list(MODES), chance.randint(1, 3)))
                open_ones.append(contextlib.closing(made).thing)
            elif move < 0.6 and open_ones:
                kinds, mode = next(chance.choice(open_ones))
                assert mode == expected(kinds | {kind for kind, _ in own})
            elif move < 0.8 and open_ones:
                open_ones.pop(chance.randrange(len(open_ones))).close()
            elif len(own) < 3:
                kind = chance.choice(list(MODES))
                context = MODES[kind]()
                context.__enter__()
                own.append((kind, context))
            else:
                own.pop(chance.randrange(len(own)))[1].__exit__(None, None, None)
            assert modes.current() == expected({kind for kind, _ in own})
        for _, context in own:
            context.__exit__(None, None, None)


def test_the_page_about_threads_runs():
    (snippet,) = snippets("docs/threads.md")
    check_snippet(snippet)


# -- asyncio -----------------------------------------------------------------------------------------------------------


async def asynchronous():
    with ag.no_grad():
        for _ in range(3):
            yield recorded()
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def quiet_later():
    await asyncio.sleep(0)
    with ag.no_grad():
        yield


async def in_a_helper():
    async with quiet_later():
        for _ in range(3):
            yield recorded()


@pytest.mark.parametrize("generator", [asynchronous, in_a_helper])
def test_the_body_of_an_asynchronous_loop_is_not_inside(generator):
    async def whole():
        return [(inside, recorded()) async for inside in generator()]

    async def left():
        async for _ in generator():
            assert recorded()
            break
        return recorded()

    assert asyncio.run(whole()) == [(False, True)] * 3
    assert_ordinary()
    assert asyncio.run(left())
    assert_ordinary()


def test_an_asynchronous_generator_that_no_loop_finishes_ends_its_mode():
    loop, made = asyncio.new_event_loop(), asynchronous()
    assert loop.run_until_complete(anext(made)) is False
    assert modes.active
    loop.close()
    del made
    gc.collect()
    assert_ordinary()


def test_a_mode_is_that_of_the_task_and_of_tasks_begun_inside():
    async def ask():
        await asyncio.sleep(0)
        return recorded()

    async def main():
        outside = asyncio.create_task(ask())
        with ag.no_grad():
            inside = await asyncio.gather(ask(), ask())
            await asyncio.sleep(0)
            threaded = await asyncio.to_thread(recorded)
        async with quiet_later():
            assert not recorded()
        return await outside, inside, threaded, await ask()

    assert asyncio.run(main()) == (True, [False, False], False, True)


# -- threads and contexts ----------------------------------------------------------------------------------------------


def in_thread(action):
    thread = threading.Thread(target=action)
    thread.start()
    thread.join()


def test_a_generator_closed_in_another_thread_or_context_ends_its_mode():
    for close in (in_thread, contextvars.Context().run, contextvars.copy_context().run):
        made = plain()
        next(made)
        close(made.close)
        assert_ordinary()
        with ag.ieee():
            assert modes.current() == modes.Mode(ieee=True)


def test_a_generator_that_wanders_between_threads_is_inside_its_mode_in_each():
    made, seen = plain(), []
    for _ in range(3):
        in_thread(lambda: seen.append((next(made), recorded())))
    assert seen == [(False, True)] * 3
    made.close()


def test_a_thread_that_dies_inside_leaves_nothing():
    def enter():
        ag.no_grad().__enter__()
        (kept,) = [plain()]
        next(kept)

    in_thread(enter)
    assert_ordinary()


def test_one_object_serves_many_blocks_nested_shared_and_out_of_order():
    quiet = ag.no_grad()
    with quiet:
        with quiet:
            assert not recorded()
        assert not recorded()
    assert_ordinary()

    def shared():
        with quiet:
            while True:
                yield recorded()

    first, second = shared(), shared()
    assert (next(first), next(second), recorded()) == (False, False, True)
    first.close()
    assert (next(second), recorded()) == (False, True)
    with quiet:
        second.close()
        assert not recorded()
    assert_ordinary()
    barrier, seen = threading.Barrier(4), []

    def work():
        for _ in range(50):
            barrier.wait()
            with quiet:
                seen.append(recorded())
            seen.append(not recorded())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not any(seen)


def test_as_a_decorator():
    @ag.no_grad()
    def function(x):
        """Of a function."""
        return recorded(), x

    @ag.no_grad()
    async def coroutine():
        await asyncio.sleep(0)
        return recorded()

    @ag.no_grad()
    def echo():
        sent = yield recorded()
        try:
            yield sent, recorded()
        except KeyError:
            yield "caught"
        return "done"

    assert (function(3), function.__name__, function.__doc__) == ((False, 3), "function", "Of a function.")
    assert recorded()
    assert asyncio.run(coroutine()) is False
    made = echo()
    assert (next(made), recorded(), made.send(5), made.throw(KeyError)) == (False, True, (5, False), "caught")
    with pytest.raises(StopIteration) as stop:
        next(made)
    assert stop.value.value == "done"
    with pytest.raises(TypeError, match="asynchronous generator"):
        ag.no_grad()(asynchronous)


# -- interruptions -----------------------------------------------------------------------------------------------------

KEPT = ag.no_grad()


def simple():
    with ag.no_grad():
        X * X


def kept():
    with KEPT:
        X * X


def nested():
    with ag.ieee(), KEPT, KEPT:
        X * X


def stacked():
    with contextlib.ExitStack() as stack:
        stack.enter_context(ag.no_grad())


def looped():
    for _ in plain():
        break


def differentiated():
    ag.grad(lambda x: x * x)(2.0)


def differentiated_in_a_mode():
    with ag.no_grad():
        ag.hessian(lambda x: x * x)(2.0)


def traced():
    with modes.tracing(modes.Trace(Value)):
        pass


def dropped():
    with nothing_dropped():
        pass


WAYS = [simple, kept, nested, stacked, looped, differentiated, differentiated_in_a_mode, traced, dropped]


@pytest.mark.skipif(sys.gettrace() is not None, reason="another tracer is at work")
@pytest.mark.parametrize(
    "way",
    [pytest.param(way, marks=[pytest.mark.full] * (way is stacked)) for way in WAYS],
    ids=lambda way: way.__name__,
)
def test_interrupted_at_every_instruction_nothing_stays_on(way):
    count = 0
    for number in at_every_step(way, "autograd/blocks.py"):
        count = number
        if modes.active and way is stacked:  # an ExitStack that is interrupted is in reference cycles
            gc.collect()
        assert not modes.active
        assert modes.current() == modes.ORDINARY
        assert type(ag.grad(lambda x: x * x)(3.0)) is float
        assert not any(blocks.EVERY)
    assert count > 50


@pytest.mark.parametrize("way", WAYS)
def test_interrupted_at_random_moments_nothing_stays_on(way):
    for _ in by_signal(way, 30):
        if modes.active and way is stacked:
            gc.collect()
        assert not modes.active
        assert modes.current() == modes.ORDINARY
        assert not any(blocks.EVERY)
    assert type(ag.grad(lambda x: x * x)(3.0)) is float


@pytest.mark.full
@pytest.mark.parametrize("way", [*WAYS, lambda: ag.check_gradients(lambda x, y: x * y + ag.sin(x), 1.0, 2.0)])
def test_interrupted_a_thousand_times_nothing_stays_on(way):
    way()
    for _ in by_signal(way, 1000):
        if modes.active and way is stacked:
            gc.collect()
        assert not modes.active
        assert modes.current() == modes.ORDINARY
        assert not any(blocks.EVERY)
    assert type(ag.grad(lambda x: x * x)(3.0)) is float
    assert gc.isenabled()


def test_a_kept_traceback_keeps_no_mode():
    errors = []

    def interrupt(frame, event, argument):
        if event == "call" and frame.f_code.co_name == "end":
            sys.settrace(None)
            raise KeyboardInterrupt

    before = sys.gettrace()
    for context in (ag.no_grad(), KEPT):
        sys.settrace(interrupt)
        try:
            with context:
                pass
        except KeyboardInterrupt as error:
            errors.append(error)
        finally:
            sys.settrace(before)
        assert not modes.active
    assert len(errors) == 2


def test_an_exception_sent_to_a_thread_leaves_nothing():
    for _ in range(30):
        ready = threading.Event()

        def work(ready=ready):
            with contextlib.suppress(KeyboardInterrupt):
                while True:
                    ready.set()
                    nested()

        thread = threading.Thread(target=work)
        thread.start()
        ready.wait()
        while thread.is_alive():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident), ctypes.py_object(KeyboardInterrupt)
            )
            thread.join(0.01)
        assert not modes.active


@pytest.mark.parametrize("way", [simple, kept, nested, stacked, looped, differentiated_in_a_mode])
def test_a_recursion_error_leaves_nothing(way):
    def deep():
        with KEPT, ag.ieee():
            way()
            deep()

    def further(n):
        return way() if n == 0 else further(n - 1)

    limit, depth = sys.getrecursionlimit(), len(inspect.stack(0))
    try:
        sys.setrecursionlimit(depth + 120)
        with pytest.raises(RecursionError):
            deep()
        assert not modes.active
        for n in range(120):
            with contextlib.suppress(RecursionError):
                further(n)
            assert not modes.active
    finally:
        sys.setrecursionlimit(limit)
