"""Rows before they become records: their places, and which of them are rejected or filtered."""

from collections import Counter
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from datetime import date
from itertools import accumulate
from typing import Self

import polars as pl

from loader.formats.bad_record import RecordFault
from loader.formats.unnamed import unnamed
from loader.formats.windows import Piece
from loader.mapping.expressions import Expression
from loader.model import RejectedRow
from loader.reject_code import RejectCode
from loader.row_issues import MAX_VALUE_CHARS, RowIssue, issues_where, values_where

MAX_VALUE_BYTES = 8 * 2**20
"""Longest text of a cell, as in CSV: eight times the size of an event. Each step copies texts."""

FIRST_DAY, LAST_DAY = (day.toordinal() - date(1970, 1, 1).toordinal() for day in (date.min, date.max))
"""Range of dates that can be written, in days since 1970."""

# Columns with the place of a row. A record column cannot have these names.
PLACE, FILE, ROW = "place()", "file()", "row()"


class RowsOfPieces:
    """Rows of a slice that become records in the same way, from one file or several.

    Args:
        pieces: The rows, file by file.
        places: Position in the window of the first row of each piece.
    """

    def __init__(self, pieces: Sequence[Piece], places: Sequence[int]) -> None:
        # Otherwise each later step would work piece by piece.
        frames = [piece.frame for piece in pieces]
        self.frame = frames[0] if len(frames) == 1 else pl.concat(frames, rechunk=True)
        heights = [piece.frame.height for piece in pieces]
        self.places = _places(pieces, places, heights)
        starts = accumulate(heights, initial=0)
        self.bad = [
            replace(bad, index=start + bad.index)
            for piece, start in zip(pieces, starts, strict=False)
            for bad in piece.bad
        ]

    def where(self, wanted: pl.Series) -> Self:
        """Return the rows where a boolean series is true."""
        chosen = copy(self)
        chosen.frame, chosen.places = self.frame.filter(wanted), self.places.filter(wanted)
        indexes = (wanted.cast(pl.Int64).cum_sum() - 1).to_list() if self.bad else []
        chosen.bad = [replace(bad, index=indexes[bad.index]) for bad in self.bad if wanted[bad.index]]
        return chosen


def _places(pieces: Sequence[Piece], places: Sequence[int], heights: Sequence[int]) -> pl.DataFrame:
    """Return position in the window, file and position in the file for each row of some pieces."""
    of_pieces = pl.DataFrame(
        {
            PLACE: places,
            FILE: pl.Series([piece.file for piece in pieces], dtype=pl.UInt32),
            ROW: [piece.first_row for piece in pieces],
            "rows": heights,
        }
    )
    # An empty range would yield a row.
    with_rows = of_pieces.filter(pl.col("rows") > 0)
    return with_rows.select(
        pl.int_ranges(PLACE, pl.col(PLACE) + pl.col("rows")),
        FILE,
        pl.int_ranges(ROW, pl.col(ROW) + pl.col("rows")),
    ).explode(PLACE, ROW)


class RowBatch:
    """Rows of a slice during their conversion to records.

    Attributes:
        frame: The rows.
        places: Position in the window, file and position in the file of each row.
        rejected: Rows that cannot become records, by position in the window.
        filtered: Number of filtered rows by file.
    """

    def __init__(self, rows: RowsOfPieces, start: int, count: int) -> None:
        self.frame = rows.frame.slice(start, count)
        self.places = rows.places.slice(start, count)
        self.rejected: dict[int, RejectedRow] = {}
        self.filtered: Counter[int] = Counter()
        self.unknown: Counter[int] = Counter()
        left_out = []
        for bad in rows.bad:
            at = bad.index - start
            if not 0 <= at < self.frame.height:
                continue
            if bad.left_out:
                left_out.append(at)
            else:
                self.reject_row(self.places.row(at), bad.fault, bad.text, bad.lines)
        if left_out:
            self._leave_out(pl.int_range(self.frame.height, eager=True).is_in(left_out))
        for name in columns_with_longer_texts(self.frame, MAX_VALUE_BYTES):
            self._drop_endless_texts(name)
        for name, dtype in self.frame.schema.items():
            if dtype == pl.Date:
                self._drop_impossible_dates(name)

    def _drop_endless_texts(self, name: str) -> None:
        texts = unnamed(self.frame, name)
        endless = texts.str.len_bytes() > MAX_VALUE_BYTES
        reason = f"a text with more than {MAX_VALUE_BYTES:,} bytes"
        problems = issues_where(endless, RejectCode.VALUE_TOO_LONG, reason)
        self.reject(problems, texts.str.head(MAX_VALUE_CHARS), name)
        self.frame = self.frame.with_columns(values_where(texts, ~endless).alias(name))

    def _drop_impossible_dates(self, name: str) -> None:
        dates = unnamed(self.frame, name)
        days = dates.to_physical()
        impossible = ~days.is_between(FIRST_DAY, LAST_DAY)
        if impossible.any():  # polars panics when it formats such a date
            reason = "not a date of the years 1 to 9999"
            self.reject(issues_where(impossible, RejectCode.YEAR_OUT_OF_RANGE, reason), days, name)
            self.frame = self.frame.with_columns(values_where(dates, ~impossible).alias(name))

    def reject(self, problems: Iterable[RowIssue], source: pl.Series | None = None, column: str = "") -> None:
        """Reject the rows with problems, except rows that are rejected already.

        Args:
            problems: The problems.
            source: The values that caused it, if any.
            column: The column that caused it, if any.
        """
        for problem in problems:
            fault = RecordFault(problem.code, problem.reason, column)
            for index in problem.rows.arg_true():
                value = "" if source is None else _shown(source, index)
                self.reject_row(self.places.row(index), fault, value)

    def reject_row(self, place: tuple[int, int, int], fault: RecordFault, value: str, lines: int = 1) -> None:
        """Reject the row at a place, unless it is rejected already.

        Args:
            place: Its position in the window, its file, its position in the file.
            fault: The reason.
            value: The offending text.
            lines: Number of its lines in the file.
        """
        in_window, file, row = place
        clipped = value[:MAX_VALUE_CHARS]
        self.rejected.setdefault(
            in_window, RejectedRow(file, row, fault.column, fault.code, fault.reason, clipped, lines)
        )

    def keep_only(self, condition: Expression) -> None:
        """Filter out the rows for which a condition is not true; rejected rows stay."""
        answers, problems = condition.values(self.frame, "")
        self.reject(problems)
        not_rejected = self.kept()
        self.unknown.update(self._by_file(answers.is_null() & not_rejected))
        self._leave_out(~answers.fill_null(value=False) & not_rejected)

    def _leave_out(self, rows: pl.Series) -> None:
        """Drop filtered rows."""
        self.filtered.update(self._by_file(rows))
        self.frame, self.places = self.frame.filter(~rows), self.places.filter(~rows)

    def _by_file(self, rows: pl.Series) -> dict[int, int]:
        return dict(self.places[FILE].filter(rows).value_counts().iter_rows())

    def kept(self) -> pl.Series:
        """Return which rows are not rejected, as booleans."""
        return ~self.places[PLACE].is_in(list(self.rejected))


def columns_with_longer_texts(frame: pl.DataFrame, most_bytes: int) -> list[str]:
    """Return the text columns with a text of more than so many bytes, in the order of the columns.

    One expression for all columns takes a tenth of the time of a call for each.
    """
    longest = frame.select(pl.col(pl.String).str.len_bytes().max()).to_dict(as_series=False)
    return [name for name, (size,) in longest.items() if (size or 0) > most_bytes]


def _shown(source: pl.Series, index: int) -> str:
    try:
        value = source[index]
    except (ValueError, OverflowError):  # a timestamp outside Python's range of years
        return str(source.to_physical()[index])
    return "" if value is None else str(value)
