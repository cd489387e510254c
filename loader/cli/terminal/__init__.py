"""A load on a terminal: its progress, its metrics, its summary and its exit code."""
