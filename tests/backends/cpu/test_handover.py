"""Compiled kernels handed over to threads that look for them."""

import sys
import time
import weakref

import numpy as np
import pytest
from numba import njit

from sklearn_bp.backends.cpu import _threads
from sklearn_bp.backends.cpu._compile import cpu_kernel
from sklearn_bp.backends.cpu._handover import (
    ARGUMENTS,
    AWAY,
    CAPACITY,
    LOOKING,
    MAILBOX,
    POSTED,
    RESULT,
    STATE,
    add_answers,
    go_away,
    make_handed_over,
    replace,
    take,
)
from sklearn_bp.backends.cpu._threads import (
    LEAST_WORK_HANDED_OVER,
    LEAST_WORK_PER_THREAD,
    RowPool,
)

PLENTY = 100 * LEAST_WORK_PER_THREAD


@pytest.fixture(autouse=True)
def compile_at_once(monkeypatch):
    """Do not wait until it is worth it."""
    monkeypatch.setattr(RowPool, "calls_before_compiling", 0)


@cpu_kernel()
def count_rows(calls, amount, start, stop):
    """Count how often each row is worked on; return how many rows there were."""
    for row in range(start, stop):
        calls[row] += amount
    return stop - start


@cpu_kernel()
def only_write(calls, start, stop):
    """Return nothing."""
    for row in range(start, stop):
        calls[row] += 1


@cpu_kernel()
def slow_elsewhere(calls, remainders, rounds, start, stop):
    """Take long for every row but those of the first part, and count it at the end."""
    for row in range(start, stop):
        for r in range(rounds if start else 0):
            remainders[row] = (remainders[row] + r) % 7
        calls[row] += 1
    return stop - start


@cpu_kernel()
def add_rows(weights, start, stop):
    """Return a sum that is no whole number."""
    total = weights.dtype.type(0)
    for row in range(start, stop):
        total += weights[row]
    return total


def nothing(start, stop):
    """A call that does nothing but wake a thread up."""


def awake(pool):
    """Wake all threads of a pool; if the machine is not too busy, they look for calls now."""
    pool.run(nothing, pool.n_threads, PLENTY)
    return pool


def answers(pool):
    """What each thread but the caller's returned last, 0 if it had gone away."""
    return pool._mailboxes[RESULT::MAILBOX].tolist()


@pytest.mark.parametrize("n_threads", [2, 3, 5])
@pytest.mark.parametrize("rows", [1, 2, 3, 7, 1000])
def test_every_row_is_worked_on_once_by_whoever_has_it(rows, n_threads):
    calls, pool = np.zeros(rows), RowPool(n_threads)
    for time_ in range(1, 20):
        assert awake(pool).run(count_rows, rows, PLENTY, calls, 1.0) == rows
        np.testing.assert_array_equal(calls, time_)


def test_other_threads_do_their_parts():
    """If not always: on a busy machine they may be asleep again by then."""
    calls, pool, done = np.zeros(1000), RowPool(2), []
    for _ in range(100):
        assert awake(pool)._hand_over(count_rows, 2, 1000, (calls, 1.0)) == 1000
        done.extend(answers(pool))
    assert 500 in done


def test_a_kernel_without_a_result_counts_nothing():
    calls, pool = np.zeros(1000), awake(RowPool(2))
    assert pool.run(only_write, 1000, PLENTY, calls) == 0
    np.testing.assert_array_equal(calls, 1)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint64"])
@pytest.mark.parametrize("looking", [True, False])
def test_sums_of_all_kinds_are_whole(looking, dtype, monkeypatch):
    """Whoever adds up a part."""
    weights, pool = (
        (np.arange(12) / 8 if dtype[0] == "f" else np.arange(12)).astype(dtype),
        RowPool(3),
    )
    for _ in range(20):
        awake(pool)
        while not looking and (pool._mailboxes[STATE::MAILBOX] != AWAY).any():
            time.sleep(0.001)
        assert pool._hand_over(add_rows, 3, 12, (weights,)) == weights.sum()


@pytest.mark.parametrize(
    "work, n_parts",
    [(LEAST_WORK_HANDED_OVER - 1, 1), (LEAST_WORK_HANDED_OVER, 2), (PLENTY, 4)],
)
def test_little_work_stays_in_one_thread(work, n_parts, monkeypatch):
    seen = []
    monkeypatch.setattr(_threads._Worker, "is_looking", True)
    monkeypatch.setattr(RowPool, "_hand_over", lambda pool, kernel, *call: seen.append(call[0]))
    awake(RowPool(4)).run(count_rows, 1000, work, np.zeros(1000), 1.0)
    assert seen == ([n_parts] if n_parts > 1 else [])


def test_a_short_training_waits_for_no_compilation(monkeypatch):
    seen, calls = [], np.zeros(1000)
    monkeypatch.setattr(RowPool, "calls_before_compiling", 5)
    monkeypatch.setattr(_threads, "is_on_disk", lambda kernel: kernel is not count_rows)
    pool = awake(RowPool(2))
    monkeypatch.setattr(_threads._Worker, "is_looking", True)
    monkeypatch.setattr(pool, "_hand_over", lambda *call: seen.append(call) or 1000)
    for time_ in range(1, 9):
        assert pool.run(count_rows, 1000, LEAST_WORK_HANDED_OVER, calls, 1.0) == 1000
        assert len(seen) == max(0, time_ - 5)
    np.testing.assert_array_equal(calls, 5)


def test_what_is_on_disk_is_handed_over_at_once(monkeypatch):
    seen = []
    monkeypatch.setattr(RowPool, "calls_before_compiling", 5)
    monkeypatch.setattr(_threads, "is_on_disk", lambda kernel: kernel is count_rows)
    pool = awake(RowPool(2))
    monkeypatch.setattr(_threads._Worker, "is_looking", True)
    monkeypatch.setattr(pool, "_hand_over", lambda *call: seen.append(call[0]))
    pool.run(count_rows, 1000, LEAST_WORK_HANDED_OVER, np.zeros(1000), 1.0)
    pool.run(only_write, 1000, LEAST_WORK_HANDED_OVER, np.zeros(1000))
    assert seen == [count_rows] and RowPool.calls_before_compiling == 4


@pytest.mark.parametrize("work", [LEAST_WORK_HANDED_OVER, LEAST_WORK_PER_THREAD, PLENTY])
def test_threads_that_sleep_change_no_part(work, monkeypatch):
    """Who would have to be woken up for little work is left asleep, but parts stay the same."""
    parts = []

    @cpu_kernel()
    def note(starts, start, stop):
        starts[start] = stop

    for looking in (True, False):
        starts = np.zeros(1000, np.int64)
        with monkeypatch.context() as patch:
            pool = awake(RowPool(3))
            patch.setattr(_threads._Worker, "is_looking", looking)
            pool.run(note, 1000, work, starts)
        parts.append(starts)
    np.testing.assert_array_equal(*parts)
    assert np.count_nonzero(parts[0]) == min(3, 1 + work // LEAST_WORK_HANDED_OVER)


def test_work_aside_is_not_taken_for_an_answer():
    """Threads that are at something else have gone away from their mailboxes."""

    class Counter:
        value = 0

    calls, aside, pool = np.zeros(1000), np.zeros(1000), RowPool(3)
    for time_ in range(1, 200):
        pool.aside(Counter, count_rows, 1000, PLENTY, aside, 1.0)
        assert pool.run(count_rows, 1000, LEAST_WORK_HANDED_OVER, calls, 1.0) == 1000
        pool.settle()
        np.testing.assert_array_equal(calls, time_)
        np.testing.assert_array_equal(aside, time_)
    assert Counter.value == 1000 * 199


def call_slowly(pool, calls, rounds=40_000):
    """Hand over what takes longer than the caller waits without sleep, to a thread that looks."""
    while not awake(pool)._workers[0].is_looking:
        pass
    return pool._hand_over(slow_elsewhere, 2, 100, (calls, np.zeros(100, np.int64), rounds))


def test_the_caller_sleeps_while_others_take_long(monkeypatch):
    naps, calls, pool = [], np.zeros(100), RowPool(2)
    monkeypatch.setattr(_threads, "sleep", lambda seconds: naps.append(time.sleep(seconds)))
    for time_ in range(1, 100):
        assert call_slowly(pool, calls) == 100
        np.testing.assert_array_equal(calls, time_)
        if naps:
            break
    assert naps and answers(pool) == [50]


def test_an_interrupt_waits_for_the_others(monkeypatch):
    """Nobody writes any more when an exception reaches the caller."""

    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(_threads, "sleep", interrupt)
    calls, pool = np.zeros(100), RowPool(2)
    with pytest.raises(KeyboardInterrupt):
        for _ in range(100):
            call_slowly(pool, calls)
    np.testing.assert_array_equal(calls, calls[0])
    monkeypatch.undo()
    assert pool.run(count_rows, 100, PLENTY, calls, 1.0) == 100


def test_threads_that_were_let_go_answer_no_more():
    """After an exception a pool has other threads; those before still look for a while."""

    def fail(start, stop):
        if start == 0:
            raise ZeroDivisionError

    calls, pool = np.zeros(1000), awake(RowPool(2))
    for time_ in range(1, 50):
        with pytest.raises(ZeroDivisionError):
            pool.run(fail, 2, PLENTY)
        assert awake(pool).run(count_rows, 1000, PLENTY, calls, 1.0) == 1000
        np.testing.assert_array_equal(calls, time_)


def test_arrays_live_as_long_as_their_owners():
    """Neither does a mailbox keep an array, nor does a slow thread touch what may be gone."""
    pool = RowPool(2)
    for _ in range(5):
        calls = np.zeros(100)
        before = sys.getrefcount(calls)
        call_slowly(pool, calls)
        assert sys.getrefcount(calls) == before
        watch = weakref.ref(calls)
        del calls
        assert watch() is None
    # What an array begins with in compiled code: who counts references to it, and who owns it.
    assert pool._mailboxes[ARGUMENTS : ARGUMENTS + 2].tolist() == [0, 0]


def test_a_thread_answers_what_was_posted_while_it_went_away():
    mailboxes, calls = np.zeros(MAILBOX, np.int64), np.zeros(10)
    handed_over = make_handed_over(count_rows)
    assert handed_over(mailboxes, 2, 10, (calls, 1.0)) == (10, True)
    assert mailboxes[STATE] == AWAY
    mailboxes[STATE] = LOOKING
    assert handed_over(mailboxes, 2, 10, (calls, 1.0)) == (5, False)
    assert mailboxes[STATE] == POSTED
    go_away(mailboxes, 0)
    assert mailboxes[STATE] == AWAY
    assert add_answers(mailboxes, 2, 5) == (10, True)
    np.testing.assert_array_equal(calls, 2)


@njit
def replace_and_take(numbers):
    """Replace a number once, try to again, and take it."""
    first, second = replace(numbers, 1, 0, 5), replace(numbers, 1, 0, 6)
    return first, second, take(numbers, 1)


def test_a_number_is_replaced_only_if_it_is_the_one_known():
    numbers = np.zeros(2, np.int64)
    assert replace_and_take(numbers) == (True, False, 5)
    assert numbers.tolist() == [0, 6]


def test_too_many_arguments_are_an_error():
    @cpu_kernel()
    def many(*arguments):
        return 0

    arrays = tuple(np.zeros((1, 1)) for _ in range(CAPACITY // 9 + 1))
    with pytest.raises(ValueError, match="room for 4096"):
        make_handed_over(many)(np.zeros(MAILBOX, np.int64), 2, 10, arrays)
