"""Write generated rows as an extract. The file's name selects Parquet, CSV or NDJSON."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import polars as pl

from loader.atomic import replacing
from loader.datasets import Dataset
from loader.errors import SettingsError
from loader.formats.parquet.raw_copy import write_parquet
from loader.synthetic.rows import RowSettings, synthetic_rows

_FORMATS = {".parquet": "parquet", ".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}


def write_sample(dataset: Dataset, settings: RowSettings, path: Path, *, overwrite: bool = False) -> None:
    """Write rows to a file. The same settings give the same bytes.

    Raises:
        SettingsError: The name has no known ending, or the file exists or cannot be written.
    """
    file_format = _FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise SettingsError(
            "The file's name does not select a format.",
            where=str(path),
            next_step="use a name that ends in .parquet, .csv, .ndjson or .jsonl",
        )
    frames = synthetic_rows(dataset, settings)
    try:
        with replacing(path, private=False, overwrite=overwrite) as file:
            if file_format == "parquet":
                first = next(frames, None)
                if first is not None:
                    write_parquet(chain([first], frames), first.schema, file)
            else:
                _write_text(frames, file_format, file)
    except FileExistsError as error:
        raise SettingsError(
            "The file exists.", where=str(path), next_step="name another file, or overwrite it with --force"
        ) from error
    except OSError as error:
        raise SettingsError(
            "The file cannot be written.",
            where=str(path),
            why=error.strerror or str(error),
            next_step="name another file with -o, in a folder that exists",
        ) from error


def _write_text(frames: Iterator[pl.DataFrame], file_format: str, file: BinaryIO) -> None:
    for number, frame in enumerate(frames):
        if file_format == "csv":
            frame.write_csv(file, include_header=number == 0)
        else:
            frame.write_ndjson(file)
