"""How a load stands, and what to run next: the closing block, ``status``, and the steps of the page."""
