"""Compute what a load would do from the plans of its windows. This package sends and reads nothing."""

from loader.preview.counting import Counts
from loader.preview.deadline import deadline_seconds
from loader.preview.duration import Estimate, Speed, estimate
from loader.preview.lanes import LaneSpread, count_lanes
from loader.preview.model import ColumnPreview, FilePreview, Preview, to_json
from loader.preview.packings import Packings
from loader.preview.repeated_keys import count_keys
from loader.preview.text import to_text

__all__ = [
    "ColumnPreview",
    "Counts",
    "Estimate",
    "FilePreview",
    "LaneSpread",
    "Packings",
    "Preview",
    "Speed",
    "count_keys",
    "count_lanes",
    "deadline_seconds",
    "estimate",
    "to_json",
    "to_text",
]
