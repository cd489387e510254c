"""The closing block, and what it proposes to do next."""

import re
from dataclasses import replace
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.command_line import CommandLine
from loader.errors import ExitCode
from loader.report import LoadSummary
from loader.report.identity import LoadIdentity
from loader.status.closing_block import standing, to_text
from loader.status.next_steps import next_steps, status_step

COMMAND = ["load", "/my orders.csv", "--event-type", "scn.data.inboundorderline"]
TYPED = CommandLine(COMMAND)
SUMMARY = LoadSummary(
    run_dir="/runs/orders-1a2b",
    rows_read=1_204_113,
    records=1_204_113,
    windows=61,
    events_total=1_204_113,
    events_accepted=1_204_113,
    attempts=1_204_530,
    throttled=412,
    retried=417,
    seconds=79.1,
    rows_in_run=1_204_113,
    events_accepted_in_run=1_204_113,
    limited_by={"lanes": 0.12, "rate": 0.81, "reader": 0.04},
    learned_rate=16_010.0,
)
FAILURES = replace(SUMMARY, rows_rejected=12, records=1_204_101, events_failed=101, events_accepted=1_204_012)
HELD_BACK = replace(FAILURES, events_unprocessed=900, events_accepted=1_203_112)


def commands(summary: LoadSummary, command: list[str]) -> list[list[str]]:
    """Return the words of the proposed commands."""
    found = next_steps(standing(summary, CommandLine(command)))
    lines = [CommandLine.parsed(step.command) for step in found if step.command]
    return [["scn-loader", *line.arguments] for line in lines if line is not None]


def test_block_of_a_load_that_delivered_all():
    """All is said on one screen, and nothing is left to do."""
    assert to_text(SUMMARY, TYPED) == dedent("""\
        Done: all 1,204,113 events were accepted.

          rows read         1,204,113      events            1,204,113
            filtered                0        accepted        1,204,113
            rejected                0        failed                  0
            records         1,204,113        in doubt                0
                                             unprocessed             0

          time        1 min 19 s, 15,223 events/s, 15,223 rows/s
          attempts    1,204,530, 412 throttled (<0.1 %), 417 retried
          limited by  the rate that the service allows 81 %; too few groups (one event
                      per group at a time) 12 %
          faster      put more records into each event: --pack group, --group-buckets N
          rate        the service allowed 16,010 events/s
          run dir     /runs/orders-1a2b""")


def test_block_of_a_load_with_failures():
    """What went wrong stands in the first line, and the commands to go on in the last ones."""
    text = to_text(FAILURES, TYPED)
    assert text.startswith("Done, but with 12 rejected rows and 101 failed events.\n")
    again = "scn-loader load '/my orders.csv' --event-type scn.data.inboundorderline --retry-failed"
    again += " --run-dir /runs/orders-1a2b"
    assert text.splitlines()[-9:] == [
        "  exit code   1",
        "",
        "  next        see the details:",
        "                scn-loader status /runs/orders-1a2b",
        "              write the rejected rows and the rows that are not loaded to files,",
        "              to correct and load them:",
        "                scn-loader rejects /runs/orders-1a2b",
        "              or send the failed events again as they are:",
        f"                {again}",
    ]


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"events_total": 1, "events_accepted": 1}, "Done: the event was accepted."),
        (
            {"resumed": True, "rows_in_run": 0, "attempts": 0},
            "Done: all 1,204,113 events were accepted before; nothing was sent.",
        ),
        (
            {"dry_run": True, "events_accepted": 0, "events_unprocessed": 1_204_113},
            "Dry run: 1,204,113 events would be sent; nothing was sent.",
        ),
        (
            {"events_in_doubt": 1, "events_accepted": 1_204_112},
            "Your decision is needed: 1 event may or may not have been accepted.",
        ),
        ({"events_unprocessed": 2, "events_accepted": 1_204_111}, "Ended with 2 events not sent."),
        (
            {"stopped_by": ExitCode.STOPPED_BY_SERVICE, "stopped_because": "AccessDeniedException."},
            "Stopped by the service: AccessDeniedException.",
        ),
        ({"stopped_by": ExitCode.INTERRUPTED}, "Interrupted; the load can be resumed."),
        ({"records": 1}, "The counts of this load do not add up: do not rely on it."),
    ],
)
def test_first_line_says_how_it_ended(changes, start):
    """The first line alone tells the outcome."""
    assert to_text(replace(SUMMARY, **changes)).splitlines()[0] == start


def test_a_run_with_nothing_to_do_names_no_speed_and_no_limit() -> None:
    """Its rate would be 0 rows/s, limited by the start of the program. After an attempt, both are shown."""
    idle = replace(SUMMARY, resumed=True, rows_in_run=0, events_accepted_in_run=0, attempts=0)
    assert not re.search(r"rows/s|limited by", to_text(idle))
    stuck = to_text(replace(idle, attempts=3))
    assert " 0.0 rows/s" in stuck
    assert "limited by" in stuck


def test_a_dry_run_proposes_no_run_directory_it_does_not_have() -> None:
    """A dry run has no run directory: the command that sends is the typed one without --dry-run."""
    dry = LoadSummary(run_dir="", dry_run=True, rows_read=1, records=1, events_total=1, events_unprocessed=1)
    (step,) = next_steps(standing(dry, CommandLine(["load", "a.csv", "--dry-run"])))
    assert step.command == "scn-loader load a.csv"


@pytest.mark.parametrize("stopped_by", [None, *ExitCode])
@pytest.mark.parametrize("summary", [SUMMARY, FAILURES, HELD_BACK, LoadSummary(run_dir="d")])
@pytest.mark.parametrize("dry_run", [False, True])
def test_every_ending_has_a_block_that_fits(summary, stopped_by, dry_run):
    """However a load ends there is a block within 80 columns, with a next step unless all is done."""
    ended = replace(summary, stopped_by=stopped_by, stopped_because="A cause. " * 20, dry_run=dry_run)
    text = to_text(ended, TYPED)
    assert text.isascii()
    for line in text.splitlines():
        assert len(line) <= 80 or line.lstrip().startswith("scn-loader ")
    if ended.exit_code:
        assert f"exit code   {ended.exit_code.value}" in text
        assert "\n  next " in text


def test_violations_stand_in_the_block():
    """If the counts do not add up, the block says which."""
    text = to_text(replace(SUMMARY, records=1))
    assert "rows_read 1204113 is not rows_filtered 0 + rows_rejected 0 + records 1, which is 1" in text


def test_text_from_outside_is_harmless():
    """A path or a cause with terminal controls cannot move the cursor or forge a line."""
    text = to_text(
        replace(
            SUMMARY,
            run_dir="d\x1b[2J\nDone",
            stopped_by=ExitCode.STOPPED_BY_SERVICE,
            stopped_because="x\x1b]0;y\x07\nDone",
        )
    )
    assert "\x1b" not in text
    assert not any(line.startswith("Done") for line in text.splitlines())


def test_failed_events_are_sent_again_with_retry_failed():
    """The proposal is what was typed, with --retry-failed and the run directory."""
    assert status_step(FAILURES.run_dir).command in to_text(FAILURES, TYPED)
    assert commands(FAILURES, COMMAND) == [
        ["scn-loader", "rejects", "/runs/orders-1a2b"],
        ["scn-loader", *COMMAND, "--retry-failed", "--run-dir", "/runs/orders-1a2b"],
    ]


def test_rejected_rows_alone_are_not_retried():
    """Sending events again cannot help rows that never became events."""
    only_rows = replace(SUMMARY, rows_rejected=12, records=1_204_101)
    assert commands(only_rows, COMMAND) == [["scn-loader", "rejects", "/runs/orders-1a2b"]]


def test_events_held_back_go_out_with_the_failed_ones():
    """Where a failed event holds its group back, going on means to retry it."""
    assert "--retry-failed" in commands(HELD_BACK, COMMAND)[-1]
    interrupted = replace(HELD_BACK, stopped_by=ExitCode.INTERRUPTED)
    assert "--retry-failed" not in commands(interrupted, COMMAND)[-1]


@pytest.mark.parametrize("typed", [["--in-doubt", "stop"], ["--in-doubt=stop"], []])
def test_events_in_doubt_leave_the_choice_to_the_user(typed):
    """Both ways out are proposed, and the way that was typed before is gone."""
    doubt = replace(SUMMARY, events_in_doubt=1, events_accepted=1_204_112)
    resend, skip = commands(doubt, [*COMMAND, *typed])
    assert resend == ["scn-loader", *COMMAND, "--in-doubt", "resend", "--run-dir", SUMMARY.run_dir]
    assert skip == ["scn-loader", *COMMAND, "--in-doubt", "skip", "--run-dir", SUMMARY.run_dir]


@pytest.mark.parametrize("code", [ExitCode.INTERRUPTED, ExitCode.TERMINATED, ExitCode.STOPPED_RESUMABLE])
@pytest.mark.parametrize("run_dir", [["--run-dir", "d"], ["--run-dir=d"]])
def test_a_resume_never_restarts(code, run_dir):
    """The command to resume is the original one without --restart, which would begin a new load."""
    stopped = replace(SUMMARY, stopped_by=code)
    assert commands(stopped, [*COMMAND, "--restart", *run_dir]) == [["scn-loader", *COMMAND, *run_dir]]


def test_after_a_dry_run_the_load_itself_is_proposed():
    """What follows a dry run is the same command without --dry-run."""
    dry = replace(SUMMARY, dry_run=True, events_accepted=0, events_unprocessed=1_204_113)
    assert commands(dry, [*COMMAND, "--dry-run"]) == [["scn-loader", *COMMAND, "--run-dir", SUMMARY.run_dir]]


def test_without_a_known_command_no_command_is_made_up() -> None:
    """A load from Python has no command line: words say what to do."""
    retry = next_steps(standing(FAILURES))[-1]
    assert (retry.command, "--retry-failed" in retry.why) == ("", True)


@pytest.mark.parametrize(
    ("typed", "proposed"),
    [
        ([], ["--max-errors", "200"]),
        (["--max-errors", "3"], ["--max-errors", "200"]),
        (["--max-errors=5000"], ["--max-errors", "10000"]),
        (["--max-errors", "1%"], ["--max-errors", "200"]),
    ],
)
def test_after_too_many_errors_a_higher_limit_is_proposed(typed: list[str], proposed: list[str]) -> None:
    """The same limit would stop the load again at once."""
    stopped = replace(
        SUMMARY,
        rows_rejected=100,
        records=1_204_013,
        stopped_by=ExitCode.TOO_MANY_ERRORS,
        stopped_because="x",
    )
    (command,) = commands(stopped, [*COMMAND, *typed])
    assert command == ["scn-loader", *COMMAND, *proposed, "--run-dir", SUMMARY.run_dir]


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)), st.booleans(), st.text()
)
def test_a_command_line_is_read_as_it_was_written(
    arguments: list[str],
    reads_input: bool,  # noqa: FBT001 - drawn
    path: str,
) -> None:
    """Whatever was typed, the line that the checkpoint keeps gives the same command line back."""
    line = CommandLine(["load", *arguments], reads_input=reads_input, input_path=path if reads_input else "")
    assert CommandLine.parsed(line.pasteable()) == line


def test_a_load_of_standard_input_names_its_input() -> None:
    """A pipe has a placeholder, a redirected file its name: the command alone would wait for a terminal."""
    stopped = replace(SUMMARY, stopped_by=ExitCode.INTERRUPTED)
    for line, shown in (
        (CommandLine(["load", "-"], reads_input=True), "YOUR_COMMAND | scn-loader load - --run-dir {}"),
        (
            CommandLine(["load", "-"], reads_input=True, input_path="/a b"),
            "scn-loader load - --run-dir {} < '/a b'",
        ),
    ):
        (step,) = next_steps(standing(stopped, line))
        assert step.command == shown.format(SUMMARY.run_dir)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]))))
def test_proposals_can_be_pasted(extracts):
    """Whatever the names of the extracts, a shell reads the proposal as it was meant."""
    typed = ["load", *(f"x{name}" for name in extracts)]
    again = commands(FAILURES, typed)[-1]
    assert again == ["scn-loader", *typed, "--retry-failed", "--run-dir", SUMMARY.run_dir]


def test_packed_loads_report_refused_records():
    """Failed events of a packed load say how many of their records were refused."""
    summary = LoadSummary(
        run_dir="/run",
        rows_read=9,
        records=9,
        records_failed=3,
        events_total=3,
        events_failed=2,
        events_accepted=1,
    )
    assert "Done, but with 2 failed events (3 records)." in to_text(summary)


NINE_ROWS = LoadSummary(run_dir="/run", rows_read=9)


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        (
            {"rows_rejected": 9},
            "Nothing was delivered: 9 rejected rows; check the mapping: no row fits it.",
        ),
        (
            {"records": 9, "records_failed": 9, "events_total": 9, "events_failed": 9},
            "Nothing was delivered: 9 failed events.",
        ),
    ],
)
def test_a_load_of_which_nothing_arrived_is_not_done(changes: dict[str, Any], headline: str) -> None:
    """If every row was rejected, the next step is to check the mapping."""
    assert to_text(replace(NINE_ROWS, **changes)).splitlines()[0] == headline


DATASET_LOAD = replace(SUMMARY, identity=LoadIdentity(event_type="scn.data.dataset"))


def verdicts(**counts: int) -> dict[str, int]:
    """Return what the service said of the events of a load."""
    names = ("missing", "failed", "succeeded", "in_progress", "known", "unknown", "undecided")
    return dict.fromkeys(names, 0) | counts


def test_accepted_is_not_called_loaded() -> None:
    """A load whose events have a load status ends with the command that asks for it."""
    text = to_text(DATASET_LOAD, TYPED)
    assert "\n  loaded      not verified yet; accepted does not mean loaded\n" in text
    assert text.endswith("\n                scn-loader verify /runs/orders-1a2b --wait 30m")
    asked_next = to_text(DATASET_LOAD, TYPED, is_asked_next=True)
    assert "\n  loaded      the service is asked next\n" in asked_next
    assert "scn-loader verify" not in asked_next


def test_of_typed_events_nothing_is_proposed_that_cannot_be_known() -> None:
    """The service reports no load status for them."""
    text = to_text(replace(SUMMARY, identity=LoadIdentity(event_type="scn.data.inboundorderline")), TYPED)
    assert "\n  loaded      not known: the service reports no load status for typed events\n" in text
    assert "\n  next " not in text


@pytest.mark.parametrize(
    ("loaded", "code", "end"),
    [
        (None, 0, "delivered"),
        (verdicts(succeeded=9), 0, "delivered"),
        (verdicts(known=9), 0, "delivered"),
        (verdicts(succeeded=8, failed=1), 1, "delivered_with_failures"),
        (verdicts(succeeded=7, missing=1, undecided=1), 1, "delivered_with_failures"),
        (verdicts(succeeded=8, in_progress=1), 7, "undecided"),
        (verdicts(unknown=9), 7, "undecided"),
    ],
)
def test_the_exit_code_follows_what_the_service_said(
    loaded: dict[str, int] | None, code: int, end: str
) -> None:
    """The summary of a load that went on to verify ends as the command does."""
    summary = replace(DATASET_LOAD, loaded=loaded)
    assert (int(summary.exit_code), summary.end) == (code, end)


def test_a_failed_load_leads_to_its_rows() -> None:
    """The next step depends on the state: rows to files, files to a load, the load to verify."""
    lost = replace(standing(DATASET_LOAD), events_lost=3, events_not_asked=0, events_missing=1)
    ids = "scn-loader receipts /runs/orders-1a2b --status missing"
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "scn-loader rejects /runs/orders-1a2b"),
        ({"correcting_not_loaded": "scn-loader load x"}, "scn-loader load x"),
        (
            {"correcting_not_loaded": "scn-loader load x", "corrected_in": "/y z"},
            "scn-loader verify '/y z' --wait 30m",
        ),
    ]
    for changes, command in cases:
        assert [step.command for step in next_steps(replace(lost, **changes))] == [command, ids]


def test_rows_that_are_all_rejected_for_one_reason_blame_the_mapping():
    """One reason for every row is the mapping's fault; several reasons, or one row, may be the rows'."""
    rejected = LoadSummary(
        run_dir="r", rows_read=3, rows_rejected=3, rejected_because="column 'q': no number"
    )
    first = to_text(rejected).partition("\n\n")[0].replace("\n", " ")
    assert first == (
        "Nothing was delivered: the mapping looks wrong. 3 rejected rows, each for: column 'q': no number."
    )
    assert "looks wrong" not in to_text(replace(rejected, rejected_because=""))
    assert "looks wrong" not in to_text(replace(rejected, rows_read=1, rows_rejected=1))
