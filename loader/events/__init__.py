"""Records to events: packing and tokens, pure."""

from loader.events.plan import EventPlanner, PackingSettings, WindowRecords
from loader.events.token import TokenSource

__all__ = ["EventPlanner", "PackingSettings", "TokenSource", "WindowRecords"]
