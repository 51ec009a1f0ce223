"""Errors of the backends."""


class DeviceUnavailableError(RuntimeError):
    """A device was asked for that cannot be used; the message says what is missing."""

    def __init__(self, problem):
        super().__init__(
            f"device='cuda' cannot be used: {problem} Install the extra that fits the driver, "
            "pip install 'sklearn-bp[cuda13]' or 'sklearn-bp[cuda12]', or use device='auto', "
            "which takes the CPU where there is no GPU."
        )


class DeviceMemoryError(MemoryError):
    """An array did not fit into the device's memory.

    Attributes
    ----------
    needed, free : int
        Bytes of the array, and bytes that were free.
    """

    def __init__(self, shape, needed, free):
        self.needed, self.free = needed, free
        super().__init__(
            f"The GPU is out of memory: an array of shape {tuple(shape)} needs {needed} bytes and "
            f"{free} bytes are free. Lower batch_size or hidden_layer_sizes, or use device='cpu'."
        )
