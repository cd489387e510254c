"""Compressed extracts: the same rows as their text, and no damage that goes unnoticed."""

import bz2
import gzip
import lzma
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from loader.errors import ExtractError
from loader.extract import open_extract
from loader.extract.find_files import find_files
from loader.sources.compression import MAX_DICTIONARY_BYTES
from loader.sources.files import opened
from loader.stage_settings.extract import extract_settings

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".zst": zstd.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
TEXT = b"id,tpartner_id\n" + b"".join(b"%d,V%d\n" % (row, row % 7) for row in range(5000))

suffixes = pytest.mark.parametrize("suffix", PACK)


def read_text(path: Path) -> bytes:
    with opened(str(path)) as handle:
        return handle.read()


@suffixes
def test_members_are_read_one_after_another(tmp_path: Path, suffix: str) -> None:
    """Files made with ``cat`` hold several members, perhaps padded with zeros."""
    path = tmp_path / f"x.csv{suffix}"
    packed = PACK[suffix](TEXT[:100]), PACK[suffix](TEXT[100:]), PACK[suffix](b"")
    path.write_bytes(packed[0] + packed[1] + b"\0" * 8 + packed[2])
    assert read_text(path) == TEXT


@suffixes
def test_a_cut_file_is_damaged(tmp_path: Path, suffix: str) -> None:
    """A file that is truncated anywhere after its first bytes is damaged, never a shorter file."""
    path = tmp_path / f"x.csv{suffix}"
    packed = PACK[suffix](TEXT)
    for length in range(7, len(packed), len(packed) // 9):
        path.write_bytes(packed[:length])
        with pytest.raises(ExtractError, match="damaged"):
            read_text(path)


@suffixes
def test_what_follows_a_member_is_not_ignored(tmp_path: Path, suffix: str) -> None:
    """A second member whose first bytes are broken is damage, and so is anything else."""
    path = tmp_path / f"x.csv{suffix}"
    path.write_bytes(PACK[suffix](TEXT) + b"?" + PACK[suffix](TEXT)[1:])
    with pytest.raises(ExtractError, match="damaged"):
        read_text(path)


@suffixes
def test_a_changed_byte_is_noticed(tmp_path: Path, suffix: str) -> None:
    """Each of the formats has a checksum, and it is verified."""
    path = tmp_path / f"x.csv{suffix}"
    options: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
    packed = bytearray(zstd.compress(TEXT, options=options) if suffix == ".zst" else PACK[suffix](TEXT))
    packed[len(packed) // 2] ^= 1
    path.write_bytes(packed)
    with pytest.raises(ExtractError, match="damaged"):
        read_text(path)


@suffixes
def test_a_bomb_is_read_in_pieces(tmp_path: Path, suffix: str) -> None:
    """What a few bytes unpack to is never in memory at once."""
    path = tmp_path / f"x.csv{suffix}"
    path.write_bytes(PACK[suffix](bytes(32 * 2**20)))
    tracemalloc.start()
    with opened(str(path)) as handle:
        length = sum(len(piece) for piece in iter(lambda: handle.read(2**20), b""))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert length == 32 * 2**20
    assert peak_bytes < 16 * 2**20  # xz keeps a dictionary of 8 MiB


@suffixes
def test_a_record_without_end_is_refused(tmp_path: Path, suffix: str, job_of) -> None:
    """The bound on a record holds for what a bomb unpacks to."""
    path = tmp_path / f"x.csv{suffix}"
    path.write_bytes(PACK[suffix](b"id,tpartner_id\n1,V\n" + b"x" * (20 * 2**20)))
    with pytest.raises(ExtractError, match="never closed"):
        list(open_extract(extract_settings(job_of(extract=[str(path)]))).slices())


@suffixes
def test_rows_are_those_of_the_text(tmp_path: Path, suffix: str, job_of) -> None:
    """Found by name in a folder, read in windows, the same records; the fingerprint is the file's own."""
    plain, packed = tmp_path / "plain.csv", tmp_path / "folder" / f"x.CSV{suffix}"
    packed.parent.mkdir()
    plain.write_bytes(TEXT)
    packed.write_bytes(PACK[suffix](TEXT))
    records = []
    for path in (plain, packed.parent):
        extract = open_extract(extract_settings(job_of(extract=[str(path)], window_rows=700)))
        records.append([extract.records(window).data for window in extract.slices()])
    assert records[0] == records[1]
    assert len(records[1]) == 8
    files = find_files([str(plain), str(packed)])
    assert files[1].size_bytes == packed.stat().st_size
    assert files[0].fingerprint != files[1].fingerprint


def test_compression_is_known_by_content(tmp_path: Path) -> None:
    """The content determines the compression, not the file name; a wrong name is reported."""
    (tmp_path / "x.csv").write_bytes(zstd.compress(TEXT))
    assert find_files([str(tmp_path / "x.csv")])[0].format == "csv"
    (tmp_path / "y.gz").write_bytes(gzip.compress(b"PAR1 and so on"))
    with pytest.raises(ExtractError) as caught:
        find_files([str(tmp_path / "y.gz")])
    assert caught.value.why == "it is a Parquet file inside gzip; unpack it first"


def test_a_dictionary_beyond_bounds_is_refused(tmp_path: Path) -> None:
    """A file whose unpacking would need gigabytes beside the text is refused, not tried."""
    options: dict[int, int] = {
        zstd.CompressionParameter.window_log: 30,
        zstd.CompressionParameter.content_size_flag: 0,
    }
    packer = zstd.ZstdCompressor(options=options)
    (tmp_path / "x.csv.zst").write_bytes(packer.compress(TEXT) + packer.flush())
    with pytest.raises(ExtractError, match="damaged") as caught:
        read_text(tmp_path / "x.csv.zst")
    assert "memory" in caught.value.why


def test_xz_that_needs_more_memory_than_is_allowed_is_refused(tmp_path):
    """A few bytes may ask for gigabytes of dictionary."""
    big = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 2 * MAX_DICTIONARY_BYTES}]
    path = tmp_path / "x.csv.xz"
    path.write_bytes(lzma.compress(b"a\n1\n", lzma.FORMAT_XZ, filters=big))
    with pytest.raises(ExtractError, match="damaged") as refused, opened(str(path)) as text:
        text.read()
    assert "emory" in refused.value.why
