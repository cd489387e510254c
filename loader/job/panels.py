"""The panels of the help page. Each setting belongs to one panel; its text is the help of its flag."""

from typing import Any

from pydantic import Field
from pydantic.fields import FieldInfo

EXTRACT = "The extract"
DESTINATION = "Where it goes"
EVENTS = "How rows become events"
DELIVERY = "How events are delivered"
RUN = "This run"


MOST = 2**53
"""Maximum of a setting without its own limit. JSON, SQLite and floats hold it exactly."""


def setting(panel: str, text: str, **constraints: Any) -> Any:
    """Return the field of a setting."""
    return Field(description=text, json_schema_extra={"panel": panel}, **_bounded(constraints))


def plan_setting(panel: str, text: str, **constraints: Any) -> Any:
    """Return the field of a setting that determines the events: a resume must use the same value."""
    extra: dict[str, Any] = {"panel": panel, "shapes_events": True}
    return Field(description=text, json_schema_extra=extra, **_bounded(constraints))


def _bounded(constraints: dict[str, Any]) -> dict[str, Any]:
    is_number = not {"ge", "gt"}.isdisjoint(constraints)
    return {"le": MOST, **constraints} if is_number else constraints


def shapes_events(field: FieldInfo) -> bool:
    """Return whether a setting determines the events."""
    extra = field.json_schema_extra
    return isinstance(extra, dict) and extra.get("shapes_events") is True


def panel_of(field: FieldInfo) -> str:
    """Return the panel that a setting belongs to."""
    extra = field.json_schema_extra
    return str(extra["panel"]) if isinstance(extra, dict) else ""
