"""The names of the files and folders of a run directory."""

CHECKPOINT_NAME = "checkpoint.sqlite"
LOG_NAME = "load.log"
NOT_LOADED_NAME = "not-loaded"
"""Folder of the rows that the service refused, or accepted but did not load."""
REJECTED_NAME = "rejected"
"""Folder of the rejected rows."""
