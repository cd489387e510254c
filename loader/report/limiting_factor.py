"""Limiting factors of a load in words, and what a user can do about each.

The keys are the names that the dispatcher reports. A name without words is shown unchanged.
"""

WORDS = {
    "learning": "learning the allowed rate",
    "rate": "the rate that the service allows",
    "ceiling": "your --rate",
    "lanes": "too few groups (one event per group at a time)",
    "in-flight": "waiting for answers (the maximum number of calls is in flight)",
    "answers": "waiting for answers",
    "reader": "reading the extract",
    "cpu": "this machine's processor",
    "memory": "the limit on bytes held in memory",
    "checkpoint": "writing the checkpoint",
    "backoff": "failed calls: the loader waits before it tries again",
    "quota": "a quota of the service",
    "way": "an intermediary that refuses the requests",
}

ADVICE = {
    "rate": "put more records into each event: --pack group, --group-buckets N",
    "ceiling": "raise or omit --rate",
    "lanes": "use more groups: a finer --group-by, a larger --group-buckets",
    "in-flight": "raise --max-in-flight, unless the service itself is slow",
    "memory": "raise --max-held-bytes",
    "checkpoint": "put --run-dir on a faster disk",
    "quota": "ask AWS to raise the quota",
}
"""Advice exists only for factors that a user can change."""


def limiting_words(name: str) -> str:
    """Return the words for a limiting factor, as the end of "limited by ..."."""
    return WORDS.get(name, name)


def limiting_advice(name: str) -> str:
    """Return what a user can do about a limiting factor, or an empty text."""
    return ADVICE.get(name, "")
