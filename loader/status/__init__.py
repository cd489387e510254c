"""The state of a load, and what to run next: the closing block, ``status``, and the steps of the page."""
