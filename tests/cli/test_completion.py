"""Completion in the shell: the script that the command prints, and what it asks for."""

import pytest


def complete(ask, monkeypatch: pytest.MonkeyPatch, words: str) -> list[str]:
    """Return what the script for bash gets for a line that ends where the cursor is."""
    monkeypatch.setenv("_SCN_LOADER_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    return str(ask().out).split()


def test_the_script_for_bash_completes_commands_and_flags(ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command by its first letters, and the flags of one."""
    monkeypatch.setenv("_SCN_LOADER_COMPLETE", "source_bash")
    assert "complete -o default -F _scn_loader_completion scn-loader" in ask().out
    commands = complete(ask, monkeypatch, "scn-loader ")
    assert {"init", "load", "plan", "status", "verify", "emulator", "doctor"} <= set(commands)
    assert complete(ask, monkeypatch, "scn-loader ve") == ["verify"]
    assert complete(ask, monkeypatch, "scn-loader load --excel-s") == ["--excel-sheet"]
