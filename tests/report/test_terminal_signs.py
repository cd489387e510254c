"""Title and bell: on terminals that can show them, and nowhere else."""

import io

import pytest

from loader.report import ProgressStyle, Signs, make_display, with_signs
from loader.report.progress import Snapshot
from tests.report.test_display import Terminal, at


def shown(terminal: Terminal, signs: Signs) -> str:
    """All that a load of three looks writes to a terminal, without its progress."""
    display = with_signs(make_display(ProgressStyle.NONE, terminal.stream), terminal.stream, signs)
    display.start()
    for seconds in (1.0, 1.5, 2.5):
        display.update(at(seconds))
    display.stop()
    display.stop()
    return terminal.text()


def test_the_title_follows_the_load_and_comes_back(monkeypatch: pytest.MonkeyPatch):
    """Once a second at most, what was there before is saved and restored, and the bell rings once."""
    monkeypatch.setenv("TERM", "xterm-256color")
    assert shown(Terminal(), Signs(title=True, bell=True)) == (
        "\x1b[22;0t\x1b]0;1.0 %, delivering - scn-loader\a\x1b]0;2.5 %, delivering - scn-loader\a\x1b[23;0t\a"
    )


def test_a_terminal_without_titles_gets_the_bell_only(monkeypatch: pytest.MonkeyPatch):
    """TERM=dumb: an escape sequence would be shown as text."""
    monkeypatch.setenv("TERM", "dumb")
    assert shown(Terminal(), Signs(title=True, bell=True)) == "\a"


def test_nothing_is_written_unless_it_is_wanted(monkeypatch: pytest.MonkeyPatch):
    """Both are off by default."""
    monkeypatch.setenv("TERM", "xterm")
    assert shown(Terminal(), Signs()) == ""


def test_a_file_gets_no_title_and_no_bell():
    """A log file is not a terminal."""
    stream = io.StringIO()
    display = with_signs(make_display(ProgressStyle.NONE, stream), stream, Signs(title=True, bell=True))
    display.start()
    display.update(Snapshot())
    display.stop()
    assert stream.getvalue() == ""
