"""The texts in a mapping's rules, tried before they are used: constants, formats, patterns."""

import polars as pl

from loader.errors import SettingsError
from loader.extract.convert import Conversion, convert, full_match
from loader.extract.mapping import MappedColumn
from loader.extract.timestamp_formats import format_fault


def check_rule(column: MappedColumn) -> None:
    """Refuse a rule that cannot be kept.

    Raises:
        SettingsError: A format or a pattern cannot be used.
    """
    rule, where = column.rule, f"mapping.{column.name}"
    if (rule.formats or rule.time_zone is not None) and column.type != "timestamp":
        raise SettingsError(
            f"formats and time_zone are for timestamps, but '{column.name}' is of the type {column.type}.",
            where=where,
        )
    for text_format in rule.formats:
        why = format_fault(text_format)
        if why is not None:
            raise SettingsError(
                f"The timestamp format '{text_format}' cannot be used.",
                where=f"{where}.formats",
                why=why,
                next_step="Formats are written as for strftime, such as %d.%m.%Y %H:%M.",
            )
    if rule.null_pattern is not None:
        try:
            pl.Series([""]).str.contains(full_match(rule.null_pattern))
        except pl.exceptions.PolarsError as error:
            raise SettingsError(
                "The pattern for cells without a value cannot be used.",
                where=f"{where}.null_pattern",
                why="look-around and back-references are not known here",
            ) from error


def constant_text(column: MappedColumn, conversion: Conversion) -> str:
    """Return the text of a constant, as it goes into every record.

    Raises:
        SettingsError: It is no value of the column's type.
    """
    converted = convert(pl.Series([column.rule.constant]), column, conversion)
    text = converted.values[0]
    if converted.problems or text is None:
        reason = converted.problems[0].reason if converted.problems else "it holds no value"
        raise SettingsError(
            f"The constant for '{column.name}' cannot be used.",
            where=f"mapping.{column.name}.constant",
            why=f"{reason} ('{column.name}' is of the type {column.type})",
        )
    return str(text)
