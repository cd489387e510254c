"""The three displays, on real terminals, pipes and files."""

import io
import os
import pty
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest

from loader.process.lasting_stream import LastingStream
from loader.report import ProgressStyle, make_display, progress_json
from loader.report.display import NoDisplay, PlainDisplay, plain_line
from loader.report.live_display import DRAW_SECONDS, LiveDisplay
from loader.report.progress import Pace, Snapshot

SNAPSHOT = Snapshot(rows_total=1000, phase="delivering", in_flight=1, in_flight_cap=10, limiting="rate")


def at(seconds: float, **changes: object) -> Snapshot:
    rows = int(seconds * 10)
    counts = {"rows_done": rows, "events_accepted": rows, "seconds": seconds}
    return replace(SNAPSHOT, **(counts | changes))  # type: ignore[arg-type] # changes name attributes


class Terminal:
    """A pseudo terminal whose other end is read all the time, as a real one's is."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        self.stream = io.TextIOWrapper(
            os.fdopen(slave, "wb", buffering=0), encoding="utf-8", write_through=True
        )
        self._chunks: list[bytes] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            while chunk := os.read(self._master, 65536):
                self._chunks.append(chunk)
        except OSError:  # Linux: the last user of the other end has closed it
            pass

    def text(self) -> str:
        """Close the terminal and return all that was written."""
        self.stream.close()
        self._reader.join()
        os.close(self._master)
        return b"".join(self._chunks).decode()


@contextmanager
def pipe() -> Iterator[tuple[int, io.TextIOWrapper]]:
    """A pipe: the descriptor to read from, and the stream to write to."""
    reading, writing = os.pipe()
    stream = io.TextIOWrapper(os.fdopen(writing, "wb", buffering=0), write_through=True)
    try:
        yield reading, stream
    finally:
        stream.close()


def test_plain_lines_come_less_often_the_longer_the_load_runs():
    """The pauses between lines are 1, 2, 5, 10, 20 and then always 30 seconds."""
    stream = io.StringIO()
    display = PlainDisplay(LastingStream(stream))
    display.start()
    for tenth in range(1300):
        display.update(at(tenth / 10))
    seconds = [line.split(", ")[0] for line in stream.getvalue().splitlines()]
    assert seconds == ["1.0 s", "3.0 s", "8.0 s", "18 s", "38 s", "1 min 08 s", "1 min 38 s", "2 min 08 s"]


def test_plain_line_comes_at_once_when_the_phase_changes():
    """A pause or a drain is shown when it begins, not when the next line is due."""
    stream = io.StringIO()
    display = PlainDisplay(LastingStream(stream))
    display.update(at(0.1))
    display.update(at(0.2, phase="paused: quota"))
    display.update(at(0.3, phase="paused: quota"))
    assert [line.split(", ")[1] for line in stream.getvalue().splitlines()] == ["paused: quota"]


def test_plain_display_ends_with_how_things_stood_last():
    """The last state is written when the display stops, and only once."""
    stream = io.StringIO()
    display = PlainDisplay(LastingStream(stream))
    display.update(at(0.5))
    display.stop()
    display.stop()
    assert [line.split(", ")[0] for line in stream.getvalue().splitlines()] == ["0.5 s"]


@pytest.mark.parametrize(("rows", "words"), [(1, "1 row rejected"), (1_200, "1,200 rows rejected")])
def test_plain_line_counts_rejected_rows_in_correct_words(rows, words):
    """One row is singular; without rejected rows the line does not mention them."""
    assert f", {words}, " in plain_line(at(1.0, rows_rejected=rows), Pace())
    assert "rejected" not in plain_line(at(1.0), Pace())


def test_no_display_still_shows_messages():
    """Without progress, messages come through, one harmless line each."""
    stream = io.StringIO()
    display = make_display(ProgressStyle.NONE, stream)
    display.start()
    display.update(at(60))
    display.message("warning: \x1b[31mred\nerror: forged")
    display.stop()
    assert stream.getvalue() == "warning: \\x1b[31mred\\nerror: forged\n"


@pytest.mark.parametrize(
    ("style", "on_terminal", "term", "expected"),
    [
        (ProgressStyle.AUTO, True, "xterm-256color", LiveDisplay),
        (ProgressStyle.AUTO, True, "dumb", PlainDisplay),
        (ProgressStyle.AUTO, True, None, PlainDisplay),
        (ProgressStyle.AUTO, False, "xterm-256color", PlainDisplay),
        (ProgressStyle.PLAIN, True, "xterm-256color", PlainDisplay),
        (ProgressStyle.NONE, True, "xterm-256color", NoDisplay),
    ],
)
def test_the_display_fits_the_stream(monkeypatch, style, on_terminal, term, expected):
    """Live lines need a terminal that can redraw; what the user asked for comes first."""
    if term is None:
        monkeypatch.delenv("TERM", raising=False)
    else:
        monkeypatch.setenv("TERM", term)
    terminal = Terminal()
    with pipe() as (reading, into_pipe):
        display = make_display(style, terminal.stream if on_terminal else into_pipe)
        os.close(reading)
    terminal.text()
    assert type(display) is expected


def test_json_progress_is_never_drawn_live(monkeypatch):
    """With JSON lines a terminal gets lines too: a machine may read them."""
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    display = make_display(
        ProgressStyle.AUTO, terminal.stream, line=partial(progress_json, at=0.0, load=None)
    )
    display.update(at(1.0))
    assert terminal.text().startswith('{"time":"1970-01-01T00:00:00.000Z"')


def test_live_lines_are_redrawn_in_place_and_gone_at_the_end():
    """Each drawing goes back over the five lines of the last, and the cursor is given back."""
    terminal = Terminal()
    display = LiveDisplay(LastingStream(terminal.stream), width=80)
    display.start()
    for eighth in range(17):
        display.update(at(eighth / 8))
    display.message("warning: something")
    display.stop()
    display.stop()
    text = terminal.text()
    assert text.count("delivering") == 11  # at 0, 0.25, ... 2 s, below the message, and once to end
    assert text.count("\x1b[1A") == 4 * 10 + 5  # four lines up for each drawing but the first; all at the end
    assert text.index("\x1b[?25l") < text.index("\x1b[?25h")
    assert text.rstrip("\r\n").endswith("\x1b[2K")  # the last thing done is to clear the lines
    assert len(re.findall("warning: something", text)) == 1


def test_live_lines_are_drawn_no_more_often_than_the_eye_needs():
    """Updates that come thick and fast cost nothing between two drawings."""
    stream = io.StringIO()
    display = LiveDisplay(LastingStream(stream), width=80)
    display.start()
    for step in range(1000):
        display.update(at(step * DRAW_SECONDS / 1000))
    assert stream.getvalue().count("delivering") == 1
    display.stop()


def test_live_message_is_not_markup_and_not_obeyed():
    """What stands in a message is shown as it is: no colour, no cursor movement."""
    stream = io.StringIO()
    display = LiveDisplay(LastingStream(stream), width=80)
    display.start()
    display.message("[bold]x[/bold] \x1b[2J :smile:")
    display.stop()
    assert "[bold]x[/bold] \\x1b[2J :smile:" in stream.getvalue()


@pytest.mark.parametrize("kind", [NoDisplay, PlainDisplay, LiveDisplay])
def test_a_reader_that_goes_away_does_not_stop_the_load(kind):
    """After the reading end of a pipe is closed, a display is silent and raises nothing."""
    with pipe() as (reading, stream):
        display = kind(LastingStream(stream))
        display.start()
        display.update(at(0))
        display.message("before")
        os.close(reading)
        for second in range(1, 10):
            display.update(at(second))
            display.message("after")
        display.stop()


def test_a_closed_stream_does_not_stop_the_load():
    """A stream that was closed under the display makes it silent too."""
    stream = io.StringIO()
    display = PlainDisplay(LastingStream(stream))
    stream.close()
    display.update(at(1.0))
    display.message("after")
    display.stop()


def test_messages_of_many_threads_stay_whole():
    """Lines from the checkpoint's and the reader's threads do not mix."""
    stream = io.StringIO()
    display = LiveDisplay(LastingStream(stream), width=80)
    display.start()

    def talk(name: str) -> None:
        for _ in range(20):
            display.message(f"<{name * 50}>")

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for step in range(20):
        display.update(at(step))
    for thread in threads:
        thread.join()
    display.stop()
    assert len(re.findall(r"<(?:a{50}|b{50}|c{50}|d{50})>", stream.getvalue())) == 80
