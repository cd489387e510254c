"""What a file of an extract is: Parquet, CSV or NDJSON, told by its content, its name or the user.

Rules kept here:

1. Parquet is known by its first bytes, whatever the name says; so is what people hand over by mistake.
2. Of text, the user's word wins, then the name. Text of any other name is NDJSON if its first character
   is a brace, else CSV.
"""

from io import BufferedReader
from pathlib import PurePath

from loader.errors import ExtractError
from loader.sources.compression import SUFFIXES, compression_of, decompressed, without_suffix

HEAD_BYTES = 1024
"""How much text is looked at."""

TEXT_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".tab": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}

FOLDER_SUFFIXES = (".parquet", *TEXT_SUFFIXES, ".txt")
"""What a folder is searched for (any case)."""

PARQUET_MAGIC = b"PAR1"

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")

READABLE = "Parquet, CSV and NDJSON"

# The first bytes of what people hand over by mistake, and what to do about it.
WRONG_MAGICS = {
    b"PARE": "it is an encrypted Parquet file, which cannot be read",
    b"PK\x03\x04": "it is a zip archive or an Excel workbook; unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "it is an Excel workbook; save the sheet as CSV",
    b"ORC": f"it is an ORC file; only {READABLE} are read",
    b"Obj\x01": f"it is an Avro file; only {READABLE} are read",
}


def is_extract_name(name: str) -> bool:
    """Return whether a file of this name is an extract's, where whole folders are given (in any case)."""
    return name.lower().endswith(".parquet") or without_suffix(name).lower().endswith(FOLDER_SUFFIXES[1:])


def format_of(name: str, packed: BufferedReader, named: str) -> str:
    """Return ``parquet``, ``csv`` or ``ndjson``.

    Args:
        name: Name of the file.
        packed: The file, opened at its start; it is read from.
        named: What the user says it is, or ``auto``.

    Raises:
        ExtractError: It is none of these.
        OSError: It cannot be read; or one of ``compression.DAMAGED``.
    """
    head = packed.peek(8)[:8]
    suffix = PurePath(without_suffix(name)).suffix.lower()
    if head.startswith(PARQUET_MAGIC):
        if named not in ("auto", "parquet"):
            raise _neither(name, f"it is a Parquet file, and not {named}")
        return "parquet"
    text = decompressed(packed).read(HEAD_BYTES)
    why = next((words for magic, words in WRONG_MAGICS.items() if text.startswith(magic)), None)
    if text.startswith(PARQUET_MAGIC):
        why = f"it is a Parquet file inside {compression_of(head)}; unpack it first"
    if why is None and (suffix == ".parquet" or named == "parquet"):
        why = "its name says Parquet, but it does not begin with PAR1"
        why = why if suffix == ".parquet" else "it does not begin with PAR1, as Parquet files do"
    if why is not None:
        raise _neither(name, why)
    found = named if named != "auto" else TEXT_SUFFIXES.get(suffix) or _format_of_text(name, suffix, text)
    if found == "ndjson" and text.startswith(UTF_16_MARKS):
        raise _neither(name, "it is JSON in UTF-16, and JSON must be UTF-8")
    return found


def _format_of_text(name: str, suffix: str, text: bytes) -> str:
    begin = text.removeprefix(BYTE_ORDER_MARK).lstrip()[:1]
    if begin == b"[" and suffix == ".json":
        raise _neither(name, "it is one JSON array; write one object per line (jq -c '.[]' does it)")
    return "ndjson" if begin == b"{" else "csv"


def _neither(name: str, why: str) -> ExtractError:
    return ExtractError(
        "The file is none that can be read.",
        where=name,
        why=why,
        next_step=f"{READABLE} are read; text may be compressed ({', '.join(SUFFIXES)}).",
    )
