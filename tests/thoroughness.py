"""How much is tried: less in ``make test``, all of it in ``make soak``, which sets SCN_TESTS_WHOLE=1."""

import os

WHOLE = os.environ.get("SCN_TESTS_WHOLE") == "1"


def examples(few: int, many: int) -> int:
    """Return how many examples of a property are tried."""
    return many if WHOLE else few
