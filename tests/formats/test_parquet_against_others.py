"""Each Parquet type at its bounds, in every way of writing it, against the readings of pyarrow and DuckDB."""

import datetime as dt
import random
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loader.extract import open_extract
from loader.reject_code import RejectCode
from loader.stage_settings.extract import extract_settings
from tests.faults.reliability import EXACT

TRIED = (
    "Parquet files of every type at its bounds, by two writers, in every encoding, page version and codec: "
    "each text is compared with what pyarrow and DuckDB read"
)

MOST = {"e": 65504.0, "f": 3.4028234663852886e38, "d": 1.7976931348623157e308}

WIDE = Context(prec=100)

REJECTED = "(rejected)"
"""Stands for the text of a value that must reject its row."""

RULES: Mapping[str, Any] = {
    "reservation_id": {"column": "id"},
    "product_id": {"column": "v", "binary": "hex"},
    **{name: {"constant": "1"} for name in ("reservation_detail_id", "quantity", "site_id")},
    "reservation_date": {"constant": "2024-01-01"},
}

INTEGERS = {
    pa_type: [*bounds, 0, 1, bounds[0] + 1, bounds[1] - 1, 100]
    for pa_type, bounds in {
        pa.int8(): (-(2**7), 2**7 - 1),
        pa.int16(): (-(2**15), 2**15 - 1),
        pa.int32(): (-(2**31), 2**31 - 1),
        pa.int64(): (-(2**63), 2**63 - 1),
        pa.uint8(): (0, 2**8 - 1),
        pa.uint16(): (0, 2**16 - 1),
        pa.uint32(): (0, 2**32 - 1),
        pa.uint64(): (0, 2**64 - 1),
    }.items()
}

FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799
TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def _moments(unit: str) -> list[int]:
    ticks = TICKS[unit]
    bounds = [FIRST_SECOND * ticks, (LAST_SECOND + 1) * ticks - 1]
    near = [bound + step for bound in bounds for step in (-1, 0, 1)]
    extremes = [-(2**63), -(2**63) + 1, 2**63 - 1, 2**63 - 2, 0, 1, -1, 1_704_164_645 * ticks + ticks // 2]
    most = (2**63 - 1) // 1000 if unit == "s" else 2**63 - 1  # seconds are stored as milliseconds
    return [value for value in [*near, *extremes] if abs(value) <= most]


ZONES = ("UTC", "+05:30", "Asia/Tokyo")

DAYS = [-719_163, -719_162, 2_932_896, 2_932_897, 2**31 - 1, -(2**31), 0, 1, -1]

TYPES: dict[pa.DataType, list[Any]] = {
    **INTEGERS,
    pa.bool_(): [True, False],
    pa.float16(): [
        0.5,
        0.0,
        -0.0,
        65504.0,
        0.0999755859375,
        5.960464477539063e-08,
        float("nan"),
        float("inf"),
    ],
    pa.float32(): [0.0, -0.0, 1.5, 3.4028234663852886e38, 1e-45, 16_777_216.0, float("-inf"), float("nan")],
    pa.float64(): [0.1, 0.0, -0.0, 1.7976931348623157e308, 5e-324, 2.0**53, 1e22, float("nan"), float("inf")],
    pa.decimal128(9, 2): [Decimal("9999999.99"), Decimal("-9999999.99"), Decimal("0.00"), Decimal("-0.01")],
    pa.decimal128(18, 0): [Decimal(10**18 - 1), Decimal(1 - 10**18), Decimal(0)],
    pa.decimal128(38, 10): [Decimal("9" * 28 + "." + "9" * 10), Decimal("-0.0000000001"), Decimal(0)],
    pa.decimal128(38, 38): [Decimal("0." + "9" * 38), Decimal("-0." + "0" * 37 + "1")],
    pa.decimal256(76, 2): [Decimal("12.34"), Decimal(10**36 - 1), Decimal(10**70), -Decimal(10**70)],
    pa.string(): ["", " a\n", "ü😀", "0" * 300, '"\\'],
    pa.large_string(): ["x", ""],
    pa.binary(): [b"", b"\x00\xff", b"a" * 100],
    pa.binary(5): [b"\x00" * 5, b"\xff" * 5],
    pa.date32(): DAYS,
    pa.time32("ms"): [0, 1, 86_399_999, 86_400_000, -1, 2**31 - 1],
    pa.time64("us"): [0, 1, 86_399_999_999, 86_400_000_000, -1, 2**63 - 1],
    pa.time64("ns"): [0, 1, 86_399_999_999_999, 86_400_000_000_000, -1],
    **{pa.timestamp(unit): _moments(unit) for unit in TICKS},
    **{pa.timestamp(unit, zone): _moments(unit) for unit, zone in product(TICKS, ZONES)},
    **{pa.duration(unit): [0, 1, -1, 2**62 // 1000, -(2**63) // 1000] for unit in TICKS},
}
TYPES[pa.duration("s")].pop()
TYPES[pa.duration("ns")] += [-(2**63), 2**63 - 1]
TYPES[pa.duration("us")] += [-(2**63), 2**63 - 1]


@dataclass(frozen=True)
class Way:
    """A way of writing a file."""

    page: str = "1.0"
    dictionary: bool = True
    delta: bool = False
    codec: str = "snappy"
    page_bytes: int = 2**20

    def options(self, dtype: pa.DataType) -> dict[str, Any]:
        options: dict[str, Any] = {
            "data_page_version": self.page,
            "use_dictionary": self.dictionary,
            "compression": self.codec,
            "data_page_size": self.page_bytes,
            "write_batch_size": 3,
        }
        encoding = _delta_encoding(dtype)
        if self.delta and encoding:
            options |= {"use_dictionary": False, "column_encoding": {"v": encoding}}
        return options


def _delta_encoding(dtype: pa.DataType) -> str | None:
    if pa.types.is_string(dtype) or pa.types.is_binary(dtype):
        return "DELTA_BYTE_ARRAY"
    if pa.types.is_floating(dtype) and not pa.types.is_float16(dtype):
        return "BYTE_STREAM_SPLIT"
    whole = pa.types.is_integer(dtype) or pa.types.is_temporal(dtype)
    return "DELTA_BINARY_PACKED" if whole else None


CODECS = ("none", "snappy", "gzip", "zstd", "brotli", "lz4")

FEW = (
    Way(),
    Way(page="2.0", dictionary=False),
    Way(page="2.0", delta=True),
    Way(dictionary=False, page_bytes=1),
)
ALL = tuple(
    Way(*each)
    for each in product(
        ("1.0", "2.0"),
        (True, False),
        (True, False),
        CODECS,
        (1, 2**20),
    )
)


def _iso(ticks: int, unit: str, suffix: str) -> str:
    """Return the text of a moment, by whole numbers alone."""
    seconds, rest = divmod(ticks, TICKS[unit])
    if not FIRST_SECOND <= seconds <= LAST_SECOND:
        return REJECTED
    days, of_day = divmod(seconds, 86_400)
    day = dt.date.fromordinal(days + dt.date(1970, 1, 1).toordinal())
    return f"{day.isoformat()}T{_clock(of_day)}{_fraction(rest, unit)}{suffix}"


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _fraction(rest: int, unit: str) -> str:
    digits = f"{rest:0{len(str(TICKS[unit])) - 1}d}".rstrip("0") if rest else ""
    return f".{digits}" if digits else ""


def _duration(ticks: int, unit: str) -> str:
    seconds, rest = divmod(abs(ticks), TICKS[unit])
    days, seconds = divmod(seconds, 86_400)
    hours, minutes, left = seconds // 3600, seconds // 60 % 60, f"{seconds % 60}{_fraction(rest, unit)}"
    clock = "".join(f"{number}{name}" for number, name in ((hours, "H"), (minutes, "M")) if number)
    clock += f"{left}S" if left != "0" else ""
    body = (f"{days}D" if days else "") + (f"T{clock}" if clock else "")
    return ("-" if ticks < 0 else "") + "P" + (body or "T0S")


def expected(column: pa.ChunkedArray) -> list[Callable[[str | None], bool]]:
    """Return for each value, as pyarrow reads it, whether a text is right."""
    dtype = column.type
    if pa.types.is_timestamp(dtype):
        suffix = "Z" if dtype.tz else ""
        return [_same(None if v is None else _iso(v, dtype.unit, suffix)) for v in _ints(column, pa.int64())]
    if pa.types.is_duration(dtype):
        return [_same(None if v is None else _duration(v, dtype.unit)) for v in _ints(column, pa.int64())]
    if pa.types.is_date32(dtype):
        moments = [None if v is None else _iso(v * 86_400, "s", "") for v in _ints(column, pa.int32())]
        return [_same(None if text is None else text.partition("T")[0]) for text in moments]
    if pa.types.is_time(dtype):
        width = pa.int32() if dtype.bit_width == 32 else pa.int64()
        return [_same(None if v is None else _time(v, dtype.unit)) for v in _ints(column, width)]
    return [_right(dtype, value) for value in column.to_pylist()]


def _ints(column: pa.ChunkedArray, dtype: pa.DataType) -> list[int | None]:
    values: list[int | None] = column.cast(dtype).to_pylist()
    return values


def _time(ticks: int, unit: str) -> str:
    seconds, rest = divmod(ticks, TICKS[unit])
    return f"{_clock(seconds)}{_fraction(rest, unit)}" if 0 <= seconds < 86_400 else REJECTED


def _right(dtype: pa.DataType, value: Any) -> Callable[[str | None], bool]:
    if value is None:
        return _same(None)
    if isinstance(value, float):
        if value - value != 0:
            return _same(REJECTED)
        code = {16: "e", 32: "f", 64: "d"}[dtype.bit_width]
        return lambda text: _is_same_float(text, value, code)
    if isinstance(value, bool):
        return _same("true" if value else "false")
    if isinstance(value, Decimal):
        too_long = value.scaleb(dtype.scale, WIDE).copy_abs() >= 10**38
        return _same(REJECTED if too_long else f"{value:.{dtype.scale}f}")
    return _same(value.hex() if isinstance(value, bytes) else str(value))


def _is_same_float(text: str | None, value: float, code: str) -> bool:
    """Return whether a text has the shortest digits that read back as a value."""
    if text in (None, REJECTED):
        return False
    bits = struct.pack(code, value)
    digits = len(Decimal(str(text)).normalize().as_tuple().digits)
    shorter = (float(f"{value:.{fewer}g}") for fewer in range(1, digits))
    return struct.pack(code, float(str(text))) == bits and not any(
        abs(each) <= MOST[code] and struct.pack(code, each) == bits for each in shorter
    )


def _same(wanted: str | None) -> Callable[[str | None], bool]:
    return lambda text: text == wanted


def texts_of(path: Path, job_of: Callable[..., Any], rows: int) -> list[str | None]:
    """Return what is sent for column v of each row."""
    job = job_of(extract=[str(path)], event_type="scn.data.reservation", mapping=RULES, ignore_unknown=True)
    extract = open_extract(extract_settings(job))
    texts: list[str | None] = [None] * rows
    for window in extract.slices():
        records = extract.records(window)
        for row, data in zip(records.rows, records.data, strict=True):
            texts[row] = orjson.loads(data).get("product_id")
        for bad in records.rejected:
            texts[bad.row] = None if bad.code is RejectCode.MISSING_VALUE else REJECTED
    return texts


def _shuffled(values: Sequence[Any], chance: random.Random, copies: int) -> list[Any]:
    rows = [*values, None] * copies
    chance.shuffle(rows)
    return rows


def _check(path: Path, job_of: Callable[..., Any], what: str, counts: Counter[str]) -> None:
    column = pq.read_table(path, columns=["v"])["v"]
    texts = texts_of(path, job_of, len(column))
    wrong = [
        (row, text)
        for row, (text, is_right) in enumerate(zip(texts, expected(column), strict=True))
        if not is_right(text)
    ]
    assert not wrong, f"{what}: {wrong[:5]}"
    counts.update(values=len(texts), files=1)


def _files(
    types: Sequence[pa.DataType], ways: Sequence[Way], copies: int, folder: Path
) -> Iterator[tuple[Path, str]]:
    chance = random.Random(2601)
    path = folder / "x.parquet"
    for dtype, way in product(types, ways):
        values = _shuffled(TYPES[dtype], chance, copies)
        table = pa.table({"id": [f"r{row}" for row in range(len(values))], "v": pa.array(values, dtype)})
        pq.write_table(table, path, **way.options(dtype), row_group_size=max(1, len(values) // 2))
        yield path, f"{dtype}, {way}"


@pytest.mark.tried(TRIED, keeps=EXACT)
@pytest.mark.timeout(300)
def test_each_type_has_pyarrows_values(tmp_path: Path, job_of, record_property) -> None:
    """Every type in four ways of writing."""
    counts: Counter[str] = Counter()
    for path, what in _files(list(TYPES), FEW, 2, tmp_path):
        _check(path, job_of, what, counts)
    assert counts["files"] == len(TYPES) * len(FEW)
    record_property("counts", dict(counts))


@pytest.mark.soak
@pytest.mark.tried(TRIED, keeps=EXACT)
@pytest.mark.timeout(3600)
def test_each_type_has_pyarrows_values_in_every_way_of_writing(
    tmp_path: Path, job_of, record_property
) -> None:
    """Every type in 96 ways of writing, with more rows."""
    counts: Counter[str] = Counter()
    for path, what in _files(list(TYPES), ALL, 20, tmp_path):
        _check(path, job_of, what, counts)
    record_property("counts", dict(counts))


DUCKDB_COLUMNS = {
    "TIMESTAMP": [
        "infinity",
        "-infinity",
        "9999-12-31 23:59:59.999999",
        "0001-01-01",
        "1969-12-31 23:59:59.9",
    ],
    "TIMESTAMP WITH TIME ZONE": ["infinity", "2024-01-02 03:04:05+05:30", "9999-12-31 23:59:59+00"],
    "DATE": ["infinity", "-infinity", "9999-12-31", "0001-01-01", "10000-01-01", "1969-12-31"],
    "TIME": ["00:00:00", "23:59:59.999999", "24:00:00"],
    "UUID": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "UTINYINT": ["0", "255"],
    "UBIGINT": ["0", "18446744073709551615"],
    "TINYINT": ["-128", "127"],
    "BIGINT": ["-9223372036854775808", "9223372036854775807"],
    "DECIMAL(4,1)": ["999.9", "-999.9"],
    "DECIMAL(18,9)": ["999999999.999999999", "-0.000000001"],
    "DECIMAL(38,5)": ["9" * 33 + ".99999", "-0.00001"],
    "VARCHAR": ["", "ü😀", " x "],
    "JSON": ['{"a": [1, 2.50]}', "null"],
    "BOOLEAN": ["true", "false"],
    "ENUM('a', 'b')": ["a", "b"],
}
"""Types of DuckDB, and values of them as DuckDB writes them."""


def duckdb_text(text: str | None, kind: str) -> str | None:
    """Return what is to be sent for a value that DuckDB shows so."""
    if text is None:
        return None
    if kind in ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE"):
        if "infinity" in text or "(BC)" in text or len(text.partition("-")[0]) > 4:
            return REJECTED
        text = text.replace(" ", "T").replace("+00", "Z")
    return REJECTED if text.startswith("24:") else text


@pytest.mark.tried(TRIED, keeps=EXACT)
@pytest.mark.parametrize("version", ["V1", "V2"])
def test_each_type_that_duckdb_writes_has_duckdbs_values(
    tmp_path: Path, job_of, record_property, version: str
) -> None:
    """Infinities of three types among them; DuckDB reads its own file back, in UTC."""
    counts: Counter[str] = Counter()
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    for kind, values in DUCKDB_COLUMNS.items():
        path = tmp_path / f"{len(counts)}.parquet"
        database.execute(f"CREATE OR REPLACE TABLE t (id VARCHAR, v {kind})")
        rows = [*values, None, *values]
        database.executemany(
            "INSERT INTO t VALUES (?, ?)", [[f"r{row}", value] for row, value in enumerate(rows)]
        )
        database.execute(f"COPY t TO '{path}' (FORMAT parquet, PARQUET_VERSION {version})")
        read = database.execute(
            f"SELECT CAST(v AS VARCHAR) FROM read_parquet('{path}') ORDER BY CAST(id[2:] AS INT)"
        )
        wanted = [duckdb_text(text, kind) for (text,) in read.fetchall()]
        assert texts_of(path, job_of, len(rows)) == wanted, kind
        counts.update(values=len(rows), files=1)
    record_property("counts", dict(counts))
