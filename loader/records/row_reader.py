"""The rows of a window to records: convert, reject, group, date, write.

Rules kept here:

1. Rows that the job's filter leaves out are not looked at any further.
2. The first column that fails rejects the row; columns are looked at in the dataset's order, then the
   group, then the event's timestamp, then the size of the record.
3. A reason never holds a value of the row; the value goes into ``RejectedRow.value``, clipped.
"""

from collections.abc import Iterable
from datetime import date

import polars as pl

from loader.events.plan import WindowRecords
from loader.formats.bad_record import RecordFault
from loader.formats.unnamed import unnamed
from loader.formats.windows import Window
from loader.job import Job, Pack
from loader.mapping.column_sources import MappedColumn
from loader.mapping.expressions import Expression
from loader.mapping.mapping import FileMapping
from loader.model import MAX_EVENT_BYTES, MAX_GROUP_CHARS, RejectedRow
from loader.records.convert import Conversion, convert, instants_of
from loader.records.json_records import Form, quoted_records, quoted_texts
from loader.records.rule_checks import checked_texts
from loader.reject_code import RejectCode
from loader.row_issues import RowIssue, issues_where, values_where

BATCH_ROWS, BATCH_BYTES = 32_768, 16 * 2**20
"""Most rows converted at a time, and about how many bytes of them, but one row at least: what a window needs
in between stays small, however large the window or its texts."""

MAX_VALUE_CHARS = 200
"""How much of an offending value is kept."""

MAX_VALUE_BYTES = 8 * 2**20
"""Longest text of a cell, as in CSV: eight times what an event holds. Each step copies texts."""

FIRST_DAY, LAST_DAY = (day.toordinal() - date(1970, 1, 1).toordinal() for day in (date.min, date.max))
"""Of the dates that can be written, in days since 1970."""

GROUP_SEPARATOR = "|"

MISSING_KEY_PART = "\x00"
"""Stands in a key for a part that is missing: unlike any text."""

# Columns beside those of the record, under names that no record column can have.
ROW, GROUP, TIMESTAMP, QUOTED, SIZE = "row()", "group()", "timestamp()", "quoted()", "size()"


class _Batch:
    """Some rows of a window while they become records."""

    def __init__(self, window: Window, start: int, rows: int) -> None:
        self.frame = window.frame.slice(start, rows)
        first_row = window.first_row + start
        self.rows = pl.int_range(first_row, first_row + self.frame.height, eager=True)
        self.rejected: dict[int, RejectedRow] = {}
        self._file = window.file
        self._left_out: set[int] = set()
        for bad in window.bad:
            if not start <= bad.index < start + self.frame.height:
                continue
            if bad.left_out:
                self._left_out.add(window.first_row + bad.index)
            else:
                self.reject_row(window.first_row + bad.index, bad.fault, bad.text, bad.lines)
        for name, dtype in self.frame.schema.items():
            if dtype == pl.String:
                self._drop_endless_texts(name)
            elif dtype == pl.Date:
                self._drop_impossible_dates(name)

    def _drop_endless_texts(self, name: str) -> None:
        texts = unnamed(self.frame, name)
        endless = texts.str.len_bytes() > MAX_VALUE_BYTES
        if endless.any():
            reason = f"a text in it has more than {MAX_VALUE_BYTES:,} bytes"
            problems = issues_where(endless, RejectCode.VALUE_TOO_LONG, reason)
            self.reject(problems, texts.str.head(MAX_VALUE_CHARS), name)
            self.frame = self.frame.with_columns(values_where(texts, ~endless).alias(name))

    def _drop_impossible_dates(self, name: str) -> None:
        dates = unnamed(self.frame, name)
        days = dates.to_physical()
        impossible = ~days.is_between(FIRST_DAY, LAST_DAY)
        if impossible.any():  # polars panics when it writes one
            reason = "it is not a date of the years 1 to 9999"
            self.reject(issues_where(impossible, RejectCode.YEAR_OUT_OF_RANGE, reason), days, name)
            self.frame = self.frame.with_columns(values_where(dates, ~impossible).alias(name))

    def reject(self, problems: Iterable[RowIssue], source: pl.Series | None = None, column: str = "") -> None:
        """Reject the rows of the problems, but for those that were rejected before.

        Args:
            problems: The problems.
            source: The values at fault, if there are any to show.
            column: The column at fault, if it is one.
        """
        for problem in problems:
            fault = RecordFault(problem.code, problem.reason, column)
            for index in problem.rows.arg_true():
                value = "" if source is None else _shown(source, index)
                self.reject_row(self.rows[index], fault, value)

    def reject_row(self, row: int, fault: RecordFault, value: str, lines: int = 1) -> None:
        """Reject the row at a position of the file, unless it was rejected before."""
        clipped = value[:MAX_VALUE_CHARS]
        self.rejected.setdefault(
            row, RejectedRow(self._file, row, fault.column, fault.code, fault.reason, clipped, lines)
        )

    def drop_left_out(self) -> int:
        """Drop the rows that the format counts and leaves out; return how many."""
        if self._left_out:
            kept = ~self.rows.is_in(list(self._left_out))
            self.frame, self.rows = self.frame.filter(kept), self.rows.filter(kept)
        return len(self._left_out)

    def keep_only(self, condition: Expression) -> tuple[int, int]:
        """Drop the rows for which a condition is not true; rejected rows stay.

        Returns:
            How many were dropped, and for how many of them the answer was unknown.
        """
        answers, problems = condition.values(self.frame, "")
        self.reject(problems)
        not_rejected = self.kept()
        unknown = int((answers.is_null() & not_rejected).sum())
        kept = answers.fill_null(value=False) | ~not_rejected
        self.frame, self.rows = self.frame.filter(kept), self.rows.filter(kept)
        return len(kept) - self.frame.height, unknown

    def kept(self) -> pl.Series:
        """Return which rows are not rejected, as booleans."""
        return ~self.rows.is_in(list(self.rejected))


class RowReader:
    """Makes the records of one file's windows; holds no state, so any thread may use it.

    Args:
        job: The job.
        mapping: What becomes of the file's columns.
        with_keys: Whether to tell the primary keys also where packing does not need them.

    Raises:
        SettingsError: A constant, format or pattern of the mapping cannot be used.
    """

    def __init__(self, job: Job, mapping: FileMapping, *, with_keys: bool = False) -> None:
        self._mapping = mapping
        self._conversion = Conversion.of(job)
        self._nulls = job.nulls
        self._longest_group = MAX_GROUP_CHARS if job.group_buckets is None else None
        self._with_keys = (with_keys or job.pack is Pack.GROUP) and bool(mapping.key)
        self._forms = {column.name: _form(column, job) for column in mapping.columns}
        self._constants, self._placeholders = checked_texts(mapping.columns, self._conversion, job)

    def read(self, window: Window) -> WindowRecords:
        """Return the records of a window, and its rows that could not become records."""
        done, rejected, filtered, unknown = [], [], 0, 0
        rows = _batch_rows(window.frame)
        for start in range(0, window.frame.height, rows):
            batch = _Batch(window, start, rows)
            filtered += batch.drop_left_out()
            if self._mapping.filter is not None:
                dropped, without_answer = batch.keep_only(self._mapping.filter)
                filtered, unknown = filtered + dropped, unknown + without_answer
            done.append(self._records(batch))
            rejected += sorted(batch.rejected.values(), key=lambda row: row.row)
        return WindowRecords(
            number=window.number,
            file=window.file,
            first_row=window.first_row,
            rows_read=window.frame.height,
            rows_filtered=filtered,
            rows_filtered_unknown=unknown,
            last_of_file=window.last_of_file,
            # One piece: what reads it later would put it together again each time.
            frame=pl.concat(done, rechunk=True),
            rejected=rejected,
        )

    def _records(self, batch: _Batch) -> pl.DataFrame:
        texts = pl.DataFrame([self._text(batch, column) for column in self._mapping.columns])
        columns = texts.with_columns(
            batch.rows.alias(ROW),
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
            for row, size in too_long.select(ROW, SIZE).iter_rows():
                batch.reject_row(row, _too_long(size), "")
        results = [
            pl.col(name).alias(name.removesuffix("()")) for name in (ROW, GROUP, TIMESTAMP, QUOTED, SIZE)
        ]
        return columns.select(*results, *([self._key()] if self._with_keys else []))

    def _text(self, batch: _Batch, column: MappedColumn) -> pl.Series:
        """Return the texts of a column, and reject the rows where there can be none."""
        if column.rule.constant is not None:
            constant = pl.Series(column.name, [self._constants[column.name]], dtype=pl.String)
            return constant.new_from_index(0, batch.frame.height)
        source = _source(batch, column)
        converted = convert(source, column, self._conversion, self._placeholders.get(column.name))
        batch.reject(converted.problems, source, column.shown_name)
        return converted.values.alias(column.name)

    def _group(self, batch: _Batch, texts: pl.DataFrame) -> pl.Series:
        names = ", ".join(column.name for column in self._mapping.group)
        parts = [
            (texts[column.name] if column.name in texts.columns else self._text(batch, column)).alias("")
            for column in self._mapping.group
        ]
        filled = [pl.lit(part).fill_null("") for part in parts]
        group, any_value = pl.select(
            pl.concat_str(filled, separator=GROUP_SEPARATOR).alias("group"),
            pl.any_horizontal([part != "" for part in filled]).alias("any_value"),
        )
        batch.reject(issues_where(~any_value, RejectCode.NO_GROUP, f"it has no group: no value in {names}"))
        if self._longest_group is not None:
            too_long = group.str.len_chars() > self._longest_group
            reason = f"its group ({names}) is longer than {self._longest_group} characters"
            batch.reject(issues_where(too_long, RejectCode.GROUP_TOO_LONG, reason))
        return group

    def _timestamp(self, batch: _Batch) -> pl.Series:
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
        """Return the primary key as one text, such that no two keys are alike.

        Its parts are escaped: no quote and no control character stands in them as itself.
        """
        parts = [pl.col(name).fill_null(MISSING_KEY_PART) for name in self._mapping.key]
        return pl.concat_str(parts, separator='"').alias("key")


def _batch_rows(frame: pl.DataFrame) -> int:
    fitting = frame.height * BATCH_BYTES // max(int(frame.estimated_size()), 1)
    return max(1, min(BATCH_ROWS, fitting))


def _source(batch: _Batch, column: MappedColumn) -> pl.Series:
    """Return the values that a column is made of, and reject the rows where its expression has none."""
    if column.expression is None:
        assert column.rule.column is not None
        return unnamed(batch.frame, column.rule.column)
    values, problems = column.expression.values(batch.frame, "")
    batch.reject(problems, values, column.name)
    return values


def _reject_long(batch: _Batch, columns: Iterable[MappedColumn], texts: pl.DataFrame) -> None:
    """Reject rows with a text that no event holds: escaped first, megabytes would become hundreds."""
    for column, text in zip(columns, texts, strict=True):
        too_long = text.str.len_bytes() > MAX_EVENT_BYTES
        if too_long.any():
            reason = f"it alone has more than the {MAX_EVENT_BYTES:,} bytes of an event"
            problems = issues_where(too_long, RejectCode.RECORD_TOO_LONG, reason)
            batch.reject(problems, text.str.head(MAX_VALUE_CHARS), column.shown_name)


def _shown(source: pl.Series, index: int) -> str:
    try:
        value = source[index]
    except (ValueError, OverflowError):  # a timestamp beyond the years that Python knows
        return str(source.to_physical()[index])
    return "" if value is None else str(value)


def _form(column: MappedColumn, job: Job) -> Form:
    if column.type == "string":
        return Form.TEXT
    return Form.BARE if job.numbers == "number" and column.type in ("int", "double") else Form.PLAIN


def _too_long(size: int) -> RecordFault:
    reason = f"its record has {size:,} bytes, more than the {MAX_EVENT_BYTES:,} of an event"
    return RecordFault(RejectCode.RECORD_TOO_LONG, reason)
