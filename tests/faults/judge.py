"""The judge: compares the emulator's ledger, the checkpoint and the summary with a plan made without them.

Each function returns what it finds wrong, as sentences; nothing if a law was kept. The plan is made in this
process from the same extract and settings; nothing that a run left behind has a part in it.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from loader.checkpoint.queries import read_receipts, read_totals
from loader.checkpoint.reading import check_whole, open_for_reading
from loader.emulator.store.ledger import ACCEPTED, LedgerRow
from loader.extract import open_extract
from loader.extract.planning import plan_slices
from loader.job import Job
from loader.model import Event, SlicePlan
from loader.stage_settings.extract import extract_settings


@dataclass(frozen=True, slots=True)
class Sendable:
    """An event, or a part of one.

    Attributes:
        token: Its token.
        place: Number of its event in the plan.
        data: Its payload.
        rows: File and row of each of its records.
    """

    token: str
    place: int
    data: bytes
    rows: Sequence[tuple[int, int]]


def places_of(event: Event) -> list[tuple[int, int]]:
    """Return file and row of each record of an event."""
    return [(event.file_of(position), row) for position, row in enumerate(event.rows)]


def _parts(event: Event, place: int) -> Iterator[Sendable]:
    """Yield an event and all parts it can be cut into; made without the loader's own cutting."""
    rows = places_of(event)
    yield Sendable(event.token, place, event.data, rows)
    if len(rows) == 1:
        return
    records = json.loads(event.data)
    pending = [(0, len(rows))]
    while pending:
        first, count = pending.pop()
        if count < len(rows):
            token = sha256(f"scn-loader part 1:{event.token},{first},{count}".encode()).hexdigest()
            content = records[first : first + count] if count > 1 else records[first]
            data = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
            yield Sendable(token, place, data, rows[first : first + count])
        if count > 1:
            pending += [(first, count // 2), (first + count // 2, count - count // 2)]


@dataclass(frozen=True)
class Plan:
    """What a load must come to.

    Attributes:
        windows: Its windows.
        events: Its events, in order.
    """

    windows: Sequence[SlicePlan]
    events: Sequence[Event]

    @cached_property
    def sendable(self) -> Mapping[str, Sendable]:
        """Everything that may be sent, by token: each event, and each part that one can be cut into."""
        return {each.token: each for place, event in enumerate(self.events) for each in _parts(event, place)}

    @property
    def tokens(self) -> set[str]:
        """The tokens of all events."""
        return {event.token for event in self.events}

    def sums(self) -> dict[str, int]:
        """Return the counts of a summary that the plan alone decides."""
        return {
            "rows_read": sum(window.rows_read for window in self.windows),
            "rows_filtered": sum(window.rows_filtered for window in self.windows),
            "rows_rejected": sum(len(window.rejected) for window in self.windows),
            "records": sum(window.records for window in self.windows),
            "events_total": len(self.events),
        }


def make_plan(settings: Mapping[str, Any]) -> Plan:
    """Plan a load from its settings, as the job reads them."""
    job = Job(**settings)
    windows = list(plan_slices(job.destination, open_extract(extract_settings(job))))
    return Plan(windows, [event for window in windows for event in window.events])


def read_ledger(path: Path) -> list[LedgerRow]:
    """Return the rows of a ledger file, in order of arrival."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return [LedgerRow(*row) for row in connection.execute("SELECT * FROM attempts ORDER BY seq")]


def doubled_or_changed(ledger: Iterable[LedgerRow], plan: Plan) -> list[str]:
    """Law 1, at any time: nothing unplanned arrived, no event twice, none with other content."""
    found: list[str] = []
    accepted: set[tuple[int, int]] = set()
    for row in ledger:
        if not row.client_token:
            continue  # refused unread: signature or body
        planned = plan.sendable.get(row.client_token)
        if planned is None:
            found.append(f"attempt {row.seq}: its token is not in the plan")
            continue
        event = plan.events[planned.place]
        if (row.data_sha256, row.event_group) != (sha256(planned.data).hexdigest(), event.group):
            found.append(f"attempt {row.seq}: the token of window {event.window} with other content")
        if row.verdict == ACCEPTED:
            if not accepted.isdisjoint(planned.rows):
                found.append(f"attempt {row.seq}: an event, or a record of it, was accepted a second time")
            accepted.update(planned.rows)
    return found


def missing(ledger: Iterable[LedgerRow], plan: Plan) -> list[str]:
    """Law 1, at the end: every planned event was accepted."""
    gone = len(plan.events) - len(accepted_events(ledger, plan))
    return [f"{gone} of {len(plan.events)} planned events were never accepted"] if gone else []


def out_of_order(ledger: Iterable[LedgerRow], plan: Plan) -> list[str]:
    """Law 2: first acceptances of a group are in row order, and no two of its events met in flight."""
    found = []
    latest: defaultdict[str, int] = defaultdict(lambda: -1)
    latest_row: dict[str, tuple[int, int]] = {}
    seen: set[str] = set()
    for row in ledger:
        if row.overlapped:
            found.append(f"attempt {row.seq}: another event of its group was in flight")
        token, group = row.client_token, row.event_group
        if row.verdict != ACCEPTED or token in seen or token not in plan.sendable:
            continue
        seen.add(token)
        planned = plan.sendable[token]
        if planned.place < latest[group] or planned.rows[0] < latest_row.get(group, (0, 0)):
            found.append(f"attempt {row.seq}: accepted after a later event of its group")
        latest[group], latest_row[group] = planned.place, planned.rows[0]
    return found


def not_conserved(ledger: Sequence[LedgerRow], plan: Plan, summary: Mapping[str, Any]) -> list[str]:
    """Law 3: the summary's equations hold, and it says what the plan and the ledger say."""
    found = list(summary["violations"])
    parts = ("events_accepted", "events_failed", "events_in_doubt", "events_unprocessed")
    if summary["rows_read"] != sum(summary[k] for k in ("rows_filtered", "rows_rejected", "records")):
        found.append("the rows do not add up")
    if summary["events_total"] != sum(summary[part] for part in parts):
        found.append("the events do not add up")
    accepted = len(accepted_events(ledger, plan))
    if not summary["events_accepted"] <= accepted <= summary["events_accepted"] + summary["events_in_doubt"]:
        found.append(f"the ledger holds {accepted} accepted events, the summary another number")
    if summary["stopped_by"] is None:  # it read everything
        wrong = {name: number for name, number in plan.sums().items() if summary[name] != number}
        found += [f"{name} is {summary[name]}, planned were {number}" for name, number in wrong.items()]
    return found


def wrong_receipts(ledger: Iterable[LedgerRow], plan: Plan, run_dir: Path) -> list[str]:
    """Return what the checkpoint claims beyond the ledger: each of its receipts was given for that event."""
    given: defaultdict[int, set[str | None]] = defaultdict(set)
    for row in ledger:
        if row.verdict == ACCEPTED and row.client_token in plan.sendable:
            # More than one only if it was sent in parts, or again after its token died.
            given[plan.sendable[row.client_token].place].add(row.event_id)
    found = []
    with open_for_reading(run_dir, alive=False) as connection:
        check_whole(connection, run_dir)
        stored = {
            (window, index): receipts.event_id(index)
            for window in sorted({planned.window for planned in plan.windows})
            if (receipts := read_receipts(connection, window))
            for index in receipts
        }
        totals = read_totals(connection)
    places = {(event.window, event.index): number for number, event in enumerate(plan.events)}
    for place, event_id in stored.items():
        if event_id not in given[places[place]]:
            found.append(f"the receipt of event {place} is not the one that was given")
    if totals.events_accepted != len(stored):
        found.append(f"{totals.events_accepted} events count as accepted, {len(stored)} have a receipt")
    return found


def accepted_rows(ledger: Iterable[LedgerRow], plan: Plan) -> set[tuple[int, int]]:
    """Return file and row of every record that was accepted."""
    accepted = accepted_tokens(ledger) & plan.sendable.keys()
    return {row for token in accepted for row in plan.sendable[token].rows}


def accepted_events(ledger: Iterable[LedgerRow], plan: Plan) -> set[int]:
    """Return the numbers, in the plan, of the events all of whose records were accepted."""
    rows = accepted_rows(ledger, plan)
    return {number for number, event in enumerate(plan.events) if rows.issuperset(places_of(event))}


def accepted_tokens(ledger: Iterable[LedgerRow]) -> set[str]:
    """Return the tokens that were accepted."""
    return {row.client_token for row in ledger if row.verdict == ACCEPTED}
