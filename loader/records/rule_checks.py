"""Check the constants, formats and patterns of a mapping before they are used."""

from collections.abc import Iterable
from dataclasses import replace

import polars as pl

from loader.errors import SettingsError
from loader.job import ColumnRule
from loader.mapping.column_sources import MappedColumn
from loader.mapping.errors import PlaceOf, all_of
from loader.records.convert import convert, full_match
from loader.records.epochs import EPOCHS
from loader.records.settings import Conversion
from loader.records.timestamps import ISO_FORMAT
from loader.strptime.day_of_year import CYYDDD
from loader.strptime.format_faults import format_fault


def checked_texts(
    columns: Iterable[MappedColumn], conversion: Conversion, place_of: PlaceOf
) -> tuple[dict[str, str], dict[str, str]]:
    """Check every rule, and return the constants and the placeholders by column.

    Raises:
        SettingsError: A rule cannot be applied; one error lists all faults.
    """
    constants, placeholders, faults = {}, {}, []
    for column in columns:
        try:
            check_rule(column)
            if column.rule.constant is not None:
                constants[column.name] = text_of(column, conversion, "constant", column.rule.constant)
            if column.rule.placeholder is not None:
                placeholders[column.name] = placeholder_text(column, conversion, column.rule.placeholder)
        except SettingsError as fault:
            faults.append(fault)
    if faults:
        raise all_of(faults, place_of)
    return constants, placeholders


def check_rule(column: MappedColumn) -> None:
    """Reject a rule that cannot be applied.

    Raises:
        SettingsError: A format or a pattern cannot be used.
    """
    rule, where = column.rule, f"mapping.{column.name}"
    if (rule.reads_times or rule.time_zone is not None) and column.type != "timestamp":
        raise SettingsError(
            "formats, time_zone, ambiguous and nonexistent apply to timestamps, but "
            f"'{column.name}' has the type {column.type}.",
            where=where,
            next_step="remove these rules from the entry, or map the column to a timestamp",
        )
    if rule.reads_numbers and column.type not in ("double", "int"):
        raise SettingsError(
            f"decimal, thousands and negative apply to numbers; '{column.name}' has the type {column.type}.",
            where=where,
            next_step="remove these rules from the entry, or map the column to a number",
        )
    for text_format in rule.formats:
        why = format_fault(text_format) if text_format not in (*EPOCHS, CYYDDD, ISO_FORMAT) else None
        if why is not None:
            raise SettingsError(
                f"The timestamp format '{text_format}' cannot be used.",
                where=f"{where}.formats",
                why=why,
                next_step="use a strftime format such as %d.%m.%Y %H:%M, or for numbers since 1970 "
                "epoch_s, epoch_ms or epoch_us, for dates of JD Edwards cyyddd, for ISO 8601 iso8601",
            )
    if rule.null_pattern is not None:
        try:
            pl.Series([""]).str.contains(full_match(rule.null_pattern))
        except pl.exceptions.PolarsError as error:
            raise SettingsError(
                "The pattern for cells without a value cannot be used.",
                where=f"{where}.null_pattern",
                why="look-around and back-references are not supported",
                next_step="write a pattern without them, or list the texts in null_words",
            ) from error


def placeholder_text(column: MappedColumn, conversion: Conversion, placeholder: str) -> str:
    """Return the text that records get for a column without a value.

    A placeholder is written in its final form, so the notation of the column's cells does not apply to it. A
    time without a zone is UTC, because a zone could turn 9999-12-31 into the year 10000.

    Raises:
        SettingsError: It is not a value of the column's type.
    """
    plain = replace(column, rule=ColumnRule(constant=placeholder), expression=None)
    return text_of(plain, replace(conversion, time_zone="UTC"), "placeholder", placeholder)


def text_of(column: MappedColumn, conversion: Conversion, setting: str, text: str) -> str:
    """Return a constant or placeholder in the form of a record.

    Raises:
        SettingsError: It is not a value of the column's type.
    """
    converted = convert(pl.Series([text]), column, conversion)
    value = converted.values[0]
    if converted.problems or value is None:
        reason = converted.problems[0].reason if converted.problems else "no value"
        raise SettingsError(
            f"The {setting} for '{column.name}' cannot be used.",
            where=f"mapping.{column.name}.{setting}",
            why=f"{reason} ('{column.name}' has the type {column.type})",
            next_step="give a value of this type",
        )
    return str(value)
