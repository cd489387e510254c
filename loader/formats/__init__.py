"""Files to windows of rows: one folder for each format, and the window cutter they share."""
