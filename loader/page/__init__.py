"""The report: one self-contained HTML page about a load, made from its run directory."""
