"""Convert values of every Parquet type to text without loss; docs/values.md has the table.

Rules kept here:

1. Text stays unchanged. A number becomes the shortest text that reads back as the same number. Types with an
   ISO 8601 form use that form.
2. Lists and structs become JSON. Their numbers, like those of a record, are digits, never floats.
"""

from dataclasses import replace

import orjson
import polars as pl

from loader.records.json_records import json_texts
from loader.records.time_zones import UTC
from loader.records.timestamps import from_column
from loader.reject_code import RejectCode
from loader.row_issues import RowIssue, issues_where, values_where
from loader.short_floats import short_halves
from loader.struct_parts import struct_parts

LOWEST = -(2**63)
"""The lowest duration in ticks."""


def plain_text(source: pl.Series) -> tuple[pl.Series, list[RowIssue]]:
    """Return the texts of a source column of any type except bytes."""
    dtype = source.dtype
    if isinstance(dtype, pl.Datetime):
        instants, problems = from_column(source, UTC)
        texts = instants.iso_8601()
        return (texts if dtype.time_zone else texts.str.strip_suffix("Z")), problems
    if isinstance(dtype, (pl.List, pl.Array, pl.Struct)):
        return _json(source)
    if dtype == pl.Duration:
        return _durations(source), []
    if dtype == pl.Time:
        return source.dt.strftime("%H:%M:%S%.f").str.replace(r"(\.[0-9]*[1-9])0+$", "$1"), []
    problems = (
        issues_where(~source.is_finite(), RejectCode.NOT_FINITE, "not a finite number")
        if dtype.is_float()
        else []
    )
    return (short_halves(source) if dtype == pl.Float16 else source).cast(pl.String), problems


def _durations(source: pl.Series) -> pl.Series:
    """Return ISO 8601 durations. For the lowest duration, polars writes a sign in each part."""
    texts = source.dt.to_string("iso")
    lowest = (source.to_physical() == LOWEST).fill_null(value=False)
    if not lowest.any():
        return texts
    above = pl.Series([LOWEST + 1]).cast(source.dtype).dt.to_string("iso").str.replace("807S$", "808S")
    return texts.zip_with(~lowest, above.new_from_index(0, len(texts)))


def decoded(source: pl.Series, meaning: str | None) -> tuple[pl.Series, list[RowIssue]]:
    """Return the texts of a column of bytes: ``utf8``, ``base64`` or ``hex``."""
    if meaning in ("base64", "hex"):
        return source.bin.encode(meaning), []  # type: ignore[arg-type] # narrowed above
    try:
        return source.cast(pl.String), []
    except pl.exceptions.PolarsError:
        texts = pl.Series(source.name, [_utf8(value) for value in source], dtype=pl.String)
        unreadable = source.is_not_null() & texts.is_null()
        return texts, issues_where(unreadable, RejectCode.BAD_ENCODING, "bytes that are not UTF-8")


def _utf8(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _json(source: pl.Series) -> tuple[pl.Series, list[RowIssue]]:
    """Return the JSON of each value; null for a null."""
    if isinstance(source.dtype, pl.Struct):
        return _json_objects(source)
    if isinstance(source.dtype, (pl.List, pl.Array)):
        return _json_arrays(source)
    texts, problems = plain_text(source)
    if source.dtype.is_numeric() or source.dtype == pl.Boolean:
        return texts, problems
    return json_texts(texts), problems


def _json_objects(source: pl.Series) -> tuple[pl.Series, list[RowIssue]]:
    members, problems = [], []
    for name, part in zip(source.struct.fields, struct_parts(source), strict=True):
        texts, faults = _json(part)
        members.append(pl.lit(orjson.dumps(name).decode() + ":") + pl.lit(texts.fill_null("null")))
        problems += faults
    if not members:
        return values_where(pl.repeat("{}", len(source), eager=True), source.is_not_null()), problems
    objects = pl.select(
        pl.concat_str(pl.lit("{"), pl.concat_str(members, separator=","), pl.lit("}"))
    ).to_series()
    return values_where(objects, source.is_not_null()), problems


def _json_arrays(source: pl.Series) -> tuple[pl.Series, list[RowIssue]]:
    if isinstance(source.dtype, pl.Array):
        source = source.arr.to_list()
    rows = pl.int_range(len(source), eager=True)
    filled = (source.list.len() > 0).fill_null(value=False)
    flat = pl.DataFrame({"row": rows, "value": source}).filter(filled).explode("value")
    texts, faults = _json(flat["value"])
    joined = (
        flat.select("row", text=texts.fill_null("null"))
        .group_by("row", maintain_order=True)
        .agg(pl.col("text").str.join(","))
    )
    arrays = pl.DataFrame({"row": rows}).join(joined, on="row", how="left", maintain_order="left")["text"]
    problems = [
        replace(fault, rows=rows.is_in(flat["row"].filter(fault.rows).unique().to_list())) for fault in faults
    ]
    return values_where("[" + arrays.fill_null("") + "]", source.is_not_null()), problems
