"""The notes of a working copy: what this machine knows of the objects in S3."""

from pathlib import Path

import pytest

from loader.remote.other_files import NOTES_NAME, Notes


def test_notes_are_read_as_they_were_written(tmp_path: Path) -> None:
    notes = Notes("etag", is_own=False, copied_at=1.5, files={"rejected/x.csv": ("other", 7, 9)})
    notes.write(tmp_path)
    assert Notes.of(tmp_path) == notes


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"files": {"x": ["etag"]}}', b'{"copied_at": "1"}', b'{"files": {"x": [1, 2, 3]}}'],
)
def test_notes_that_cannot_be_used_are_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NOTES_NAME).write_bytes(content)
    assert Notes.of(tmp_path) == Notes()
