"""Find the objects in S3 of an extract by key, prefix or glob.

``s3://bucket/key`` is an object. ``s3://bucket/prefix/`` means the extracts below the prefix, as in a folder.
In a glob, ``*`` does not match a slash and ``**`` does. Objects that are left out are reported.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase

from botocore.exceptions import BotoCoreError, ClientError

from loader.errors import ExtractError, NothingToLoad
from loader.sources.file_format import is_extract_name
from loader.sources.left_out import (
    HIDDEN,
    OTHER_NAME,
    RUN_DIRECTORY,
    RUN_DIRECTORY_MARK,
    LeftOut,
    parts_to_hidden,
)
from loader.sources.local_paths import GLOB_CHARACTERS, S3_SCHEME
from loader.sources.natural_order import natural_key
from loader.sources.s3.client import S3Client, refusals
from loader.sources.s3.objects import S3Object, object_at
from loader.sources.table_formats import refuse_tables

HEADS_AT_ONCE = 16
"""Number of objects whose properties are requested at the same time."""


def find_objects(url: str, client: S3Client, left_out: LeftOut) -> list[S3Object]:
    """Return the objects that an ``s3://`` URL names.

    Args:
        url: A key, a prefix that ends with a slash, or a glob.
        client: Sends the requests to S3.
        left_out: Receives objects that are not part of the extract.

    Raises:
        NothingToLoad: There are no objects.
        ExtractError: The bucket does not exist or cannot be read, or the objects belong to a table
            (`table_formats`).
    """
    bucket, _, key = url.removeprefix(S3_SCHEME).partition("/")
    if not bucket:
        raise ExtractError("An S3 URL must name a bucket.", where=url, next_step="s3://bucket/key")
    keys = _named_keys(bucket, key, client, left_out)
    if not keys:
        raise NothingToLoad(
            "No object matches.",
            where=url,
            why=" ".join(left_out.sentences()),
            next_step="name objects one by one, or with a glob such as **",
        )
    with ThreadPoolExecutor(HEADS_AT_ONCE) as threads:
        urls = [f"{S3_SCHEME}{bucket}/{name}" for name in sorted(keys, key=natural_key)]
        found = list(threads.map(lambda each: object_at(each, client), urls))
    refuse_tables(map(str, found), _S3Storage(client), f"{S3_SCHEME}{bucket}")
    return found


def is_open_ended(url: str) -> bool:
    """Return whether a URL may match any number of objects: a prefix or a glob."""
    key = url.removeprefix(S3_SCHEME).partition("/")[2]
    return not key or key.endswith("/") or any(mark in key for mark in GLOB_CHARACTERS)


def _named_keys(bucket: str, key: str, client: S3Client, left_out: LeftOut) -> list[str]:
    if not is_open_ended(f"{S3_SCHEME}{bucket}/{key}"):
        return [key]
    if not any(mark in key for mark in GLOB_CHARACTERS):
        return list(_extracts_below(bucket, key, list(_keys(bucket, key, client)), left_out))
    pattern = key.split("/")
    fitting = [name for name in _keys(bucket, _plain_start(key), client) if _fits(name.split("/"), pattern)]
    keys = []
    for name in fitting:
        if hidden := _hidden_part(name, key):
            left_out.add(HIDDEN, f"{S3_SCHEME}{bucket}/{hidden}")
        else:
            keys.append(name)
    # A key may contain brackets. If no key matches them as a glob, they are read as a key.
    return keys or ([] if fitting else [key])


def _extracts_below(bucket: str, prefix: str, keys: Sequence[str], left_out: LeftOut) -> Iterator[str]:
    run_dirs = {key.rpartition("/")[0] + "/" for key in keys if key.endswith(f"/{RUN_DIRECTORY_MARK}")}
    run_dirs.discard(prefix)
    for key in keys:
        run_dir = next((folder for folder in run_dirs if key.startswith(folder)), None)
        if hidden := _hidden_part(key, prefix):
            left_out.add(HIDDEN, f"{S3_SCHEME}{bucket}/{hidden}")
        elif run_dir is not None:
            left_out.add(RUN_DIRECTORY, f"{S3_SCHEME}{bucket}/{run_dir}")
        elif is_extract_name(key):
            yield key
        else:
            left_out.add(OTHER_NAME, f"{S3_SCHEME}{bucket}/{key}")


def _hidden_part(key: str, named: str) -> str:
    """Return a key up to its first hidden part that the pattern does not name, or an empty text."""
    parts = key.split("/")
    return "/".join(parts[: parts_to_hidden(parts, named.split("/"))])


class _S3Storage:
    """The objects of a bucket, for `refuse_tables`."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def names(self, prefixes: Sequence[str]) -> Iterator[Sequence[str]]:
        """Yield names of at most one page (1,000 keys) each; none if listing is not permitted."""
        with ThreadPoolExecutor(HEADS_AT_ONCE) as threads:
            yield from threads.map(self._names, prefixes)

    def _names(self, url: str) -> Sequence[str]:
        bucket, _, prefix = url.removeprefix(S3_SCHEME).partition("/")
        try:
            answer = self._client.of(bucket).list_objects_v2(Bucket=bucket, Prefix=prefix)
        except (BotoCoreError, ClientError):
            return []
        return [entry["Key"].rpartition("/")[2] for entry in answer.get("Contents", ())]

    def content(self, path: str) -> bytes:
        bucket, _, key = path.removeprefix(S3_SCHEME).partition("/")
        with refusals(path):
            body: bytes = self._client.of(bucket).get_object(Bucket=bucket, Key=key)["Body"].read()
        return body


def _keys(bucket: str, prefix: str, client: S3Client) -> Iterator[str]:
    pages = client.of(bucket).get_paginator("list_objects_v2")
    with refusals(f"{S3_SCHEME}{bucket}/{prefix}"):
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            yield from (entry["Key"] for entry in page.get("Contents", ()) if not entry["Key"].endswith("/"))


def _plain_start(key: str) -> str:
    return key[: min(key.find(mark) for mark in GLOB_CHARACTERS if mark in key)]


def _fits(names: list[str], pattern: list[str]) -> bool:
    if not pattern or not names:
        return not names and (not pattern or pattern == ["**"])
    if pattern[0] == "**":
        return _fits(names, pattern[1:]) or _fits(names[1:], pattern)
    return fnmatchcase(names[0], pattern[0]) and _fits(names[1:], pattern[1:])
