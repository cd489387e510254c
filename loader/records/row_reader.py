"""Convert the rows of a window to records: convert, reject, group, date, write.

Rules kept here:

1. Rows that the job's filter leaves out are not examined further.
2. The first column with a fault rejects the row. The order is: the dataset's columns, the group, the event's
   timestamp, the size of the record.
3. A reason never contains a value of the row; ``RejectedRow.value`` has the value, clipped.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

import polars as pl

from loader.events.shard_lanes import lanes_of_shard
from loader.formats.bad_record import RecordFault
from loader.formats.unnamed import unnamed
from loader.formats.windows import Piece
from loader.job import Shard
from loader.mapping.column_sources import MappedColumn
from loader.mapping.expressions import with_json_members
from loader.mapping.mapping import FileMapping
from loader.model import MAX_EVENT_BYTES, MAX_GROUP_CHARS
from loader.records.convert import convert, instants_of
from loader.records.joined_rows import ReadRows, columns_of, joined, separated
from loader.records.json_records import Form, quoted_records, quoted_texts
from loader.records.row_batch import (
    FILE,
    PLACE,
    ROW,
    RowBatch,
    RowsOfPieces,
    columns_with_longer_texts,
)
from loader.records.rule_checks import checked_texts
from loader.records.settings import Conversion, RecordSettings
from loader.reject_code import RejectCode
from loader.row_issues import MAX_VALUE_CHARS, issues_where

BATCH_ROWS, BATCH_BYTES = 32_768, 16 * 2**20
"""Maximum number of rows converted at a time, and approximate bytes of them (at least one row). They keep the
memory for intermediate results small for any window and text size."""

GROUP_SEPARATOR = "|"

MISSING_KEY_PART = "\x00"
"""Represents a missing part of a key; it differs from any text."""

# Columns besides those of the record. A record column cannot have these names.
GROUP, TIMESTAMP, QUOTED, SIZE = "group()", "timestamp()", "quoted()", "size()"


class RowReader:
    """Converts rows of files with the same columns to records. It has no state; any thread may use it.

    Args:
        settings: The settings of records.
        mapping: The mapping of the file's columns.
        with_keys: Whether to return the primary keys even if packing does not need them.

    Raises:
        SettingsError: A constant, format or pattern of the mapping cannot be used.
    """

    def __init__(self, settings: RecordSettings, mapping: FileMapping, *, with_keys: bool = False) -> None:
        self._mapping = mapping
        self._conversion = settings.conversion
        self._nulls = settings.nulls
        self._longest_group = MAX_GROUP_CHARS if settings.group_buckets is None else None
        self._with_keys = (with_keys or settings.packs_groups) and bool(mapping.key)
        self._forms = {column.name: _form(column, self._conversion) for column in mapping.columns}
        self._shard, self._buckets = settings.shard, settings.group_buckets
        named = (*mapping.columns, *mapping.group, *filter(None, [mapping.timestamp]))
        self._expressions = [each.expression for each in named if each.expression is not None]
        by_name = {column.name: column for column in mapping.columns}
        self._grouping = [by_name[each.name] for each in mapping.group if each.name in by_name]
        self._constants, self._placeholders = checked_texts(
            mapping.columns, self._conversion, settings.place_of
        )

    def read(self, slices: Sequence[tuple[Sequence[Piece], Sequence[int]]]) -> Sequence[ReadRows]:
        """Return the records of some slices, and the rows that could not become any, slice by slice.

        The own rows of a shard are few in a slice, so those of all slices are converted together.

        Args:
            slices: For each slice its rows with columns of the same types, file by file, and the position in
                its window of the first row of each piece.
        """
        rows = [RowsOfPieces(pieces, places) for pieces, places in slices]
        if self._shard is None:
            return [self._read(each) for each in rows]
        own, elsewhere = self._own(rows, self._shard)
        return separated(self._read(joined(own)), elsewhere)

    def _read(self, rows: RowsOfPieces) -> ReadRows:
        done, rejected = [], []
        filtered: Counter[int] = Counter()
        unknown: Counter[int] = Counter()
        count = _batch_rows(rows.frame)
        for start in range(0, rows.frame.height, count):
            batch = RowBatch(rows, start, count)
            if self._mapping.filter is not None:
                batch.keep_only(self._mapping.filter)
            batch.frame = with_json_members(batch.frame, self._expressions)
            filtered += batch.filtered
            unknown += batch.unknown
            done.append(self._records(batch))
            rejected += [row for _, row in sorted(batch.rejected.items())]
        # Rechunk once: otherwise each later step that reads it would do so.
        frame = pl.concat(done, rechunk=True) if done else pl.DataFrame()
        return ReadRows(frame, rejected, filtered, unknown, {})

    def _own(
        self, slices: Sequence[RowsOfPieces], shard: Shard
    ) -> tuple[Sequence[RowsOfPieces], Sequence[Mapping[int, int]]]:
        """Return the rows of a shard in each slice, and the number of all its other rows by file.

        Only the columns of the group are converted here, for all slices at once, so that a row of another
        shard costs little. A row whose group cannot be determined is assigned to a shard by its place.
        """
        columns = {
            name for column in (*self._grouping, *self._mapping.group) for name in column.source_columns
        }
        together = columns_of(slices, sorted(columns))
        narrow = RowBatch(together, 0, together.frame.height)
        groups = self._group(narrow, pl.DataFrame([self._text(narrow, each) for each in self._grouping]))
        assert not isinstance(self._buckets, str)
        by_group = lanes_of_shard(groups.fill_null(""), self._buckets, shard)
        if narrow.rejected:
            places = pl.concat([each.places[PLACE] for each in slices])
            by_group = by_group.zip_with(narrow.kept(), places % shard.of == shard.number - 1)
        starts = accumulate((each.frame.height for each in slices), initial=0)
        is_own = [
            by_group.slice(start, each.frame.height) for start, each in zip(starts, slices, strict=False)
        ]
        own = [each.where(wanted) for each, wanted in zip(slices, is_own, strict=True)]
        return own, [
            dict(each.places[FILE].filter(~wanted).value_counts().iter_rows())
            for each, wanted in zip(slices, is_own, strict=True)
        ]

    def _records(self, batch: RowBatch) -> pl.DataFrame:
        texts = pl.DataFrame([self._text(batch, column) for column in self._mapping.columns])
        columns = texts.with_columns(
            *batch.places,
            self._group(batch, texts).alias(GROUP),
            self._timestamp(batch).alias(TIMESTAMP),
        )
        _reject_long(batch, self._mapping.columns, texts)
        if batch.rejected:
            columns = columns.filter(batch.kept())
        quoted = quoted_texts(columns.select(texts.columns), self._forms)
        records = quoted_records(quoted, self._forms, nulls=self._nulls)
        columns = columns.with_columns(
            *quoted.texts, records["quoted"].alias(QUOTED), records["size"].alias(SIZE)
        )
        too_long = columns.filter(pl.col(SIZE) > MAX_EVENT_BYTES)
        if too_long.height:
            columns = columns.filter(pl.col(SIZE) <= MAX_EVENT_BYTES)
            for *place, size in too_long.select(PLACE, FILE, ROW, SIZE).iter_rows():
                batch.reject_row((place[0], place[1], place[2]), _too_long(size), "")
        results = [
            pl.col(name).alias(name.removesuffix("()"))
            for name in (PLACE, FILE, ROW, GROUP, TIMESTAMP, QUOTED, SIZE)
        ]
        return columns.select(*results, *([self._key()] if self._with_keys else []))

    def _text(self, batch: RowBatch, column: MappedColumn) -> pl.Series:
        """Return the texts of a column, and reject the rows whose value cannot be converted."""
        if column.rule.constant is not None:
            constant = pl.Series(column.name, [self._constants[column.name]], dtype=pl.String)
            return constant.new_from_index(0, batch.frame.height)
        source = _source(batch, column)
        converted = convert(source, column, self._conversion, self._placeholders.get(column.name))
        batch.reject(converted.problems, source, column.shown_name)
        return converted.values.alias(column.name)

    def _group(self, batch: RowBatch, texts: pl.DataFrame) -> pl.Series:
        names = ", ".join(column.name for column in self._mapping.group)
        parts = [
            (texts[column.name] if column.name in texts.columns else self._text(batch, column)).alias("")
            for column in self._mapping.group
        ]
        filled = [pl.lit(part).fill_null("") for part in parts]
        group, any_value = pl.select(
            _joined(filled, GROUP_SEPARATOR).alias("group"),
            pl.any_horizontal([part != "" for part in filled]).alias("any_value"),
        )
        batch.reject(issues_where(~any_value, RejectCode.NO_GROUP, f"no group: no value in {names}"))
        if self._longest_group is not None:
            too_long = group.str.len_chars() > self._longest_group
            reason = f"group ({names}) longer than {self._longest_group} characters"
            batch.reject(issues_where(too_long, RejectCode.GROUP_TOO_LONG, reason))
        return group

    def _timestamp(self, batch: RowBatch) -> pl.Series:
        column = self._mapping.timestamp
        if column is None:
            return pl.Series([None], dtype=pl.String).new_from_index(0, batch.frame.height)
        if column.rule.constant is not None:
            source = pl.Series([column.rule.constant]).new_from_index(0, batch.frame.height)
        else:
            source = _source(batch, column)
        instants, problems = instants_of(source, column.rule, self._conversion.time_zone)
        batch.reject(problems, source, "" if column.rule.constant is not None else column.shown_name)
        return instants.epoch_seconds()

    def _key(self) -> pl.Expr:
        """Return the primary key as one text; different keys have different texts.

        The parts are escaped, so that they contain no plain quote or control character.
        """
        parts = [pl.col(name).fill_null(MISSING_KEY_PART) for name in self._mapping.key]
        return _joined(parts, '"').alias("key")


def _joined(parts: Sequence[pl.Expr], separator: str) -> pl.Expr:
    """Return the parts of each row as one text. A single part is not copied."""
    return parts[0] if len(parts) == 1 else pl.concat_str(parts, separator=separator)


def _batch_rows(frame: pl.DataFrame) -> int:
    fitting = frame.height * BATCH_BYTES // max(int(frame.estimated_size()), 1)
    return max(1, min(BATCH_ROWS, fitting))


def _source(batch: RowBatch, column: MappedColumn) -> pl.Series:
    """Return the source values of a column, and reject the rows where its expression fails."""
    if column.expression is None:
        assert column.rule.column is not None
        return unnamed(batch.frame, column.rule.column)
    values, problems = column.expression.values(batch.frame, "")
    batch.reject(problems, values, column.name)
    return values


def _reject_long(batch: RowBatch, columns: Iterable[MappedColumn], texts: pl.DataFrame) -> None:
    """Reject rows with a text larger than an event, before escaping turns megabytes into hundreds."""
    shown_names = {column.name: column.shown_name for column in columns}
    reason = f"a text with more than the {MAX_EVENT_BYTES:,} bytes of an event"
    for name in columns_with_longer_texts(texts, MAX_EVENT_BYTES):
        text = unnamed(texts, name)
        problems = issues_where(text.str.len_bytes() > MAX_EVENT_BYTES, RejectCode.RECORD_TOO_LONG, reason)
        batch.reject(problems, text.str.head(MAX_VALUE_CHARS), shown_names[name])


def _form(column: MappedColumn, conversion: Conversion) -> Form:
    if column.type == "string":
        return Form.TEXT
    return Form.BARE if conversion.numbers == "number" and column.type in ("int", "double") else Form.PLAIN


def _too_long(size: int) -> RecordFault:
    reason = f"a record of {size:,} bytes, more than the {MAX_EVENT_BYTES:,} of an event"
    return RecordFault(RejectCode.RECORD_TOO_LONG, reason)
