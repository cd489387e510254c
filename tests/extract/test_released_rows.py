"""Rows and records that are no longer needed are released: a slice is in memory once, not twice."""

import weakref
from collections.abc import Generator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from loader.extract import Extract, open_extract
from loader.extract.planning import plan_slices
from loader.formats.cuts import Cuts, FileCut
from loader.formats.windows import Piece, Table
from loader.stage_settings.extract import extract_settings

ROWS = 100


class Released:
    """Frames, of which none may exist when `check` is called."""

    def __init__(self) -> None:
        self._frames: list[weakref.ref[pl.DataFrame]] = []
        self.checks = 0

    def add(self, frame: pl.DataFrame) -> None:
        self._frames.append(weakref.ref(frame))

    def check(self) -> None:
        assert not [number for number, frame in enumerate(self._frames) if frame() is not None]
        self.checks += 1


class WatchedTable:
    """A file whose earlier pieces must not exist when the next one is read."""

    def __init__(self, table: Table, released: Released) -> None:
        self._table, self._released = table, released

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def pieces(self, cut: FileCut) -> Generator[Piece, None, int]:
        pieces = self._table.pieces(cut)
        is_last = False
        while True:
            if not is_last:  # the last piece waits for the next file, which may continue its slice
                self._released.check()
            try:
                handed_over = [next(pieces)]
            except StopIteration as end:
                return int(end.value)
            self._released.add(handed_over[0].frame)
            is_last = handed_over[0].last_of_file
            yield handed_over.pop()


def _same(table: WatchedTable) -> WatchedTable:
    return table


class WatchedExtract:
    """An extract that watches the frames of its records too."""

    def __init__(self, extract: Extract, released: Released) -> None:
        self._extract, self._released = extract, released

    def __getattr__(self, name: str) -> Any:
        return getattr(self._extract, name)

    def records(self, rows: Any) -> Any:
        records = self._extract.records(rows)
        self._released.add(records.frame)
        return records


@pytest.mark.parametrize("folder", ["plain", "day=1"])
@pytest.mark.parametrize("suffix", ["parquet", "csv", "ndjson"])
@pytest.mark.parametrize("more", [{}, {"pack": "group", "group_buckets": 4}])
def test_rows_are_released_before_the_next_ones_are_read(
    tmp_path: Path, job_of: Any, suffix: str, folder: str, more: dict[str, Any]
) -> None:
    """No rows and no records of an earlier slice exist while a plan is delivered or a slice is read."""
    numbers = pl.int_range(ROWS, eager=True).cast(pl.String)
    frame = pl.DataFrame({"id": numbers, "tpartner_id": "V" + numbers})
    path = tmp_path / folder / f"x.{suffix}"
    path.parent.mkdir()
    getattr(frame, f"write_{suffix}")(path)
    job = job_of(extract=[str(path)], window_rows=40, **more)
    released = Released()
    extract = open_extract(extract_settings(job))
    tables = [WatchedTable(each.open(), released) for each in extract._examined]
    watched = replace(
        extract,
        cuts=Cuts(40, 10, 10),
        _examined=[
            replace(each, open=partial(_same, table))
            for each, table in zip(extract._examined, tables, strict=True)
        ],
    )
    rows = 0
    for plan in plan_slices(job.destination, WatchedExtract(watched, released)):  # type: ignore[arg-type] # as an extract
        rows += plan.rows_read
        released.check()
    assert rows == ROWS
    assert released.checks == 2 * ROWS // 10  # before each slice is read, and when its plan is delivered
