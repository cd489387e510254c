"""What a load would come to, worked out from the plans of its windows; nothing here sends or reads."""

from loader.forecast.counting import Counts
from loader.forecast.deadline import deadline_seconds
from loader.forecast.estimate import Estimate, Speed, estimate
from loader.forecast.lanes import Lanes, count_lanes
from loader.forecast.model import ColumnPreview, FilePreview, Preview, to_json
from loader.forecast.packings import Packings
from loader.forecast.repeats import count_keys
from loader.forecast.text import to_text

__all__ = [
    "ColumnPreview",
    "Counts",
    "Estimate",
    "FilePreview",
    "Lanes",
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
