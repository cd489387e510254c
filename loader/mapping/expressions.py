"""SQL over source columns: checked when the extract is opened, evaluated batch by batch.

Rules kept here:

1. The value of an expression depends on its row alone, so that a plan can be repeated.
2. If an expression fails for a row, that row is rejected; other rows are not affected.
3. An error contains no values of a row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from loader.errors import ExtractError
from loader.formats.unread import Unread
from loader.mapping.errors import no_such_source, unusable_sql
from loader.model import SourceFile
from loader.reject_code import RejectCode
from loader.row_issues import RowIssue, issues_where
from loader.sql.fault import MOST_TEXT_BYTES, SqlFault, TooMuchText

if TYPE_CHECKING:
    from loader.sql.evaluation import Evaluation
    from loader.sql.json_paths import Path

_FAILED = "the expression has no value for this row"
"""Reason for a rejected row. ``docs/values.md`` lists the cases in which an expression fails."""

_PANICS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


@dataclass(frozen=True)
class Expression:
    """An expression that fits a file.

    Attributes:
        sql: The expression, as in the job.
        columns: The source columns it reads.
        dtype: The type of its values.
    """

    sql: str = field(repr=False)
    columns: tuple[str, ...]
    dtype: pl.DataType

    def values(self, frame: pl.DataFrame, name: str) -> tuple[pl.Series, list[RowIssue]]:
        """Return a value for each row of a frame, and the rows for which the expression fails.

        Args:
            frame: Rows with at least the columns it reads.
            name: The name to give the series.

        Raises:
            ExtractError: The texts that it makes from these rows are too large for the memory.
        """
        try:
            values, failed = self._by_halves(frame)
        except SqlFault as fault:
            raise ExtractError(
                "An SQL expression cannot be evaluated.",
                where=self.sql,
                why=fault.why,
                next_step="make the texts of the expression shorter, or compute the column before the load",
            ) from fault
        return values.alias(name), issues_where(failed, RejectCode.EXPRESSION_FAILED, _FAILED)

    def _by_halves(self, frame: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        """Evaluate the rows. If polars fails, halve the frame until only the failing rows are left."""
        try:
            return self._evaluation.of(frame)
        except (*_PANICS, TooMuchText):
            if frame.height <= 1:
                nothing = pl.Series([None] * frame.height, dtype=self.dtype)
                return nothing, pl.Series([True] * frame.height, dtype=pl.Boolean)
        half = frame.height // 2
        (a, a_failed), (b, b_failed) = self._by_halves(frame[:half]), self._by_halves(frame[half:])
        values = pl.concat([a, b])
        if values.dtype == pl.String and int(values.str.len_bytes().sum() or 0) > MOST_TEXT_BYTES:
            raise SqlFault(f"it makes more than {MOST_TEXT_BYTES:,} bytes of text from {frame.height:,} rows")
        return values, pl.concat([a_failed, b_failed])

    @cached_property
    def paths(self) -> "Sequence[Path]":
        """The paths into columns that it reads."""
        return self._evaluation.paths

    @cached_property
    def _evaluation(self) -> "Evaluation":
        from loader.sql.evaluation import Evaluation  # noqa: PLC0415 - sqlglot takes 120 ms to import

        return Evaluation(self.sql)


def with_json_members(frame: pl.DataFrame, expressions: Iterable[Expression]) -> pl.DataFrame:
    """Add values that several paths of expressions read from the same JSON, so that it is parsed once."""
    paths = [path for expression in expressions for path in expression.paths if len(path) > 1]
    if len(paths) <= 1:
        return frame
    from loader.sql import json_paths  # noqa: PLC0415 - expressions are rare, and their modules slow to import

    return json_paths.with_json_members(frame, paths)


def read_expression(
    sql: str, setting: str, file: SourceFile, schema: Mapping[str, pl.DataType]
) -> Expression:
    """Return an expression over the columns of a file.

    Args:
        sql: The expression, as in the job.
        setting: Its setting, for errors.
        file: The file.
        schema: The file's columns and their types.

    Raises:
        SettingsError: It is not SQL, names an unknown column, or depends on more than one row.
    """
    from loader.sql.evaluation import Evaluation  # noqa: PLC0415 - sqlglot takes 120 ms to import

    try:
        evaluation = Evaluation(sql)
        columns = evaluation.source_columns(schema)
        for column in columns:
            if column not in schema:
                evaluation.check_functions()
                raise no_such_source(setting, column, file, schema)
            if isinstance(schema[column], Unread):
                raise unusable_sql(setting, f"the source column '{column}' has the type {schema[column]}")
        empty, _ = evaluation.of(pl.DataFrame(schema={name: schema[name] for name in columns}))
    except SqlFault as fault:
        raise unusable_sql(setting, fault.why, fault.cure) from fault
    except _PANICS as error:
        raise unusable_sql(setting, "it combines incompatible types", "use CAST on one of them") from error
    if not columns:
        raise unusable_sql(setting, "it reads no column of the file", "use a constant instead")
    return Expression(sql, columns, empty.dtype)
