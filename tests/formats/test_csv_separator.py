"""Which character separates fields: found where only one makes sense, asked for where two do."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loader.errors import ExtractError
from loader.formats.csv.dialect import read_dialect
from loader.formats.csv.parse import parse_csv
from loader.formats.csv.regular import has_all_fields, regular_rows
from loader.formats.csv.separator import find_separator
from loader.formats.csv.syntax import Syntax
from loader.job import CsvSettings


def separator_of(folder: Path, text: str, settings: CsvSettings | None = None) -> str:
    path = folder / "x.csv"
    path.write_text(text)
    return read_dialect(str(path), settings or CsvSettings()).syntax.separator


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n1,5;3\n", ";"),
        ("a\tb, c\n1\t2\n3\t4\n", "\t"),
        ("a|b\n", "|"),
        ('"a;b","c;d"\n"1;2",3\n', ","),
        ("a;b;c\n1;2;3\n1;2\n1;2;3\n", ";"),
        ("a,b\n1;2,3\n4;5,6\n", ","),
        ("a\n1\n2\n", ","),
        ("a\n", ","),
        ('a\n"1,2"\n', ","),
        ("# x, y\na;b\n1;2\n", ";"),
    ],
)
def test_the_only_one_that_makes_sense_is_found(tmp_path: Path, text: str, separator: str) -> None:
    """The header and the rows after it must agree; characters inside quotes or comments do not separate."""
    assert separator_of(tmp_path, text, CsvSettings(comment="#")) == separator


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a,b;c\n1,2;3\n", "',' and ';' would both fit"),
        ("id;price, net\n1;2,5\n3;4,5\n", "',' and ';' would both fit"),
        ("a,b\tc\n", "',' and tab would both fit"),
        ("Stock of May\na;b\n1;2\n", "the first line does not have values in as many fields"),
        ("Plants A, B and C\na;b;c\n1;2;3\n", "the first line does not have values in as many fields"),
        ("name\nDoe, John\nRoe, Jane\n", "the first line does not have values in as many fields"),
    ],
)
def test_an_ambiguous_separator_is_asked_for(tmp_path: Path, text: str, why: str) -> None:
    """Nothing is guessed where a wrong guess could make records that look right."""
    with pytest.raises(ExtractError) as caught:
        separator_of(tmp_path, text)
    assert why in caught.value.why
    assert "--csv-separator" in caught.value.next_step
    assert separator_of(tmp_path, text, CsvSettings(separator=";")) == ";"


def test_one_odd_row_does_not_hide_the_separator(tmp_path: Path) -> None:
    """A row with an unquoted separator in its text is reported when it is read."""
    assert separator_of(tmp_path, "a;b\n" + "1;2\n" * 30 + "1;2;3\n") == ";"


def test_characters_with_another_meaning_are_not_separators(tmp_path: Path) -> None:
    """Quote, escape and comment are not tried as separators, even if only one is left."""
    told = CsvSettings(quote="|", escape=";", comment=",")
    assert separator_of(tmp_path, "a\tb\n|1\t2|\t3\n", told) == "\t"


SYNTAX = Syntax(
    separator=",",
    quote='"',
    line_end="\n",
    escape="",
    comment="",
    encoding="UTF-8",
    doubled_return=False,
    fills_short_rows=False,
    dropped_fields=0,
    skips_empty_rows=True,
    drops_blanks=False,
    rejects_row_like_texts=True,
)

TEXTS = st.lists(st.sampled_from(["a", "1", ",", ";", "\t", '"', '""', "\n", "\n", "b"]), max_size=24).map(
    lambda parts: "".join(parts).encode()
)


def found(text: bytes) -> str:
    try:
        return find_separator("x.csv", text, SYNTAX, at_end=True)
    except ExtractError as error:
        return error.why


@given(TEXTS)
@settings(max_examples=400, deadline=None)
def test_two_records_decide_only_what_all_of_them_would(text: bytes) -> None:
    """An empty line in front of the header hides the short way, and changes nothing else."""
    assert found(text) == found(b"\n" + text)


@given(TEXTS, st.integers(min_value=1, max_value=3))
@example(b"a\na,,", 2)  # an empty surplus field at the end of the file
@settings(max_examples=400, deadline=None)
def test_regular_rows_have_all_fields_where_polars_reads_as_many_rows(text: bytes, columns: int) -> None:
    """Polars refuses a record with too many fields, and the separators add up: so it is the oracle."""
    rows = regular_rows(text, SYNTAX, columns) if text else None
    if rows is None:
        return
    try:
        fits = parse_csv(text, columns, ",", '"', "\n").height == rows
    except pl.exceptions.PolarsError:
        fits = False
    assert has_all_fields(text, SYNTAX, columns) == fits


def quotes_fit(text: bytes) -> bool:
    """Return whether quotes are only around fields, checked piece by piece."""
    pieces = text.split(b'"')
    if len(pieces) % 2 == 0:
        return False
    starts, ends = (b",", b"\n", b"\r\n"), (b",", b"\n")
    outside = pieces[::2]
    return all(not piece or piece.endswith(ends) for piece in outside[:-1]) and all(
        not piece or piece.startswith(starts) for piece in outside[1:]
    )


@given(
    st.lists(st.sampled_from(["a", ",", '"', '"', '"a"', "\n", "\r\n", '","', '"\n"']), max_size=16).map(
        lambda parts: "".join(parts).encode()
    ),
    st.integers(min_value=1, max_value=4),
)
@settings(max_examples=500, deadline=None)
def test_regular_rows_have_quotes_around_fields_only(text: bytes, columns: int) -> None:
    """What is counted over the whole text is what holds for each of its pieces."""
    if text and regular_rows(text, SYNTAX, columns) is not None:
        assert quotes_fit(text)


@pytest.mark.parametrize(
    "text", [b'"a","b"\n', b'a,"b"\r\n"c",d\r\n', b'"a""b",c\n', b'"","x\ny"\n"",""\n', b'a,"b"']
)
def test_quotes_by_the_book_are_regular(text: bytes) -> None:
    """Such a text is left to polars, whatever its quotes hold."""
    assert quotes_fit(text)
    assert regular_rows(text, SYNTAX, 2) is not None


def test_a_text_of_quotes_is_read_record_by_record() -> None:
    """A list of the pieces between its quotes would take 70 times its memory."""
    text = b'a,"' + b'""' * 1000 + b'"\n'
    assert regular_rows(text, SYNTAX, 2) is None
    assert regular_rows(b'a,"""x"""\n' * 9, SYNTAX, 2) == 9
