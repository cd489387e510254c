"""Build a small Parquet file in memory: some unchanged column chunks of a file, with a footer of our own.

polars reads only this file, never the original. Its columns are named ``0``, ``1`` and so on, and have the
types from ``leaf_types``. So names, types or columns that polars does not support never reach it.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from loader.formats.parquet.columns import Column
from loader.formats.parquet.footer import MAGIC, Chunk, RowGroup
from loader.formats.parquet.leaf_types import LeafType
from loader.formats.parquet.schema import REPEATED, Node
from loader.formats.parquet.thrift_writer import (
    END,
    Field,
    Int64,
    Written,
    written_fields,
    written_int64s,
    written_struct,
)

LIST = 3

GROUP_ANNOTATIONS: Mapping[int, int] = {1: LIST, 2: LIST, 3: LIST}
"""Converted types of groups: maps are lists of their entries."""

LOGICAL_GROUPS = {2: LIST, 3: LIST}
"""The logical types MAP and LIST."""


_CHUNK_BYTES = 32 * 2**20
"""Bytes of column chunks to read at a time, but at least one column."""


def part_file(
    columns: Sequence[Column], groups: Sequence[RowGroup], pages: Sequence[dict[Chunk, bytes]]
) -> io.BytesIO:
    """Return the file. The bytes of a chunk are dropped when they are written, so memory holds them once.

    Args:
        columns: Its columns.
        groups: Row groups of the original file, or of several files with the same layout.
        pages: For each row group, the bytes of each non-empty chunk of these columns.
    """
    file = io.BytesIO()
    file.write(MAGIC)
    paths = [
        [tuple(_path(column.node, leaf, number)) for leaf in column.node.leaves()]
        for number, column in enumerate(columns)
    ]
    written_groups: list[Field] = []
    for group, content in zip(groups, pages, strict=True):
        chunks: list[Field] = []
        for column, of_column in zip(columns, paths, strict=True):
            leaves = zip(column.leaves, chunks_of(column, group), of_column, strict=True)
            for leaf, chunk, path in leaves:
                start = file.tell()
                file.write(content.pop(chunk, b""))
                chunks.append(_chunk(chunk, leaf, start, path))
        written_groups.append({1: chunks, 2: Int64(0), 3: Int64(group.rows)})
    elements: list[Field] = [{4: "root", 5: len(columns)}]
    for number, column in enumerate(columns):
        _add_elements(column.node, str(number), iter(column.leaves), elements)
    rows = sum(group.rows for group in groups)
    footer = written_struct({1: 2, 2: elements, 3: Int64(rows), 4: written_groups, 6: "scn-loader"})
    file.write(footer + len(footer).to_bytes(4, "little") + MAGIC)
    file.seek(0)
    return file


def chunks_of(column: Column, group: RowGroup) -> Sequence[Chunk]:
    """Return the chunks of a column in a row group, one per leaf."""
    return group.chunks[column.first_leaf : column.first_leaf + len(column.leaves)]


def groups_with(groups: Sequence[RowGroup], first_row: int, rows: int) -> Sequence[RowGroup]:
    """Return the row groups that contain some of these rows."""
    return [
        group
        for group in groups
        if group.first_row < first_row + rows and first_row < group.first_row + group.rows
    ]


def some_at_a_time(columns: Sequence[Column], groups: Sequence[RowGroup]) -> Iterator[Sequence[Column]]:
    """Yield groups of columns whose chunks together stay within _CHUNK_BYTES."""
    some: list[Column] = []
    some_bytes = 0
    for column in columns:
        size = sum(chunk.end - chunk.start for group in groups for chunk in chunks_of(column, group))
        if some and some_bytes + size > _CHUNK_BYTES:
            yield some
            some, some_bytes = [], 0
        some.append(column)
        some_bytes += size
    if some:
        yield some


def _chunk(chunk: Chunk, leaf: LeafType, start: int, path: tuple[str, ...]) -> Written:
    about = chunk.about
    encodings = tuple(each for each in about.get(2) or () if isinstance(each, int))
    numbers = {
        5: chunk.values,
        6: max(0, int(about.get(6, 0))),
        7: chunk.end - chunk.start,
        9: start + (int(about[9]) - chunk.start if chunk.values else 0),
    }
    if about.get(11) and chunk.values > 0:
        numbers[11] = start
    begun = _begun(leaf.physical, encodings, path, int(about.get(4, 0)))
    described = Written(begun + written_int64s(numbers, after=4) + END)
    return Written(written_int64s({2: start}) + written_fields({3: described}, after=2) + END)


@lru_cache(maxsize=1024)
def _begun(physical: int, encodings: tuple[int, ...], path: tuple[str, ...], codec: int) -> bytes:
    """Return the first fields of a ColumnMetaData. They are the same in most row groups and files."""
    return written_fields({1: physical, 2: encodings, 3: path, 4: codec})


def _path(node: Node, leaf: Node, number: int) -> list[str]:
    def below(at: Node) -> list[str] | None:
        if at is leaf:
            return [at.name]
        found = next(filter(None, map(below, at.children)), None)
        return None if found is None else [at.name, *found]

    path = below(node)
    assert path is not None
    return [str(number), *path[1:]]


def _add_elements(node: Node, name: str, leaves: Iterator[LeafType], elements: list[Field]) -> None:
    repetition = node.element.get(3, 0)
    element: dict[int, Field]
    if not node.children:
        leaf = next(leaves)
        element = {1: leaf.physical}
        if leaf.length:
            element[2] = leaf.length
        element |= {3: repetition, 4: name, **leaf.annotation}
        elements.append(element)
        return
    element = {3: repetition, 4: name, 5: len(node.children)}
    if _is_list(node):
        element[6] = LIST
    elements.append(element)
    for child in node.children:
        _add_elements(child, child.name, leaves, elements)


def _is_list(node: Node) -> bool:
    logical = node.logical
    named = logical is not None and logical[0] in LOGICAL_GROUPS
    legacy = node.converted in GROUP_ANNOTATIONS and node.element.get(3) != REPEATED
    return named or legacy
