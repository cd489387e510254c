"""Pictures as SVG text: the report's, the benchmarks' and measure's. Pure."""
