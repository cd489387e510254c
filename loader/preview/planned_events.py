"""The events that a load would send, one by one, for tests of a mapping."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import orjson

from loader.extract import open_extract
from loader.extract.frames import Frame
from loader.extract.planning import log_rejected, plan_slices
from loader.job import Job
from loader.model import Event, RejectedRow
from loader.preview.preview import generation_of, live_schema_of
from loader.stage_settings.extract import extract_settings
from loader.stage_settings.frame import job_of_frame


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """An event that a load would send.

    Attributes:
        group: ``eventGroupId``.
        token: ``clientToken``.
        timestamp: ``eventTimestamp``: epoch seconds as decimal text, or None if omitted.
        records: Its records, by dataset column.
        file: Number of the source file, from 0.
        rows: Position of each record's row in that file, from 0.
    """

    group: str
    token: str
    timestamp: str | None
    records: list[dict[str, Any]] = field(repr=False)
    file: int
    rows: tuple[int, ...]


def planned_events(
    job: Job, *, frame: Frame | None = None, on_rejected: Callable[[RejectedRow], None] | None = None
) -> Iterator[PlannedEvent]:
    """Yield the events of a load in the order of their planning, without sending them. Blocking.

    Args:
        job: The settings.
        frame: The rows, instead of ``job.extract``, as for ``run_load``.
        on_rejected: Called with each rejected row; without it, rejected rows are logged as warnings.

    Raises:
        LoaderError: The load would be refused.
    """
    with job_of_frame(job, frame) as whole:
        schema, settings = live_schema_of(whole), extract_settings(whole)
        with closing(open_extract(settings, schema=schema)) as extract:
            generation = generation_of(settings.resume, extract)
            for plan in plan_slices(whole.destination, extract, generation=generation):
                if on_rejected is None:
                    log_rejected(plan, extract.files)
                else:
                    for row in plan.rejected:
                        on_rejected(row)
                yield from map(_planned, plan.events)


def _planned(event: Event) -> PlannedEvent:
    data = orjson.loads(event.data)
    records = data if isinstance(data, list) else [data]
    return PlannedEvent(event.group, event.token, event.timestamp, records, event.file, tuple(event.rows))
