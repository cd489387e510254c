"""Records to events: packing and tokens. Pure."""

from loader.events.packing import PackingSettings
from loader.events.plan import EventPlanner, SliceRecords
from loader.events.token import TokenSource

__all__ = ["EventPlanner", "PackingSettings", "SliceRecords", "TokenSource"]
