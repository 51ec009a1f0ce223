"""Cavity messages of BP and BPI: series in place of edges, by two executors, and their errors."""
