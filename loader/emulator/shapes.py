"""What the service model says a request must look like, as checks compiled once.

Constraints (required members, lengths, patterns, enumerations, ranges) are read from botocore's copy of
the model, never written again here, so that the emulator is as strict as the model and not as strict as
our memory of it. Texts follow Smithy's wording of validation errors; they name members, never values.

Rules kept here:

1. A value of the wrong JSON type ends the check (``WrongType``): the service cannot read the request.
2. Every other fault is collected: the service reports all of them at once.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, ServiceModel, Shape, StructureShape

Check = Callable[[Any, str, list[str]], None]
"""Takes a value and its path such as ``/clientToken``; appends what is wrong with it to the list."""


class WrongType(Exception):
    """A member holds a JSON value of another type than the model's.

    Args:
        path: Where, such as ``/eventTimestamp``.
        expected: The type the model asks for.
    """

    def __init__(self, path: str, expected: str) -> None:
        super().__init__(f"Value at '{path}' is not a {expected}")


@cache
def service_model() -> ServiceModel:
    """Return botocore's model of AWS Supply Chain."""
    description = Loader().load_service_model("supplychain", "service-2", api_version="2024-01-01")
    return ServiceModel(description, service_name="supplychain")


def faults_of(shape_name: str, value: object, path: str) -> list[str]:
    """Return what is wrong with ``value`` by the model's shape of that name; empty if nothing is.

    Raises:
        WrongType: It holds a JSON value of another type than the model's.
    """
    faults: list[str] = []
    _named_check(shape_name)(value, path, faults)
    return faults


def max_value(shape_name: str) -> int:
    """Return the model's ``max`` of a shape: greatest length of a string or list, or greatest number."""
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
    return _CHECKS[shape.type_name](shape)


def _structure_check(shape: StructureShape) -> Check:
    members = [(name, compile_check(member)) for name, member in shape.members.items()]
    required = frozenset(shape.required_members)

    def check(value: Any, path: str, faults: list[str]) -> None:
        if not isinstance(value, dict):
            raise WrongType(path, "JSON object")
        for name, check_member in members:
            member = value.get(name)
            if member is not None:
                check_member(member, f"{path}/{name}", faults)
            elif name in required:
                faults.append(_fault(f"{path}/{name}", "Member must not be null"))

    return check


def _list_check(shape: ListShape) -> Check:
    check_element = compile_check(shape.member)
    check_length = _bounds_check(shape.metadata, "length ", "have ")

    def check(value: Any, path: str, faults: list[str]) -> None:
        if not isinstance(value, list):
            raise WrongType(path, "JSON array")
        check_length(len(value), path, faults)
        for position, element in enumerate(value):
            check_element(element, f"{path}/{position}", faults)

    return check


def _string_check(shape: Shape) -> Check:
    check_length = _bounds_check(shape.metadata, "length ", "have ")
    pattern = re.compile(shape.metadata["pattern"]) if "pattern" in shape.metadata else None
    words = frozenset(shape.metadata.get("enum", ()))
    listed = ", ".join(shape.metadata.get("enum", ()))

    def check(value: Any, path: str, faults: list[str]) -> None:
        if not isinstance(value, str):
            raise WrongType(path, "string")
        check_length(len(value), path, faults)
        if pattern is not None and pattern.fullmatch(value) is None:
            faults.append(_fault(path, f"Member must satisfy regular expression pattern: {pattern.pattern}"))
        if words and value not in words:
            faults.append(_fault(path, f"Member must satisfy enum value set: [{listed}]"))

    return check


def _integer_check(shape: Shape) -> Check:
    check_range = _bounds_check(shape.metadata, "", "be ")

    def check(value: Any, path: str, faults: list[str]) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise WrongType(path, "whole number")
        check_range(value, path, faults)

    return check


def _timestamp_check(_shape: Shape) -> Check:
    def check(value: Any, path: str, _faults: list[str]) -> None:
        # Epoch seconds in a JSON body (timestampFormat unixTimestamp, and rest-json's default).
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise WrongType(path, "number of epoch seconds")

    return check


def _boolean_check(_shape: Shape) -> Check:
    def check(value: Any, path: str, _faults: list[str]) -> None:
        if not isinstance(value, bool):
            raise WrongType(path, "boolean")

    return check


_CHECKS: Mapping[str, Callable[[Shape], Check]] = {
    "string": _string_check,
    "integer": _integer_check,
    "timestamp": _timestamp_check,
    "boolean": _boolean_check,
}


def _bounds_check(limits: Mapping[str, Any], noun: str, verb: str) -> Check:
    low, high = limits.get("min"), limits.get("max")
    if low is not None and high is not None:
        demand = f"Member must {verb}{noun}between {low} and {high}, inclusive"
    elif low is not None:
        demand = f"Member must {verb}{noun}greater than or equal to {low}"
    else:
        demand = f"Member must {verb}{noun}less than or equal to {high}"

    def check(size: Any, path: str, faults: list[str]) -> None:
        if (low is not None and size < low) or (high is not None and size > high):
            faults.append(_fault(path, demand))

    return check


def _fault(path: str, demand: str) -> str:
    return f"Value at '{path}' failed to satisfy constraint: {demand}"
