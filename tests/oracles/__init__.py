"""Slow float64 references, written from the equations of the method page alone.

Nothing here imports the package: an error shared by both would have to be made twice.
"""
