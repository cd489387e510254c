"""Text that is damaged, endless, ragged, in no known encoding, packed, or no text at all."""

import bz2
import csv
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import pyarrow as pa

from tests.hostile import damage
from tests.hostile.case import COLUMNS, MARKER, Case, Make, rows

MEBIBYTE = 2**20
SUFFIXES = (".csv", ".csv", ".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".dat", "")
HEADER = ",".join(COLUMNS).encode() + b"\n"


def good(chance: Random) -> bytes:
    """Return a good CSV file, written in one of the many ways there are."""
    file = io.StringIO()
    writer = csv.writer(
        file,
        lineterminator=chance.choice(["\n", "\r\n"]),
        quoting=chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    )
    writer.writerow(COLUMNS)
    writer.writerows(rows(chance))
    return file.getvalue().encode()


def good_json(chance: Random) -> bytes:
    """Return good rows as JSON lines."""
    lines = [
        "{" + ", ".join(f'"{n}": "{v}"' for n, v in zip(COLUMNS, (a, b, MARKER), strict=True)) + "}"
        for a, b, _ in rows(chance)
    ]
    return "\n".join(lines).encode() + b"\n"


def _file(folder: Path, content: bytes, name: str = "extract.csv", **more: object) -> Case:
    path = folder / name
    path.write_bytes(content)
    return Case((str(path),), **more)  # type: ignore[arg-type] # fields of a case


def damaged(chance: Random, folder: Path) -> Case:
    """A good file that was cut, flipped, holed, spliced or sprinkled with quotes and NUL bytes."""
    content = good(chance)
    for _ in range(chance.choice([1, 1, 3])):
        content = chance.choice(damage.KINDS)(chance, content) or b"x"
    return _file(folder, content, may_name_values=True)


def damaged_json(chance: Random, folder: Path) -> Case:
    """The same for JSON lines."""
    content = chance.choice(damage.KINDS)(chance, good_json(chance))
    return _file(folder, content, chance.choice(["e.jsonl", "e.ndjson", "e.json"]), may_name_values=True)


def damaged_rows(chance: Random, folder: Path) -> Case:
    """The header is whole; what follows is damaged: some rows load and the others are rejected."""
    content = good(chance)
    body = content.index(b"\n") + 1
    return _file(folder, content[:body] + chance.choice(damage.KINDS)(chance, content[body:]))


def random_bytes(chance: Random, folder: Path) -> Case:
    """Noise, or noise after a good header."""
    noise = chance.randbytes(chance.choice([1, 10, 1000, 100_000, 2 * MEBIBYTE]))
    content = noise if chance.random() < 0.5 else HEADER + noise
    return _file(folder, content, "extract" + chance.choice(SUFFIXES), may_name_values=True)


def ragged(chance: Random, folder: Path) -> Case:
    """Rows with too few, too many, no or only separators."""
    kinds = [b"R1", b"R1,1", b"R1,1,x,y", b",,", b",", b'""', b"", b" ", b",,,,,,,,", b'"R1",1,x', b"R1,1,x"]
    lines = [chance.choice(kinds) for _ in range(chance.randint(1, 400))]
    return _file(folder, HEADER + b"\n".join(lines))


def quotes(chance: Random, folder: Path) -> Case:
    """Quotes where none belong: never closed, doubled, in the middle, only quotes."""
    pieces = [b'"', b'""', b"R1", b",", b"\n", b"\r\n", b"x", b" ", b"1", b"'"]
    body = b"".join(chance.choice(pieces) for _ in range(chance.choice([1, 20, 5000])))
    return _file(folder, HEADER + body)


def long_field(chance: Random, folder: Path) -> Case:
    """A field of up to 100 MB, in quotes or not, in a row or in the header."""
    size = chance.choice([1, 2, 9, 40, 100]) * MEBIBYTE
    filler = chance.choice([b"a", b"\xc3\xa4", b"\0", b'""', b"\n", b"["]) * (size // 2)
    field = chance.choice([b"%s", b'"%s"', b'"%s']) % filler
    if chance.random() < 0.2:
        return _file(folder, b"reservation_id," + field + b"\nR1,1\n", may_name_values=True)
    return _file(folder, HEADER + b"R1,1,x\nR2,1," + field + b"\nR3,1,x\n")


def no_line_end(chance: Random, folder: Path) -> Case:
    """Megabytes without a line end."""
    size = chance.choice([2, 20, 60]) * MEBIBYTE
    return _file(
        folder, chance.choice([b"a", b",", b"a,b,", b" ", b"\0"]) * (size // 4), may_name_values=True
    )


def many_columns(chance: Random, folder: Path) -> Case:
    """A header of up to a million columns, with and without names, with and without rows."""
    number = chance.choice([10_000, 100_000, 1_000_000])
    named = chance.random() < 0.5
    header = ",".join(f"c{column}" if named else "" for column in range(number)).encode()
    body = chance.choice([b"", b"R1,1\n", b"," * number + b"\n", (b"," * number + b"\n") * 3])
    settings = {"ignore_unknown": chance.choice([True, False])}
    return _file(folder, HEADER[:-1] + b"," + header + b"\n" + body, settings=settings)


def next_to_nothing(chance: Random, folder: Path) -> Case:
    """Empty, a byte order mark, a header, blank lines: no row in any of them."""
    content = chance.choice(
        [
            *(
                b"",
                b"\xef\xbb\xbf",
                b"\xff\xfe",
                b"\xfe\xff",
                b"\n",
                b"\r\n\r\n",
                b" ",
                b"\0",
                b",",
                b'"',
                b'""',
            ),
            *(HEADER, HEADER[:-1], b"\xef\xbb\xbf" + HEADER, HEADER + b"\n\n\n", HEADER[:-1] + b"\r\r"),
            *(b"{}", b"[]", b"null", b"{}\n{}\n", b"PAR1", b"PAR1PAR1", b"\x1f\x8b", b"BZh9"),
        ]
    )
    return _file(folder, content, "extract" + chance.choice(SUFFIXES), may_send=False)


def unicode(chance: Random, folder: Path) -> Case:
    """Characters that are none, that turn text around, that end lines elsewhere; overlong and half ones."""
    odd = [
        *(b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xff", b"\xe2\x80", b"\xf0\x9f\x92"),
        *(
            s.encode()
            for s in ("\u2028", "\u2029", "\x85", "\u202e", "\ufeff", "\uffff", "\U0010ffff", "\x0b")
        ),
        *(
            s.encode()
            for s in ("e" + "\u0301" * 2000, "👩‍👩‍👧‍👦", "\x1b[2J", "\x7f", "\x00", "ß" * 300, "\x1a", "\x1c")
        ),
    ]
    lines = [b"R%d,1,%s" % (number, chance.choice(odd)) for number in range(30)]
    keys = [b"%s,1,x" % chance.choice(odd) for _ in range(30)]
    return _file(folder, HEADER + b"\n".join(lines + keys) + b"\n")


def odd_header(chance: Random, folder: Path) -> Case:
    """Names that are twice there, empty, endless, or meant for a terminal."""
    odd = [
        "",
        " ",
        "\x1b[2J",
        "a\tb",
        "\u202e",
        "reservation_id",
        "RESERVATION_ID ",
        "x" * 5000,
        "%s{}",
        "quantity",
    ]
    names = [*COLUMNS, *chance.choices(odd, k=chance.choice([1, 2, 5]))]
    chance.shuffle(names)
    row = ",".join("1" for _ in names)
    return _file(folder, (",".join(names) + "\n" + row + "\n").encode(), settings={"ignore_unknown": True})


def odd_encoding(chance: Random, folder: Path) -> Case:
    """Another encoding than UTF-8, with and without a mark."""
    text = good(chance).decode()
    name = chance.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp500", "utf-8-sig"])
    content = text.encode(name, errors="replace")
    return _file(folder, content[: chance.choice([len(content), len(content) - 1])], may_name_values=True)


def odd_numbers(chance: Random, folder: Path) -> Case:
    """Numbers and timestamps at and beyond what any type holds."""
    odd = [
        *(
            "NaN",
            "inf",
            "-Infinity",
            "1e999999999",
            "1e-999999999",
            "9" * 5000,
            "0x10",
            "1_000",
            "١٢٣",
            "\uff11\uff12",
        ),
        *("--1", "+", ".", "1e", "0000-00-00", "9999-12-31T23:59:60Z", "2024-02-30", "1" * 400, "-0", "1,5"),
        *(
            "2024-01-01T00:00:00+99:99",
            "99999999-01-01",
            "1970-01-01T00:00:00.123456789123Z",
            "{}",
            "[1",
            "null",
        ),
    ]
    header = "reservation_id,reservation_detail_id,quantity,reservation_date\n"
    lines = [f'R{number},1,"{chance.choice(odd)}","{chance.choice(odd)}"' for number in range(50)]
    settings = {"numbers": chance.choice(["string", "number"])}
    return _file(folder, (header + "\n".join(lines) + "\n").encode(), settings=settings)


def deep_json(chance: Random, folder: Path) -> Case:
    """Deeply nested JSON, in a field or as a separate line."""
    deep = chance.choice([b"[", b'{"a":', b'[{"b":[']) * chance.choice([100, 10_000, 300_000])
    if chance.random() < 0.5:
        return _file(folder, HEADER + b'R1,1,"' + deep.replace(b'"', b'""') + b'"\n')
    line = b'{"reservation_id": "R1", "reservation_detail_id": "1", "product_id": ' + deep + b"}\n"
    return _file(
        folder, good_json(chance) + line, chance.choice(["e.jsonl", "e.ndjson"]), may_name_values=True
    )


def odd_json(chance: Random, folder: Path) -> Case:
    """JSON lines that are not objects, or objects that no two readers understand alike."""
    odd = [
        *(
            b"1",
            b"null",
            b"[]",
            b"{",
            b"{}",
            b'"x"',
            b"\xff",
            b"",
            b" ",
            b"NaN",
            b'{"a":1}{"a":2}',
            b"\xef\xbb\xbf{}",
        ),
        *(b'{"reservation_id":"\\ud800","reservation_detail_id":"1"}', b'{"reservation_id":1e400}'),
        *(b'{"reservation_id":"R","reservation_id":"S","reservation_detail_id":"1"}', b'{"":1}', b'{"a":1,}'),
        *(
            b'{"reservation_id":{"a":[1]},"reservation_detail_id":[1]}',
            b'{"reservation_id":' + b"9" * 5000 + b"}",
        ),
        *(b'{"reservation_id":true,"reservation_detail_id":1.10}', b'{"reservation_id":"\\u0000","x":null}'),
    ]
    content = b"\n".join(chance.choice(odd) for _ in range(20))
    return _file(
        folder, good_json(chance) * chance.choice([0, 1]) + content, "e.ndjson", may_name_values=True
    )


def packed(chance: Random, folder: Path) -> Case:
    """Compressed text that is cut, damaged, doubled, or packed by another tool than its name says."""
    content = good(chance)
    suffix = chance.choice(list(PACKERS))
    packed_text = PACKERS[chance.choice([suffix, suffix, ".gz", ".zst"])](content)
    if chance.random() < 0.7:
        packed_text = chance.choice(damage.KINDS)(chance, packed_text)
    return _file(folder, packed_text, "extract.csv" + suffix, may_name_values=True)


def packed_bomb(chance: Random, folder: Path) -> Case:
    """Compressed text of hundreds of times its size: endless rows, an endless line, or zeros."""
    unit = chance.choice([b"\0" * 4096, b"a" * 4096, b"\n" * 4096, b",1,x\n" * 700, b'"' * 4096])
    text = HEADER + unit * (chance.choice([16, 64, 256]) * MEBIBYTE // len(unit))
    suffix = chance.choice([".gz", ".zst"])
    packed_text = gzip.compress(text, 1) if suffix == ".gz" else pa.compress(text, "zstd", asbytes=True)
    settings = {"max_errors": "10", "window_rows": 200}
    return _file(folder, packed_text, "extract.csv" + suffix, settings=settings)


def _zipped(text: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("extract.csv", text)
    return file.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": partial(gzip.compress, mtime=0),
    ".zst": partial(pa.compress, codec="zstd", asbytes=True),
    ".bz2": partial(bz2.compress),
    ".xz": partial(lzma.compress),
    ".zip": _zipped,
}

KINDS: tuple[Make, ...] = (
    damaged,
    damaged_rows,
    damaged_rows,
    damaged_json,
    random_bytes,
    ragged,
    quotes,
    next_to_nothing,
    unicode,
    odd_header,
    odd_encoding,
    odd_numbers,
    odd_json,
    packed,
)

RARE: tuple[Make, ...] = (long_field, no_line_end, many_columns, deep_json, packed_bomb)
"""These take a second each."""
