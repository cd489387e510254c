"""A run directory in S3: its address, and the folder of this machine in which a load works on it.

pathlib keeps one of the two slashes of ``s3://bucket/prefix``, so a run directory whose first part is ``s3:``
is an address.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from loader.private_files import state_folder

SCHEME = "s3:"

WORKING_FOLDER = "run-directories"
"""Folder, in the user's state folder, with a working copy for each address."""

PLAIN_KEY = re.compile(r"[A-Za-z0-9_.@+=,/-]+", re.ASCII)
"""Characters that neither S3, a URL nor a shell changes: a command with the address runs when pasted."""

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)

PART = re.compile(r"/shards/[0-9]+of[0-9]+$", re.ASCII)


def address_of(run_dir: Path | None) -> str | None:
    """Return the address ``s3://bucket/prefix`` of a run directory in S3, or None for a folder."""
    if run_dir is None or not run_dir.parts or run_dir.parts[0].lower() != SCHEME:
        return None
    return f"s3://{'/'.join(run_dir.parts[1:])}"


def split_address(address: str) -> tuple[str, str]:
    """Return bucket and prefix of an address; the prefix has no slash at either end."""
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    return bucket, prefix


def address_problems(address: str) -> Iterator[str]:
    """Yield the reasons why an address cannot be a run directory."""
    bucket, prefix = split_address(address)
    if not BUCKET.fullmatch(bucket):
        yield f"{address} names no bucket; give s3://BUCKET/PREFIX"
    elif not prefix:
        yield f"{address} names a whole bucket; give s3://BUCKET/PREFIX"
    elif not PLAIN_KEY.fullmatch(prefix) or {".", ".."} & set(prefix.split("/")):
        yield f"the prefix of {address} may have letters, digits and _.@+=,/- only"


def working_copy_of(address: str) -> Path:
    """Return the folder of this machine that is the working copy of the run directory at an address.

    The working copy of a shard, ``s3://bucket/prefix/shards/KofN``, is inside that of the whole load.
    """
    whole = PART.sub("", address)
    part = address.removeprefix(whole).strip("/")
    return _working_folder() / hashlib.sha256(whole.encode()).hexdigest()[:16] / part


def local_path(run_dir: Path) -> Path:
    """Return the folder of a run directory on this machine. For one in S3, it is the working copy."""
    address = address_of(run_dir)
    return run_dir if address is None else working_copy_of(address)


def _working_folder() -> Path:
    """Return the folder of all working copies: in the state folder, else in that for temporary files."""
    state = state_folder()
    existing = next(each for each in (state, *state.parents) if each.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return state / WORKING_FOLDER
    # A container may have a user without a home, or one that may not be written to.
    return Path(tempfile.gettempdir()) / f"scn-loader-{os.getuid()}" / WORKING_FOLDER
