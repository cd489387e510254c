"""The constraints of the service model on requests, compiled to checks.

Constraints (required members, lengths, patterns, enumerations, ranges) are read from botocore's copy of the
model. They are not repeated here, so the emulator is exactly as strict as the model. Messages have Smithy's
wording of validation errors; they contain names of members, never values.

Rules kept here:

1. A value of the wrong JSON type ends the check (``WrongType``), because the service cannot read the request.
2. All other faults are collected, because the service reports all of them at once.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from math import inf
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

Fault = tuple[str, str]
"""The place, such as ``/clientToken``, and the constraint that is not met."""

NUMBER = (int, float)
"""The Python types of a JSON number. (An inline ``int | float`` would be built on every call.)"""

FIRST_TIMESTAMP, LAST_TIMESTAMP = -62_135_596_800, 253_402_300_799.999
"""0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z in epoch seconds, the range of a Smithy timestamp
(https://smithy.io/2.0/spec/simple-types.html#timestamp)."""

Check = Callable[[Any], Sequence[Fault]]
"""Takes a value; returns its faults and those of everything inside it, with paths relative to the value.

Nearly all values are valid, so paths are built for invalid ones only."""


class WrongType(Exception):
    """A member has a JSON type other than the model's.

    Args:
        path: The place, such as ``/eventTimestamp``.
        expected: The type in the model.
    """

    def __init__(self, path: str, expected: str) -> None:
        super().__init__(f"Value at '{path}' is not a {expected}")
        self._path = path
        self._expected = expected

    def inside(self, place: str) -> "WrongType":
        """Return the same error with ``place`` before its path."""
        return WrongType(place + self._path, self._expected)


@cache
def service_model() -> ServiceModel:
    """Return botocore's model of AWS Supply Chain."""
    description = Loader().load_service_model("supplychain", "service-2", api_version="2024-01-01")
    return ServiceModel(description, service_name="supplychain")


def faults_of(shape_name: str, value: object, path: str) -> list[str]:
    """Return the faults of ``value`` by the shape of that name in the model; empty if it is valid.

    Raises:
        WrongType: The value has a JSON type other than the model's.
    """
    try:
        found = _named_check(shape_name)(value)
    except WrongType as error:
        raise error.inside(path) from error
    return as_texts(_inside(path, found))


def as_texts(faults: Iterable[Fault]) -> list[str]:
    """Return faults in Smithy's words."""
    return [f"Value at '{path}' failed to satisfy constraint: {demand}" for path, demand in faults]


def max_value(shape_name: str) -> int:
    """Return the model's ``max`` of a shape: maximum length of a string or list, or maximum number."""
    greatest: int = service_model().shape_for(shape_name).metadata["max"]
    return greatest


@cache
def _named_check(shape_name: str) -> Check:
    return compile_check(service_model().shape_for(shape_name))


def compile_check(shape: Shape) -> Check:
    """Return the check of one shape of the service model and of everything inside it."""
    if isinstance(shape, StructureShape):
        return _structure_check(shape)
    if isinstance(shape, ListShape):
        return _list_check(shape)
    if isinstance(shape, MapShape):
        return _map_check(shape)
    return _CHECKS[shape.type_name](shape)


def _structure_check(shape: StructureShape) -> Check:
    required = frozenset(shape.required_members)
    members = [
        (name, f"/{name}", name in required, compile_check(member)) for name, member in shape.members.items()
    ]

    def check(value: Any) -> Sequence[Fault]:
        if not isinstance(value, dict):
            raise WrongType("", "JSON object")
        faults: list[Fault] = []
        for name, place, is_required, check_member in members:
            member = value.get(name)
            if member is None:
                if is_required:
                    faults.append((place, "Member must not be null"))
                continue
            try:
                found = check_member(member)
            except WrongType as error:
                raise error.inside(place) from error
            if found:
                faults += _inside(place, found)
        return faults

    return check


def _list_check(shape: ListShape) -> Check:
    check_element = compile_check(shape.member)
    bounds = _Bounds(shape.metadata, "length ", "have ")

    def check(value: Any) -> Sequence[Fault]:
        if not isinstance(value, list):
            raise WrongType("", "JSON array")
        faults = [] if bounds.low <= len(value) <= bounds.high else [("", bounds.demand)]
        for position, element in enumerate(value):
            try:
                faults += _inside(f"/{position}", check_element(element))
            except WrongType as error:
                raise error.inside(f"/{position}") from error
        return faults

    return check


def _map_check(shape: MapShape) -> Check:
    check_key, check_value = compile_check(shape.key), compile_check(shape.value)
    bounds = _Bounds(shape.metadata, "length ", "have ")

    def check(value: Any) -> Sequence[Fault]:
        if not isinstance(value, dict):
            raise WrongType("", "JSON object")
        faults = [] if bounds.low <= len(value) <= bounds.high else [("", bounds.demand)]
        for key, element in value.items():
            faults += check_key(key)
            try:
                faults += _inside(f"/{key}", check_value(element))
            except WrongType as error:
                raise error.inside(f"/{key}") from error
        return faults

    return check


def _string_check(shape: Shape) -> Check:
    bounds = _Bounds(shape.metadata, "length ", "have ")
    low, high = bounds.low, bounds.high
    pattern = re.compile(shape.metadata["pattern"]) if "pattern" in shape.metadata else None
    words = frozenset(shape.metadata.get("enum", ()))
    listed = ", ".join(shape.metadata.get("enum", ()))

    def check(value: Any) -> Sequence[Fault]:
        if not isinstance(value, str):
            raise WrongType("", "string")
        faults: list[Fault] = []
        if not low <= len(value) <= high:
            faults.append(("", bounds.demand))
        if pattern is not None and pattern.fullmatch(value) is None:
            faults.append(("", f"Member must satisfy regular expression pattern: {pattern.pattern}"))
        if words and value not in words:
            faults.append(("", f"Member must satisfy enum value set: [{listed}]"))
        return faults

    return check


def _integer_check(shape: Shape) -> Check:
    bounds = _Bounds(shape.metadata, "", "be ")

    def check(value: Any) -> Sequence[Fault]:
        if not isinstance(value, int) or isinstance(value, bool):
            raise WrongType("", "whole number")
        return () if bounds.low <= value <= bounds.high else (("", bounds.demand),)

    return check


def _timestamp_check(_shape: Shape) -> Check:
    def check(value: Any) -> Sequence[Fault]:
        # Epoch seconds in a JSON body (timestampFormat unixTimestamp, and rest-json's default).
        if not isinstance(value, NUMBER) or isinstance(value, bool):
            raise WrongType("", "number of epoch seconds")
        if not FIRST_TIMESTAMP <= value <= LAST_TIMESTAMP:
            raise WrongType("", "time between the years 1 and 9999")
        return ()

    return check


def _boolean_check(_shape: Shape) -> Check:
    def check(value: Any) -> Sequence[Fault]:
        if not isinstance(value, bool):
            raise WrongType("", "boolean")
        return ()

    return check


_CHECKS: Mapping[str, Callable[[Shape], Check]] = {
    "string": _string_check,
    "integer": _integer_check,
    "timestamp": _timestamp_check,
    "boolean": _boolean_check,
}


class _Bounds:
    """The minimum and maximum length or number, and the message for a value outside."""

    def __init__(self, limits: Mapping[str, Any], noun: str, verb: str) -> None:
        low, high = limits.get("min"), limits.get("max")
        if low is not None and high is not None:
            self.demand = f"Member must {verb}{noun}between {low} and {high}, inclusive"
        elif low is not None:
            self.demand = f"Member must {verb}{noun}greater than or equal to {low}"
        else:
            self.demand = f"Member must {verb}{noun}less than or equal to {high}"
        self.low: float = -inf if low is None else low
        self.high: float = inf if high is None else high


def _inside(place: str, faults: Iterable[Fault]) -> list[Fault]:
    return [(place + path, demand) for path, demand in faults]
