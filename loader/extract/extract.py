"""The extract stage: a job's files, opened and mapped; then windows of rows, then records.

Rules kept here:

1. All that can be refused is refused when the extract is opened, before anything is sent.
2. The records of a window are a function of the window and the plan settings; ``Extract.records`` keeps
   no state and may be called from any thread.
3. Every row of a window is a record or a rejected row, never both, never neither.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

from loader.datasets import Dataset
from loader.errors import NothingToLoad, SettingsError
from loader.events.plan import WindowRecords
from loader.extract.notes import folded, lacking
from loader.extract.tables import files_of, open_table
from loader.formats.partitioned import PartitionedTable
from loader.formats.windows import Table, Window, WindowShape, cut_table, read_windows
from loader.job import Job
from loader.mapping.advice import advice_on
from loader.mapping.errors import located
from loader.mapping.mapping import FileMapping, dataset_of, map_file
from loader.model import SourceFile
from loader.records.row_reader import RowReader
from loader.sources.stdin import StdinCopy


@dataclass(frozen=True, slots=True)
class Extract:
    """An extract that fits its job.

    Attributes:
        files: Its files, in order.
        dataset: The dataset it fills, or None if its columns are not known (a custom dataset).
        warnings: What the user should know although it does not stop the load.
        total_rows: Number of rows if every file tells without being read (Parquet), else None.
        window_rows: Rows of a window, for each file.
        formats: How each file is written, in words: of CSV files, what was told or found.
        mappings: What becomes of the columns, for each file.
    """

    files: tuple[SourceFile, ...]
    dataset: Dataset | None
    warnings: tuple[str, ...]
    total_rows: int | None
    window_rows: tuple[int, ...]
    formats: tuple[str, ...]
    mappings: tuple[FileMapping, ...]
    _tables: Sequence[tuple[Table, WindowShape]]
    _readers: Sequence[RowReader]
    _input: StdinCopy

    def windows(
        self,
        wanted: Callable[[int], bool] = lambda number: True,  # noqa: ARG005 - every window
        known_rows: Mapping[int, int] | None = None,
        on_end: Callable[[int, int], None] = lambda _file, _rows: None,
    ) -> Generator[Window, None, None]:
        """Read the wanted windows in order. Blocking: meant for a thread; closing it stops the reading.

        Args:
            wanted: Tells by its number whether a window is needed.
            known_rows: Rows of files that were read to their end before, by file number.
            on_end: Called with the number of each file and its rows when its end is reached, by now or
                before.

        Raises:
            ExtractError: A file cannot be read, or changed since the load began.
        """
        return read_windows(self._tables, wanted, known_rows or {}, on_end)

    def records(self, window: Window) -> WindowRecords:
        """Return the records of a window, and the rows that could not become records."""
        return self._readers[window.file].read(window)

    def table(self, file: SourceFile) -> Table:
        """Return one of its files, opened."""
        return self._tables[file.number][0]

    def close(self) -> None:
        """Remove what was written down of standard input, if it was read."""
        self._input.close()


def open_extract(job: Job, *, schema: Dataset | None = None, with_keys: bool = False) -> Extract:
    """Open the files of a job and settle how they become records.

    Args:
        job: The job.
        schema: The dataset it fills, as the service describes it, in place of the package's description.
        with_keys: Whether records are to come with their primary keys also where packing does not need them.

    Raises:
        NothingToLoad: No file, or no row.
        SettingsError: A setting does not fit the files or the dataset.
        ExtractError: A file cannot be read or does not fit the dataset.
    """
    kept = StdinCopy(job.run_dir or job.default_run_dir())
    try:
        return _opened(job, schema or dataset_of(job), kept, with_keys=with_keys)
    except SettingsError as error:
        kept.close()
        raise located(error, job) from error
    except BaseException:
        kept.close()
        raise


def _opened(job: Job, dataset: Dataset | None, kept: StdinCopy, *, with_keys: bool) -> Extract:
    files, warnings = files_of(job, kept)
    tables: list[tuple[Table, WindowShape]] = []
    readers: list[RowReader] = []
    mappings: list[FileMapping] = []
    notes: list[tuple[SourceFile, str]] = []
    for file in files:
        table = open_table(job, dataset, file)
        path_columns = table.path_columns if isinstance(table, PartitionedTable) else ()
        mapping = map_file(job, dataset, file, table.schema, path_columns)
        tables.append((table, cut_table(table, mapping.source_columns, job.pack, job.window_rows)))
        notes += ((file, note) for note in table.advice)
        readers.append(RowReader(job, mapping, with_keys=with_keys))
        mappings.append(mapping)
        notes += ((file, note) for note in advice_on(job, table, mapping))
    warnings += [*folded(notes), *lacking(files, mappings)]
    if not any(table.has_rows() for table, _ in tables):
        raise NothingToLoad("The extract has no rows.", where=", ".join(file.path for file in files))
    rows = [file.rows for file in files]
    return Extract(
        files=files,
        dataset=dataset,
        warnings=tuple(dict.fromkeys(warnings)),
        total_rows=None if None in rows else sum(row for row in rows if row is not None),
        window_rows=tuple(cut.window_rows for _, cut in tables),
        formats=tuple(table.words for table, _ in tables),
        mappings=tuple(mappings),
        _tables=tables,
        _readers=readers,
        _input=kept,
    )
