"""What users see: progress during a load, the log, errors, and the summary at the end."""

from loader.report.display import Display, ProgressStyle, make_display, plain_line, progress_json
from loader.report.error_block import render_error
from loader.report.log_lines import LogFormat, LogFormatter
from loader.report.logs import log_to
from loader.report.progress import Pace, RateMeter, Snapshot
from loader.report.summary import LoadSummary, exit_code_for, to_json
from loader.report.summary_file import write_summary_json
from loader.report.terminal_signs import Signs, with_signs

__all__ = [
    "Display",
    "LoadSummary",
    "LogFormat",
    "LogFormatter",
    "Pace",
    "ProgressStyle",
    "RateMeter",
    "Signs",
    "Snapshot",
    "exit_code_for",
    "log_to",
    "make_display",
    "plain_line",
    "progress_json",
    "render_error",
    "to_json",
    "with_signs",
    "write_summary_json",
]
