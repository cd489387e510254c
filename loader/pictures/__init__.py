"""Pictures as SVG text, for the report and ``measure``. Pure."""
