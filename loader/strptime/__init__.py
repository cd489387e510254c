"""Timestamp formats in strftime notation: check that they are unambiguous, and read texts with them."""
