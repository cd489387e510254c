"""Detect the format of a file (Parquet, CSV, NDJSON or Excel) from its content, its name or the setting.

Rules kept here:

1. Parquet files, workbooks and common unsupported files are detected by their content, for any name.
2. The user's setting decides the format of other text, then the name. ``.json`` is NDJSON; it is rejected if
   it is one array. Text with any other name is NDJSON if its first character is a brace, otherwise CSV.
"""

import re
import shlex
from io import BufferedReader
from pathlib import PurePath
from zipfile import BadZipFile, ZipFile

from loader.errors import ExtractError
from loader.sources.compression import SUFFIXES, compression_of, decompressed, without_suffix
from loader.sources.partitions import is_private_copy

_HEAD_BYTES = 1024
"""Number of bytes of the decompressed text that are examined."""

TEXT_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".tab": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}

FOLDER_SUFFIXES = (".parquet", *TEXT_SUFFIXES, ".txt")
"""Endings of the files that are taken from a folder, in upper or lower case, without a suffix of
compression."""

JSON_SUFFIX = ".json"

PART_PREFIX = "part-"
"""Start of the names of files that Spark, Hive and Flink write."""

PARQUET_MAGIC = b"PAR1"

_ZIP_MAGIC = b"PK\x03\x04"

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

WIDE_STARTS = {
    b"\xff\xfe\0\0": "UTF-32",  # before UTF-16: its mark begins with the mark of UTF-16
    b"\0\0\xfe\xff": "UTF-32",
    b"{\0\0\0": "UTF-32",
    b"\0\0\0{": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"{\0": "UTF-16",
    b"\0{": "UTF-16",
}
"""First bytes of a JSON object in other encodings than UTF-8, with a byte-order mark or without."""

READABLE = "Parquet, CSV, NDJSON and Excel workbooks (.xlsx)"

# The first bytes of common unsupported files, with the reason and the remedy.
WRONG_MAGICS = {
    b"PARE": "it is an encrypted Parquet file, which cannot be read",
    b"\xd0\xcf\x11\xe0": "it is an Excel workbook of the old format (.xls), or one with a password; save it "
    "as an Excel workbook (.xlsx) without a password",
    b"ORC": f"it is an ORC file; only {READABLE} are read",
    b"\x04\x22\x4d\x18": "it is compressed with lz4; unpack it first",
    b"\xff\x06\x00\x00sNaPpY": "it is compressed with snappy; unpack it first",
    b"\x1f\x9d": "it is compressed with compress (.Z); unpack it first",
    b"version https://git-lfs": "it is a pointer of Git LFS; 'git lfs pull' gets the file itself",
    b"%PDF-": "it is a PDF file",
    b"Obj\x01": f"it is an Avro file; only {READABLE} are read",
    b"ARROW1\0\0": f"it is an Arrow (Feather) file; only {READABLE} are read",
    b"FEA1\0": f"it is a Feather file; only {READABLE} are read",
    b"\xff\xff\xff\xff": f"it is a stream of Arrow; only {READABLE} are read",
    b"SQLite format 3\0": "it is a SQLite database; export a table of it as CSV",
    b"\x89HDF": f"it is an HDF5 file; only {READABLE} are read",
    b"\x93NUMPY": f"it is an array of NumPy; only {READABLE} are read",
    b"]\x00\x00": "it is compressed with lzma (.lzma); unpack it first",
    b"LZIP\x01": "it is compressed with lzip; unpack it first",
}

_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s|html\b|\?xml\s)", re.IGNORECASE)
"""The start of a page of HTML or XML."""

_DUCKDB = re.compile(rb".{8}DUCK.\0{7}", re.DOTALL)
"""The start of a DuckDB database: a checksum, its mark and a version of 64 bits."""

# Archives by their first bytes: the name of the format, and the command that unpacks a file into a folder.
ARCHIVES = {
    b"PK\x03\x04": ("a zip archive", "unzip {file} -d {folder}"),
    b"PK\x05\x06": ("an empty zip archive", ""),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", "7z x {file} -o{folder}"),
    b"Rar!\x1a\x07": ("a RAR archive", "unrar x {file} {folder}/"),
}

TAR = ("a tar archive", "mkdir -p {folder} && tar -xf {file} -C {folder}")
TAR_MARK = slice(257, 262)
"""Position of ``ustar`` in a tar archive: it is in the header of the first member."""

ZIP_NAME_OFFSET = 30
"""Offset of the name of the first member in a zip archive."""

WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".ods")

WORKBOOK_MEMBERS = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/")
"""Start of the name of the first member of a zip archive that is an Excel workbook."""

_WORKBOOK_PART = re.compile(r"xl/workbook[0-9]*\.xml", re.IGNORECASE)
"""Name of the member that every workbook of the format .xlsx or .xlsm contains."""


def is_extract_name(name: str) -> bool:
    """Return whether a file with this name is taken from a folder as a part of the extract.

    Upper and lower case are equal. A ``.json`` file is taken only if its name begins with ``part-``, as Spark
    writes it: many other ``.json`` files in folders are manifests and reports.
    """
    text_name = PurePath(without_suffix(name).lower()).name
    if text_name.startswith(PART_PREFIX) and text_name.endswith(JSON_SUFFIX):
        return True
    return name.lower().endswith(".parquet") or without_suffix(name).lower().endswith(FOLDER_SUFFIXES[1:])


def format_of(name: str, packed: BufferedReader, named: str) -> str:
    """Return ``parquet``, ``csv``, ``ndjson`` or ``xlsx``.

    Args:
        name: Name of the file.
        packed: The file, at its start. Its position changes.
        named: The user's setting, or ``auto``.

    Raises:
        ExtractError: The format is not supported.
        OSError: The file cannot be read. A damaged file raises one of ``compression.DAMAGED``.
    """
    head = packed.peek(8)[:8]
    suffix = PurePath(without_suffix(name)).suffix.lower()
    if head.startswith(PARQUET_MAGIC):
        if named not in ("auto", "parquet"):
            raise _unsupported(name, f"it is a Parquet file, and not {named}")
        return "parquet"
    if head.startswith(_ZIP_MAGIC) and _is_workbook(packed):
        if named not in ("auto", "xlsx"):
            raise _unsupported(name, f"it is an Excel workbook, and not {named}")
        return "xlsx"
    text = decompressed(packed).read(_HEAD_BYTES)
    _refuse_archive(name, text)
    why = _why_not_text(head, text, suffix, named)
    if why is not None:
        raise _unsupported(name, why)
    found = named if named != "auto" else TEXT_SUFFIXES.get(suffix) or _format_of_text(name, suffix, text)
    if found == "ndjson" and (start := next((each for each in WIDE_STARTS if text.startswith(each)), None)):
        raise _unsupported(name, f"it is JSON in {WIDE_STARTS[start]}, and JSON must be UTF-8")
    return found


def _why_not_text(head: bytes, text: bytes, suffix: str, named: str) -> str | None:
    """Return why a file is neither CSV nor NDJSON, or None if it may be one of them.

    Args:
        head: The first bytes of the file.
        text: The first bytes after decompression.
        suffix: The ending of its name, without that of a compression.
        named: The user's setting, or ``auto``.
    """
    if text.startswith(PARQUET_MAGIC):
        return f"it is a Parquet file inside {compression_of(head)}; unpack it first"
    inside = next((words for magic, words in WRONG_MAGICS.items() if text.startswith(magic)), None)
    if compression_of(head) is not None and compression_of(text) is not None:
        inside = (
            f"it is compressed twice ({compression_of(text)} inside {compression_of(head)}); unpack it once"
        )
    if inside is None and _MARKUP.match(text):
        inside = "it is a page of HTML or XML, as a download that needs a login gives it"
    if inside is None and _DUCKDB.match(text):
        inside = "it is a DuckDB database; export a table of it as CSV or Parquet"
    if inside is not None:
        return inside
    if named == "xlsx":
        return "it is not an Excel workbook (.xlsx)"
    if suffix == ".parquet":
        return "its name ends in .parquet, but it does not begin with PAR1"
    if named == "parquet":
        return "it does not begin with PAR1, as Parquet files do"
    return None


def _refuse_archive(name: str, text: bytes) -> None:
    kind, command = next((archive for magic, archive in ARCHIVES.items() if text.startswith(magic)), ("", ""))
    is_workbook = text[ZIP_NAME_OFFSET:].startswith(WORKBOOK_MEMBERS) or name.lower().endswith(WORKBOOKS)
    if kind == "a zip archive" and is_workbook:
        why = "it is a workbook of another format, a compressed one, or one from S3"
        raise _unsupported(name, f"{why}; save it as an Excel workbook (.xlsx) on this machine, or as CSV")
    if text[TAR_MARK] == b"ustar":
        kind, command = TAR
    if not kind:
        return
    folder = name.rpartition("/")[2].partition(".")[0] + "-unpacked"
    unpack = command.format(file=shlex.quote(name), folder=shlex.quote(folder))
    raise ExtractError(
        "The file is an archive, and archives are not read.",
        where=name,
        why=f"it is {kind}",
        next_step=f"unpack it and load the folder:\n  {unpack}" if command else "",
    )


def _is_workbook(packed: BufferedReader) -> bool:
    """Return whether a zip archive is a workbook. The file is at its start afterwards."""
    if not packed.seekable():
        return False
    try:
        with ZipFile(packed) as archive:
            return any(map(_WORKBOOK_PART.fullmatch, archive.namelist()))
    except BadZipFile:
        return False
    finally:
        packed.seek(0)


def _format_of_text(name: str, suffix: str, text: bytes) -> str:
    begin = text.removeprefix(BYTE_ORDER_MARK).lstrip()
    if begin.startswith(b"[") and (suffix == JSON_SUFFIX or begin[1:].lstrip().startswith(b"{")):
        raise ExtractError(
            "Unsupported file format.",
            where=name,
            why="it is one JSON array, not one object per line",
            next_step=f"write one object per line:\n  {jq_command('.[]', name)}",
        )
    return "ndjson" if begin.startswith(b"{") or suffix == JSON_SUFFIX else "csv"


def jq_command(filter_text: str, name: str) -> str:
    """Return a command that writes NDJSON to a file in the current folder; for standard input, a filter."""
    command = f"jq -c {shlex.quote(filter_text)}"
    if is_private_copy(name):  # it is removed before the user could read it
        return command
    return f"{command} {shlex.quote(name)} > rows.ndjson"


def _unsupported(name: str, why: str) -> ExtractError:
    return ExtractError(
        "Unsupported file format.",
        where=name,
        why=why,
        next_step=f"{READABLE} are read; text may be compressed ({', '.join(SUFFIXES)}).",
    )
