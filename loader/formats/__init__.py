"""Read files as windows of rows: one folder per format, and the window cutter that they share."""
