"""What a Parquet file says of itself is checked before polars believes it; every sound file passes."""

import io
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import ExtractError
from loader.formats.parquet.footer import Unsound, read_footer
from loader.formats.parquet.pages import MAX_PAGE_BYTES, check_pages
from loader.formats.parquet.source import ParquetSource
from loader.formats.parquet.thrift import Malformed, read_struct
from loader.formats.parquet.thrift_writer import (
    END,
    Field,
    Int64,
    Written,
    written_fields,
    written_int64s,
    written_struct,
)
from tests.hostile.forged_parquet import Forgery, nested

TRUE = [(f"R{number}", str(number), "x" * number) for number in range(40)]

TABLE = pa.table(
    {
        "text": ["a", None, "ü" * 3000] * 40,
        "number": range(120),
        "lists": [[1, 2, None], [], None] * 40,
        "deep": [[{"a": [1, 2], "b": None}], [], [{"a": [], "b": "x"}] * 3] * 40,
        "map": pa.array([[("k", 1), ("l", None)], [], None] * 40, pa.map_(pa.string(), pa.int8())),
        "none": pa.nulls(120),
        "flag": [True, False, None] * 40,
    }
)


def check(content: bytes) -> int:
    """Check a whole file; return its number of rows."""
    handle = io.BytesIO(content)
    groups = read_footer(handle, len(content)).groups
    for group in groups:
        for chunk in group.chunks:
            check_pages(handle, chunk)
    return sum(group.rows for group in groups)


def written(table: pa.Table = TABLE, **options: Any) -> bytes:
    """Return a table written by pyarrow."""
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def test_files_of_every_writer_and_option_are_sound():
    """Versions, dictionaries, page sizes, codecs, checksums, indexes; nested and empty columns; no rows."""
    options = product(["1.0", "2.0"], [True, False], [100, 1_000_000], ["none", "zstd"], [1, 7, 1000])
    for version, dictionary, page_bytes, codec, group_rows in options:
        content = written(
            data_page_version=version,
            use_dictionary=dictionary,
            data_page_size=page_bytes,
            compression=codec,
            row_group_size=group_rows,
            write_page_checksum=dictionary,
            write_page_index=dictionary,
        )
        assert check(content) == 120
    for frame in (
        pl.from_arrow(TABLE.drop(["map"])),
        pl.DataFrame({"a": []}),
        pl.DataFrame({"a": ["x"] * 5}),
    ):
        assert isinstance(frame, pl.DataFrame)
        file = io.BytesIO()
        frame.write_parquet(file)
        assert check(file.getvalue()) == frame.height
    file = io.BytesIO()
    pq.write_table(TABLE.slice(0, 0), file)
    assert check(file.getvalue()) == 0


@pytest.mark.parametrize(
    ("lies", "said"),
    [
        ({"rows": 41}, "row group"),
        ({"group_rows": 3}, "row group of 3 rows has 40 values"),
        ({"chunk_values": 39}, "39 values"),
        ({"page_values": 39}, "39 values|cannot be read|longer than its column|contradict"),
        ({"compressed_bytes": 10**6}, "longer than its column"),
        ({"compressed_bytes": -1}, "below zero"),
        ({"page_bytes": MAX_PAGE_BYTES + 1}, "unpacks to"),
        ({"offset": 10**9}, "outside the file"),
        ({"chunk_bytes": 2**62}, "outside the file"),
        ({"dictionary_offset": 10**9}, "dictionary comes after"),
        ({"encoding": 1}, "encoding that Parquet does not define"),
        ({"encoding": -(2**31)}, "encoding that Parquet does not define"),
        ({"children": 2}, "more columns"),
        ({"children": 2**31 - 1}, "fewer columns"),
        ({"footer_bytes": 2**32 - 1}, "footer"),
        ({"footer_bytes": 10}, "footer cannot be read|footer is not|missing"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(lies, said):
    """Each contradiction is found, and reported without a value of the file."""
    with pytest.raises(Unsound, match=said):
        check(Forgery(TRUE, lies=lies, column=2).content())


def test_a_damaged_page_is_found_by_its_checksum(tmp_path: Path):
    """One flipped bit in a page that has a checksum is never loaded as another value."""
    content = bytearray(written(compression="none", use_dictionary=False, write_page_checksum=True))
    content[content.index("ü".encode() * 9)] ^= 1
    path = tmp_path / "extract.parquet"
    path.write_bytes(content)
    source = ParquetSource(str(path), len(content))
    assert source.read(["number"], 0, 120).frame.height == 120  # only what is read is checked
    with pytest.raises(ExtractError, match="cannot be read") as refused:
        source.read(["text"], 0, 5)
    assert "checksum" in refused.value.why


def test_a_schema_without_bottom_is_refused():
    """A schema thousands of levels deep ends the process in polars; one of ten is fine."""
    assert check(nested(10)) == 0
    with pytest.raises(Unsound, match="levels"):
        check(nested(5000))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x15",
        b"\x1c" * 100,
        b"\x18\xff\xff\xff\xff\x0f",
        b"\x15" + b"\xff" * 20,
        b"\x1f\x00",
        b"\x19\xfc\xff\x7f",
    ],
)
def test_bytes_that_are_not_a_struct_are_malformed(content):
    """Bytes that are truncated, nested too deep or too short are malformed."""
    with pytest.raises(Malformed):
        read_struct(content)


@pytest.mark.parametrize("options", [{}, {"write_page_index": True}, {"use_dictionary": False}])
def test_joined_files_are_not_read_as_the_first_of_them(options: dict[str, Any]):
    """Offsets count from the start of a file, so the last footer would describe rows of the first file."""
    first, last = (
        written(pa.table({"id": [f"{name}{row}" for row in range(9)]}), **options) for name in "ab"
    )
    assert len(first) == len(last)
    for joined in (first + last, first + last + first, first + written(**options)):
        with pytest.raises(Unsound, match="several Parquet files that were joined"):
            check(joined)


@given(st.dictionaries(st.integers(1, 15), st.integers(0, 2**62)))
def test_64_bit_numbers_are_written_as_other_fields_are(numbers: dict[int, int]) -> None:
    """The shorter way gives the same bytes, for numbers of any size, and after other fields."""
    ordered = dict(sorted(numbers.items()))
    fields: dict[int, Field] = {field: Int64(number) for field, number in ordered.items()}
    assert written_int64s(ordered) == written_fields(fields)
    after = min(ordered, default=1) - 1
    assert written_int64s(ordered, after) == written_fields(fields, after)
    assert written_struct({1: Written(written_fields(fields) + END)}) == written_struct({1: fields})
