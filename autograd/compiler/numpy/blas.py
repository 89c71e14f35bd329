"""One BLAS thread for products that are too small for two.

OpenBLAS, which NumPy's wheels bring along, hands parts of a product to other threads from 2**18 multiplications on,
and waits for them actively. On a machine whose cores are busy that wait is a time slice of the scheduler: measured on
two cores under load, (64, 129) @ (129, 256) took 0.14 ms with one thread and 44 ms, in the median, with two. So while a
program runs whose products are all of moderate size, OpenBLAS is told to use one thread, through its own function; what
it was told before is put back afterwards. Products below that border never use threads, and above the upper one they
are left to do so. Where another BLAS is used, or the library is not found, nothing is done; the environment variable
OPENBLAS_NUM_THREADS=1 does the same by hand.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import TracebackType

import numpy as np

from autograd.locks import in_child, new_lock

THREADS_FROM = 2**18
"""Multiplications of a product from which OpenBLAS uses threads (SMP_THRESHOLD_MIN * GEMM_MULTITHREAD_THRESHOLD)."""
THREADS_PAY = 2**26
"""From here on (some 8 ms on one core) a product is left to the threads."""

PREFIXES = ("scipy_openblas", "openblas")
SUFFIXES = ("64_", "_64", "")


def libraries() -> Iterator[Path]:
    """The OpenBLAS libraries that lie beside NumPy, as its wheels have them."""
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs", package / ".libs"):
        yield from sorted(folder.glob("*openblas*"))


@cache
def controls() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """How to ask and to set the number of threads of NumPy's OpenBLAS; None where that is not to be found."""
    for path in libraries():
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        for prefix in PREFIXES:
            for suffix in SUFFIXES:
                get = getattr(library, f"{prefix}_get_num_threads{suffix}", None)
                put = getattr(library, f"{prefix}_set_num_threads{suffix}", None)
                if get is not None and put is not None:
                    get.restype, get.argtypes = ctypes.c_int, []
                    put.restype, put.argtypes = None, [ctypes.c_int]
                    return get, put
    return None


class OneThread:
    """A context in which NumPy's OpenBLAS uses one thread; contexts may overlap, in one thread of Python or many."""

    def __init__(self) -> None:
        self.lock = new_lock()
        self.inside: set[int] = set()  # the threads
        self.before = 0
        in_child(self.forget_other_threads)

    def __enter__(self) -> None:
        found = controls()
        if found is not None:
            with self.lock:
                self.inside.add(threading.get_ident())
                if not self.before:
                    self.before = found[0]()
                    if self.before > 1:
                        found[1](1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        found = controls()
        if found is not None:
            with self.lock:
                self.inside.discard(threading.get_ident())
                self.put_back(found[1])

    def put_back(self, put: Callable[[int], None]) -> None:
        """Once no thread is inside, OpenBLAS may use as many threads as before."""
        if not self.inside:
            if self.before > 1:
                put(self.before)
            self.before = 0

    def forget_other_threads(self) -> None:
        """In a forked child, which has none of them."""
        found = controls() if self.before else None
        if found is not None:
            self.inside.intersection_update({threading.get_ident()})
            self.put_back(found[1])


ONE_THREAD = OneThread()


def guard(largest_product: int) -> OneThread | None:
    """The context for a program, by the number of multiplications of its largest product; None: none is needed."""
    if THREADS_FROM <= largest_product < THREADS_PAY and controls() is not None:
        return ONE_THREAD
    return None
