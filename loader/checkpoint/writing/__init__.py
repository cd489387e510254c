"""What a running load records, and the thread that writes it."""
