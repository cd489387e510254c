"""The hint, on a terminal, that a load can be followed in a browser."""

from loader.command_line import scn_loader
from loader.report import Display, Snapshot

HINT_SECONDS = 10.0
"""Loads that end before this show no hint."""


class LiveHint:
    """Shows the command of the live page once, above the progress.

    Args:
        display: Shows it.
        is_wanted: Whether a person looks at the terminal.
    """

    def __init__(self, display: Display, *, is_wanted: bool) -> None:
        self._display = display
        self._is_wanted = is_wanted

    def update(self, now: Snapshot, run_dir: str) -> None:
        """Show the hint if it is time.

        Args:
            now: The state of the load.
            run_dir: Its run directory, absolute; empty while it is not known.
        """
        if not self._is_wanted or not run_dir or now.seconds < HINT_SECONDS:
            return
        self._is_wanted = False
        self._display.message("To follow this load in a browser, run in another terminal:")
        self._display.message(f"  {scn_loader('report', run_dir, '--live')}")
