"""Settings of the run directory of a load, for one that may be in S3."""

from dataclasses import dataclass
from pathlib import Path

from loader.errors import LoaderError
from loader.job import Shard
from loader.sources.s3.client import S3Access


@dataclass(frozen=True, slots=True)
class RunDirectorySettings:
    """Where the run directory of a load is, and which part of it the load uses.

    Attributes:
        folder: The run directory on this machine, absolute; for one in S3, its working copy.
        address: Its address ``s3://bucket/prefix``, or None if it is a folder of this machine.
        s3: How S3 is reached.
        shard: The shard that is delivered, or None for the whole load.
        restart: Whether the load starts over.
        only_reads: Whether the load changes nothing in it, as in a dry run.
    """

    folder: Path
    address: str | None
    s3: S3Access
    shard: Shard | None = None
    restart: bool = False
    only_reads: bool = False


def name_in(error: LoaderError, path: Path | str, name: str) -> None:
    """Replace a folder by a name in the texts of an error."""
    for text in ("what", "where", "why", "next_step"):
        setattr(error, text, getattr(error, text).replace(str(path), name))
