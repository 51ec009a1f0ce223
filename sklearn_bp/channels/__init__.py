"""Channels: activations and outputs, each a record of scalar functions, found by name."""

from ._base import Activation, ArgmaxOutput, MessageOutput, Output
from .argmax import ARGMAX, ARGMAX_EXACT
from .identity import IDENTITY
from .relu import RELU
from .sign import SIGN, SIGN_OUTPUT

ACTIVATIONS: dict[str, Activation] = {channel.name: channel for channel in (SIGN, RELU, IDENTITY)}
"""Activation channels by name."""

OUTPUTS: dict[str, Output] = {
    channel.name: channel for channel in (SIGN_OUTPUT, ARGMAX, ARGMAX_EXACT)
}
"""Output channels by name."""

__all__ = ["ACTIVATIONS", "OUTPUTS", "Activation", "ArgmaxOutput", "MessageOutput", "Output"]
