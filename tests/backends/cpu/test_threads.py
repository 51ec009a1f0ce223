"""Threads of the CPU backend: as many as BLAS and joblib allow, each row worked on once."""

import os
import threading
import time
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from engine.running import data_of, network_of, posterior_of
from joblib import Parallel, cpu_count, delayed, parallel_config
from numba import njit
from oracles.random_networks import random_case
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_bp.backends import CpuBackend
from sklearn_bp.backends.cpu import _threads
from sklearn_bp.backends.cpu._threads import (
    HEAD_START,
    LEAST_WORK_PER_THREAD,
    RowPool,
    usable_threads,
)
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior

PLENTY = 100 * LEAST_WORK_PER_THREAD


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_threads_follow_the_limits_of_blas(limit, monkeypatch):
    monkeypatch.setattr(_threads, "cpu_count", lambda: 8)
    with threadpool_limits(limit, user_api="blas"):
        assert usable_threads() == limit
        assert CpuBackend()._pool.n_threads == limit


@pytest.mark.parametrize("cores", [1, 2])
def test_threads_follow_the_number_of_cores(cores, monkeypatch):
    monkeypatch.setattr(_threads, "cpu_count", lambda: cores)
    with threadpool_limits(3, user_api="blas"):
        assert usable_threads() == cores


def test_a_library_without_threads_does_not_count(monkeypatch):
    class NoThreads:
        num_threads = None

    monkeypatch.setattr(_threads, "cpu_count", lambda: 8)
    monkeypatch.setattr(_threads, "_blas", lambda: SimpleNamespace(lib_controllers=[NoThreads()]))
    assert usable_threads() == 8


def threads_of_a_worker():
    """Threads that the backend and BLAS would use in this process."""
    blas = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
    return usable_threads(), max(blas)


def test_workers_share_the_cores(monkeypatch):
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    with parallel_config("loky", inner_max_num_threads=1):
        limited = Parallel(n_jobs=2)(delayed(threads_of_a_worker)() for _ in range(2))
    assert [own for own, _ in limited] == [1, 1]
    shared = Parallel(n_jobs=2)(delayed(threads_of_a_worker)() for _ in range(2))
    for own, blas in shared:
        assert own <= blas and 2 * own <= max(2, cpu_count())


class Ranges:
    """A kernel that only remembers the rows it was given, and by which thread."""

    def __init__(self):
        self.ranges, self.threads = [], set()

    def __call__(self, *arguments):
        *self.arguments, start, stop = arguments
        self.ranges.append((start, stop))
        self.threads.add(threading.get_ident())
        return stop - start


@pytest.mark.parametrize("n_threads", [1, 2, 3, 5])
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 7, 64])
def test_every_row_is_worked_on_once_and_results_add_up(rows, n_threads):
    kernel = Ranges()
    assert RowPool(n_threads).run(kernel, rows, PLENTY, "a", "b") == rows
    assert kernel.arguments == ["a", "b"]
    covered = [row for start, stop in sorted(kernel.ranges) for row in range(start, stop)]
    assert covered == list(range(rows))
    assert len(kernel.ranges) == max(1, min(n_threads, rows))
    sizes = [stop - start for start, stop in kernel.ranges]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("work, n_calls", [(0, 1), (LEAST_WORK_PER_THREAD - 1, 1), (PLENTY, 4)])
def test_little_work_stays_in_one_thread(work, n_calls):
    kernel = Ranges()
    RowPool(4).run(kernel, 100, work)
    assert len(kernel.ranges) == n_calls


@pytest.mark.parametrize("n_threads", [2, 3])
def test_the_first_thread_has_a_head_start(n_threads):
    """It does as much more as it computes before the others have begun, but leaves them a part."""
    for work in (LEAST_WORK_PER_THREAD * n_threads, PLENTY):
        kernel = Ranges()
        RowPool(n_threads).run(kernel, 10_000, work)
        first, *others = [stop - start for start, stop in sorted(kernel.ranges)]
        for size in others:
            assert abs(first - size - 10_000 * HEAD_START / work) <= 2
            assert size > 1_000


def test_a_kernel_without_a_result_counts_nothing():
    for n_threads in (1, 3):
        assert RowPool(n_threads).run(lambda start, stop: None, 9, PLENTY) == 0


@pytest.mark.parametrize("bad_row", [0, 8])
def test_an_exception_of_any_thread_is_raised(bad_row):
    def kernel(start, stop):
        if start <= bad_row < stop:
            raise ZeroDivisionError(f"row {bad_row}")

    with pytest.raises(ZeroDivisionError, match=f"row {bad_row}"):
        RowPool(3).run(kernel, 9, PLENTY)


def test_a_pool_never_has_more_threads_than_it_may():
    kernel, before, pool = Ranges(), threading.active_count(), RowPool(3)
    for _ in range(20):
        pool.run(kernel, 50, PLENTY)
    assert len(kernel.threads) <= 3
    assert threading.active_count() - before <= 2
    single = Ranges()
    RowPool(1).run(single, 50, PLENTY)
    assert single.threads == {threading.get_ident()}


def after_two_steps(case, dtype, n_threads):
    """The posterior that the engine reaches with that many threads, as one vector."""
    engine = Engine(network_of(case, dtype=dtype), posterior_of(case, dtype), CpuBackend(n_threads))
    for _ in range(2):
        engine.step(*data_of(case, dtype))
    return np.concatenate([getattr(p, n).ravel() for p in engine.posterior() for n in NAMES])


NAMES = ("field", "mean", "variance", "precision")


@pytest.mark.parametrize("algo", ["bp", "bpi", "mf", "amp"])
def test_the_number_of_threads_changes_rounding_at_most(algo, monkeypatch):
    monkeypatch.setattr(_threads, "LEAST_WORK_PER_THREAD", 1)
    monkeypatch.setattr(_threads, "LEAST_WORK_HANDED_OVER", 1)
    monkeypatch.setattr(RowPool, "calls_before_compiling", 0)
    for seed in range(3):
        case = random_case(seed, algo=algo)
        one, *others = (after_two_steps(case, "float64", n) for n in (1, 2, 5))
        for other in others:
            np.testing.assert_allclose(other, one, rtol=1e-8, atol=1e-9)
        single, again = (after_two_steps(case, "float32", 3) for _ in range(2))
        np.testing.assert_array_equal(single, again)


def test_bits_do_not_depend_on_what_an_earlier_process_compiled(monkeypatch):
    """In layers so large that other parts of the rows would be rounded in another way."""
    hand_over, counts, found = RowPool._hand_over, [], []
    monkeypatch.setattr(RowPool, "_hand_over", lambda *call: counts.append(1) or hand_over(*call))
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((640, 300), np.float32), rng.integers(10, size=640)
    for compiled in (False, True):
        monkeypatch.setattr(RowPool, "calls_before_compiling", 1_000_000)
        monkeypatch.setattr(_threads, "is_on_disk", lambda kernel, known=compiled: known)
        network = make_network((300, 201, 203, 10), algo="amp", dtype="float32")
        start = draw_posterior(network, np.random.RandomState(0))
        engine = Engine(network, start, CpuBackend(2))
        for _ in range(4):
            engine.epoch(X, y, np.arange(640), 128)
        found.append(np.concatenate([p.mean.ravel() for p in engine.posterior()]))
        assert bool(counts) == compiled
    np.testing.assert_array_equal(*found)


LATE = {
    "bp": dict(algo="bp"),
    "bp, two sweeps": dict(algo="bp", n_inner_iter=2),
    "amp, three sweeps": dict(algo="amp", n_inner_iter=3),
    "no intercept": dict(algo="mf", intercept=False),
    "gaussian": dict(algo="amp", weight_prior="gaussian", init_scale=0.1),
    "pruned": dict(algo="mf", density=0.5),
    "compressed": dict(algo="amp", density=0.1),
}


@pytest.mark.parametrize("name", LATE)
def test_weights_may_be_updated_as_late_as_they_are_asked_for(name, monkeypatch):
    """Nothing that an update reads is written before, and nothing is read that it writes."""
    monkeypatch.setattr(RowPool, "_begin_aside", lambda self: None)
    monkeypatch.setattr(RowPool, "_others_are_busy", lambda self, work: True)
    for one, other in zip(after_three_steps(name, 1), after_three_steps(name, 2), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def after_three_steps(name, n_threads, dtype="float64"):
    """The posterior of a network that two threads share, as a list of arrays."""
    sizes, rng = [6, 300, 20, 300, 20, 3], np.random.default_rng(0)
    network = make_network(sizes, dtype=dtype, **LATE[name])
    X, y = rng.standard_normal((40, sizes[0])).astype(dtype), rng.integers(sizes[-1], size=40)
    posterior = draw_posterior(network, np.random.RandomState(0))
    engine = Engine(network, posterior, CpuBackend(n_threads))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_threads, "LEAST_WORK_PER_THREAD", 1000)
        patch.setattr(_threads, "LEAST_WORK_HANDED_OVER", 500)
        engine.backend._pool._least_work = 1000 if n_threads > 1 else np.inf
        engine.backend._pool._least_handed_over = 500 if n_threads > 1 else np.inf
        patch.setattr(RowPool, "calls_before_compiling", 0)
        for _ in range(3):
            engine.step(X, y, np.arange(40))
    return [getattr(layer, quantity) for layer in engine.posterior() for quantity in NAMES]


@pytest.mark.parametrize("name", LATE)
def test_the_time_that_others_take_changes_no_bit(name, monkeypatch):
    """Whether they are done with what they do aside at once, or never before they are asked.

    Neither does it matter whether they are awake.
    """
    reached = []
    for left, looking in ((0, None), (np.inf, None), (0, False)):
        with monkeypatch.context() as patch:
            patch.setattr(_threads._Aside, "work_left", lambda self, left=left: left)
            if looking is not None:
                patch.setattr(_threads._Worker, "is_looking", looking)
            reached.append(after_three_steps(name, 2, "float32"))
    for one, *others in zip(*reached, strict=True):
        for other in others:
            np.testing.assert_array_equal(one, other)


def blas_threads():
    """Threads that BLAS would use now."""
    return max(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")


def test_blas_leaves_the_threads_to_the_backend(monkeypatch):
    monkeypatch.setattr(_threads, "cpu_count", lambda: 3)
    with threadpool_limits(3, user_api="blas"):
        with CpuBackend().computing(10**9):
            assert blas_threads() == 1
        assert blas_threads() == 3
        for backend, multiply_adds in ((CpuBackend(n_threads=1), 10**9), (CpuBackend(), 10**4)):
            with backend.computing(multiply_adds):
                assert blas_threads() == 3


def test_blas_is_left_alone_by_a_training(monkeypatch):
    """Within an epoch it has one thread per caller; afterwards as many as before, come what may."""
    monkeypatch.setattr(_threads, "cpu_count", lambda: 3)
    monkeypatch.setattr(_threads, "LEAST_WORK_PER_THREAD", 1)
    case, seen = random_case(5), []
    with threadpool_limits(3, user_api="blas"):
        engine = Engine(network_of(case), posterior_of(case, "float64"), CpuBackend())
        X, y, *_ = data_of(case, "float64")

        def stop(n_samples):
            seen.append(blas_threads())
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            engine.epoch(X, y, np.arange(len(X)), len(X), on_step=stop)
        assert seen == [1] and blas_threads() == 3


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("shape", [(7, 5, 40), (40, 5, 7), (64, 9, 64), (33, 8, 1), (1, 8, 33)])
def test_products_are_whole(shape, n_threads, monkeypatch):
    """By rows or by columns, with either factor transposed."""
    monkeypatch.setattr(_threads, "LEAST_WORK_PER_THREAD", 1)
    rng, backend = np.random.default_rng(0), CpuBackend(n_threads)
    rows, inner, columns = shape
    a, b = rng.standard_normal((rows, inner)), rng.standard_normal((inner, columns))
    for left in (a, np.ascontiguousarray(a.T).T):
        for right in (b, np.ascontiguousarray(b.T).T):
            out = np.full((rows, columns), np.nan)
            with backend.computing(a.size * columns):
                backend.matmul(left, right, out)
            np.testing.assert_allclose(out, a @ b, rtol=1e-13, atol=1e-14)


def test_a_pool_goes_on_after_an_exception():
    """Results of calls that were under way are not taken for those of later ones."""

    def fail(start, stop):
        if start == 0:
            raise KeyboardInterrupt
        return 1000

    pool = RowPool(3)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            pool.run(fail, 9, PLENTY)
        assert pool.run(Ranges(), 9, PLENTY) == 9


def test_threads_end_with_their_pool():
    before, pool = set(threading.enumerate()), RowPool(3)
    pool.run(Ranges(), 9, PLENTY)
    own = set(threading.enumerate()) - before
    assert len(own) == 2
    del pool
    for thread in own:
        thread.join(timeout=10)
        assert not thread.is_alive()


def test_a_waiting_thread_keeps_no_arrays():
    class Array:
        """Something that can be watched."""

    pool, array = RowPool(2), Array()
    watch = weakref.ref(array)
    pool.run(lambda array, start, stop: stop - start, 8, PLENTY, array)
    del array
    # The thread may still be on its way back to waiting.
    deadline = time.monotonic() + 10
    while watch() is not None and time.monotonic() < deadline:
        time.sleep(0.001)
    assert watch() is None


def test_engines_that_overlap_give_blas_its_threads_back(monkeypatch):
    """The first to begin is the first to end; the second is made while the first computes."""
    monkeypatch.setattr(_threads, "cpu_count", lambda: 8)
    with threadpool_limits(3, user_api="blas"):
        first = CpuBackend().computing(10**9)
        first.__enter__()
        assert usable_threads() == 3
        second = CpuBackend()
        assert second._pool.n_threads == 3
        second = second.computing(10**9)
        second.__enter__()
        first.__exit__(None, None, None)
        assert blas_threads() == 1
        second.__exit__(None, None, None)
        assert blas_threads() == 3


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot fork here")
def test_a_forked_process_can_limit_blas_again():
    with threadpool_limits(3, user_api="blas"), _threads.SINGLE_THREADED_BLAS:
        child = os.fork()
        if child == 0:
            with _threads.SINGLE_THREADED_BLAS:
                limited = blas_threads()
            os._exit(limited != 1 or _threads.SINGLE_THREADED_BLAS._n_engines)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


@njit
def count_rows(calls, start, stop):
    """Count how often each row is worked on; return how many rows there were."""
    for row in range(start, stop):
        calls[row] += 1
    return stop - start


class Count:
    """A counter of the engine."""

    value = 0


def turns_of_a_pool(n_threads, rows=1000, work=PLENTY):
    """A pool with work aside, what that writes, and the counter of its rows."""
    pool, calls, counter = RowPool(n_threads), np.zeros(rows, np.int64), Count()
    pool.aside(counter, count_rows, rows, work, calls)
    return pool, calls, counter


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("rows", [1, 7, 1000])
@pytest.mark.parametrize("meanwhile", [None, 0, PLENTY, 100 * PLENTY])
def test_work_aside_is_done_once(meanwhile, rows, n_threads):
    """Whatever the caller does meanwhile, and whether the others have begun or not."""
    pool, calls, counter = turns_of_a_pool(n_threads, rows)
    for _ in range(3):
        if meanwhile is not None:
            kernel = Ranges()
            assert pool.run(kernel, 50, meanwhile) == 50
    pool.settle()
    np.testing.assert_array_equal(calls, 1)
    assert counter.value == rows
    pool.settle()
    assert counter.value == rows


def test_work_aside_is_begun_by_others_and_joined_by_the_caller(monkeypatch):
    """Small work is done alone meanwhile; what takes longer than the rest waits for its end."""
    pool, calls, counter = turns_of_a_pool(3)
    shared = [Ranges(), Ranges()]
    for kernel, work in zip(shared, (0, PLENTY // 2), strict=True):
        RowPool(3).run(kernel, 50, work)
    # Others do nothing: all that is taken is taken by the caller.
    monkeypatch.setattr(_threads._Worker, "begin", lambda self, *call: None)
    monkeypatch.setattr(_threads._Worker, "finish", lambda self: 0)
    for expected, work in zip(shared, (0, PLENTY // 2), strict=True):
        kernel = Ranges()
        assert pool.run(kernel, 50, work) == 50
        assert kernel.threads == {threading.get_ident()}
        assert kernel.ranges == sorted(expected.ranges)
    assert not calls.any() and counter.value == 0
    kernel = Ranges()
    pool.run(kernel, 50, PLENTY // 2 + 1)
    assert calls.all() and counter.value == 1000
    assert kernel.ranges[0][1] < 50


def test_one_call_aside_ends_the_one_before():
    pool, calls, counter = turns_of_a_pool(2)
    pool.run(Ranges(), 50, 0)
    pool.aside(counter, count_rows, len(calls), PLENTY, calls)
    assert counter.value == len(calls)
    pool.settle()
    np.testing.assert_array_equal(calls, 2)


def test_a_computation_that_stops_leaves_no_work_aside():
    """Nobody writes any more when an exception reaches the caller."""
    backend, calls, counter = CpuBackend(n_threads=2), np.zeros(1000, np.int64), Count()
    with pytest.raises(KeyboardInterrupt), backend.computing(10**9):
        backend._pool.aside(counter, count_rows, 1000, PLENTY, calls)
        backend._pool.run(Ranges(), 50, 0)
        raise KeyboardInterrupt
    np.testing.assert_array_equal(calls, 1)
    assert backend._pool._aside is None
