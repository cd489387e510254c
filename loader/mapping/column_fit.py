"""Check whether the columns of a file fit those of a dataset: all filled, all used, of usable types. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from loader.datasets import Dataset
from loader.errors import ExtractError
from loader.formats.nameless import is_by_position, with_value
from loader.mapping.column_sources import MappedColumn, Origins
from loader.mapping.errors import does_not_fit
from loader.mapping.type_compatibility import refusal
from loader.model import SourceFile


def without_value(nameless: Mapping[str, int | None]) -> tuple[str, ...]:
    """Return the columns without a name and without a value in the first rows.

    Args:
        nameless: Columns that nothing names: row of the first value of each, from 1, or None if the first
            rows have no value.
    """
    return tuple(name for name, row in nameless.items() if row is None)


def must_be_empty(
    nameless: Mapping[str, int | None], taken: Collection[str], *, ignore_unknown: bool
) -> tuple[str, ...]:
    """Return the columns without a name that are not used, and must not have a value in a later row.

    Args:
        nameless: Columns that nothing names, as for `without_value`.
        taken: The source columns that are used.
        ignore_unknown: Whether source columns need not be used.
    """
    # Without a header, ignore_unknown leaves out columns whether they have values or not. If a header names
    # the others, a column without a name does not belong to the table.
    return tuple(
        name
        for name in without_value(nameless)
        if name not in taken and (is_by_position(name) or not ignore_unknown)
    )


def check_fit(
    file: SourceFile,
    dataset: Dataset | None,
    filled: Collection[str],
    unknown: Sequence[str],
    nameless: Mapping[str, int | None],
) -> None:
    """Check that each required column has a source and each source column a use.

    Args:
        file: The file.
        dataset: The dataset, or None if its columns are unknown.
        filled: The dataset columns with a source or a constant.
        unknown: The source columns that must be used and are not.
        nameless: Columns that nothing names, as for `without_value`.

    Raises:
        ExtractError: A required column is not filled, or a source column is not used.
    """
    columns = dataset.columns if dataset else ()
    missing = [column.name for column in columns if column.required and column.name not in filled]
    if missing or unknown:
        unused = [column.name for column in columns if column.name not in filled]
        raise does_not_fit(file, dataset, missing, unknown, unused, rows=with_value(nameless))


def check_types(columns: Iterable[MappedColumn], origins: Origins) -> None:
    """Check that the type of each source fits its dataset column.

    Raises:
        ExtractError: A source has another type.
    """
    for column in columns:
        dtype = origins.dtype(column.name, column.rule)
        why = refusal(dtype, column.type, column.rule) if dtype is not None else None
        if why is not None:
            source = column.rule.column
            raise ExtractError(
                f"The source column '{source}' does not fit '{column.name}'."
                if source is not None
                else f"The expression of '{column.name}' has the wrong type.",
                where=origins.file.path,
                why=why,
                next_step="convert it in the export, or map another column",
            )
