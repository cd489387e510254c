"""Whole loads with archives in S3: killed between an archive and its head, refused, taken over, retried."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from loader.emulator import FaultPlan, FaultRule
from loader.errors import CheckpointCorrupt
from loader.job import working_copy_of
from loader.loading.observers import Observers
from loader.remote.keeper import LeaseLost
from loader.testing import EmulatedService
from tests.remote.conftest import ADDRESS, FAST, PREFIX, ROWS, SLOW, Load, stopping_at
from tests.remote.faulty_s3 import BUCKET, Fault, FaultyS3

EVENTS = ROWS - 1
WINDOWS = {"window_rows": 40}
HEAD = f"{PREFIX}checkpoint.sqlite.zst"
ARCHIVES = f"{PREFIX}archives/"

Machine = Callable[[str], Path]


def archives(s3: FaultyS3) -> set[str]:
    """Return the keys of the archives."""
    return {key for key in s3.all_keys() if key.startswith(ARCHIVES)}


def assert_delivered_once(service: EmulatedService) -> None:
    """All events are in the lake, each once and in the order of its group."""
    calls = service.calls()
    assert (calls["accepted"], calls["overtaken"], calls["overlaps"]) == (EVENTS, 0, 0)


def test_each_window_is_archived_once_by_two_machines(
    load: Load, s3: FaultyS3, service: EmulatedService, machine: Machine
) -> None:
    """The second one continues the list of the first, and downloads archives as archives only."""
    load(stopping_at(150), **SLOW, **WINDOWS)
    there = archives(s3)
    assert there
    folder = machine("b")
    summary = load(**WINDOWS).summary
    assert (summary.resumed, summary.events_accepted) == (True, EVENTS)
    assert service.calls()["attempts"] == EVENTS
    assert archives(s3) > there
    assert len(archives(s3)) == -(-ROWS // 40)
    assert working_copy_of(ADDRESS).is_relative_to(folder)
    assert not (working_copy_of(ADDRESS) / "archives").exists()
    machine("c")
    assert load(**WINDOWS).summary.attempts == 0
    assert_delivered_once(service)


def test_a_machine_lost_between_an_archive_and_its_head(
    load: Load, s3: FaultyS3, service: EmulatedService, machine: Machine
) -> None:
    """The next machine knows nothing of the archive, repeats its events with their tokens, and removes it."""
    written: list[str] = []

    def lost(method: str, key: str) -> Fault:
        if method == "PUT" and key.startswith(ARCHIVES):
            written.append(key)
            return "slow"
        return "cut" if written and key == HEAD else None

    s3.faults = lost
    load(stopping_at(200), pace=replace(FAST, end_seconds=0.3), **SLOW, **WINDOWS)
    s3.faults = lambda _method, _key: None
    orphans = archives(s3)
    assert orphans
    machine("b")
    s3.seconds_ahead = 1000
    assert load(**WINDOWS).summary.events_accepted == EVENTS
    assert not archives(s3) & orphans
    assert_delivered_once(service)


def test_a_head_that_is_refused_after_its_archive(
    load: Load, s3: FaultyS3, service: EmulatedService, machine: Machine
) -> None:
    """Another writer replaced the head: the load stops, and removes nothing of the other."""
    taken: list[str] = []

    def take(method: str, key: str) -> Fault:
        if method == "PUT" and key.startswith(ARCHIVES) and not taken:
            taken.append(key)
            s3.client.put_object(Bucket=BUCKET, Key=f"{ARCHIVES}000001-of-the-other", Body=b"archive")
            s3.client.put_object(Bucket=BUCKET, Key=HEAD, Body=b"newer")
        return None

    s3.faults = take
    ending = load(**SLOW, **WINDOWS)
    assert isinstance(ending.error, LeaseLost)
    assert s3.get(HEAD) == b"newer"
    assert f"{ARCHIVES}000001-of-the-other" in archives(s3)


def test_a_lost_archive_is_written_again(
    load: Load, s3: FaultyS3, service: EmulatedService, machine: Machine
) -> None:
    """By the machine that has its rows, at its end and at its start. Any other refuses the copy."""
    lost: list[str] = []

    def lose(_observers: Observers) -> None:
        lost.append(min(archives(s3)))
        s3.client.delete_object(Bucket=BUCKET, Key=lost[-1])

    ending = load(stopping_at(150, lose), **SLOW, **WINDOWS)
    assert ending.error is None
    machine("b")
    assert load(**WINDOWS).summary.attempts == 0
    s3.client.delete_object(Bucket=BUCKET, Key=min(archives(s3)))
    lose(Observers())
    machine("c")
    with pytest.raises(CheckpointCorrupt) as refused:
        load(**WINDOWS)
    assert ARCHIVES in refused.value.where
    machine("b")
    assert load(**WINDOWS).summary.attempts == 0
    machine("c")
    assert load(**WINDOWS).summary.events_accepted == EVENTS
    assert_delivered_once(service)


def test_a_retry_elsewhere_changes_archived_windows(
    load: Load, s3: FaultyS3, service: EmulatedService, machine: Machine
) -> None:
    """What failed is sent again, and a third machine finds all receipts."""
    refuse = FaultRule(fault="error", code="ValidationException", probability=0.2)
    service.emulator.set_faults(FaultPlan(rules=[refuse]))
    failed = load(**WINDOWS).summary.events_failed
    assert failed
    service.emulator.set_faults(FaultPlan())
    machine("b")
    before = archives(s3)
    assert load(retry_failed=True, **WINDOWS).summary.events_accepted == EVENTS
    assert archives(s3) - before
    machine("c")
    summary = load(**WINDOWS).summary
    assert (summary.attempts, summary.events_accepted) == (0, EVENTS)
    assert service.calls()["accepted"] == EVENTS


def test_restart_elsewhere_leaves_no_archive_of_the_load_before(
    load: Load, s3: FaultyS3, machine: Machine
) -> None:
    """The checkpoint of that load is kept whole, under its own name."""
    load(**WINDOWS)
    before = archives(s3)
    machine("b")
    left: list[set[str]] = []
    load(stopping_at(1, lambda _observers: left.append(archives(s3) & before)), restart=True, **WINDOWS)
    assert left == [set()]  # they are removed at the start
    assert any(key.startswith(f"{PREFIX}checkpoint-") for key in s3.all_keys())
