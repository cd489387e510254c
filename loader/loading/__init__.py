"""One load from end to end."""
