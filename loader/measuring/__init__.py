"""Measure what an instance accepts: rate, latency and throttles for each packing and record size."""

from loader.measuring.api import measure, measure_to_end
from loader.measuring.grid import Cell, CellResult, Measurement, MeasureSettings

__all__ = ["Cell", "CellResult", "MeasureSettings", "Measurement", "measure", "measure_to_end"]
