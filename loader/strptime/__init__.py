"""Timestamp formats in strftime notation: which are unambiguous, and the moment that a text denotes."""
