"""Recording a step's launches, so that the next step on the same arrays is one launch.

Everything that a recording reads and writes is known by the identity of the objects in its key; it
is dropped when one of them is gone.
"""

import logging
import weakref

from ._runtime import SIMULATED, enter_context


class _Recording:
    """What is known about one key: seen once, or recorded."""

    def __init__(self, parts, value):
        self._parts = [None if part is None else weakref.ref(part) for part in parts]
        self._value = [weakref.ref(one) for one in value]
        self.graph = None

    def belongs_to(self, parts):
        """Whether it was made from these objects, and not from others now gone."""
        return all(
            (ref is None and part is None) or (ref is not None and ref() is part)
            for ref, part in zip(self._parts, parts, strict=True)
        )

    def is_alive(self):
        """Whether all objects it was made from exist."""
        return all(ref is None or ref() is not None for ref in self._parts)

    def value(self):
        """Give what the function returned."""
        return [ref() for ref in self._value]


class Replays:
    """Runs functions that launch work: at first as they are, then recorded, then replayed.

    Parameters
    ----------
    stream : Stream
        Where they launch.
    """

    def __init__(self, stream):
        self._stream = stream
        self._recordings = {}
        self.records = not SIMULATED

    def run(self, parts, function, *arguments):
        """Call a function, or replay what it launched.

        The first call compiles kernels and allocates memory, neither of which can be recorded, so
        it is left alone; the second is recorded.

        Parameters
        ----------
        parts : tuple
            Objects that decide, by their identity, what is launched.
        function : callable
            Launches work; may be called again; returns a list of objects.
        *arguments
            Its arguments.

        Returns
        -------
        list
            What the function returned.
        """
        enter_context()
        if not self.records:
            return function(*arguments)
        key = tuple(map(id, parts))
        recording = self._recordings.get(key)
        if recording is None or not recording.belongs_to(parts):
            value = function(*arguments)
            self._forget_the_dead()
            self._recordings[key] = _Recording(parts, value)
            return value
        if recording.graph is None and not self._record(recording, function, *arguments):
            return function(*arguments)
        recording.graph.launch()
        return recording.value()

    def _record(self, recording, function, *arguments):
        """Record a call; where that fails, record no more."""
        try:
            recording.graph, _ = self._stream.capture(function, *arguments)
        except Exception as error:  # Whatever the driver or a library objects to.
            self.records = False
            message = "CUDA graphs are off, every kernel is launched by itself: %s"
            logging.getLogger("sklearn_bp").info(message, error)
        return self.records

    def _forget_the_dead(self):
        """Drop recordings whose objects are gone."""
        self._recordings = {
            key: recording for key, recording in self._recordings.items() if recording.is_alive()
        }
