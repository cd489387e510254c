"""How two plans differ, in words that tell the user what to change back."""

from dataclasses import replace
from typing import Any

import pytest

from loader.checkpoint.plan import DIGEST_BYTES, SHOWN_DIFFERENCES, Plan, differences, plan_digest, shown
from loader.model import WHOLE_FILE_BYTES, SourceFile
from tests.checkpoint.sample_loads import event, load_plan, source_file


def with_files(*files: SourceFile) -> Plan:
    return replace(load_plan(), files=files)


def test_equal_plans_do_not_differ() -> None:
    """Tuples and lists, and the order of keys, are the same JSON; the command is not compared."""
    given = replace(load_plan(group_by=["a", "b"], time_zone="UTC"), command="another")
    assert differences(load_plan(time_zone="UTC", group_by=("a", "b")), given) == []


def test_a_moved_file_is_the_same_file() -> None:
    """Another path alone is not a difference, because the tokens do not depend on it."""
    assert differences(load_plan(), with_files(source_file(path="/elsewhere/orders.parquet"))) == []


def test_a_changed_setting_is_named_with_both_values() -> None:
    """Each other setting is one line, and so is one that only one side has."""
    lines = differences(load_plan(pack="row"), load_plan(pack="group", group_buckets=8))
    assert lines == [
        "setting group_buckets: the load began with null, now 8",
        'setting pack: the load began with "row", now "group"',
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size_bytes": 1200}, "1,000 bytes then, 1,200 now"),
        ({"fingerprint": "f" * 64}, "other content of the same size"),
        ({"format": "csv"}, "format parquet then, csv now"),
        ({"copy": 1}, "copy 0 of its content"),
    ],
)
def test_a_changed_file_is_named_with_its_change(changes: dict[str, Any], words: str) -> None:
    """Each way in which a file can change is reported with both values."""
    (line,) = differences(load_plan(), with_files(source_file(**changes)))
    assert line.startswith("file /extracts/orders_0.parquet: ")
    assert words in line


def test_the_time_of_a_file_counts_only_if_its_fingerprint_is_a_sample() -> None:
    """A copied small file is the same file; for a large file the time counts too."""
    touched = with_files(source_file(modified_ns=10**18 + 1))
    assert differences(load_plan(), touched) == []
    large, later = (
        with_files(source_file(size_bytes=WHOLE_FILE_BYTES + 1, modified_ns=at))
        for at in (10**18, 10**18 + 1)
    )
    (line,) = differences(large, later)
    assert "modified 2001-09-09T01:46:40.000000000Z then" in line


def test_a_large_file_that_was_touched_in_its_place_is_a_difference() -> None:
    """Its time may have been set back. A copy of it, which has another inode, is the same file."""
    size = WHOLE_FILE_BYTES + 1
    before = with_files(source_file(size_bytes=size, changed_ns=1, inode=5))
    (line,) = differences(before, with_files(source_file(size_bytes=size, changed_ns=2, inode=5)))
    assert "'cp -p'" in line
    assert differences(before, with_files(source_file(size_bytes=size, changed_ns=2, inode=6))) == []
    assert differences(load_plan(), with_files(source_file(changed_ns=2, inode=5))) == []


def test_files_that_came_and_went_are_named() -> None:
    """Missing and added files are reported by path, replaced ones with both paths."""
    (gone,) = differences(load_plan(files=2), load_plan(files=1))
    assert gone == "file /extracts/orders_1.parquet: part of the load, not given now"
    (added,) = differences(load_plan(files=1), load_plan(files=2))
    assert added == "file /extracts/orders_1.parquet: not part of the load, given now"
    (replaced,) = differences(load_plan(), with_files(source_file(path="/x.parquet", size_bytes=5)))
    assert replaced.startswith("file /x.parquet (in place of /extracts/orders_0.parquet): ")


def test_other_windows_are_a_difference() -> None:
    """Windows of another size cut the extract into other events. Other files have other windows."""
    (line,) = differences(load_plan(), replace(load_plan(), window_rows=9000))
    assert line == "windows of 8 rows in slices of 8 then, of 9,000 in slices of 8 now"
    (line,) = differences(load_plan(files=1), replace(load_plan(files=2), window_rows=9000))
    assert line.startswith("file ")


def test_a_long_list_is_cut_and_its_length_is_stated() -> None:
    """An error block shows a dozen differences and says how many more there are."""
    text = shown([f"line {number}" for number in range(SHOWN_DIFFERENCES + 3)])
    assert text.endswith("and 3 more")
    assert text.count("line") == SHOWN_DIFFERENCES
    assert "more" not in shown(["line"] * SHOWN_DIFFERENCES)


def test_a_long_value_is_clipped() -> None:
    """A mapping of hundreds of columns does not fill the screen."""
    (line,) = differences(load_plan(), load_plan(mapping={f"column_{n}": "x" for n in range(500)}))
    assert len(line) < 300
    assert line.endswith("...")


def test_the_digest_depends_on_every_token_and_their_order() -> None:
    """Two windows have the same digest only if they plan the same events in the same order."""
    events = [event(0, 0), event(0, 1)]
    digests = {plan_digest(plan) for plan in (events, events[::-1], events[:1], [])}
    assert len(digests) == 4
    assert plan_digest(events) == plan_digest([event(0, 0), event(0, 1)])
    assert {len(digest) for digest in digests} == {DIGEST_BYTES}
