"""What a load would do, as one value and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from loader.errors import ExitCode
from loader.preview.counting import Counts
from loader.preview.duration import Estimate
from loader.preview.lanes import LaneSpread
from loader.preview.packings import PackingCount
from loader.preview.repeated_keys import Repeats


@dataclass(frozen=True, slots=True)
class ColumnPreview:
    """A column of the records and its source.

    Attributes:
        name: Its name in the record.
        type: ``string``, ``double``, ``int`` or ``timestamp``.
        required: Whether a row without a value here is rejected.
        source: The source column, or the SQL over source columns; None for a constant.
        is_key: Whether it is part of the primary key.
        samples: A few values before and after, or empty; the value after is None if the record has none.
    """

    name: str
    type: str
    required: bool
    source: str | None
    is_key: bool
    samples: tuple[tuple[str, str | None], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class FilePreview:
    """A file of the extract, and what its rows would become.

    Attributes:
        path: Absolute path.
        format: Its format, in words.
        size_bytes: Its size.
        rows: Number of its rows.
        rejected: Number of its rows that cannot become records.
        columns: The columns of its records.
        left_out: Source columns that the mapping does not use.
        unfed: Columns of the dataset without a source.
        rows_before: Rows of a sheet up to its header; row numbers count them.
    """

    path: str
    format: str
    size_bytes: int
    rows: int
    rejected: int
    columns: tuple[ColumnPreview, ...]
    left_out: tuple[str, ...]
    unfed: tuple[str, ...]
    rows_before: int = 0

    def row_number(self, row: int) -> int:
        """Return how people count the row at a position, from 0."""
        return self.rows_before + row + 1


@dataclass(frozen=True, slots=True)
class Preview:
    """What a load would do.

    Attributes:
        event_type: ``scn.data.*``.
        dataset: The dataset, or None if its columns are unknown.
        files: The files, in order.
        warnings: Findings that do not stop the load.
        counts: Rows, records and events.
        lanes: The distribution of the events over groups.
        repeats: Repeated primary keys, or None if the primary key is unknown.
        packings: The number of events with each packing.
        estimate: The expected duration.
    """

    event_type: str
    dataset: str | None
    files: tuple[FilePreview, ...]
    warnings: Sequence[str]
    counts: Counts
    lanes: LaneSpread
    repeats: Repeats | None
    packings: tuple[PackingCount, ...]
    estimate: Estimate

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of ``plan``: the most severe that applies."""
        if not self.estimate.fits:
            return ExitCode.PLAN_DOES_NOT_FIT
        return ExitCode.DELIVERED_WITH_FAILURES if self.counts.rows_rejected else ExitCode.DELIVERED


def to_json(preview: Preview, *, with_values: bool) -> bytes:
    """Return a preview as indented JSON.

    Rows are counted from 1 in their file (those of a sheet as Excel counts them), files from 0 in ``files``.

    Args:
        preview: The preview.
        with_values: Whether to include values of the extract: samples and the names of groups.
    """
    counts, estimate = preview.counts, preview.estimate
    lanes: dict[str, Any] = asdict(preview.lanes)
    files: list[dict[str, Any]] = [asdict(file) for file in preview.files]
    if not with_values:
        for lane in lanes["largest"]:
            del lane["group"]
        for file in files:
            for column in file["columns"]:
                del column["samples"]
    names = (
        *("windows", "rows_read", "rows_filtered", "rows_filtered_unknown", "rows_rejected"),
        *("records", "events", "data_bytes"),
    )
    document = {
        "event_type": preview.event_type,
        "dataset": preview.dataset,
        "files": files,
        "warnings": list(preview.warnings),
        **{name: getattr(counts, name) for name in names},
        "rejected": [_numbered(asdict(kind), preview) for kind in counts.rejected_kinds()],
        "lanes": lanes | {"largest": [_numbered(lane, preview) for lane in lanes["largest"]]},
        "repeated_keys": None if preview.repeats is None else _repeats(preview.repeats, preview),
        "packings": [asdict(packing) for packing in preview.packings],
        "estimate": asdict(estimate)
        | {"fits_deadline": estimate.fits_deadline, "fits_token_life": estimate.fits_token_life},
        "exit_code": int(preview.exit_code),
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _repeats(repeats: Repeats, preview: Preview) -> dict[str, Any]:
    return asdict(repeats) | {"first": [_numbered(asdict(key), preview) for key in repeats.first]}


def _numbered(place: dict[str, Any], preview: Preview) -> dict[str, Any]:
    """Return a place with its rows as people count them."""
    files = {"row": "file", "again_row": "again_file"}
    return {
        name: preview.files[place[files[name]]].row_number(value) if name in files else value
        for name, value in place.items()
    }
