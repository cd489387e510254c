"""One file of an extract."""

from collections.abc import Sequence
from dataclasses import dataclass
from os.path import commonprefix

WHOLE_FILE_BYTES = 256 * 2**20
"""Source files up to this size are fingerprinted completely, in at most a second at the start of a load."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of an extract, as it was when the load began.

    Attributes:
        number: Position in the extract, from 0.
        path: Absolute path.
        format: ``parquet``, ``csv``, ``ndjson`` or ``xlsx``.
        size_bytes: File size.
        fingerprint: Hex digest of the content; the same bytes give the same digest on every machine.
        copy: Number of earlier files of this extract with the same fingerprint (normally 0). It distinguishes
            the tokens of identical files.
        modified_ns: Modification time; part of the identity if ``fingerprint`` covers only a sample.
        rows: Number of rows if the format states it in its metadata (Parquet), otherwise None.
        changed_ns: Time of the last change of content, owner, mode or name (ctime), which programs cannot
            set; 0 if unknown.
        inode: Number of the file in its file system; 0 if unknown.
        rows_before: Rows of a sheet up to its header; 0 in other files. Row numbers of a sheet count from its
            top, those of other files from the first row behind the header.
    """

    number: int
    path: str
    format: str
    size_bytes: int
    modified_ns: int
    fingerprint: str
    copy: int
    rows: int | None
    changed_ns: int = 0
    inode: int = 0
    rows_before: int = 0

    def row_number(self, row: int) -> int:
        """Return how people count the row at a position: from 1, or as Excel numbers it."""
        return self.rows_before + row + 1

    @property
    def is_sampled(self) -> bool:
        """Whether ``fingerprint`` covers only parts of the file."""
        return self.size_bytes > WHOLE_FILE_BYTES


def common_folder(paths: Sequence[str]) -> str:
    """Return the folder of all paths with its slash; empty for a single file or without a common folder."""
    if len(paths) < 2:  # noqa: PLR2004 - a single path is shown whole
        return ""
    prefix = commonprefix(paths)  # noqa: RUF071 - commonpath would change "s3://bucket/x" to "s3:/bucket/x"
    return prefix[: prefix.rfind("/") + 1]
