"""Match source columns to dataset columns by their names. Pure.

Rules kept here:

1. Equal names match. Any other match is a guess.
2. A guess is made only if one dataset column is clearly the best for the source column, and the source column
   is clearly the best for it. A wrong guess costs the user more than a missing one.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from loader.drafting.known_fields import known_fields
from loader.drafting.systems import SYSTEMS
from loader.mapping.errors import nearest, plain_name

SURE = 0.84
"""Minimum similarity (difflib's ratio) of two names that match."""

AHEAD = 0.03
"""Minimum difference between the similarities of the best and the second-best match."""

MOST_NAMES = 100_000
"""Maximum number of names whose meaning is cached. Each name is compared with many others."""

Likeness = Callable[[str, str], float]
"""The similarity of a source column and a dataset column, 0 to 1."""

# Words of ERP systems and their words in the AWS data model. Longer ones are first.
_WORDS: Mapping[str, str] = {
    "purchase order": "order",
    "sales order": "order",
    "po": "order",
    "so": "order",
    "unit of measure": "uom",
    "unit of measurement": "uom",
    "qty": "quantity",
    "qnty": "quantity",
    "no": "id",
    "nbr": "id",
    "nr": "id",
    "num": "id",
    "number": "id",
    "code": "id",
    "key": "id",
    "vendor": "tpartner",
    "supplier": "tpartner",
    "customer": "cust",
    "item": "product",
    "material": "product",
    "sku": "product",
    "part": "product",
    "article": "product",
    "plant": "site",
    "warehouse": "site",
    "location": "site",
    "facility": "site",
    "dt": "date",
    "desc": "description",
    "curr": "currency",
}


@dataclass(frozen=True, slots=True)
class Match:
    """A source column and its probable dataset column.

    Attributes:
        source: The source column.
        column: The dataset column.
        is_guess: Whether their names differ.
        reason: Reason for the guess; empty if the names are equal.
    """

    source: str
    column: str
    is_guess: bool
    reason: str = ""


def match_names(sources: Sequence[str], columns: Sequence[str]) -> list[Match]:
    """Return the matches, each source and each column at most once, in the order of ``columns``."""
    found = {name: Match(name, name, is_guess=False) for name in sources if name in columns}
    for column, known in known_fields(sources, columns, SYSTEMS).items():
        if column not in found and known.source not in found:
            found[column] = Match(known.source, column, is_guess=True, reason=known.reason)
    # Names with the same spelling are matched first, then names with the same meaning, then similar names.
    for likeness, reason in LIKENESSES.items():
        free = [name for name in sources if name not in {match.source for match in found.values()}]
        open_columns = [name for name in columns if name not in found]
        found |= _best_of_both(free, open_columns, likeness, reason)
    return [found[name] for name in columns if name in found]


def _spelled_alike(source: str, column: str) -> float:
    return float(plain_name(source) == column)


def _mean_the_same(source: str, column: str) -> float:
    return float(meaning(source) == meaning(column))


def _likeness(source: str, column: str) -> float:
    ours, theirs = meaning(source), meaning(column)
    if not ours or not theirs:
        return 0.0
    # The lengths and the quick ratio give cheap upper bounds, which exclude most pairs from the comparison.
    least = SURE - AHEAD
    if 2.0 * min(len(ours), len(theirs)) / (len(ours) + len(theirs)) < least:
        return 0.0
    matcher = SequenceMatcher(None, ours, theirs)
    return matcher.ratio() if matcher.quick_ratio() >= least else 0.0


LIKENESSES: Mapping[Likeness, str] = {
    _spelled_alike: "the same name in another spelling",
    _mean_the_same: "the same words",
    _likeness: "a similar name",
}
"""The kinds of similarity, the most certain one first, with the reason that is shown for the guess."""


def _best_of_both(
    sources: Sequence[str], columns: Sequence[str], likeness: Likeness, reason: str
) -> dict[str, Match]:
    scores = {(source, column): likeness(source, column) for source in sources for column in columns}
    found = {}
    for source in sources:
        column = _clear_best(columns, {column: scores[source, column] for column in columns})
        if column is not None and source == _clear_best(
            sources, {other: scores[other, column] for other in sources}
        ):
            found[column] = Match(source, column, is_guess=True, reason=reason)
    return found


def _clear_best(names: Iterable[str], scores: Mapping[str, float]) -> str | None:
    ranked = sorted(names, key=lambda name: -scores[name])
    if not ranked or scores[ranked[0]] < SURE:
        return None
    if len(ranked) > 1 and scores[ranked[0]] - scores[ranked[1]] < AHEAD:
        return None
    return ranked[0]


COMMON_WORDS = frozenset({"id", "name", "date", "type", "time", "code", "status", "description", "is", "of"})
"""Words that many columns share. They do not make two names similar."""


def suggestion(column: str, sources: Iterable[str]) -> str | None:
    """Return the source column to check first for a dataset column without a source, or None.

    It has a similar spelling, or shares a distinctive word. It is only shown, not mapped.

    Args:
        column: The dataset column.
        sources: Source columns of a type that fits.
    """
    sources = list(sources)
    near = nearest(column, sources)
    if near is not None:
        return near
    wanted = _distinctive_words(column)
    shared = [(len(wanted & _distinctive_words(source)), source) for source in sources]
    most = max((number for number, _ in shared), default=0)
    candidates = [source for number, source in shared if number == most]
    if not most:
        return None
    return max(candidates, key=lambda source: SequenceMatcher(None, meaning(source), meaning(column)).ratio())


def _distinctive_words(name: str) -> frozenset[str]:
    return frozenset(meaning(name).split()) - COMMON_WORDS


@lru_cache(MOST_NAMES)
def meaning(name: str) -> str:
    """Return a name in the words of the data model, for comparison: ``order id`` for ``PO #``."""
    words = plain_name(re.sub(r"#", " number ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))).replace("_", " ")
    for ours, theirs in _WORDS.items():
        words = re.sub(rf"\b{ours}\b", theirs, words)
    kept: list[str] = []
    for word in words.split():
        if word not in kept:
            kept.append(word)
    return " ".join(kept)
