"""The consequences of each outcome: retry, division, final result, stop."""
