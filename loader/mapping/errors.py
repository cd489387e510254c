"""Errors for a mapping that cannot be used: what is wrong, and what to write instead."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from os.path import commonprefix

from loader.command_line import scn_loader
from loader.datasets import NEVER_SEND, NO_VALUE, Dataset
from loader.errors import ExtractError, SettingsError
from loader.job.job_file import FieldPath
from loader.model import SourceFile

PlaceOf = Callable[[FieldPath], str]
"""Returns line and file of a setting, or an empty text if it does not come from a job file."""

MAX_COLUMNS = 500
"""Maximum number of columns of a dataset (service model: ``DataLakeDatasetSchemaFieldList``)."""

_LISTED = 20
"""Maximum number of names in an error."""

_ALIKE = 0.6
"""Minimum similarity of a name that an error suggests (the default of difflib)."""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return a question that suggests the nearest of ``names``, or an empty text without a near name."""
    near = nearest(name, names)
    return f"Did you mean '{near}'? " if near else ""


def never_sent(name: str) -> SettingsError:
    """Return the error for a mapping entry of a column that the service fills in itself."""
    return SettingsError(
        f"'{name}' must not be sent: the service fills it in.",
        where=f"mapping.{name}",
        next_step="remove this entry",
    )


def no_such_column(name: str, dataset: Dataset) -> SettingsError:
    """Return the error for a mapping entry of a column that the dataset does not have."""
    names = [column.name for column in dataset.columns]
    return SettingsError(
        f"The dataset {dataset.name} has no column '{name}'.",
        where=f"mapping.{name}",
        next_step=f"{did_you_mean(name, names)}List its columns:\n{scn_loader('datasets', dataset.name)}",
    )


def no_such_source(setting: str, name: str, file: SourceFile, schema: Iterable[str]) -> SettingsError:
    """Return the error for a setting that names a source column the file does not have."""
    return SettingsError(
        f"The file has no column '{name}'.",
        where=f"{setting}, {file.path}",
        next_step=f"{did_you_mean(name, schema)}Spell names as in the file.",
    )


def unusable_sql(setting: str, why: str, next_step: str = "") -> SettingsError:
    """Return the error for SQL that cannot be used."""
    return SettingsError(
        "The SQL expression cannot be used.",
        where=setting,
        why=why,
        next_step=next_step
        or "Put column names with blanks or special characters in double quotes, and texts in single quotes.",
    )


def needs_truth(sql: str) -> SettingsError:
    """Return the error for a filter that is not true or false."""
    return SettingsError(
        "The filter must be a true/false expression.",
        where="filter",
        why=f"'{sql}' is neither true nor false",
        next_step="write a comparison, such as status <> 'DELETED'",
    )


def all_of(faults: Sequence[SettingsError], place_of: PlaceOf) -> SettingsError:
    """Return one error with all faults of the mapping and their places."""
    if len(faults) == 1:
        return faults[0]
    why = [
        f"{located(fault, place_of).where}: {fault.what}{f' ({fault.why})' if fault.why else ''}"
        for fault in faults
    ]
    return SettingsError(
        f"{len(faults)} settings cannot be used.",
        why="\n".join(why),
        next_step="\n".join(dict.fromkeys(fault.next_step for fault in faults if fault.next_step)),
    )


def located(error: SettingsError, place_of: PlaceOf) -> SettingsError:
    """Return the error with the line of the job file as its place, if its setting is there."""
    setting = error.where.partition(",")[0]
    place = place_of(setting.split(".")) if setting else ""
    where = f"{error.where}, {place}" if place else error.where
    return SettingsError(error.what, where=where, why=error.why, next_step=error.next_step)


def in_file(error: SettingsError, file: SourceFile) -> SettingsError:
    """Return the error with the file in which it was found: a setting may fit some files only."""
    if file.path in error.where or file.path in error.why:
        return error
    where = f"{error.where}, {file.path}" if error.where else file.path
    return SettingsError(error.what, where=where, why=error.why, next_step=error.next_step)


def needs_group() -> SettingsError:
    """Return the error for a custom dataset without a group."""
    return SettingsError(
        "group_by is required: the primary key of this dataset is unknown.",
        where="group_by",
        next_step="name the column whose rows must stay in order, for example --group-by id; "
        "--live-schema asks the instance for the key, if the dataset has one",
    )


def wrong_names(file: SourceFile, names: Sequence[str]) -> ExtractError:
    """Return the error for source columns whose names cannot be columns of a dataset."""
    return ExtractError(
        "Columns of the file have names that no dataset column can have.",
        where=file.path,
        why=f"a-z, 0-9 and _ only, not {_listed(names)}",
        next_step="rename them in [mapping], or leave them out with ignore_unknown = true",
    )


def too_many_columns(file: SourceFile, count: int) -> ExtractError:
    """Return the error for more columns than a dataset may have."""
    return ExtractError(
        "The file has more columns than a dataset can have.",
        where=file.path,
        why=f"{count:,} columns would be sent, but a dataset has at most {MAX_COLUMNS}",
        next_step="export only the columns of the dataset, or select them with --live-schema and "
        "--ignore-unknown",
    )


def nothing_used(file: SourceFile) -> SettingsError:
    """Return the error for a mapping of constants only."""
    return SettingsError(
        "The mapping uses no column of the file.",
        where=file.path,
        why="every record would be the same",
        next_step="name source columns in [mapping]",
    )


def does_not_fit(
    file: SourceFile,
    dataset: Dataset | None,
    missing: Sequence[str],
    unknown: Sequence[str],
    unused: Sequence[str],
    *,
    rows: Mapping[str, int],
) -> ExtractError:
    """Return the error for a file whose columns do not fit the dataset.

    Args:
        file: The file.
        dataset: The dataset, if it is known.
        missing: Required columns without a source.
        unknown: Source columns without a dataset column.
        unused: Columns of the dataset without a source.
        rows: Row of the first value of each column without a name, from 1.
    """
    why, steps = [], []
    if missing:
        why.append(f"required columns without a source: {_listed(missing)}")
        steps.append(
            "name their source in [mapping], or give a constant, such as "
            f'{missing[0]} = {{ constant = "{NO_VALUE}" }}, which AWS recommends for a text without a value'
        )
    if unknown:
        names = _listed(unknown, lambda name: _unknown(name, unused, rows))
        why.append(f"unknown columns in the file: {names}")
        steps.append("map the columns you need and leave out the rest with ignore_unknown = true")
    if rows.keys() & set(unknown):
        steps.append(
            "name the column in the header, or look for a text with a separator but no quotes in that row"
        )
    return ExtractError(
        f"The columns of the file do not fit {dataset.name if dataset else 'the dataset'}.",
        where=file.path,
        why="; ".join(why),
        next_step="; ".join(steps) + ".",
    )


def _unknown(name: str, unused: Sequence[str], rows: Mapping[str, int]) -> str:
    if name in rows:
        return f"'{name}' (no name in the header, but a value in row {rows[name]:,})"
    if name in NEVER_SEND:
        return f"'{name}' (the service fills it in)"
    near = nearest(name, unused)
    return f"'{name}' (near: {near})" if near else f"'{name}'"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the most similar of ``names``, or None if no name is similar.

    What all names have in common up to a dot, such as ``scn.data.``, does not count.
    """
    names = tuple(names)
    common = commonprefix([name, *names])  # noqa: RUF071 - names, not paths
    start = common.rfind(".") + 1
    plain = {plain_name(other[start:]): other for other in names}
    near = get_close_matches(plain_name(name[start:]), plain, n=1, cutoff=_ALIKE)
    return plain[near[0]] if near else None


def plain_name(name: str) -> str:
    """Return a name in the form of dataset columns: ``PO / SO #`` becomes ``po_so``."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _quoted(name: str) -> str:
    return f"'{name}'"


def _listed(names: Sequence[str], as_text: Callable[[str], str] = _quoted) -> str:
    # Only the listed names become text, because a file may have a million columns.
    shown = ", ".join(map(as_text, names[:_LISTED]))
    more = len(names) - _LISTED
    return f"{shown} and {more} more" if more > 0 else shown
