"""The encoding of a text, detected from its bytes; and its text, read as UTF-8 in blocks."""

import codecs
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.errors import ExtractError
from loader.sources.encodings import ASCII_BYTES, find_encoding
from loader.sources.transcoding import as_utf8

GERMAN = "id;name\n1;Zürich\n2;Genève €\n"


def codec_of(text: bytes, told: str = "auto", rest: bytes = b"") -> str:
    return find_encoding("x.csv", text, BytesIO(rest), told).codec


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (b"id\n1\n", "utf-8"),
        (GERMAN.encode(), "utf-8"),
        ("名,値\n倉庫,東京\n".encode(), "utf-8"),
        (GERMAN.encode("cp1252"), "cp1252"),
        (codecs.BOM_UTF8 + b"id\n\xff\n", "utf-8"),
        (codecs.BOM_UTF16_LE + GERMAN.encode("utf-16-le"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + GERMAN.encode("utf-16-be"), "utf-16-be"),
        (codecs.BOM_UTF32_LE + GERMAN.encode("utf-32-le"), "utf-32-le"),
        (GERMAN.encode("utf-16-le"), "utf-16-le"),
        (GERMAN.encode("utf-16-be"), "utf-16-be"),
        ("名,値\r\n倉庫12,東京\r\n".encode("utf-16-le"), "utf-16-le"),
        (GERMAN.encode() + b"3;Z\xfcrich\n", "utf-8"),
        (b"id,q\nR\0001,5\nR\0002,5\nR\0003,5\nR\0004,5\n", "utf-8"),  # NUL bytes at odd places only
        (b"ids,q\nR\0001,5\nR\0002,5\nR\0003,5\nR\0004,5\n", "utf-8"),
        ("1;Genève\n2;œuvre à 5 €\n3;L\u2019Haÿ \u2013 „Straße“…\n4;ÀÉÎ".encode("cp1252"), "cp1252"),
        ("Mörkö Ääni São João ¿Qué? 5 m² \u2013 3 ½ Šibenik Žilina".encode("cp1252"), "cp1252"),
    ],
)
def test_an_encoding_is_known_by_its_bytes(text: bytes, codec: str) -> None:
    """Marks first, then NUL bytes, then UTF-8; one damaged letter or a cut one makes no other encoding."""
    assert codec_of(text) == codec


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ключ;имя\n1;Москва\n".encode("cp1251"), "make no sense"),
        ("κωδικός;όνομα\n1;Αθήνα\n".encode("iso8859-7"), "make no sense"),
        ("コード,名\n1,サーバー\n".encode("shift_jis"), "neither UTF-8 nor Windows-1252"),
        ("名称,仓库\n上海,北京\n".encode("gb18030"), "make no sense"),
        ("id;miasto\n1;Białystok\n".encode("cp1250"), "make no sense"),
        ("id;ville\n1;Genève\n2;Orléans\n".encode("cp850"), "make no sense"),
        ("id;Ort\n1;Käln\n".encode("mac-roman"), "make no sense"),
        ("Nr;Straße\n1;Mühlenweg\n".encode("cp437"), "neither UTF-8 nor Windows-1252"),
        ("é".encode() + b" \xe9 \xe8 \xe0", "some of its letters are UTF-8"),
    ],
)
def test_an_ambiguous_encoding_is_asked_for(text: bytes, why: str) -> None:
    """Letters that would come out as others are never sent: the user is asked for the encoding."""
    with pytest.raises(ExtractError) as caught:
        codec_of(text)
    assert why in caught.value.why
    assert "--csv-encoding" in caught.value.next_step


def test_the_user_knows_better_than_the_bytes_but_not_than_a_mark() -> None:
    """The setting has priority over the bytes, but not over a byte-order mark."""
    assert codec_of("Москва".encode("cp1251"), "windows-1251") == "cp1251"
    assert codec_of(GERMAN.encode(), "latin-1") == "iso8859-1"
    assert codec_of(GERMAN.encode("utf-16-be"), "utf-16") == "utf-16-be"
    assert codec_of(codecs.BOM_UTF16_LE + b"a\0", "utf-16") == "utf-16-le"
    assert codec_of(codecs.BOM_UTF8 + b"a", "utf-8-sig") == "utf-8"
    with pytest.raises(ExtractError) as caught:
        codec_of(codecs.BOM_UTF8 + b"a", "windows-1252")
    assert "mark of UTF-8" in caught.value.why
    with pytest.raises(ExtractError) as caught:
        codec_of("名値".encode("utf-16-le"), "utf-16")
    assert "utf-16-le or utf-16-be" in caught.value.why


def test_letters_are_looked_for_far_into_the_file() -> None:
    """A file whose first special letter comes late is not taken for UTF-8 by its head."""
    head = b"id;name\n" + b"1;Bern\n" * 1000
    assert codec_of(head, rest=b"1;Bern\n" * 500_000 + "2;Zürich\n".encode("cp1252")) == "cp1252"
    assert codec_of(b"1;" + "é".encode()[:1], rest="é".encode()[1:]) == "utf-8"
    assert codec_of(head, rest=b" " * ASCII_BYTES + b"\xfc") == "utf-8"


ENCODINGS = [
    "utf-16-le",
    "utf-16-be",
    "utf-32-le",
    "cp1252",
    "latin-1",
    "shift_jis",
    "gb18030",
    "utf-7",
    "utf-8",
]


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=30), codec=st.sampled_from(ENCODINGS), size=st.integers(1, 9))
def test_text_is_the_same_in_utf_8_wherever_it_is_cut(text: str, codec: str, size: int) -> None:
    """Characters of several bytes that a block's end cuts arrive whole."""
    written = text.encode(codec, errors="ignore")
    reader = as_utf8(BytesIO(written), codec)
    assert b"".join(iter(lambda: reader.read(size), b"")).decode() == written.decode(codec)


@settings(max_examples=150, deadline=None)
@given(written=st.binary(max_size=30), codec=st.sampled_from(ENCODINGS[:-1]), size=st.integers(1, 9))
def test_what_is_no_text_never_becomes_text(written: bytes, codec: str, size: int) -> None:
    """Any bytes give valid UTF-8 exactly if they are text in their encoding."""
    reader = as_utf8(BytesIO(written), codec)
    got = b"".join(iter(lambda: reader.read(size), b""))
    try:
        text = written.decode(codec)
        text.encode()
    except UnicodeError:
        with pytest.raises(UnicodeDecodeError):
            got.decode()
    else:
        assert got.decode() == text
