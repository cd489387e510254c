"""What holds a load back, in words, and what a user can do about it.

Keyed by the names that the dispatcher reports; a name without words is shown as it is.
"""

WORDS = {
    "learning": "the start: the rate the service allows is still being found",
    "rate": "the rate the service allows",
    "ceiling": "your --rate",
    "lanes": "too few groups (one event per group at a time)",
    "in-flight": "waiting for answers (as many calls under way as may be)",
    "answers": "waiting for answers",
    "reader": "reading the extract",
    "cpu": "this machine's processor",
    "memory": "the bytes that may be held at once",
    "checkpoint": "writing the checkpoint",
    "backoff": "waiting after errors of the service",
    "quota": "a quota of the service",
    "way": "something on the way to the service that refuses the requests",
}

ADVICE = {
    "rate": "put more records into each event: --pack group, --group-buckets N",
    "ceiling": "raise --rate or leave it out",
    "lanes": "use more groups: a finer --group-by, a larger --group-buckets",
    "in-flight": "raise --max-in-flight, unless the service itself is slow",
    "memory": "raise --max-held-bytes",
    "checkpoint": "put --run-dir on a faster disk",
    "quota": "ask AWS to raise the quota",
}
"""Only for what a user can change."""


def limiting_words(name: str) -> str:
    """Return the words for a limiting factor, as the end of "limited by ..."."""
    return WORDS.get(name, name)


def limiting_advice(name: str) -> str:
    """Return what a user can do against a limiting factor, or nothing."""
    return ADVICE.get(name, "")
