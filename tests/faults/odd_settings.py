"""Job files and fault plans with odd types, huge numbers, deep nesting, odd names and odd bytes."""

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

import orjson
from hypothesis import strategies as st

from loader.emulator.faults import FaultRule
from loader.job import CsvSettings, Job
from loader.job.column_rule import ColumnRule

VALID = {
    "event_type": "scn.data.reservation",
    "instance_id": "8928ae12-15e5-4441-825d-ec2184f0a43a",
    "endpoint_url": "http://127.0.0.1:9",
    "region": "us-east-1",
    "extract": "rows.csv",
}
"""A job file that can be used."""

SECTIONS = [
    *CsvSettings.model_fields,
    *ColumnRule.model_fields,
    "reservation_id",
    "seconds",
    "count",
    "share",
]

WORDS = st.sampled_from(
    (
        *("", "-1", "1e9", "50%", "8h", "99999999999999999999h", "never", "(", "\x00", "x" * 5000, "../.."),
        *("s3://", "s3://b/\x00", "https://[", "http://127.0.0.1:99999", "~nobody/x", "\ud7ff", "row"),
        *("auto", "UPSERT", "Europe/Nowhere", "%Y", "{{", "col('a')", "{", "[1", "9" * 5000, "[" * 5000),
    )
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.one_of(
    st.sampled_from([0, -1, 2**31, 2**63, 2**64, 10**20, 10**400, -(10**30), 0.5, 1e308, 1e-320, -0.0]),
    st.sampled_from([float("inf"), float("-inf"), float("nan")]),
    st.integers(),
)
SCALARS = st.one_of(st.booleans(), NUMBERS, TEXTS, WORDS, st.dates(), st.times(), st.datetimes())


def _inside(
    names: list[str], inner: st.SearchStrategy[Any], most: int = 3
) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(
        st.one_of(st.sampled_from(names), st.sampled_from(names), TEXTS), inner, max_size=most
    )


VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), _inside(SECTIONS, inner)), max_leaves=6
)
"""Values of any type that TOML knows, also nested."""

JOBS = _inside(list(Job.model_fields), VALUES).map(lambda odd: VALID | odd)
"""Job files, as Python values."""

RULES = _inside(list(FaultRule.model_fields), VALUES, 4).map(lambda odd: {"fault": "reset", **odd})
PLANS = st.one_of(
    st.fixed_dictionaries({"rules": st.one_of(st.lists(RULES, max_size=3), VALUES)}),
    _inside(["seed", "rules"], VALUES),
)
"""Fault plans, as Python values."""

SPOILERS: tuple[Callable[[bytes], bytes], ...] = (
    lambda file: file,
    lambda file: file,
    lambda file: file.decode().encode("utf-16"),
    lambda file: file + b"\xff",
    lambda file: b"\xef\xbb\xbf" + file,
    lambda file: file + b"\x00",
    lambda file: file * 2,
    lambda file: file[: len(file) // 2],
    lambda file: file + b"\nz = " + b"[" * 5000,
    lambda file: file + b"\nz = " + b"[1," * 100 + b"]" * 100,
    lambda file: file + b"\nz = " + b"{a=" * 3000 + b"1" + b"}" * 3000,
    lambda file: file + b"\n" + b"a." * 300 + b"a = 1",
    lambda file: file + b"\n[" + b"x." * 300 + b"x]",
    lambda file: file + b"\nrate = " + b"9" * 5000,
    lambda file: file + b"\nrate = 0x" + b"f" * 5000,
    lambda file: file + b"\nrate = 1e" + b"9" * 400,
)
"""What is done to a written file."""

SPOILED = st.sampled_from(SPOILERS)


def to_toml(table: dict[str, Any]) -> bytes:
    """Return a table as a TOML document; except for a few characters, a JSON text is a TOML text."""
    return "\n".join(f"{_text(name)} = {_value(value)}" for name, value in table.items()).encode()


def _value(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return _text(value)
        case date() | time() | datetime():
            return value.isoformat()
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case dict():
            return f"{{{', '.join(f'{_text(name)} = {_value(inner)}' for name, inner in value.items())}}}"
        case _:
            return str(value)


def _text(text: str) -> str:
    return orjson.dumps(text).decode()
