"""NDJSON: lines, blocks and windows."""
