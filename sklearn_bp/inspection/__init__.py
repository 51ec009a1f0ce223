"""Looking into fitted estimators: order parameters, local energy, and plots of them."""

from ._local_energy import local_energy
from ._order_parameters import mean_overlaps, overlaps, polarization
from ._posterior_displays import LocalEnergyDisplay, MagnetizationDisplay
from ._reliability_display import ReliabilityDisplay
from ._training_displays import LearningCurveDisplay, PolarizationDisplay

__all__ = [
    "LearningCurveDisplay",
    "LocalEnergyDisplay",
    "MagnetizationDisplay",
    "PolarizationDisplay",
    "ReliabilityDisplay",
    "local_energy",
    "mean_overlaps",
    "overlaps",
    "polarization",
]
