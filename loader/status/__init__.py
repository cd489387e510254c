"""The state of a load and the next steps, for the closing block, ``status`` and the page."""
