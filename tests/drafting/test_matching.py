"""Names are matched only where the match is clear."""

import pytest

from loader.drafting.matching import match_names

COLUMNS = [
    "id",
    "order_id",
    "product_id",
    "quantity_submitted",
    "submitted_date",
    "from_site_id",
    "to_site_id",
]


def matched(*sources: str) -> dict[str, tuple[str, bool]]:
    return {match.column: (match.source, match.is_guess) for match in match_names(sources, COLUMNS)}


@pytest.mark.parametrize(
    ("source", "column"),
    [
        ("PO #", "order_id"),
        ("Purchase Order No.", "order_id"),
        ("OrderID", "order_id"),
        ("ORDER-ID", "order_id"),
        ("SKU", None),
        ("Sku Code", "product_id"),
        ("Material Number", "product_id"),
        ("Qty Submitted", "quantity_submitted"),
        ("Submited Date", "submitted_date"),
        ("Site", None),
        ("Colour", None),
        ("", None),
        ("#", "id"),
    ],
)
def test_a_source_is_matched_by_spelling_meaning_or_likeness(source, column):
    """What people call things finds its column; what could be two columns, or none, is left alone."""
    assert matched(source) == ({column: (source, True)} if column else {})


def test_the_name_of_the_column_has_priority_over_guesses():
    """A source with the column's own name is mapped, even if other sources fit."""
    assert matched("PO #", "order_id")["order_id"] == ("order_id", False)


def test_two_equally_good_sources_are_not_mapped():
    """Only the user can say which of two order numbers is meant."""
    assert matched("PO #", "SO #") == {}
