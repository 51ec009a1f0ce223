"""Threads of the CPU backend: as many as BLAS and joblib allow, each row worked on once."""

import os
import threading
import time
import weakref

import numpy as np
import pytest
from engine.running import data_of, network_of, posterior_of
from joblib import Parallel, cpu_count, delayed, parallel_config
from oracles.random_networks import random_case
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_bp.backends import CpuBackend
from sklearn_bp.backends.cpu import _backend, _blas, _threads
from sklearn_bp.backends.cpu._blas import usable_threads
from sklearn_bp.backends.cpu._threads import GRAIN, LEAST_WORK_PER_THREAD, WORKERS, RowPool
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior

PLENTY = 100 * LEAST_WORK_PER_THREAD


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_threads_follow_the_limits_of_blas(limit, monkeypatch):
    monkeypatch.setattr(_blas, "cpu_count", lambda: 8)
    with threadpool_limits(limit, user_api="blas"):
        assert usable_threads() == limit
        assert CpuBackend()._pool.n_threads == limit


@pytest.mark.parametrize("cores", [1, 2])
def test_threads_follow_the_number_of_cores(cores, monkeypatch):
    monkeypatch.setattr(_blas, "cpu_count", lambda: cores)
    with threadpool_limits(3, user_api="blas"):
        assert usable_threads() == cores


def test_a_library_without_threads_does_not_count(monkeypatch):
    class NoThreads:
        num_threads = None

    monkeypatch.setattr(_blas, "cpu_count", lambda: 8)
    monkeypatch.setattr(_blas, "_blas", lambda: [NoThreads()])
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
@pytest.mark.parametrize("grain", [1, 16])
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 7, 64, 100])
def test_every_row_is_worked_on_once_and_results_add_up(rows, grain, n_threads):
    kernel = Ranges()
    assert RowPool(n_threads).run(kernel, rows, PLENTY, "a", "b", grain=grain) == rows
    assert kernel.arguments == ["a", "b"]
    covered = [row for start, stop in sorted(kernel.ranges) for row in range(start, stop)]
    assert covered == list(range(rows))
    n_grains = -(-rows // grain)
    assert len(kernel.ranges) == max(1, min(n_threads, n_grains))
    assert all(start % grain == 0 for start, _ in kernel.ranges)
    sizes = [-(-(stop - start) // grain) for start, stop in kernel.ranges]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    "work, n_calls",
    [(0, 1), (2 * LEAST_WORK_PER_THREAD - 1, 1), (3 * LEAST_WORK_PER_THREAD, 3), (PLENTY, 4)],
)
def test_little_work_stays_in_one_thread(work, n_calls):
    kernel = Ranges()
    RowPool(4).run(kernel, 10 * GRAIN, work)
    assert len(kernel.ranges) == n_calls


def test_a_kernel_without_a_result_counts_nothing():
    for n_threads in (1, 3):
        assert RowPool(n_threads).run(lambda start, stop: None, 9, PLENTY, grain=1) == 0


@pytest.mark.parametrize("bad_row", [0, 8])
def test_an_exception_of_any_thread_is_raised(bad_row):
    def kernel(start, stop):
        if start <= bad_row < stop:
            raise ZeroDivisionError(f"row {bad_row}")

    with pytest.raises(ZeroDivisionError, match=f"row {bad_row}"):
        RowPool(3).run(kernel, 9, PLENTY, grain=1)


def test_pools_share_the_threads_of_the_process():
    kernel, before = Ranges(), threading.active_count()
    pools = [RowPool(3) for _ in range(100)]
    for pool in pools:
        pool.run(kernel, 50, PLENTY, grain=1)
    assert len(kernel.threads) <= WORKERS._number + 1
    assert threading.active_count() - before <= 2
    single = Ranges()
    RowPool(1).run(single, 50, PLENTY)
    assert single.threads == {threading.get_ident()}


def test_threads_that_wait_take_no_time():
    RowPool(3).run(Ranges(), 50, PLENTY, grain=1)
    start = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - start < 0.1


NAMES = ("field", "mean", "variance", "precision")
SETTINGS = {
    "mf": dict(algo="mf"),
    "bp": dict(algo="bp"),
    "bpi, exact": dict(algo="bpi", edges="exact"),
    "bp, two sweeps": dict(algo="bp", n_inner_iter=2),
    "amp, three sweeps": dict(algo="amp", n_inner_iter=3),
    "no intercept": dict(algo="mf", intercept=False),
    "gaussian": dict(algo="amp", weight_prior="gaussian", init_scale=0.1),
    "relu": dict(algo="bp", activation="relu", init_scale=0.1),
    "exact argmax with noise": dict(algo="amp", output="argmax_exact", label_noise=0.1),
    "pruned": dict(algo="mf", density=0.5),
    "compressed": dict(algo="amp", density=0.1),
}
"""Networks whose steps use every operation that threads share."""


def reached(name, n_threads, sizes=(300, 401, 203, 10), dtype="float32", n_steps=3):
    """The posterior after some steps, as one vector of bits."""
    network = make_network(sizes, dtype=dtype, **SETTINGS[name])
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((140, sizes[0])).astype(dtype), rng.integers(10, size=140)
    start = draw_posterior(network, np.random.RandomState(0))
    engine = Engine(network, start, CpuBackend(n_threads))
    for _ in range(n_steps):
        engine.step(X, y, np.arange(140))
    arrays = [getattr(layer, quantity) for layer in engine.posterior() for quantity in NAMES]
    return np.concatenate([array.ravel() for array in arrays])


@pytest.mark.parametrize("name", SETTINGS)
def test_no_bit_depends_on_the_number_of_threads(name, monkeypatch):
    sizes = (150, 140, 70, 10) if "sweeps" in name or "exact" in name else (300, 401, 203, 10)
    for module in (_threads, _backend):
        monkeypatch.setattr(module, "LEAST_WORK_PER_THREAD", 1)
    one, *others = (reached(name, n_threads, sizes) for n_threads in (1, 2, 3, 8))
    assert np.isfinite(one).all()
    for other in others:
        np.testing.assert_array_equal(other, one)


def test_no_bit_depends_on_limits_that_come_and_go():
    """Of BLAS, set by somebody else before an engine is made and after each of its steps.

    Newer releases of threadpoolctl let one thread of a process change it, the first that does.
    """
    expected = reached("mf", 1)
    network = make_network((300, 401, 203, 10), dtype="float32", **SETTINGS["mf"])
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((140, 300)).astype("f4"), rng.integers(10, size=140)
    rows = np.tile(np.arange(140), 3)
    limits = threadpool_limits(3, user_api="blas")

    def change(n_samples):
        threadpool_limits(3, user_api="blas")
        assert blas_threads() == 3

    try:
        engine = Engine(network, draw_posterior(network, np.random.RandomState(0)), CpuBackend(2))
        engine.epoch(X, y, rows, 140, on_step=change)
    finally:
        limits.restore_original_limits()
    arrays = [getattr(layer, name).ravel() for layer in engine.posterior() for name in NAMES]
    np.testing.assert_array_equal(np.concatenate(arrays), expected)


def test_workers_of_a_search_reach_the_same_bits():
    expected = reached("mf", 1)
    with parallel_config("loky", inner_max_num_threads=2):
        found = Parallel(n_jobs=2)(delayed(reached)("mf", n_threads) for n_threads in (2, 3))
    for one in found:
        np.testing.assert_array_equal(one, expected)


def blas_threads():
    """Threads that BLAS would use now."""
    return max(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")


def test_blas_leaves_the_threads_to_the_backend(monkeypatch):
    monkeypatch.setattr(_blas, "cpu_count", lambda: 3)
    with threadpool_limits(3, user_api="blas"):
        with CpuBackend().computing(10**9):
            assert blas_threads() == 1
        assert blas_threads() == 3
        with CpuBackend(n_threads=1).computing(10**9):
            assert blas_threads() == 1
        # BLAS does not share it.
        with CpuBackend().computing(10**5):
            assert blas_threads() == 3


def test_blas_is_left_alone_by_a_training(monkeypatch):
    """Within an epoch it has one thread per caller; afterwards as many as before, come what may."""
    monkeypatch.setattr(_blas, "cpu_count", lambda: 3)
    monkeypatch.setattr(_backend, "SHARED_BY_BLAS", 1)
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
@pytest.mark.parametrize(
    "shape", [(7, 5, 400), (400, 5, 7), (640, 9, 640), (900, 8, 1), (1, 8, 900), (3, 4, 5)]
)
def test_products_are_whole(shape, n_threads, monkeypatch):
    """By rows or by columns, with either factor transposed."""
    for module in (_threads, _backend):
        monkeypatch.setattr(module, "LEAST_WORK_PER_THREAD", 1)
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
            pool.run(fail, 9, PLENTY, grain=1)
        assert pool.run(Ranges(), 9, PLENTY, grain=1) == 9


def test_a_waiting_thread_keeps_no_arrays():
    class Array:
        """Something that can be watched."""

    pool, array = RowPool(2), Array()
    watch = weakref.ref(array)
    pool.run(lambda array, start, stop: stop - start, 8, PLENTY, array, grain=1)
    del array
    # The thread may still be on its way back to waiting.
    deadline = time.monotonic() + 10
    while watch() is not None and time.monotonic() < deadline:
        time.sleep(0.001)
    assert watch() is None


def test_engines_that_overlap_give_blas_its_threads_back(monkeypatch):
    """The first to begin is the first to end; the second is made while the first computes."""
    monkeypatch.setattr(_blas, "cpu_count", lambda: 8)
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
def test_a_forked_process_can_limit_blas_again_and_has_threads_of_its_own():
    RowPool(2).run(Ranges(), 9, PLENTY, grain=1)
    with threadpool_limits(3, user_api="blas"), _blas.SINGLE_THREADED_BLAS:
        child = os.fork()
        if child == 0:
            with _blas.SINGLE_THREADED_BLAS:
                limited = blas_threads()
            RowPool(3).run(Ranges(), 9, PLENTY, grain=1)
            os._exit(limited != 1 or _blas.SINGLE_THREADED_BLAS._n_engines)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
