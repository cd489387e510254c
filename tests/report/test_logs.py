"""The log: where it goes, what a line holds, and how repeats are folded."""

import ast
import json
import logging
import os
import re
import resource
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loader.checkpoint.file_names import LOG_NAME
from loader.errors import CheckpointError, ExtractError
from loader.model import Event, OutcomeKind
from loader.report import LogFormat, log_to
from loader.report.log_lines import FIELDS, HANDLER_FIELDS, MAX_TEXT_CHARS, message_of
from loader.report.logs import MAX_KINDS, REPEATS

ROOT = Path(__file__).parents[2]
SECRET = "4711-SECRET-ROW"
EVENT = Event(0, 0, 0, [0], SECRET, "ab" * 32, None, SECRET.encode())
log = logging.getLogger("loader.test")


@contextmanager
def logged(
    tmp_path: Path, log_format: LogFormat = LogFormat.JSON, *, debug: bool = False
) -> Iterator[list[str]]:
    """Log to a list and to a file for as long as the block lasts."""
    console: list[str] = []
    with log_to(
        console.append,
        run_dir=tmp_path,
        log_format=log_format,
        ids={"load": "1a2b", "run": "0001"},
        debug=debug,
    ):
        yield console


def test_json_lines_have_time_level_message_ids_and_fields(tmp_path):
    """A JSON line is one object with UTC time, level, sentence, ids and the fields given."""
    with logged(tmp_path) as console:
        log.warning("The service throttles.", extra={"code": "ThrottlingException", "attempts": 3})
    line = json.loads(console[0])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "WARNING",
        "message": "The service throttles.",
        "code": "ThrottlingException",
        "attempts": 3,
        "load": "1a2b",
        "run": "0001",
    }


@pytest.mark.parametrize("log_format", LogFormat)
def test_an_empty_field_is_left_out(tmp_path, log_format):
    """A row that is rejected as a whole has no column, and its line has no empty one."""
    with logged(tmp_path, log_format) as console:
        log.warning("A row was rejected.", extra={"row": 3, "column": "", "file": Path("x.csv")})
    assert "row" in console[0]
    assert "column" not in console[0]


def test_ids_that_become_known_are_on_later_lines():
    """Before the checkpoint is open a load has no id: JSON lines say null, and the id from then on."""
    ids: dict[str, str | None] = {"load": None}
    console: list[str] = []
    with log_to(console.append, run_dir=None, log_format=LogFormat.JSON, ids=ids):
        log.info("Before.")
        ids["load"] = "1a2b"
        log.info("After.")
    assert [json.loads(line)["load"] for line in console] == [None, "1a2b"]


def fields_in_the_code() -> set[str]:
    """Return every name that the package gives to a log line as a field."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "loader").rglob("*.py")]
    trees = [ast.parse(text) for text in texts if "extra" in text]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    extras = [keyword.value for call in calls for keyword in call.keywords if keyword.arg == "extra"]
    dicts = [extra for extra in extras if isinstance(extra, ast.Dict)]
    return {str(key.value) for extra in dicts for key in extra.keys if isinstance(key, ast.Constant)}


def test_each_field_is_used_and_none_is_used_that_is_not_documented():
    """The fields of the code are those of the table, which the guide shows with their one meaning."""
    assert fields_in_the_code() == set(FIELDS)
    guide = (ROOT / "docs" / "howto" / "watching.md").read_text(encoding="utf-8")
    table = guide.partition("| field | meaning |")[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{name}` | {meaning} |" for name, meaning in {**HANDLER_FIELDS, **FIELDS}.items()]


def test_text_lines_are_readable_and_parsable(tmp_path):
    """A text line is time, level, sentence and name=value, quoted where needed; ids only in the file."""
    with logged(tmp_path, LogFormat.TEXT) as console:
        log.warning("Row group %d is slow.", 7, extra={"path": "my file.csv", "seconds": 1.5})
    rest = 'WARNING Row group 7 is slow. path="my file.csv" seconds=1.5'
    assert re.fullmatch(r"\S+Z " + re.escape(rest), console[0])
    assert (tmp_path / LOG_NAME).read_text().rstrip("\n").endswith(f"{rest} load=1a2b run=0001")


@pytest.mark.parametrize(
    ("log_format", "debug", "on_console", "in_file"),
    [
        (LogFormat.TEXT, False, "WE", "IWE"),
        (LogFormat.TEXT, True, "DIWE", "DIWE"),
        (LogFormat.JSON, False, "IWE", "IWE"),
        (LogFormat.JSON, True, "DIWE", "DIWE"),
    ],
)
def test_each_output_has_its_own_lowest_level(tmp_path, log_format, debug, on_console, in_file):
    """People see warnings and errors; the file and machines get everything but debug lines."""
    with logged(tmp_path, log_format, debug=debug) as console:
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            log.log(level, "Level %s.", logging.getLevelName(level)[0])
    levels = [re.findall(r"Level (.)\.", line)[0] for line in console]
    assert "".join(levels) == on_console
    assert "".join(re.findall(r"Level (.)\.", (tmp_path / LOG_NAME).read_text())) == in_file


def test_log_file_is_private_and_continued(tmp_path):
    """load.log has mode 0600 whatever it had before, and a second run adds to it."""
    path = tmp_path / LOG_NAME
    path.write_text("first\n")
    path.chmod(0o644)
    with logged(tmp_path):
        log.info("Second.")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text().splitlines()) == 2


def test_without_a_run_directory_nothing_is_written(tmp_path):
    """A dry run logs to the console alone."""
    console: list[str] = []
    with log_to(console.append, run_dir=None):
        log.warning("Seen.")
    assert len(console) == 1
    assert list(tmp_path.iterdir()) == []


def test_logging_is_left_as_it_was_found(tmp_path):
    """After the block no handler and no level of ours stays behind."""
    before = list(logging.getLogger().handlers), logging.getLogger("loader").level
    with logged(tmp_path) as console:
        pass
    log.warning("Not for us.")
    assert (list(logging.getLogger().handlers), logging.getLogger("loader").level) == before
    assert console == []


def test_a_full_disk_does_not_stop_the_load(tmp_path):
    """A log file that cannot be written to costs its lines and nothing else."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with logged(tmp_path) as console:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # from now on no file of ours can grow
        try:
            log.warning("Still here.")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(console) == 1
    assert (tmp_path / LOG_NAME).read_text() == ""


def test_the_log_is_not_written_through_a_link(tmp_path):
    """A link or a FIFO in the place of load.log is refused: what a link points at stays as it is."""
    other = tmp_path / "other"
    other.write_text("mine")
    (tmp_path / LOG_NAME).symlink_to(other)
    with pytest.raises(CheckpointError) as refused, logged(tmp_path):
        pass
    assert "symbolic link" in refused.value.why
    assert refused.value.exit_code == 2
    assert other.read_text() == "mine"
    (tmp_path / LOG_NAME).unlink()
    os.mkfifo(tmp_path / LOG_NAME)
    with pytest.raises(CheckpointError, match="log cannot be written"), logged(tmp_path):
        pass


def test_repeats_are_folded_with_their_count(tmp_path):
    """The first few are written, then each power of ten with its count, and the total at the end."""
    with logged(tmp_path) as console:
        for number in range(1234):
            log.warning("Attempt failed at %d.", number, extra={"code": "Timeout"})
            if number < REPEATS:
                assert len(console) == number + 1
    times = [json.loads(line).get("times") for line in console]
    assert times == [None] * REPEATS + [10, 100, 1000, 1234]
    assert json.loads(console[-1])["code"] == "Timeout"


def test_the_last_count_has_the_place_of_the_last_row(tmp_path):
    """With the place of the last line that was written, every row would seem to be of its column."""
    with logged(tmp_path) as console:
        for number in range(1, 21):
            column = "cost" if number < 20 else "quantity"
            log.warning("A row was rejected: %s.", "no number", extra={"row": number, "column": column})
    last = json.loads(console[-1])
    assert (last["times"], last["row"], last["column"]) == (20, 20, "quantity")


def test_each_code_is_folded_by_itself(tmp_path):
    """A rare cause is not hidden behind a frequent one."""
    with logged(tmp_path) as console:
        for _ in range(50):
            log.warning("Attempt failed.", extra={"code": "Timeout"})
        log.warning("Attempt failed.", extra={"code": "InternalServerException"})
        assert json.loads(console[-1])["code"] == "InternalServerException"


def test_the_number_of_kinds_is_bounded(tmp_path):
    """Codes that never repeat are folded together at some point: neither memory nor console is flooded."""
    with logged(tmp_path) as console:
        for number in range(20 * MAX_KINDS):
            log.warning("Attempt failed.", extra={"code": f"Code{number}"})
    assert len(console) < MAX_KINDS + REPEATS + 10


def test_debug_lines_are_not_folded(tmp_path):
    """Who asks for debug lines gets each of them."""
    with logged(tmp_path, debug=True) as console:
        for _ in range(50):
            log.debug("Attempt.")
    assert len(console) == 50


def test_folding_counts_right_across_threads(tmp_path):
    """No repeat is lost when several threads log."""
    with logged(tmp_path) as console:

        def talk() -> None:
            for _ in range(500):
                log.warning("Same.")

        threads = [threading.Thread(target=talk) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert json.loads(console[-1])["times"] == 2000


def fail_on_a_row() -> None:
    try:
        int(SECRET)
    except ValueError as cause:
        raise RuntimeError(SECRET) from cause


@pytest.mark.parametrize("log_format", LogFormat)
@pytest.mark.parametrize("debug", [False, True])
def test_no_row_data_comes_through(tmp_path, log_format, debug):
    """Objects, bytes, foreign exceptions and fields that are not on the list never reach a line."""
    with logged(tmp_path, log_format, debug=debug) as console:
        log.error("Event %s.", EVENT)
        log.error("Data %s and %s.", EVENT.quoted, [SECRET])
        log.error("Named %(event)s.", {"event": {"id": SECRET}})
        log.error("Fields.", extra={"group": SECRET, "row": {"id": SECRET}, "rows": [SECRET], "code": "X"})
        log.error(EVENT)
        try:
            fail_on_a_row()
        except RuntimeError:
            log.exception("A bug.")
    everything = "\n".join(console) + (tmp_path / LOG_NAME).read_text()
    assert len(console) == 6
    assert SECRET not in everything
    assert "<Event>" in console[0]
    assert "Data <bytes> and <list>." in console[1]
    assert "<dict>" in console[3]
    assert "<list>" in console[3]
    assert re.search(r"dropped\W+group\b", console[3])
    assert "RuntimeError from ValueError" in console[5]
    assert ("test_logs.py:" in console[5]) is debug


def test_an_argument_in_the_wrong_place_is_not_shown():
    """A placeholder that does not fit its argument leaves the sentence without arguments."""
    record = logging.makeLogRecord({"name": "loader", "msg": "Wrong place %d.", "args": (EVENT,)})
    assert message_of(record) == "Wrong place %d."


def test_a_line_that_cannot_be_written_does_not_print_its_arguments(capsys):
    """If a display fails, the library's own complaint, which shows arguments, is not made."""

    def broken(_line: str) -> None:
        raise RuntimeError

    with log_to(broken, run_dir=None):
        log.error("Event %s.", SECRET)
    assert capsys.readouterr() == ("", "")


def test_our_own_and_the_systems_errors_keep_their_words(tmp_path):
    """The words of a LoaderError or OSError hold no row data and help."""
    with logged(tmp_path) as console:
        for error in (
            ExtractError("The file has no header."),
            OSError(28, "No space left on device", "/d/x"),
        ):
            try:
                raise error
            except (ExtractError, OSError):
                log.exception("Stopped.")
    assert json.loads(console[0])["error_text"] == "The file has no header."
    assert json.loads(console[1])["error_text"] == "[Errno 28] No space left on device: '/d/x'"


def test_scalars_come_through_as_they_are(tmp_path):
    """Numbers stay numbers, paths and text enums their text, and NaN does not break the JSON."""
    with logged(tmp_path) as console:
        log.warning(
            "Path %s is %s.",
            Path("/a/b"),
            LogFormat.TEXT,
            extra={"rows": 5, "seconds": float("nan"), "state": None, "cause": OutcomeKind.QUOTA},
        )
    line = json.loads(console[0])
    assert line["message"] == "Path /a/b is text."
    assert (line["rows"], line["seconds"], line["state"], line["cause"]) == (5, "nan", None, "<OutcomeKind>")


@pytest.mark.parametrize("log_format", LogFormat)
def test_lines_are_single_harmless_and_bounded(tmp_path, log_format):
    """No text from outside forges a line, moves a cursor or floods the log with its length."""
    with logged(tmp_path, log_format) as console:
        log.warning(
            "Code %s.", "x\n2026-01-01 ERROR forged\x1b[2J", extra={"path": "\u2028\x9b" + "y" * 10**6}
        )
    assert len(console) == 1
    assert console[0].isprintable()
    assert len(console[0]) < 4 * MAX_TEXT_CHARS
    assert len((tmp_path / LOG_NAME).read_text().splitlines()) == 1


def test_libraries_are_heard_from_warnings_on(tmp_path):
    """An HTTP library's debug lines, which may hold bodies and signatures, are never written."""
    library = logging.getLogger("botocore.auth")
    library.setLevel(logging.DEBUG)
    try:
        with logged(tmp_path, debug=True) as console:
            library.debug("CanonicalRequest %s", SECRET)
            library.info("Found credentials.")
            library.warning("Retrying.")
    finally:
        library.setLevel(logging.NOTSET)
    assert [json.loads(line)["message"] for line in console] == ["Retrying."]
