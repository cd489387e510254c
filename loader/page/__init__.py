"""The report: one self-contained HTML page about a load, from its run directory."""
