"""What was learned of a service's rate is a hint for the next load, and never in its way."""

from pathlib import Path

import orjson
import pytest

from loader.delivery.rate.memory import MEMORY_SECONDS, MOST_ENTRIES, RateMemory, Remembered
from tests.process.somebody_else import AS_ROOT, as_somebody_else

NOW = 1_790_000_000.0


def memory(folder: Path, *identity: str) -> RateMemory:
    return RateMemory(*(identity or ("https://scn.example", "AKIAEXAMPLE", "instance")), folder=folder)


def test_a_rate_is_remembered_for_its_service_only(tmp_path):
    """Another instance, key or endpoint starts cold."""
    memory(tmp_path).remember(Remembered(37.5), NOW)
    assert memory(tmp_path).recall(NOW + 60) == Remembered(37.5)
    assert memory(tmp_path, "https://scn.example", "AKIAEXAMPLE", "other").recall(NOW) == Remembered()


def test_the_last_rate_counts(tmp_path):
    """A second load's knowledge replaces the first's and leaves others alone."""
    memory(tmp_path).remember(Remembered(37.5), NOW)
    memory(tmp_path, "other").remember(Remembered(5), NOW)
    memory(tmp_path).remember(Remembered(reached=80), NOW)
    memory(tmp_path).remember(Remembered(), NOW)  # a load that was over too soon to learn anything
    assert memory(tmp_path).recall(NOW) == Remembered(reached=80)
    assert memory(tmp_path, "other").recall(NOW) == Remembered(5)


def test_a_rate_that_is_no_limit_sends_nobody_looking(tmp_path):
    """A plan looks for credentials only if some service's limit is remembered."""
    assert not RateMemory.knows_any_limit(tmp_path)
    memory(tmp_path).remember(Remembered(reached=80), NOW)
    assert not RateMemory.knows_any_limit(tmp_path)
    memory(tmp_path, "other").remember(Remembered(5), NOW)
    assert RateMemory.knows_any_limit(tmp_path)


def test_old_knowledge_is_none(tmp_path):
    """A quota of last season says nothing."""
    memory(tmp_path).remember(Remembered(37.5), NOW)
    assert memory(tmp_path).recall(NOW + MEMORY_SECONDS + 1) == Remembered()


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b'{"%s": 5}', b'{"%s": {"limit_events_per_second": "x", "learned_at": 1790000000}}'],
)
def test_a_damaged_memory_is_no_memory(tmp_path, content):
    """Whatever is in the file, a load starts, and mends it at its end."""
    key = memory(tmp_path)._key.encode()
    (tmp_path / "rates.json").write_bytes(content.replace(b"%s", key))
    assert memory(tmp_path).recall(NOW) == Remembered()
    memory(tmp_path).remember(Remembered(2.5), NOW)
    assert memory(tmp_path).recall(NOW) == Remembered(2.5)


def test_no_key_is_written(tmp_path):
    """The file holds digests only."""
    memory(tmp_path).remember(Remembered(37.5), NOW)
    assert b"AKIA" not in (tmp_path / "rates.json").read_bytes()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    """A container without a home still loads."""
    (tmp_path / "file").write_text("")
    memory(tmp_path / "file").remember(Remembered(1), NOW)
    assert memory(tmp_path / "file").recall(NOW) == Remembered()


@AS_ROOT
def test_without_a_home_nothing_is_remembered() -> None:
    """A uid without passwd entry and without HOME: the load starts cold, and that is all."""

    def use() -> str:
        memory = RateMemory("endpoint", "key", "instance")
        memory.remember(Remembered(100.0), 0.0)
        return str(memory.recall(0.0))

    assert as_somebody_else(use) == str(Remembered())


def test_the_memory_forgets_the_oldest_services(tmp_path):
    """The file stays small, however many instances a machine loads into."""
    path = tmp_path / "rates.json"
    path.write_bytes(orjson.dumps({f"service {number}": {} for number in range(MOST_ENTRIES)}))
    memory(tmp_path).remember(Remembered(37.5), NOW)
    entries = orjson.loads(path.read_bytes())
    assert len(entries) == MOST_ENTRIES
    assert next(iter(entries)) == "service 1"
    assert memory(tmp_path).recall(NOW) == Remembered(37.5)
