"""Preview a load: read the extract, plan every event with the functions of a load, and send nothing."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from loader.atomic import replacing
from loader.checkpoint import Plan, Replacing, planned_generation
from loader.datasets import Dataset
from loader.delivery.rate.memory import RateMemory
from loader.errors import SettingsError, contained
from loader.events import SliceRecords
from loader.extract import Extract, FileEnds, Slice, open_extract, place_of_dataset
from loader.extract.frames import Frame
from loader.extract.known_rate import memory_of
from loader.extract.planning import plan_slices
from loader.extract.settings import ResumeSettings
from loader.job import Job
from loader.model import Destination, SlicePlan
from loader.preview import (
    ColumnPreview,
    Counts,
    FilePreview,
    Packings,
    Preview,
    Speed,
    count_keys,
    count_lanes,
    estimate,
)
from loader.preview.lanes import LaneSpread
from loader.preview.repeated_keys import Repeats
from loader.preview.samples import Samples, sample_values
from loader.preview.spill import spill
from loader.process.run_apart import run_apart
from loader.service.client import open_client
from loader.service.live_schema import read_dataset
from loader.service.protocol import EventEncoder
from loader.stage_settings.connections import client_settings, service_access
from loader.stage_settings.extract import extract_settings, target_dataset
from loader.stage_settings.frame import job_of_frame

SAMPLED_FILES = 100
"""Maximum number of files with samples; files with the same columns share them."""

_ROUND_TRIP_SECONDS = 0.1
"""Assumed duration of a request: a Region on the same continent, an open TLS connection, and the service."""


@contained()
def plan(
    job: Job,
    *,
    deadline_seconds: float | None = None,
    round_trip_seconds: float = _ROUND_TRIP_SECONDS,
    emit: Path | str | None = None,
    frame: Frame | None = None,
) -> Preview:
    """Read an extract, plan every event, send nothing, and return what the load would do.

    Blocking, for minutes with a large extract. Async programs call it in a thread; notebooks call it
    directly.

    Args:
        job: The settings.
        deadline_seconds: The time limit, or None.
        round_trip_seconds: Assumed duration of one request.
        emit: A new file for the bodies of all requests, one per line. It holds row data (mode 0600).
        frame: The rows, instead of ``job.extract``, as for ``run_load``.

    Raises:
        LoaderError: The load would be refused, or the file cannot be written.
    """
    with job_of_frame(job, frame) as whole:
        return _plan(whole, deadline_seconds, round_trip_seconds, Path(emit) if emit is not None else None)


def _plan(job: Job, deadline_seconds: float | None, round_trip_seconds: float, emit: Path | None) -> Preview:
    schema, settings = live_schema_of(job), extract_settings(job)
    extract = open_extract(settings, schema=schema, with_keys=True)
    observed = _Observed(extract, has_window_rows=settings.window_rows is not None)
    with closing(extract), spill() as tables, _emitting(job.destination, emit) as write:
        generation = 0 if emit is None else generation_of(settings.resume, extract)
        lanes, repeats = observed.read(job.destination, tables, write, generation)
    rate, origin = _rate(job)
    speed = Speed(rate, origin, round_trip_seconds, job.max_in_flight)
    counts = observed.counts
    return Preview(
        event_type=job.event_type,
        dataset=extract.dataset.name if extract.dataset else None,
        files=tuple(_file_previews(extract, counts, observed.samples)),
        warnings=extract.warnings,
        counts=counts,
        lanes=lanes,
        repeats=repeats if any(mapping.key for mapping in extract.mappings) else None,
        packings=observed.packings.result(),
        estimate=estimate(counts.events, lanes.longest_events, speed, deadline_seconds),
    )


class _Observed:
    """The rows, records and events of an extract, counted while it is read once.

    Args:
        extract: The opened extract.
        has_window_rows: Whether the user set the number of rows of a window.

    Attributes:
        counts: Totals of rows, records and events.
        packings: The number of events with each packing.
        samples: Sample values by number of the file.
    """

    def __init__(self, extract: Extract, *, has_window_rows: bool) -> None:
        self._extract = extract
        self.counts = Counts()
        self.packings = Packings(
            extract.packing, extract.row_bytes, extract.cuts.window_rows, is_given=has_window_rows
        )
        self.samples: dict[int, Samples] = {}

    def read(
        self,
        destination: Destination,
        tables: sqlite3.Connection,
        write: Callable[[SlicePlan], None],
        generation: int,
    ) -> tuple[LaneSpread, Repeats]:
        """Read the extract to its end, and return its lanes and its repeated keys.

        Args:
            destination: The destination of the events.
            tables: The temporary database for groups and keys.
            write: Called with each plan.
            generation: Generation of the load, which is part of the tokens.

        Raises:
            LoaderError: The load would be refused.
        """
        add_lanes, lanes = count_lanes(tables)
        add_keys, repeats = count_keys(tables)

        def on_records(rows: Slice, records: SliceRecords) -> None:
            self._sample(rows, records)
            self.packings.add(records)
            add_keys(records)

        ends = FileEnds(self._extract.files)
        slices = self._extract.slices(on_end=ends.reached)
        for plan in plan_slices(
            destination, self._extract, slices, on_records=on_records, generation=generation
        ):
            self.counts.add(plan)
            add_lanes(plan)
            write(plan)
        ends.check(self.counts.rows_of_file)
        return lanes(), repeats()

    def _sample(self, rows: Slice, records: SliceRecords) -> None:
        for piece, counts in zip(rows.pieces, records.files, strict=True):
            if counts.records and piece.file not in self.samples and len(self.samples) < SAMPLED_FILES:
                mapping = self._extract.mappings[piece.file]
                self.samples[piece.file] = sample_values(piece, records, mapping)


def generation_of(resume: ResumeSettings, extract: Extract) -> int:
    """Return the generation of the load. Its tokens depend on it."""
    plan = Plan(extract.plan_settings, extract.files, extract.cuts.window_rows, extract.cuts.slice_rows)
    replacing = Replacing(restart=resume.restart, again=resume.again and not resume.retry_failed)
    return planned_generation(resume.checkpoint_dir, plan, replacing)


def live_schema_of(job: Job) -> Dataset | None:
    """Return the dataset as the instance describes it, if the job asks for that.

    Raises:
        LoaderError: The instance does not describe it.
    """
    return run_apart(_live_schema(job)) if job.live_schema else None


async def _live_schema(job: Job) -> Dataset:
    async with await open_client(client_settings(job)) as client:
        return await read_dataset(client, job.instance_id, *place_of_dataset(target_dataset(job)))


def _file_previews(extract: Extract, counts: Counts, samples: dict[int, Samples]) -> Iterator[FilePreview]:
    for file, mapping, words in zip(extract.files, extract.mappings, extract.formats, strict=True):
        of_file = samples.get(file.number, {})
        filled = {column.name for column in mapping.columns}
        yield FilePreview(
            path=file.path,
            rows_before=file.rows_before,
            format=words,
            size_bytes=file.size_bytes,
            rows=counts.rows_of_file[file.number],
            rejected=counts.rejected_of_file[file.number],
            columns=tuple(
                ColumnPreview(
                    column.name,
                    column.type,
                    column.required,
                    column.rule.column or column.rule.expression,
                    column.name in mapping.key,
                    of_file.get(column.name, ()),
                )
                for column in mapping.columns
            ),
            left_out=mapping.left_out,
            unfed=tuple(
                column.name
                for column in (extract.dataset.columns if extract.dataset else ())
                if column.name not in filled
            ),
        )


def _rate(job: Job) -> tuple[float | None, str]:
    """Return the rate that the load would have, and its source."""
    remembered = None if job.forget_rate or not RateMemory.knows_any_limit() else _remembered_rate(job)
    if job.rate is not None and (remembered is None or job.rate <= remembered):
        return job.rate, "--rate"
    return remembered, "learned by an earlier load" if remembered is not None else ""


def _remembered_rate(job: Job) -> float | None:
    memory = memory_of(service_access(job), job.instance_id)
    return memory.recall(time.time()).limit if memory is not None else None


@contextmanager
def _emitting(destination: Destination, path: Path | None) -> Iterator[Callable[[SlicePlan], None]]:
    """Yield a function that writes the events of a plan. An incomplete file is removed."""
    if path is None:
        yield lambda _: None
        return
    encoder = EventEncoder(destination)
    try:
        with replacing(path, overwrite=False) as file:
            yield lambda plan: file.writelines(encoder.body(event) + b"\n" for event in plan.events)
    except OSError as error:
        raise _not_emitted(path, error) from error


def _not_emitted(path: Path, error: OSError) -> SettingsError:
    return SettingsError(
        "The events cannot be written.",
        where=str(path),
        why=error.strerror or str(error),
        next_step="name a new file with --emit, on a disk with room for all events",
    )
