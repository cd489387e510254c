"""Match source columns that are fields of known business systems to dataset columns. Pure.

Many names of such fields do not show their content. Others are so common that only the other names in the
file show the system. Each system has a module with its fields and the sources of their names.

Rules kept here:

1. Only the fields of one system are used for a file: those of the system with most names in the file.
2. A system is recognized if the file has at least two of its fields, and at least one of them is distinctive:
   it shows the system.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

_FEWEST = 2
"""Minimum number of field names of a system in a file. A single name may be a coincidence."""

FieldMeanings = Mapping[str, tuple[str, Sequence[str]]]
"""By the field's name in upper case: its content, and its possible dataset columns, the most probable one
first."""


@dataclass(frozen=True, slots=True)
class System:
    """The field names of a business system.

    Attributes:
        name: The name of the system for messages.
        fields: Its fields. If two fields match one dataset column, the first one is taken.
        distinctive: Names that show that a file is from this system.
        plain: Returns the name of a field, in upper case, from the name of a source column.
        date_format: Timestamp format of its dates, if the system has its own format.
        no_date: Texts that it writes for a missing date, as a regular expression.
        parts: Fields with the number of a part of a document. They are the ``id`` of a row only if the
            dataset has another column for the document.
        wholes: Fields that identify a whole document, item or partner. They are not the ``id`` of a row that
            is a part of a document.
    """

    name: str
    fields: FieldMeanings
    distinctive: frozenset[str]
    plain: Callable[[str], str] = str.upper
    date_format: str = ""
    no_date: str = ""
    parts: frozenset[str] = field(default_factory=frozenset)
    wholes: frozenset[str] = field(default_factory=frozenset)


_DOCUMENTS = frozenset({"order_id", "cust_order_id"})
"""Dataset columns that identify the document of a row."""


@dataclass(frozen=True, slots=True)
class KnownField:
    """A source column that is a field of a known system.

    Attributes:
        source: The source column.
        reason: System, field, and content of the field.
    """

    source: str
    reason: str


def system_of(sources: Sequence[str], systems: Sequence[System]) -> System | None:
    """Return the system that probably wrote the source columns, or None."""
    known = {each.name: {each.plain(source) for source in sources} & set(each.fields) for each in systems}
    fitting = [
        system
        for system in systems
        if len(known[system.name]) >= _FEWEST and not system.distinctive.isdisjoint(known[system.name])
    ]
    return max(fitting, key=lambda system: len(known[system.name]), default=None)


def known_fields(
    sources: Sequence[str], columns: Sequence[str], systems: Sequence[System]
) -> dict[str, KnownField]:
    """Return the source columns that are fields of a known system, by dataset column.

    A field is left out if an earlier field has its most probable dataset column.

    Args:
        sources: Names of the source columns.
        columns: Names of the dataset columns.
        systems: The known systems.
    """
    system = system_of(sources, systems)
    found: dict[str, KnownField] = {}
    if system is None:
        return found
    has_document = not _DOCUMENTS.isdisjoint(columns)
    places = {name: place for place, name in enumerate(system.fields)}
    known = {source: name for source in sources if (name := system.plain(source)) in places}
    for source, name in sorted(known.items(), key=lambda each: places[each[1]]):
        meaning, candidates = system.fields[name]
        may_be_id = name not in (system.wholes if has_document else system.parts)
        column = next((each for each in candidates if each in columns and (each != "id" or may_be_id)), None)
        if column is not None and column not in found:
            found[column] = KnownField(source, f"{system.name} {name}, {meaning}")
    return found


def without_table(tables: Sequence[str]) -> Callable[[str], str]:
    """Return a function that removes the table from the start of a name: ``EKPO-MATNR`` becomes ``MATNR``."""
    table = re.compile(rf"^(?:{'|'.join(tables)})[-_~./]+", re.IGNORECASE)
    return lambda name: table.sub("", name).upper()
