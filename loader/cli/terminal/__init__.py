"""A load on a terminal: its rehearsal, its progress, its metrics, its summary and its exit code."""
