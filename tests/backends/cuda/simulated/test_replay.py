"""Recording and replaying: what runs when, with a stand-in for a stream that records."""

import gc

import numpy as np
import pytest

from sklearn_bp.backends.cpu import CpuBackend
from sklearn_bp.backends.cuda import get_backend
from sklearn_bp.backends.cuda._replay import Replays
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior


class Part:
    """Something that a key names."""


class FakeStream:
    """Records by remembering how often the function ran."""

    def __init__(self, fails=False):
        self.fails, self.recorded, self.launched = fails, 0, 0

    def capture(self, function, *arguments):
        value = function(*arguments)
        if self.fails:
            raise RuntimeError("a stream that cannot record")
        self.recorded += 1
        return self, value

    def launch(self):
        self.launched += 1


@pytest.fixture
def parts():
    return Part(), None, Part()


def make_replays(stream):
    replays = Replays(stream)
    replays.records = True
    return replays


class Work:
    """A function that counts its calls."""

    def __init__(self):
        self.calls, self.value = 0, [Part(), Part()]

    def __call__(self, *arguments):
        self.calls += 1
        return self.value


def test_first_plain_then_recorded_then_replayed(parts):
    stream, work = FakeStream(), Work()
    replays = make_replays(stream)
    seen = []
    for _ in range(4):
        assert replays.run(parts, work, 1, 2) == work.value
        seen.append((work.calls, stream.recorded, stream.launched))
    assert seen == [(1, 0, 0), (2, 1, 1), (2, 1, 2), (2, 1, 3)]


def test_other_parts_are_recorded_apart(parts):
    stream, work = FakeStream(), Work()
    replays = make_replays(stream)
    other = (parts[0], Part(), parts[2])
    for key in (parts, other, parts, other, parts, other):
        replays.run(key, work)
    assert (stream.recorded, stream.launched, work.calls) == (2, 4, 4)


def test_recordings_of_gone_parts_are_forgotten():
    stream, work = FakeStream(), Work()
    replays = make_replays(stream)
    for _ in range(5):
        parts = Part(), None
        for _ in range(3):
            replays.run(parts, work)
        del parts
        gc.collect()
    assert stream.recorded == 5
    assert len(replays._recordings) == 1


def test_an_address_used_again_is_no_match(parts):
    stream, work = FakeStream(), Work()
    replays = make_replays(stream)
    for _ in range(2):
        replays.run(parts, work)
    key = tuple(map(id, parts))
    recording = replays._recordings[key]
    assert recording.belongs_to(parts)
    assert not recording.belongs_to((parts[0], None, Part()))
    assert not recording.belongs_to((parts[0], Part(), parts[2]))


def test_a_stream_that_cannot_record_is_left_alone(parts, caplog):
    stream, work = FakeStream(fails=True), Work()
    replays = make_replays(stream)
    with caplog.at_level("INFO", logger="sklearn_bp"):
        for _ in range(4):
            assert replays.run(parts, work) == work.value
    assert not replays.records and stream.launched == 0
    # Once plain, once in vain, and again each time after.
    assert work.calls == 5
    assert len(caplog.records) == 1 and "cannot record" in caplog.text


def test_mini_batches_that_come_once_are_not_recorded(monkeypatch):
    backend = get_backend()
    replays = make_replays(FakeStream())
    monkeypatch.setattr(backend, "_replays", replays)
    once = backend.load_order([0, 1])
    for _ in range(3):
        backend.repeat((Part(), once), Work())
    assert not replays._recordings


def test_a_step_is_known_by_all_memory_that_it_uses():
    keys = []

    class Backend(CpuBackend):
        def repeat(self, key, function, *arguments):
            keys.append({id(part) for part in key})
            return function(*arguments)

    network = make_network([3, 4, 4, 1], algo="mf", output="sign")
    engine = Engine(network, draw_posterior(network, np.random.RandomState(0)), Backend(1))
    X, y = np.ones((2, 3), np.float32), np.ones(2, np.float32)
    for _ in range(3):
        held = [layer.committed for layer in engine.layers]
        memories = [layer.memory for layer in engine.layers]
        engine.step(X, y, np.arange(2))
        assert {id(part) for part in (X, y, *held, *memories)} <= keys[-1]
    # The first step found memory too small; two sets of weights take turns after that.
    assert keys[1] != keys[2]
