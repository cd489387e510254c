"""What users should know about a mapping although it does not stop the load."""

from collections.abc import Iterator, Mapping

import polars as pl

from loader.extract.mapping import FileMapping
from loader.job import Job, Pack
from loader.model import SourceFile


def advice_on(
    job: Job, file: SourceFile, mapping: FileMapping, schema: Mapping[str, pl.DataType]
) -> Iterator[str]:
    """Return one sentence for each thing worth a look."""
    if mapping.left_out:
        names = ", ".join(f"'{name}'" for name in mapping.left_out)
        yield f"Columns left out of {file.path}: {names}."
    for column in mapping.columns:
        source = column.rule.column
        if source is None:
            continue
        if column.type == "string" and schema[source].is_float():
            yield (
                f"'{column.name}' is text, but the source column '{source}' holds floating-point numbers: "
                "1001 will arrive as '1001.0'."
            )
        if column.type == "timestamp" and job.timestamps == "epoch_ms" and _finer_than_ms(schema[source]):
            yield f"'{column.name}' is sent in epoch milliseconds: finer digits of '{source}' are cut off."
    if job.pack is Pack.GROUP and not job.group_by and job.group_buckets is None:
        yield (
            "Records are packed by group, but every primary key is a group of its own: "
            "set group_by or group_buckets to fill events."
        )


def _finer_than_ms(dtype: pl.DataType) -> bool:
    return dtype == pl.String or (isinstance(dtype, pl.Datetime) and dtype.time_unit != "ms")
