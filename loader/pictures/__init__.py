"""Pictures as SVG text, for the report, the benchmarks and ``measure``. Pure."""
