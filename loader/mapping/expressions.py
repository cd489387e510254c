"""SQL over source columns: checked when the extract is opened, evaluated batch by batch.

Rules kept here:

1. What an expression gives for a row is a function of that row alone, so that a plan can be made again;
   ``sql_words`` keeps what is not out.
2. A row whose values an expression cannot work with is a problem of that row, never of the others.
3. What polars says about values never leaves here: it quotes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from loader.mapping.errors import no_such_source, unusable_sql
from loader.mapping.sql_allowlist import FUNCTIONS, unknown_word
from loader.model import SourceFile
from loader.reject_code import RejectCode
from loader.row_issues import RowIssue, issues_where

RESULT = "result()"
"""A name that no source column can be mistaken for."""

_CANNOT = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that fits a file.

    Attributes:
        columns: The source columns it reads.
        dtype: The type of its values.
    """

    columns: tuple[str, ...]
    dtype: pl.DataType
    _expr: pl.Expr = field(repr=False, compare=False)

    def values(self, frame: pl.DataFrame, name: str) -> tuple[pl.Series, list[RowIssue]]:
        """Return a value for each row of a frame, and the rows it cannot be worked out for.

        Args:
            frame: Rows with at least the columns it reads.
            name: The name to give the series.
        """
        try:
            return _evaluated(frame, self._expr).alias(name), []
        except _CANNOT:
            failed: list[bool] = []
            parts = list(self._by_halves(frame, failed))
            values = pl.concat([part.cast(self.dtype) for part in parts]).alias(name)
            reason = "its expression has no value for this row"
            return values, issues_where(pl.Series(failed), RejectCode.EXPRESSION_FAILED, reason)

    def _by_halves(self, frame: pl.DataFrame, failed: list[bool]) -> list[pl.Series]:
        """Evaluate what can be evaluated, cutting the frame down to the rows that cannot."""
        try:
            values = _evaluated(frame, self._expr)
        except _CANNOT:
            if frame.height == 1:
                failed.append(True)
                return [pl.Series(RESULT, [None], dtype=self.dtype)]
            half = frame.height // 2
            return [*self._by_halves(frame[:half], failed), *self._by_halves(frame[half:], failed)]
        failed.extend([False] * frame.height)
        return [values]


def read_expression(
    sql: str, setting: str, file: SourceFile, schema: Mapping[str, pl.DataType]
) -> Expression:
    """Return an expression over the columns of a file.

    Args:
        sql: The expression as it stands in the job.
        setting: The setting it comes from, for errors.
        file: The file.
        schema: The file's columns and their types.

    Raises:
        SettingsError: It is not SQL, names a column the file does not have, or depends on more than one row.
    """
    try:
        expr = pl.sql_expr(sql)
    except _CANNOT as error:
        raise unusable_sql(setting, _first_line(error)) from error
    columns = tuple(dict.fromkeys(expr.meta.root_names()))
    word = unknown_word(sql, columns)
    if word is not None:
        raise unusable_sql(
            setting,
            f"'{word}' is not known here: an expression may depend on its row alone",
            "Functions that may be used: " + ", ".join(name.upper() for name in sorted(FUNCTIONS)) + ".",
        )
    for column in columns:
        if column not in schema:
            raise no_such_source(setting, column, file, schema)
    if not columns:
        raise unusable_sql(setting, "it reads no column of the file", "Use a constant instead.")
    try:
        empty = _evaluated(pl.DataFrame(schema={name: schema[name] for name in columns}), expr)
    except _CANNOT as error:
        raise unusable_sql(
            setting,
            _first_line(error),
            "All columns of a CSV file are text: CAST(column AS DOUBLE) makes numbers of them.",
        ) from error
    return Expression(columns, empty.dtype, expr)


def _evaluated(frame: pl.DataFrame, expr: pl.Expr) -> pl.Series:
    return frame.select(expr.alias(RESULT)).to_series()


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
