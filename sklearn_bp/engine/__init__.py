"""The engine: message passing over arrays, the same for every backend."""
