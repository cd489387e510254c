"""The names of the columns of a CSV file: from its header, its first rows and the settings."""

import re
import shlex
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from loader.errors import ExtractError
from loader.formats.csv.head_rows import MOST_ROWS
from loader.formats.csv.records import read_records
from loader.formats.csv.syntax import Syntax
from loader.formats.nameless import name_by_position
from loader.job import CsvSettings

SHOWN_COLUMNS = 30
"""Number of columns that an error lists."""

MOST_NAMELESS = 1_000
"""Maximum number of columns without a name that are examined. Each is searched for values in every block."""

_NO_TEXT = re.compile(r"[\0-\x08\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the columns.

    Attributes:
        columns: The name of each column, all different.
        nameless: The columns that nothing names: row of the first value of each, from 1, or None if the first
            rows have no value. Empty if there are more than MOST_NAMELESS.
    """

    columns: tuple[str, ...]
    nameless: Mapping[str, int | None] = field(default_factory=dict)


def names_of(path: str, first: Sequence[str], settings: CsvSettings) -> Names:
    """Return the names that the first record and the settings give.

    Args:
        path: The file.
        first: The fields of the first record.
        settings: The CSV settings.

    Raises:
        ExtractError: The names cannot be used.
    """
    if settings.columns:
        rest = first[len(settings.columns) :]
        if len(settings.columns) > len(first) or any(name.strip() for name in rest):
            named = f"csv.columns has {_many(settings.columns, 'name')}"
            raise bad_header(path, f"{named}, but the file has {_many(first, 'column')}")
        given = [*settings.columns, *("" for _ in rest)]
    elif settings.header:
        if _NO_TEXT.search("".join(first)):
            raise bad_header(path, "it has control characters: the file is not text, or not in this encoding")
        given = [name.strip() for name in first]
    else:
        invented = tuple(f"column_{number}" for number in range(1, len(first) + 1))
        return Names(invented, dict.fromkeys(invented))
    width = max((number for number, name in enumerate(given, start=1) if name), default=0)
    if 0 < settings.row_fields < width:
        why = f"csv.row_fields is {settings.row_fields:,}, but the file has {_many(given[:width], 'column')}"
        raise bad_header(path, why)
    names = [name or name_by_position(number) for number, name in enumerate(given, start=1)]
    nameless = [name for name, text in zip(names, given, strict=True) if not text]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice and settings.repeated_names == "number" and not settings.columns:
        names, twice = _numbered(names), []
    if twice:
        raise _repeated_names(path, twice, _numbered(names))
    return Names(tuple(names), dict.fromkeys(nameless))


def fitted(names: Names, text: bytes, syntax: Syntax, settings: CsvSettings, *, at_end: bool) -> Names:
    """Return the names that fit the first rows: columns without a name are empty, missing, or have a value.

    Columns without a name at the end are dropped if all of the first rows end before them.

    Args:
        names: The names that header and settings give.
        text: The head of the file, from its first record on.
        syntax: The meaning of its characters.
        settings: The CSV settings.
        at_end: Whether the file ends with ``text``.
    """
    if not names.nameless:
        return names
    if len(names.nameless) > MOST_NAMELESS:
        return replace(names, nameless={})  # unknown columns: not the end of each line of a report
    every_row = replace(syntax, skips_empty_rows=False)
    read = read_records(text, every_row, columns=None, at_end=at_end, most=MOST_ROWS)
    rows = [record if isinstance(record, list) else [] for record in read.records]
    lengths = {len(row) for row in rows if any(row)}
    columns = _until_row_end(names, lengths, settings)
    places = {name: place for place, name in enumerate(columns) if name in names.nameless}
    nameless = {
        name: None if place + 1 in settings.empty_columns else _first_value(rows, place)
        for name, place in places.items()
    }
    return Names(columns, nameless)


def _until_row_end(names: Names, lengths: Collection[int], settings: CsvSettings) -> tuple[str, ...]:
    """Return the columns without those at the end that have no name in the header and no field in the rows.

    Args:
        names: The names that header and settings give.
        lengths: The numbers of fields in the first rows.
        settings: The CSV settings.
    """
    named = len(names.columns)
    while settings.header and named and names.columns[named - 1] in names.nameless:
        named -= 1
    if settings.row_fields:
        return names.columns[: max(named, settings.row_fields)]
    return names.columns[:named] if lengths == {named} else names.columns


def _first_value(rows: Sequence[Sequence[str]], place: int) -> int | None:
    """Return the number of the first row with a value at a place, from 1, or None."""
    filled = (number for number, row in enumerate(rows, start=1) if len(row) > place and row[place].strip())
    return next(filled, None)


def _many(items: Sequence[str], noun: str) -> str:
    return f"{len(items):,} {noun}{'' if len(items) == 1 else 's'}"


def _numbered(names: Sequence[str]) -> list[str]:
    """Return different names: of equal names, the second becomes ``name_2``, and so on."""
    taken, seen = set(names), Counter[str]()
    different = []
    for name in names:
        seen[name] += 1
        number, own = seen[name], name
        while number > 1 and own in taken:
            own, number = f"{name}_{number}", number + 1
        taken.add(own)
        different.append(own)
    return different


def _repeated_names(path: str, twice: Sequence[str], numbered: Sequence[str]) -> ExtractError:
    flags = " ".join(f"--csv-columns {shlex.quote(name)}" for name in numbered[:SHOWN_COLUMNS])
    return ExtractError(
        "The header of the CSV file repeats a column name.",
        where=path,
        why=f"more than one column has the name {', '.join(map(repr, twice[:5]))}",
        next_step='use --csv-repeated-names number (repeated_names = "number" in the [csv] table) to rename '
        "them to name, name_2 and so on; or set all names yourself, in file order, with csv.columns or:\n  "
        f"{flags}{' ...' if len(numbered) > SHOWN_COLUMNS else ''}",
    )


def bad_header(path: str, why: str) -> ExtractError:
    """Return the error for a header that cannot be used."""
    return ExtractError(
        "The header of the CSV file cannot be used.",
        where=path,
        why=why,
        next_step="the first line must have the column names; see csv.separator, csv.quote, csv.line_end, "
        "csv.skip_rows, and csv.header for files without one",
    )
