"""Annotations that do not fit the physical type of their column: each is read or refused, never a bug."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from loader.errors import ExtractError
from loader.extract import open_extract
from loader.stage_settings.extract import extract_settings
from tests.formats.parquet_files import with_elements, written
from tests.formats.test_parquet_types import CUSTOM, table_of

MOST, LEAST = {32: 2**31 - 1, 64: 2**63 - 1}, {32: -(2**31), 64: -(2**63)}

PHYSICAL = {
    "BOOLEAN": pa.array([True, None, False]),
    "INT32": pa.array([MOST[32], None, LEAST[32], 0], pa.int32()),
    "INT64": pa.array([MOST[64], None, LEAST[64], 0], pa.int64()),
    "FLOAT": pa.array([1.5, None, float("nan"), float("inf")], pa.float32()),
    "DOUBLE": pa.array([1.5, None, float("nan"), float("inf")], pa.float64()),
    "BYTE_ARRAY": pa.array([b"\xff\x00", None, b"", b"1"]),
    "FIXED_LEN_BYTE_ARRAY(2)": pa.array([b"\xff\x00", None], pa.binary(2)),
    "FIXED_LEN_BYTE_ARRAY(12)": pa.array([b"\xff" * 12, None, bytes(12)], pa.binary(12)),
    "FIXED_LEN_BYTE_ARRAY(16)": pa.array([b"\xff" * 16, None, bytes(16)], pa.binary(16)),
}

UNITS: list[dict[int, Any]] = [{}, *({number: {}} for number in range(1, 5))]

ANNOTATIONS: list[dict[int, Any]] = [
    *({6: converted} for converted in range(24)),
    *({6: 5, 7: scale, 8: digits} for scale, digits in ((0, 5), (2, 9), (9, 2), (-1, 5), (40, 60), (18, 38))),
    *({10: {number: {}}} for number in range(20)),
    *({10: {5: {1: scale, 2: digits}}} for scale, digits in ((0, 1), (2, 18), (5, 3), (-2, 4), (76, 76))),
    *({10: {number: {1: utc, 2: unit}}} for number in (7, 8) for utc in (True, False) for unit in UNITS),
    *({10: {10: {1: bits, 2: sign}}} for bits in (0, 8, 16, 32, 64, 128) for sign in (True, False)),
]


@pytest.mark.parametrize("physical", PHYSICAL)
def test_an_annotation_of_another_physical_type_is_no_bug(tmp_path: Path, job_of, physical: str) -> None:
    """Every row is a record or rejected, or the column is refused."""
    path, plain = tmp_path / "x.parquet", written(table_of(PHYSICAL[physical]))
    settings = extract_settings(job_of(extract=[str(path)], **CUSTOM, time_zone="Europe/Berlin"))
    opened = 0
    for annotation in ANNOTATIONS:

        def annotate(elements: list[dict[int, Any]], annotation: dict[int, Any] = annotation) -> None:
            kept = {number: value for number, value in elements[-1].items() if number not in (6, 7, 8, 10)}
            elements[-1] = kept | annotation

        path.write_bytes(with_elements(plain, annotate))
        try:
            extract = open_extract(settings)
        except ExtractError:
            continue
        windows = [extract.records(window) for window in extract.slices()]
        rows = sum(len(window.data) + len(window.rejected) for window in windows)
        assert rows == len(PHYSICAL[physical]), annotation
        opened += 1
    assert 0 < opened < len(ANNOTATIONS)
