"""Where the values of the records' columns come from in one file."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from loader.job import ColumnRule, Job
from loader.mapping.expressions import Expression
from loader.model import SourceFile


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column of the records and where its values come from.

    Attributes:
        name: Its name in the record (for a column used only to group or date events: the source's).
        type: ``string``, ``double``, ``int`` or ``timestamp``.
        required: Whether a row without a value here is rejected.
        rule: The source column, constant or expression, and how its text is read.
        expression: The rule's expression, if it has one.
    """

    name: str
    type: str
    required: bool
    rule: ColumnRule
    expression: Expression | None = None

    @property
    def shown_name(self) -> str:
        """The name that errors give it: the source column's, or its own if an expression feeds it."""
        return self.name if self.expression is not None else self.rule.column or self.name

    @property
    def source_columns(self) -> tuple[str, ...]:
        """The source columns that its values are made of."""
        if self.expression is not None:
            return self.expression.columns
        return () if self.rule.column is None else (self.rule.column,)


@dataclass(frozen=True, slots=True)
class Origins:
    """What values can come from: a file's columns, and the job's expressions over them.

    Attributes:
        file: The file.
        schema: Its columns and their types.
        expressions: The expressions of the mapping, by dataset column.
    """

    file: SourceFile
    schema: Mapping[str, pl.DataType]
    expressions: Mapping[str, Expression]

    def column(
        self, name: str, column_type: str, rule: ColumnRule, job: Job, *, required: bool = False
    ) -> MappedColumn:
        """Return a column that takes its values by a rule."""
        full_rule = rule.with_defaults(job.defaults, column_type)
        return MappedColumn(name, column_type, required, full_rule, self.expressions.get(name))

    def dtype(self, name: str, rule: ColumnRule) -> pl.DataType | None:
        """Return the type of the values that a rule takes, or None for a constant."""
        if name in self.expressions:
            return self.expressions[name].dtype
        return self.schema[rule.column] if rule.column is not None else None
