"""A frame in memory as a file of the extract, because a load needs windows, a fingerprint and resume.

The frame is written once as a Parquet file (`loader.sources.private_copy`). Row groups have a fixed size, so
that the same rows give the same bytes, whatever chunks the frame has. These bytes identify the rows when an
interrupted load is resumed.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias, runtime_checkable

import polars as pl

from loader.errors import ExtractError, LoaderError, SettingsError, contained
from loader.sources.partitions import FRAME_PREFIX
from loader.sources.private_copy import PrivateCopy

log = logging.getLogger(__name__)

GROUP_ROWS = 2**17
"""Rows of a row group: about ten megabytes of a frame with twenty columns."""

UNNAMED_INDEX = re.compile(r"__index_level_\d+__")
"""pandas' name for the column of an unnamed index."""


@runtime_checkable
class ArrowStream(Protocol):
    """An object with the Arrow PyCapsule interface, such as a pandas frame or a pyarrow table."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the capsule that yields the rows."""


Frame: TypeAlias = pl.DataFrame | pl.LazyFrame | ArrowStream


@contextmanager
def stored_frame(frame: Frame, run_dir: Path) -> Iterator[str]:
    """Yield the path of a file with the rows of a frame. Blocking. The file is removed at the end.

    Args:
        frame: The rows.
        run_dir: The folder of the file.

    Raises:
        SettingsError: The object is not a frame.
        ExtractError: The frame cannot be computed, or the file cannot be written.
    """
    with closing(PrivateCopy(run_dir, FRAME_PREFIX)) as copy:
        yield _written(frame, copy)


def _written(frame: Frame, copy: PrivateCopy) -> str:
    try:
        with contained():
            rows = _lazy(frame)
            _refuse_objects(rows)
            return str(copy.keep(lambda file: _write(rows, file)))
    except LoaderError:
        raise
    except OSError as error:
        raise ExtractError(
            "The frame cannot be written to a file.",
            where=str(copy.run_dir),
            why=error.strerror or type(error).__name__,
            next_step="free space, make the folder writable, or name another one with run_dir",
        ) from error
    except Exception as error:  # the frame's library may raise any exception
        # Its message is omitted, because libraries quote values in it.
        advice = "give each column one type; " if type(error).__module__.startswith("pyarrow") else ""
        raise ExtractError(
            "The frame cannot be read.",
            where=_column_of(error),
            why=type(error).__name__,
            next_step=f"{advice}see the cause of this exception (__cause__)",
        ) from error


def _write(rows: pl.LazyFrame, file: BinaryIO) -> None:
    rows.sink_parquet(
        file,
        row_group_size=GROUP_ROWS,
        compression="zstd",
        compression_level=1,
        statistics=False,
        maintain_order=True,
    )


def _lazy(frame: Frame) -> pl.LazyFrame:
    if isinstance(frame, pl.LazyFrame):
        return frame
    if isinstance(frame, pl.DataFrame):
        return frame.lazy()
    if not isinstance(frame, ArrowStream):
        raise SettingsError(
            "This type of frame cannot be read.",
            why=f"{type(frame).__name__} has no method __arrow_c_stream__",
            next_step="pass a DataFrame or LazyFrame of polars, a DataFrame of pandas 2.2 or later, or an "
            "Arrow table",
        )
    given: Any = frame
    rows = pl.DataFrame(given)
    unnamed = [name for name in rows.columns if UNNAMED_INDEX.fullmatch(name)]
    if unnamed:
        log.warning("The index of the frame is left out because it has no name. To load it, name it.")
    return rows.drop(unnamed).lazy()


def _refuse_objects(rows: pl.LazyFrame) -> None:
    objects = [name for name, dtype in rows.collect_schema().items() if dtype == pl.Object]
    if objects:
        raise ExtractError(
            "The frame contains Python objects.",
            where=", ".join(objects),
            next_step="convert them to texts, numbers or timestamps first",
        )


def _column_of(error: Exception) -> str:
    """Return the column that pyarrow could not convert, if its message has one."""
    named = re.search(r"Conversion failed for column (.+) with type", " ".join(map(str, error.args)))
    return named[1] if named else ""
