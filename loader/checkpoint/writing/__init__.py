"""The records of a running load, and the thread that writes them."""
