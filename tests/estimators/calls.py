"""Wrong calls, as the tables of the tests list them."""

import re

import pytest


def row(name, error, *patterns, **call):
    """A wrong call: its exception, and what the message must contain."""
    return pytest.param(error, patterns, call, id=name)


def must_raise(error, patterns, function, *arguments, **options):
    """The exception is exactly of that type, and each pattern is in its message."""
    with pytest.raises(error) as caught:
        function(*arguments, **options)
    assert caught.type is error
    for pattern in patterns:
        assert re.search(pattern, str(caught.value), re.DOTALL), (pattern, str(caught.value))
