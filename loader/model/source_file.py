"""One file of an extract."""

from dataclasses import dataclass

WHOLE_FILE_BYTES = 256 * 2**20
"""Source files up to this size are fingerprinted whole: at most a second at the start of a load."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of an extract, as it was when the load began.

    Attributes:
        number: Position in the extract, from 0.
        path: Absolute path.
        format: ``parquet``, ``csv`` or ``ndjson``.
        size_bytes: File size.
        fingerprint: Hex digest of the content; the same bytes give the same one on every machine.
        copy: How many earlier files of this extract have the same fingerprint (normally 0); keeps
            the tokens of identical files apart.
        modified_ns: Modification time; part of the identity where ``fingerprint`` is a sample.
        rows: Number of rows if the format states it in its metadata (Parquet), else None.
        changed_ns: Time of the last change of content, owner, mode or name (ctime), which no program can set;
            0 if it is not known.
        inode: Number of the file in its file system; 0 if it is not known.
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

    @property
    def is_sampled(self) -> bool:
        """Whether ``fingerprint`` covers only parts of the file."""
        return self.size_bytes > WHOLE_FILE_BYTES
