"""The schema of a Parquet file as a tree, built from the flat list in its footer.

Pure. ``footer`` has already checked that the list is a tree.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from loader.formats.parquet.thrift import Struct

BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY, FIXED = range(8)
"""Physical types."""

PHYSICAL_NAMES = (
    "BOOLEAN",
    "INT32",
    "INT64",
    "INT96",
    "FLOAT",
    "DOUBLE",
    "BYTE_ARRAY",
    "FIXED_LEN_BYTE_ARRAY",
)

REQUIRED, OPTIONAL, REPEATED = range(3)


@dataclass(frozen=True, slots=True)
class Node:
    """A column, or a part of one.

    Attributes:
        name: Its name.
        element: Its SchemaElement, by field number of parquet.thrift.
        children: Its parts; empty for a leaf.
        definition_level: Definition level of an existing value.
        repetition_level: Number of repeated nodes from the root down to it.
    """

    name: str
    element: Struct
    children: Sequence["Node"]
    definition_level: int
    repetition_level: int

    @property
    def physical(self) -> int:
        """The physical type of a leaf; -1 if it has none."""
        return _integer(self.element.get(1))

    @property
    def length(self) -> int:
        """Bytes of a value of a fixed length."""
        return _integer(self.element.get(2), 0)

    @property
    def converted(self) -> int | None:
        """The legacy converted type, or None."""
        value = self.element.get(6)
        return value if isinstance(value, int) else None

    @property
    def logical(self) -> tuple[int, Struct] | None:
        """The logical type: its number in the union and its parameters; None if the field is missing.

        A field without a member, or with a member that is not a struct, has the number 0.
        """
        value = self.element.get(10)
        if value is None:
            return None
        members = list(value.items()) if isinstance(value, dict) else []
        if len(members) != 1 or not isinstance(members[0][1], dict):
            return 0, {}
        return members[0]

    def leaves(self) -> Iterator["Node"]:
        """Yield its leaves, or itself if it is a leaf, in file order."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()


def columns_of(elements: Sequence[Struct]) -> Sequence[Node]:
    """Return the outermost columns of a flat schema that is a tree."""
    root, _ = _node(elements, 0, 0, 0)
    return root.children


def _node(elements: Sequence[Struct], place: int, definition: int, repetition: int) -> tuple[Node, int]:
    element = elements[place]
    kind = element.get(3, REQUIRED)
    if place:  # the root does not repeat, even if it states so
        definition += kind in (OPTIONAL, REPEATED)
        repetition += kind == REPEATED
    children = []
    following = place + 1
    for _ in range(_integer(element.get(5), 0)):
        child, following = _node(elements, following, definition, repetition)
        children.append(child)
    name = element.get(4, b"")
    text = name.decode(errors="replace") if isinstance(name, bytes) else ""
    return Node(text, element, children, definition, repetition), following


def _integer(value: Any, default: int = -1) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
