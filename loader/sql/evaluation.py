"""An expression that is parsed once and evaluated for the rows of each frame."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import polars as pl
from sqlglot import exp

from loader.sql.column import EXACT, Column
from loader.sql.dialect import parsed
from loader.sql.evaluator import Evaluator, source_columns
from loader.sql.exact import to_decimals
from loader.sql.fault import unknown_function
from loader.sql.functions import FUNCTIONS
from loader.sql.json_paths import Path, with_json_members
from loader.sql.parts import NODES, paths_in


class Evaluation:
    """A parsed expression.

    Args:
        sql: The expression.

    Raises:
        SqlFault: The text is not an expression.
    """

    def __init__(self, sql: str) -> None:
        self._tree = parsed(sql)

    def source_columns(self, schema: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names of the columns that it reads, including unknown ones."""
        return source_columns(self._tree, schema)

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """The paths into columns that it reads.

        Raises:
            SqlFault: A path is not one that can be read.
        """
        return paths_in(self._tree)

    def check_functions(self) -> None:
        """Reject functions that do not exist.

        Raises:
            SqlFault: It calls an unknown function.
        """
        for call in self._tree.find_all(exp.Anonymous):
            if call.name.lower() not in FUNCTIONS:
                raise unknown_function(call.name, FUNCTIONS)

    def of(self, frame: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        """Return a value for each row of a frame, and which rows failed.

        Args:
            frame: Rows with at least the columns it reads.

        Raises:
            SqlFault: It combines incompatible types, or a function is unknown.
        """
        column = Evaluator(with_json_members(frame, self.paths), NODES).of(self._tree)
        failed = column.failed
        if failed is None:
            failed = pl.repeat(value=False, n=frame.height, dtype=pl.Boolean, eager=True)
        return _series(column), failed


def _series(column: Column) -> pl.Series:
    if column.kind == EXACT and column.scale:
        return to_decimals(column)
    return column.values
