"""Fields of the tables of known business systems, and the dataset columns that they may feed.

The names of such fields do not show what a field holds, or are so common that only the names beside them show
which system they are of. Each system has a module with its fields and the source of each name.

Rules kept here:

1. The fields of one system only are used for a file: of the system that knows most of its names.
2. A system is known by at least two of its fields, one of which is telling: no other list has that name.
3. Pure: names in, names out.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

_FEWEST = 2
"""Minimum number of field names of a system in a file: a single one may be a coincidence."""

FieldMeanings = Mapping[str, tuple[str, Sequence[str]]]
"""By name in capitals: what the field holds, and the dataset columns it may feed, the likeliest first."""


@dataclass(frozen=True, slots=True)
class System:
    """The field names of a business system.

    Attributes:
        name: What people call it.
        fields: Its fields. Of two fields for one dataset column, the first one is taken.
        telling: Names that show that a file is of this system.
        plain: Returns the name of a field from the name of a source column, in capitals.
        date_format: Timestamp format of its dates, if it has one of its own.
        no_date: Texts that it writes for a missing date, as a regular expression.
        parts: Fields that number a part of a document. They are the ``id`` of a row only if another column of
            the dataset holds the document.
        wholes: Fields that identify a whole document, or what it is about. They are not the ``id`` of a row
            that is a part of a document.
    """

    name: str
    fields: FieldMeanings
    telling: frozenset[str]
    plain: Callable[[str], str] = str.upper
    date_format: str = ""
    no_date: str = ""
    parts: frozenset[str] = field(default_factory=frozenset)
    wholes: frozenset[str] = field(default_factory=frozenset)


_DOCUMENTS = frozenset({"order_id", "cust_order_id"})
"""Dataset columns that hold the document of a row."""


@dataclass(frozen=True, slots=True)
class KnownField:
    """A source column that is a field of a known system.

    Attributes:
        source: The source column.
        reason: System, field, and what the field holds.
        system: The system.
    """

    source: str
    reason: str
    system: System


def system_of(sources: Sequence[str], systems: Sequence[System]) -> System | None:
    """Return the system whose fields the source columns probably are, or None."""
    known = {each.name: {each.plain(source) for source in sources} & set(each.fields) for each in systems}
    fitting = [
        system
        for system in systems
        if len(known[system.name]) >= _FEWEST and not system.telling.isdisjoint(known[system.name])
    ]
    return max(fitting, key=lambda system: len(known[system.name]), default=None)


def known_fields(
    sources: Sequence[str], columns: Sequence[str], systems: Sequence[System]
) -> dict[str, KnownField]:
    """Return for dataset columns the source column that is a field of a known system.

    A field whose likeliest column is taken feeds none.

    Args:
        sources: Names of the source columns.
        columns: Names of the dataset columns.
        systems: The systems that are known.
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
            found[column] = KnownField(source, f"{system.name} {name}, {meaning}", system)
    return found


def without_table(tables: Sequence[str]) -> Callable[[str], str]:
    """Return a function that takes a table from the front of a name: ``EKPO-MATNR`` is ``MATNR``."""
    table = re.compile(rf"^(?:{'|'.join(tables)})[-_~./]+", re.IGNORECASE)
    return lambda name: table.sub("", name).upper()
