"""The sources of the records' columns in one file."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from loader.job import ColumnRule, TextRule
from loader.mapping.expressions import Expression
from loader.model import SourceFile


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column of the records and the source of its values.

    Attributes:
        name: Its name in the record; for a column that only groups or dates events, the source's name.
        type: ``string``, ``double``, ``int`` or ``timestamp``.
        required: Whether a row without a value here is rejected.
        rule: The source column, constant or expression, and how to read its text.
        expression: The rule's expression, if it has one.
    """

    name: str
    type: str
    required: bool
    rule: ColumnRule
    expression: Expression | None = None

    @property
    def shown_name(self) -> str:
        """The name for errors: the source column's, or its own if it has an expression."""
        return self.name if self.expression is not None else self.rule.column or self.name

    @property
    def source_columns(self) -> tuple[str, ...]:
        """The source columns of its values."""
        if self.expression is not None:
            return self.expression.columns
        return () if self.rule.column is None else (self.rule.column,)


@dataclass(frozen=True, slots=True)
class Origins:
    """The possible sources of values: a file's columns, and the mapping's expressions over them.

    Attributes:
        file: The file.
        schema: Its columns and their types.
        expressions: The expressions of the mapping, by dataset column.
        defaults: How texts are read, unless a column's rule sets it.
    """

    file: SourceFile
    schema: Mapping[str, pl.DataType]
    expressions: Mapping[str, Expression]
    defaults: TextRule

    def column(
        self, name: str, column_type: str, rule: ColumnRule, *, required: bool = False
    ) -> MappedColumn:
        """Return a column whose values come from a rule."""
        full_rule = rule.with_defaults(self.defaults, column_type)
        return MappedColumn(name, column_type, required, full_rule, self.expressions.get(name))

    def dtype(self, name: str, rule: ColumnRule) -> pl.DataType | None:
        """Return the type of a rule's values, or None for a constant."""
        if name in self.expressions:
            return self.expressions[name].dtype
        return self.schema[rule.column] if rule.column is not None else None
