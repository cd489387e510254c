"""Parquet files that are damaged, that lie, or that unpack to far more than they are."""

import io
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

from tests.hostile import damage
from tests.hostile.case import COLUMNS, MARKER, Case, Make, rows
from tests.hostile.forged_parquet import CODECS, Forgery, nested

EXTREMES = (-1, 0, 1, 2**15, 2**31 - 1, -(2**31), 2**32 - 1, 2**40, 2**62, 2**63 - 1, -(2**63))
"""Numbers that readers trip over."""

MEBIBYTE = 2**20


def good(chance: Random) -> bytes:
    """Return a good file, written in one of the many ways there are."""
    table = pa.table([pa.array(column) for column in zip(*rows(chance, 300), strict=True)], names=COLUMNS)
    file = io.BytesIO()
    pq.write_table(
        table,
        file,
        compression=chance.choice(["none", "snappy", "gzip", "zstd", "brotli", "lz4"]),
        use_dictionary=chance.choice([True, False]),
        data_page_version=chance.choice(["1.0", "2.0"]),
        data_page_size=chance.choice([64, 4096, MEBIBYTE]),
        row_group_size=chance.choice([1, 20, 1000]),
        write_page_checksum=chance.choice([True, False]),
        write_page_index=chance.choice([True, False]),
        column_encoding=None,
    )
    return file.getvalue()


def _footer_start(content: bytes) -> int:
    return len(content) - 8 - int.from_bytes(content[-8:-4], "little")


def _file(folder: Path, content: bytes, **more: object) -> Case:
    path = folder / "extract.parquet"
    path.write_bytes(content)
    return Case((str(path),), **more)  # type: ignore[arg-type] # fields of a case


def damaged(chance: Random, folder: Path) -> Case:
    """Cut, flipped, holed or shuffled anywhere."""
    return _file(folder, chance.choice(damage.KINDS)(chance, good(chance)), may_name_values=True)


def cut_off(chance: Random, folder: Path) -> Case:
    """The copy was broken off."""
    return _file(folder, damage.cut(chance, good(chance)))


def damaged_footer(chance: Random, folder: Path) -> Case:
    """Flipped bytes in the footer only: sizes, offsets, types and names are wrong."""
    content = good(chance)
    return _file(
        folder,
        damage.flipped(chance, content, _footer_start(content), len(content) - 8),
        may_name_values=True,
    )


def damaged_pages(chance: Random, folder: Path) -> Case:
    """Flipped bytes in the pages only: the footer promises what is not there."""
    content = good(chance)
    return _file(folder, damage.flipped(chance, content, 4, _footer_start(content)))


def wrong_footer_length(chance: Random, folder: Path) -> Case:
    """The footer is said to be longer or shorter than it is."""
    content = good(chance)
    length = chance.choice([0, 1, len(content), len(content) + 1, 2**31, 2**32 - 1, chance.randrange(2**32)])
    return _file(folder, content[:-8] + length.to_bytes(4, "little") + content[-4:], may_name_values=True)


def wrong_magic(chance: Random, folder: Path) -> Case:
    """It begins or ends like something else."""
    content = good(chance)
    magic = chance.choice([b"PARE", b"PAR2", b"ORC\0", b"Obj\x01", b"\0\0\0\0", b"PK\x03\x04", b"id,x"])
    wrong = magic + content[4:] if chance.random() < 0.5 else content[:-4] + magic
    return _file(folder, wrong, may_send=False, may_name_values=True)


def lying(chance: Random, folder: Path) -> Case:
    """The structure is sound and one or two of its numbers are not."""
    true = rows(chance)
    names = [
        *("rows", "group_rows", "chunk_values", "page_values", "page_bytes", "compressed_bytes"),
        *("chunk_bytes", "offset", "text_bytes", "type", "encoding", "codec", "children"),
        "dictionary_offset",
    ]
    near = (len(true) - 1, len(true) + 1, 10 * len(true), chance.randrange(32))
    lies = {name: chance.choice(EXTREMES + near) for name in chance.sample(names, chance.choice([1, 1, 2]))}
    codec = chance.choice(list(CODECS))
    return _file(folder, Forgery(true, codec, lies, column=chance.randrange(3)).content())


def bomb(chance: Random, folder: Path) -> Case:
    """A page that unpacks to hundreds of times its size: only zeros, or one very long value."""
    megabytes = chance.choice([64, 256, 1024])
    kind = chance.choice(["empty values", "one value", "surplus"])
    size = megabytes * MEBIBYTE
    true, lies = [("R1", "0001", MARKER)], {}
    if kind == "empty values":  # four zero bytes are an empty text
        lies = dict.fromkeys(("rows", "group_rows", "chunk_values", "page_values"), size // 4)
        page = bytes(size)
    elif kind == "one value":
        page = (size - 4).to_bytes(4, "little") + bytes(size - 4)
    else:
        page = b"\2\0\0\0R1" + bytes(size)
    forged = Forgery(true, chance.choice(["gzip", "zstd", "snappy", "brotli"]), lies, page=page)
    # Pages of up to MAX_PAGE_BYTES are read, and polars holds several copies of what is in them.
    return _file(folder, forged.content(), most_mebibytes=800)


def many_equal_rows(chance: Random, folder: Path) -> Case:
    """Millions of rows in a few kilobytes, rightly so: all are alike, and none has a key."""
    number = chance.choice([1_000_000, 3_000_000])
    path = folder / "extract.parquet"
    value = pa.array([None], pa.string()).take(pa.nulls(0, pa.int32()))  # the type, without values
    batch = pa.table([pa.nulls(250_000, value.type) for _ in COLUMNS], names=COLUMNS)
    with pq.ParquetWriter(path, batch.schema) as writer:
        for _ in range(number // 250_000):
            writer.write_table(batch)
    return Case((str(path),), {"max_errors": "10", "window_rows": 200})


def odd_types(chance: Random, folder: Path) -> Case:
    """Columns of types that no record can hold: nested, binary, durations, dictionaries of anything."""
    number = 5
    odd = [
        pa.array([[{"a": [1, None]}]] * number),
        pa.array([{"x": {"y": None}}] * number, pa.struct([("x", pa.struct([("y", pa.null())]))])),
        pa.array([b"\xff\x00"] * number),
        pa.array([10**30] * number, pa.decimal256(60, 2)),
        pa.array([1] * number, pa.duration("ns")),
        pa.array([2**62] * number, pa.timestamp("us")),
        pa.array([-(2**62)] * number, pa.timestamp("ns", "Asia/Tokyo")),
        pa.array([2**31 - 1] * number, pa.date32()),
        pa.array([None] * number),
        pa.array([float("nan")] * number),
        pa.array(["x"] * number).dictionary_encode(),
        pa.array([[("k", 1)]] * number, pa.map_(pa.string(), pa.int8())),
        pa.array([b"\0" * 16] * number, pa.binary(16)),
        pa.array([1.5] * number, pa.float16()),
    ]
    names = [*COLUMNS, "quantity"]
    table = pa.table([chance.choice([pa.array(["a"] * number), *odd, *odd]) for _ in names], names=names)
    path = folder / "extract.parquet"
    pq.write_table(table, path)
    return Case((str(path),))


def odd_schema(chance: Random, folder: Path) -> Case:
    """A schema thousands of levels deep or columns wide, with names that are none."""
    kind = chance.choice(["deep", "wide", "names"])
    if kind == "deep":
        return _file(folder, nested(chance.choice([10, 100, 1000, 100_000])))
    if kind == "wide":
        names = [*COLUMNS, *(f"c{number}" for number in range(chance.choice([1000, 5000])))]
    else:
        names = [
            *COLUMNS,
            *chance.sample(["", "\0", "a\nb", "\x1b[2J", "x" * 100_000, "\u202e", COLUMNS[0]], 3),
        ]
    true = [row + ("",) * (len(names) - len(COLUMNS)) for row in rows(chance, 3)]
    return _file(folder, Forgery(true, names=names).content())


KINDS: tuple[Make, ...] = (
    damaged,
    cut_off,
    damaged_footer,
    damaged_pages,
    wrong_footer_length,
    wrong_magic,
    lying,
    odd_types,
    odd_schema,
)

RARE: tuple[Make, ...] = (bomb, many_equal_rows)
"""These take a second each."""
