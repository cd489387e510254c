"""CSV: dialect, records, blocks and windows."""
