"""``scn-loader plan``: the expected result of a load, before anything is sent."""

import json
import stat
import time
from pathlib import Path

import pytest

from loader import Job, plan
from loader.errors import ExitCode
from loader.json_quoting import quote
from loader.model import Destination, Event
from loader.service.protocol import EventEncoder

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"
TYPE = ("--event-type", "scn.data.reservation")
HEADER = "reservation_id,reservation_detail_id,quantity,reservation_date\n"


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    """Twelve rows: one bad number, two bad times, and a key that comes three times."""
    rows = [f"R{number // 4},{number},{number}.50,2026-01-0{number + 1}" for number in range(8)]
    rows += ["R9,9,many,2026-01-01", "R9,10,1,soon", "R9,11,1,later", "R0,1,7,2026-01-01"]
    path = tmp_path / "reservations.csv"
    path.write_text(HEADER + "\n".join(rows) + "\nR0,1,8,2026-01-02\n")
    return path


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """Three good rows of one order."""
    path = tmp_path / "good.csv"
    path.write_text(HEADER + "".join(f"R0,{number},1,2026-01-01\n" for number in range(3)))
    return path


def test_a_plan_tells_rows_rejects_lanes_keys_and_packings(ask, csv):
    """Every figure is that of the file; rejected rows end with exit code 1, as the load would."""
    answer = ask("plan", csv, *TYPE, "--group-by", "reservation_id", "--json")
    assert (answer.code, answer.err) == (ExitCode.DELIVERED_WITH_FAILURES, "")
    told = json.loads(answer.out)
    assert [told[name] for name in ("rows_read", "records", "rows_rejected", "events")] == [13, 10, 3, 10]
    kinds = [(kind["column"], kind["code"], kind["count"], kind["row"]) for kind in told["rejected"]]
    assert kinds == [("reservation_date", "NotATimestamp", 2, 10), ("quantity", "NotANumber", 1, 9)]
    assert (told["lanes"]["count"], told["lanes"]["longest_events"]) == (2, 6)
    assert (told["repeated_keys"]["keys"], told["repeated_keys"]["extra_records"]) == (1, 2)
    assert told["repeated_keys"]["first"][0] | {"file": 0} == {
        "records": 3,
        "file": 0,
        "row": 2,
        "again_file": 0,
        "again_row": 12,
    }
    # R0 carries one key three times, so its records need three events.
    assert [packing["events"] for packing in told["packings"]] == [10, 4, 4]
    assert not Path("scn-loader-runs").exists()


def test_values_appear_only_on_request(ask, csv):
    """What is not a terminal may be a log: no value of a row goes there unless it is asked for."""
    arguments = ("plan", csv, *TYPE, "--group-by", "reservation_id")
    for quiet in (ask(*arguments), ask(*arguments, "--json"), ask(*arguments, "--no-values")):
        assert not {"0.50", "many", "R0", "soon"} & set(quiet.out.replace("'", " ").replace('"', " ").split())
    text = ask(*arguments, "--values").out
    assert "unchanged, such as '0.50', '1.50', '2.50'" in text
    assert "'2026-01-01' -> '2026-01-01T00:00:00Z'" in text
    assert "6 events: 'R0'" in text
    assert ask(*arguments, "--values", "--json").out.count('"R0"') > 0


FITS = {
    "a duration that is enough": (("--rate", "1", "--deadline", "10s"), 0),
    "one that is not": (("--rate", "1", "--deadline", "2s"), 8),
    "a lane that is too long": (("--deadline", "1s", "--round-trip-ms", "500", "--group-buckets", "1"), 8),
    "more than the tokens live": (("--rate", "0.0001"), 8),
    "no deadline": (("--rate", "1"), 0),
    "a deadline that is none": (("--deadline", "soon"), 2),
}


@pytest.mark.parametrize("what", FITS)
def test_a_plan_says_whether_it_fits_its_time(ask, good, what):
    """Three events at a rate, or in one lane, end in time or with exit code 8."""
    flags, code = FITS[what]
    answer = ask("plan", good, *TYPE, *flags)
    assert answer.code == code, answer.out + answer.err


def test_a_remembered_rate_is_used(ask, good, tmp_path, monkeypatch):
    """Without --rate, the duration is that of the rate the last load learned, unless that is forgotten."""
    from loader.delivery.rate.memory import RateMemory, Remembered

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    where = ("--region", "us-east-1", "--instance-id", INSTANCE, "--endpoint-url", "http://127.0.0.1:9")
    memory = RateMemory("http://127.0.0.1:9", "AKIAEXAMPLE", INSTANCE)
    memory.remember(Remembered(0.5), time.time())
    told = json.loads(ask("plan", good, *TYPE, *where, "--json").out)["estimate"]
    assert (told["speed"]["rate"], told["seconds"]) == (0.5, 6.0)
    for flags in (("--rate", "0.25"), ("--forget-rate", "--rate", "9")):
        told = json.loads(ask("plan", good, *TYPE, *where, *flags, "--json").out)["estimate"]
        assert told["speed"]["rate_origin"] == "--rate"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    told = json.loads(ask("plan", good, *TYPE, *where, "--json").out)["estimate"]
    assert told["speed"]["rate"] is None


def test_emit_writes_the_bodies_that_a_load_would_post(ask, good, tmp_path):
    """One body a line, token and all, for its owner's eyes; a file that is there is never overwritten."""
    out = tmp_path / "events.jsonl"
    job = ("plan", good, *TYPE, "--instance-id", INSTANCE, "--group-by", "reservation_id", "--emit", out)
    assert ask(*job).code == 0
    bodies = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [json.loads(body["data"])["reservation_detail_id"] for body in bodies] == ["0", "1", "2"]
    assert {(body["eventGroupId"], body["eventType"], len(body["clientToken"])) for body in bodies} == {
        ("R0", TYPE[1], 64)
    }
    first = bodies[0]
    event = Event(0, 0, 0, (0,), "R0", first["clientToken"], None, quote(first["data"].encode()))
    assert json.loads(EventEncoder(Destination(INSTANCE, TYPE[1])).body(event)) == first
    again = ask(*job)
    assert (again.code, "events.jsonl" in again.err) == (ExitCode.REFUSED, True)
    assert len(out.read_bytes().splitlines()) == 3


REFUSALS = {
    "missing columns": ("reservation_id\n1\n", "reservation_detail_id"),
    "unknown columns": (HEADER.replace("quantity", "colour") + "1,1,red,2026-01-01\n", "colour"),
    "only a header": (HEADER, "no rows"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_what_a_load_refuses_a_plan_refuses_in_the_same_words(ask, tmp_path, what):
    """Same block, same exit code: 2, or 9 where there is nothing to load."""
    content, said = REFUSALS[what]
    path = tmp_path / "x.csv"
    path.write_text(content)
    job = (path, *TYPE, "--instance-id", INSTANCE, "--endpoint-url", "http://127.0.0.1:9", "--region", "r")
    planned, loaded = ask("plan", *job), ask("load", *job)
    assert (planned.code, planned.err) == (loaded.code, loaded.err)
    assert said in planned.err
    assert planned.code == (ExitCode.NOTHING_TO_LOAD if "header" in what else ExitCode.REFUSED)


def test_a_plan_and_a_dry_run_count_alike(ask, csv, tmp_path):
    """They share their counting, and end with the same exit code."""
    summary = tmp_path / "summary.json"
    job = (csv, *TYPE, "--instance-id", INSTANCE, "--pack", "group", "--group-buckets", "2")
    rehearsed = ask("load", *job, "--dry-run", "--summary-json", summary)
    planned = ask("plan", *job, "--json")
    told, summed = json.loads(planned.out), json.loads(summary.read_bytes())
    assert planned.code == rehearsed.code == ExitCode.DELIVERED_WITH_FAILURES
    names = ("rows_read", "rows_rejected", "records", "windows")
    assert [told[name] for name in names] == [summed[name] for name in names]
    assert told["events"] == summed["events_total"]


def test_a_plan_is_a_value_of_the_library(good):
    """In Python, a preview is an object with the same figures."""
    job = Job(extract=[str(good)], event_type=TYPE[1], instance_id=INSTANCE)
    found = plan(job, deadline_seconds=1.0)
    assert (found.counts.records, found.exit_code) == (3, ExitCode.DELIVERED)
    assert found.files[0].columns[0].samples == (("R0", "R0"),)
