"""Extracts in S3: found, read in ranges, and refused if they change, over a real wire."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from loader.errors import ExitCode, ExtractError, LoaderError, NothingToLoad, SettingsError
from loader.extract import open_extract
from loader.extract.find_files import find_files
from loader.formats.csv.table import CsvTable
from loader.formats.parquet.table import ParquetTable
from loader.job import CsvSettings
from loader.sources.files import changed, opened
from loader.sources.s3.ranged_reads import PART_BYTES
from loader.stage_settings.extract import extract_settings
from tests.formats.slices import slices_of
from tests.sources.s3_server import BUCKET, S3Server


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with S3Server().running() as server:
        yield server


@pytest.fixture
def s3(server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> S3Server:
    """The server, with a user who has a key for it in the environment."""
    for name, value in {
        "AWS_ENDPOINT_URL_S3": server.url,
        "AWS_ACCESS_KEY_ID": "user",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    server.asked.clear()
    return server


def url(key: str) -> str:
    return f"s3://{BUCKET}/{key}"


def keys(*patterns: str) -> list[str]:
    return [file.path.removeprefix(url("")) for file in find_files([url(pattern) for pattern in patterns])]


def parquet(rows: int, row_group_size: int) -> bytes:
    """Rows whose texts do not compress, some 100 bytes each."""
    row = pl.int_range(rows)
    texts = pl.concat_str([row.hash(seed) for seed in range(4)])
    written = io.BytesIO()
    pl.select(row.cast(pl.String).alias("id"), texts.alias("tpartner_id")).write_parquet(
        written, row_group_size=row_group_size, compression="uncompressed"
    )
    return written.getvalue()


def csv(rows: int) -> bytes:
    return b"id,tpartner_id\n" + b"".join(b"%d,%s\n" % (row, b"V" * 90) for row in range(rows))


def test_objects_are_found_as_files_are(s3: S3Server) -> None:
    """By key, below a prefix, by a glob that stays between slashes or crosses them."""
    for key in ("in/b.csv", "in/a.CSV.gz", "in/.c.csv", "in/notes.md", "in/2024/d.csv", "in/2024/05/e.csv"):
        s3.put(key, gzip.compress(b"a\n1\n") if key.endswith("gz") else b"a\n1\n")
    s3.put("in/folder/", b"")
    s3.put("in/part[1] +%20é.csv", b"a\n1\n")
    assert keys("in/b.csv") == ["in/b.csv"]
    below = ["in/2024/05/e.csv", "in/2024/d.csv", "in/a.CSV.gz", "in/b.csv", "in/part[1] +%20é.csv"]
    assert keys("in/") == below
    assert keys("in/*/*.csv", "in/b.csv", "in/2024/*") == ["in/2024/d.csv", "in/b.csv"]
    assert keys("in/**/[de].csv") == ["in/2024/05/e.csv", "in/2024/d.csv"]
    assert keys("in/part[1] +%20é.csv") == ["in/part[1] +%20é.csv"]


def test_a_window_of_a_large_parquet_file_is_a_range(s3: S3Server, job_of) -> None:
    """Footer and the row group around the window are fetched, and nothing like the whole object."""
    content = parquet(60_000, row_group_size=5_000)
    s3.put("large [1] +%20é.parquet", content)
    extract = open_extract(
        extract_settings(job_of(extract=[url("large [1] +%20é.parquet")], window_rows=1000))
    )
    assert extract.total_rows == 60_000
    s3.asked.clear()
    (window,) = extract.slices(lambda number: number == 33)
    assert window.pieces[0].frame["id"].to_list() == [str(row) for row in range(33_000, 34_000)]
    gets = [(status, length) for method, _, _, status, length in s3.asked if method == "GET"]
    assert {status for status, _ in gets} == {206}
    assert sum(length for _, length in gets) < len(content) / 8


@pytest.mark.parametrize("key", ["x.csv", "x.csv.gz"])
def test_text_is_streamed_in_parts(s3: S3Server, job_of, key: str) -> None:
    """The same records as from a disk, in parts none of which is large, each asked for by its range."""
    content = csv(60_000)
    stored = gzip.compress(content, 1) if key.endswith(".gz") else content
    s3.put(key, stored)
    extract = open_extract(extract_settings(job_of(extract=[url(key)], window_rows=25_000)))
    s3.asked.clear()
    records = [record for window in extract.slices() for record in extract.records(window).data]
    assert len(records) == 60_000
    assert records[-1] == b'{"id":"59999","tpartner_id":"%s"}' % (b"V" * 90)
    assert all(status == 206 and length <= PART_BYTES for _, _, _, status, length in s3.asked)
    assert len(s3.asked) == 1 + len(stored) // PART_BYTES


def test_the_same_object_is_the_same_file(s3: S3Server) -> None:
    """What S3 knows it by tells whether it changed; other bytes of the same size are a change."""
    s3.put("x.csv", b"a\n1\n")
    before = find_files([url("x.csv")])[0]
    assert changed(before, find_files([url("x.csv")])[0]) is None
    s3.put("x.csv", b"a\n2\n")
    assert changed(before, find_files([url("x.csv")])[0]) == "it has the same size but other content"


def long_csv(rows: int) -> bytes:
    return b"id\n" + b"".join(b"%d%s\n" % (row, b"V" * 9_990) for row in range(rows))


CHANGES = {
    "x.csv": (long_csv(1_600), long_csv(1_601)),
    "x.parquet": (parquet(20_000, 2_000), parquet(20_001, 2_000)),
}


@pytest.mark.parametrize("key", CHANGES)
def test_an_object_that_changes_while_it_is_read(s3: S3Server, key: str) -> None:
    """No row of another object than the one the load began with is ever taken."""
    s3.put(key, CHANGES[key][0])
    (file,) = find_files([url(key)])
    table = ParquetTable(file) if file.format == "parquet" else CsvTable(file, CsvSettings(), 2**16)
    windows = slices_of([table], ("id",), 5)
    next(windows)
    s3.put(key, CHANGES[key][1])
    with pytest.raises(ExtractError, match="changed while"):
        list(windows)


def test_an_answer_that_breaks_off_is_asked_for_again(s3: S3Server, monkeypatch) -> None:
    """A connection that is lost in the middle of a part does not end the load."""
    monkeypatch.setattr("loader.sources.s3.client._PAUSE_SECONDS", 0.0)
    s3.put("x.csv", csv(30_000))
    (file,) = find_files([url("x.csv")])
    cut = iter([True, True])
    s3.cuts = lambda: next(cut, False)
    with opened(file) as handle:
        assert handle.read() == csv(30_000)
    assert next(cut, None) is None
    s3.cuts = lambda: False


REFUSED = {
    "s3://no-such-bucket/x.csv": (ExtractError, "bucket"),
    "s3://no-such-bucket/in/": (ExtractError, "bucket"),
    url("denied.csv"): (ExtractError, "denies"),
    url("nosuch.csv"): (NothingToLoad, "No object"),
    url("nosuch/"): (NothingToLoad, "No object"),
    url("nosuch-*.csv"): (NothingToLoad, "No object"),
    "s3:///x.csv": (ExtractError, "bucket"),
}


@pytest.mark.parametrize("pattern", REFUSED)
def test_what_cannot_be_read_is_refused(s3: S3Server, pattern: str) -> None:
    """Missing buckets and denied keys end with exit code 2, what matches nothing with 9."""
    kind, words = REFUSED[pattern]
    with pytest.raises(LoaderError, match=words) as caught:
        find_files([pattern])
    assert type(caught.value) is kind
    assert caught.value.exit_code is (ExitCode.REFUSED if kind is ExtractError else ExitCode.NOTHING_TO_LOAD)
    assert "\n" not in caught.value.why


@pytest.mark.parametrize(
    ("file", "beside", "content"),
    [
        ("dt=1/p.parquet", "metadata/v1.metadata.json", b"{}"),
        ("dt=1/p.parquet", "_spark_metadata/0", b"v1"),
        ("dt=1/bucket-0/p.parquet", "snapshot/snapshot-12", b"{}"),
        ("p-tid-7-a.parquet", "_started_7", b"{}"),
        ("p-tid-7-a.parquet", "_committed_8", b'{"removed": ["p-tid-7-a.parquet"]}'),
    ],
)
def test_tables_in_a_bucket_are_refused(s3: S3Server, file: str, beside: str, content: bytes) -> None:
    """Their metadata is looked for in the bucket, above each object."""
    table = f"tables/{beside.replace('/', '-')}"
    s3.put(f"{table}/{file}", parquet(1, 1))
    assert keys(f"{table}/{file}") == [f"{table}/{file}"]
    s3.put(f"{table}/{beside}", content)
    for pattern in (f"{table}/", f"{table}/{file}"):
        with pytest.raises(ExtractError) as refused:
            keys(pattern)
        assert refused.value.where.startswith(url(table))


def test_without_a_key_nothing_is_read(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says where a key would be looked for."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ExtractError, match="credentials"):
        find_files([url("x.csv")])


def test_data_goes_unencrypted_over_loopback_only(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule for the service's endpoint holds for S3 as well."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://s3.example.com")
    with pytest.raises(SettingsError) as caught:
        find_files([url("x.csv")])
    assert "loopback" in caught.value.why
