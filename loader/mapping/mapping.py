"""Decide which source column is the source of which dataset column, before anything is sent.

Rules kept here:

1. A mapping entry has priority. A source column without an entry is the source of the dataset column with
   exactly the same name. An expression does not use up the columns that it reads.
2. Every source column is used, unless it comes from the path, ``ignore_unknown`` is set, or it has neither a
   name nor a value in the first rows.
3. Every required column has a source or a constant. Columns that the service fills in are never sent.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import polars as pl

from loader.datasets import NEVER_SEND, Dataset
from loader.errors import SettingsError
from loader.formats.nameless import with_value
from loader.formats.unread import Unread
from loader.job import ColumnRule
from loader.mapping.column_fit import check_fit, check_types, must_be_empty, without_value
from loader.mapping.column_sources import MappedColumn, Origins
from loader.mapping.errors import (
    MAX_COLUMNS,
    all_of,
    did_you_mean,
    needs_group,
    needs_truth,
    never_sent,
    no_such_column,
    no_such_source,
    nothing_used,
    too_many_columns,
    wrong_names,
)
from loader.mapping.expressions import Expression, read_expression
from loader.mapping.settings import MappingSettings
from loader.mapping.target_dataset import TargetDataset
from loader.mapping.type_compatibility import TYPE_OF_KIND, kind_of
from loader.model import SourceFile

COLUMN_NAME = re.compile(r"[a-z0-9_]{1,100}")
"""Service model: ``DataLakeDatasetSchemaFieldName``."""


@dataclass(frozen=True, slots=True)
class FileMapping:
    """The mapping of the columns of one file.

    Attributes:
        columns: The columns of its records, in the dataset's order.
        group: The columns whose texts form the group.
        key: The columns of the primary key in the records; empty if the primary key is unknown.
        timestamp: The column with the timestamp of the events, or None.
        filter: The condition that rows must satisfy, or None.
        left_out: Source columns that are not used.
        must_be_empty: Other source columns that are not used: they have neither a name nor a value in the
            first rows.
        filled_without_name: Those of ``left_out`` with a value but no name, and the row of the first one.
    """

    columns: tuple[MappedColumn, ...]
    group: tuple[MappedColumn, ...]
    key: tuple[str, ...]
    timestamp: MappedColumn | None
    filter: Expression | None
    left_out: tuple[str, ...]
    must_be_empty: tuple[str, ...]
    filled_without_name: tuple[tuple[str, int], ...] = ()

    @property
    def source_columns(self) -> tuple[str, ...]:
        """The source columns that must be read."""
        return _sources(self.columns, self.group, self.timestamp, self.filter)


def map_file(
    settings: MappingSettings,
    dataset: Dataset | None,
    file: SourceFile,
    schema: Mapping[str, pl.DataType],
    *,
    path_columns: Collection[str] = (),
    nameless: Mapping[str, int | None] = MappingProxyType({}),
) -> FileMapping:
    """Return the mapping of one file.

    Args:
        settings: The settings of the mapping.
        dataset: The dataset, or None if its columns are unknown.
        file: The file.
        schema: The file's columns and their types.
        path_columns: Columns that come from the file's path. They need not be used.
        nameless: Columns that nothing names: row of the first value of each, from 1, or None if the first
            rows have no value. Those without a value need not be used.

    Raises:
        SettingsError: A setting names a column that does not exist or must not be sent.
        ExtractError: The file's columns do not fit the dataset.
    """
    expressions = _read_rules(settings, dataset, file, schema)
    origins = Origins(file, schema, expressions, settings.defaults)
    columns = (
        _columns_of_dataset(settings, dataset, origins)
        if dataset
        else _own_columns(settings, origins, {*path_columns, *without_value(nameless)})
    )
    group = _group(settings.group_by, dataset, columns, origins)
    timestamp = _timestamp(settings.timestamp_column, columns, origins)
    row_filter = _filter(settings.filter, file, schema)
    check_types((*columns, *group, *([timestamp] if timestamp else [])), origins)
    used = _sources(columns, group, timestamp, None)
    taken = {*used, *(row_filter.columns if row_filter else ())}
    left_empty = must_be_empty(nameless, taken, ignore_unknown=settings.ignore_unknown)
    taken.update(left_empty)
    left_out = tuple(name for name in schema if name not in taken)
    filled = {column.name for column in columns}
    unknown = () if settings.ignore_unknown else tuple(name for name in left_out if name not in path_columns)
    check_fit(file, dataset, filled, unknown, nameless)
    if not used:
        raise nothing_used(file)
    key = tuple(name for name in (dataset.primary_key if dataset else ()) if name in filled)
    filled_without_name = tuple((name, row) for name, row in with_value(nameless).items() if name in left_out)
    return FileMapping(columns, group, key, timestamp, row_filter, left_out, left_empty, filled_without_name)


def _read_rules(
    settings: MappingSettings, dataset: Dataset | None, file: SourceFile, schema: Mapping[str, pl.DataType]
) -> dict[str, Expression]:
    """Check every entry of the mapping, and return the expressions by dataset column.

    Raises:
        SettingsError: An entry cannot be used; one error lists all such entries.
    """
    expressions, faults = {}, []
    for name, rule in settings.rules.items():
        setting = f"mapping.{name}"
        try:
            _check_name(name, setting, settings.target, dataset)
            if rule.column is not None and rule.column not in schema:
                raise no_such_source(setting, rule.column, file, schema)
            if rule.expression is not None:
                expressions[name] = read_expression(rule.expression, f"{setting}.expression", file, schema)
        except SettingsError as fault:
            faults.append(fault)
    if faults:
        raise all_of(faults, settings.place_of)
    return expressions


def _check_name(name: str, setting: str, target: TargetDataset, dataset: Dataset | None) -> None:
    if name in NEVER_SEND and target.is_in_data_model:
        raise never_sent(name)
    if dataset is not None and dataset.column(name) is None:
        raise no_such_column(name, dataset)
    if dataset is None and not COLUMN_NAME.fullmatch(name):
        raise SettingsError(
            "The name of a dataset column may contain a-z, 0-9 and _ only.",
            where=setting,
            next_step="rename this entry of [mapping]",
        )


def _filter(condition: str | None, file: SourceFile, schema: Mapping[str, pl.DataType]) -> Expression | None:
    if condition is None:
        return None
    expression = read_expression(condition, "filter", file, schema)
    if expression.dtype != pl.Boolean:
        raise needs_truth(condition)
    return expression


def _columns_of_dataset(
    settings: MappingSettings, dataset: Dataset, origins: Origins
) -> tuple[MappedColumn, ...]:
    known = [column.name for column in dataset.columns if column.name in origins.schema]
    rules = {**_own_name_rules(settings.rules, known), **settings.rules}
    return tuple(
        origins.column(column.name, column.type, rules[column.name], required=column.required)
        for column in dataset.columns
        if column.name in rules
    )


def _own_columns(
    settings: MappingSettings, origins: Origins, need_no_use: Collection[str]
) -> tuple[MappedColumn, ...]:
    """Return the columns of an unknown dataset: the mapped ones, then the other source columns unchanged.

    Columns that an expression reads are not among the others. They are sent only if the mapping names them.
    """
    read = {name for expression in origins.expressions.values() for name in expression.columns}
    own = {
        name: rule
        for name, rule in _own_name_rules(settings.rules, origins.schema).items()
        if name not in settings.rules and name not in read
    }
    bad = [name for name in own if not COLUMN_NAME.fullmatch(name)]
    unread = [name for name in own if isinstance(origins.schema[name], Unread) and settings.ignore_unknown]
    wrong = [name for name in bad if name not in need_no_use]
    if wrong and not settings.ignore_unknown:
        raise wrong_names(origins.file, wrong)
    left_out = {*bad, *unread, *(NEVER_SEND if settings.target.is_in_data_model else ())}
    rules = {**settings.rules, **{name: rule for name, rule in own.items() if name not in left_out}}
    if len(rules) > MAX_COLUMNS:
        raise too_many_columns(origins.file, len(rules))
    return tuple(
        origins.column(name, _type_of(rule, origins.dtype(name, rule)), rule) for name, rule in rules.items()
    )


def _own_name_rules(rules: Mapping[str, ColumnRule], names: Iterable[str]) -> dict[str, ColumnRule]:
    named = {rule.column for rule in rules.values()}
    return {name: ColumnRule(column=name) for name in names if name not in named}


def _type_of(rule: ColumnRule, dtype: pl.DataType | None) -> str:
    if rule.reads_times or rule.time_zone is not None:
        return "timestamp"
    if rule.reads_numbers:
        return "double"
    kind = kind_of(dtype) if dtype is not None else "text"
    return TYPE_OF_KIND.get(kind or "", "string")


def _group(
    group_by: tuple[str, ...], dataset: Dataset | None, columns: tuple[MappedColumn, ...], origins: Origins
) -> tuple[MappedColumn, ...]:
    by_name = {column.name: column for column in columns}
    schema = origins.schema
    names = group_by or tuple(name for name in (dataset.primary_key if dataset else ()) if name in by_name)
    if not names and (dataset is None or not dataset.primary_key):
        raise needs_group()
    unknown = [name for name in names if name not in by_name and name not in schema]
    if unknown:
        raise SettingsError(
            f"The column '{unknown[0]}' of group_by does not exist.",
            where="group_by",
            next_step=f"{did_you_mean(unknown[0], (*by_name, *schema))}Name a dataset or source column.",
        )
    return tuple(
        by_name.get(name) or origins.column(name, "string", ColumnRule(column=name)) for name in names
    )


def _timestamp(name: str | None, columns: tuple[MappedColumn, ...], origins: Origins) -> MappedColumn | None:
    if name is None:
        return None
    by_name = {column.name: column for column in columns}
    if name in by_name:
        return replace(by_name[name], type="timestamp", required=False)
    if name in origins.schema:
        return origins.column(name, "timestamp", ColumnRule(column=name))
    raise SettingsError(
        f"The column '{name}' of timestamp_column does not exist.",
        where="timestamp_column",
        next_step=f"{did_you_mean(name, (*by_name, *origins.schema))}Name a dataset or source column.",
    )


def _sources(
    columns: Iterable[MappedColumn],
    group: Iterable[MappedColumn],
    timestamp: MappedColumn | None,
    row_filter: Expression | None,
) -> tuple[str, ...]:
    used = [*columns, *group, *([timestamp] if timestamp else [])]
    names = [name for column in used for name in column.source_columns]
    return tuple(dict.fromkeys([*names, *(row_filter.columns if row_filter else ())]))
