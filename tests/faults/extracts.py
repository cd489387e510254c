"""Random extracts, the same for the same seed, every payload with a marker that must never leak."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

MARKER = "PAYLOAD-MARKER-7f3a"
"""Part of every payload: it may be in the extract, in the lake and in files of mode 0600, nowhere else."""

EVENT_TYPE = "scn.data.reservation"
KEY = ("reservation_id", "reservation_detail_id")
"""The primary key of the dataset behind ``EVENT_TYPE``; no other column is needed."""

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ExtractShape:
    """What a random extract looks like.

    Attributes:
        rows: How many rows it has.
        groups: Over how many groups (values of ``reservation_id``) they are spread.
        longest_text: Most characters of the free text of a row.
        rejected_share: Share of rows without a value in a required column.
    """

    rows: int
    groups: int
    longest_text: int = 60
    rejected_share: float = 0.0


def random_shape(chance: Random, *, most_rows: int) -> ExtractShape:
    """Return a shape: few or many rows and groups, short or long texts, with and without bad rows."""
    rows = chance.randint(most_rows // 4, most_rows)
    return ExtractShape(
        rows=rows,
        groups=chance.choice([1 + rows // 40, 1 + rows // 8, rows]),
        longest_text=chance.choice([20, 200, 4000]),
        rejected_share=chance.choice([0.0, 0.0, 0.02]),
    )


def random_rows(chance: Random, shape: ExtractShape) -> Rows:
    """Return rows whose groups are mixed; the same key may come more than once."""
    words = "".join(chance.choices('abc de"\\ü€\n,', k=97))
    rows = []
    for number in range(shape.rows):
        group = f"R{chance.randrange(shape.groups):05d}"
        text = (words * (1 + shape.longest_text // len(words)))[: chance.randint(0, shape.longest_text)]
        rows.append(
            {
                KEY[0]: group if chance.random() >= shape.rejected_share else None,
                KEY[1]: f"{number:06d}",
                "product_id": f"{MARKER} {text}",
            }
        )
    return rows


def write_extract(path: Path, rows: Rows) -> Path:
    """Write rows as Parquet or CSV, as the file's name says, and return the file."""
    frame = pl.DataFrame(rows, schema=dict.fromkeys((*KEY, "product_id"), pl.String))
    if path.suffix == ".parquet":
        frame.write_parquet(path, row_group_size=max(1, len(rows) // 3))
    else:
        frame.write_csv(path)
    return path
