"""The process of ``scn-loader``: streams and signals are set up before anything slow is imported."""

import os
import sys

from loader.errors import ExitCode, Interrupted
from loader.process.signals import GRACE_SECONDS, decide, end_process, on_signals
from loader.process.streams import mend_streams
from loader.process.summary_place import clear_summary, requested_summary


def run() -> None:
    """Run ``scn-loader`` and end this process with its exit code."""
    mend_streams()
    summary_json = requested_summary(sys.argv[1:], os.environ)
    if summary_json is not None:
        clear_summary(summary_json)
    with on_signals(_interrupt, _leave, GRACE_SECONDS):
        code = _code()
        decide(code)
        from loader.cli import after_output  # noqa: PLC0415 - see above

        end_process(after_output(code))


def _code() -> int:
    try:
        try:
            from loader.cli import main  # noqa: PLC0415 - see above

            main()
        except KeyboardInterrupt:  # while it was imported, or while an error was shown
            from loader.cli import interrupted  # noqa: PLC0415 - see above

            return interrupted()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    return ExitCode.BUG


def _interrupt(_reason: Interrupted) -> None:
    raise KeyboardInterrupt


def _leave(reason: Interrupted) -> None:
    from loader.cli import leave  # noqa: PLC0415 - see above

    leave(reason)


if __name__ == "__main__":
    run()
