"""What becomes of an event after each attempt: retry, division, final result, stop."""
