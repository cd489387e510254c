"""Measure what an instance accepts: rate, latency and throttles for each packing and record size."""

from loader.measuring.api import MeasureWatch, measure, measure_to_end
from loader.measuring.grid import Cell, CellResult, Measurement, MeasureSettings

__all__ = [
    "Cell",
    "CellResult",
    "MeasureSettings",
    "MeasureWatch",
    "Measurement",
    "measure",
    "measure_to_end",
]
