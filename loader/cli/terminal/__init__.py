"""Run a load on a terminal: rehearsal, progress, metrics, summary and exit code."""
