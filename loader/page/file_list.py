"""The files of a load for its page: those with errors first, then the largest."""

import sqlite3
from collections.abc import Sequence

from loader.checkpoint.queries import FileTotals, read_file_totals
from loader.model.source_file import common_folder
from loader.page.model import FileLine, FileList
from loader.report import figures

MOST_FILES = 50


def file_list(connection: sqlite3.Connection) -> FileList:
    """Return the files of the load in an open checkpoint."""
    totals = read_file_totals(connection, {})
    paths = connection.execute("SELECT number, path FROM files ORDER BY number").fetchall()
    all_rows = max(sum(each.rows_read for each in totals.values()), 1)
    folder = common_folder([path for _, path in paths])
    lines = [
        FileLine(
            path.removeprefix(folder),
            each.rows_read,
            each.rows_rejected,
            each.records_failed,
            each.rows_read / all_rows,
        )
        for number, path in paths
        for each in (totals.get(number, FileTotals(0, 0, 0, 0, 0)),)
    ]
    lines.sort(key=lambda line: (-line.rejected - line.failed, -line.rows))
    rest = _sum(lines[MOST_FILES:]) if len(lines) > MOST_FILES else None
    return FileList(folder, lines[:MOST_FILES], rest, len(lines))


def _sum(lines: Sequence[FileLine]) -> FileLine:
    return FileLine(
        figures.counted(len(lines), "more file"),
        sum(line.rows for line in lines),
        sum(line.rejected for line in lines),
        sum(line.failed for line in lines),
        sum(line.share for line in lines),
    )
