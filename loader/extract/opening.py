"""Open the files of an extract and decide how rows become records. All its refusals are raised here."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from loader.checkpoint.start.delivered import StoredLoad, present_load
from loader.datasets import Dataset
from loader.errors import EmptyExtract, ExtractError, LoaderError, NothingToLoad, SettingsError
from loader.events import PackingSettings
from loader.extract.bucket_choice import buckets_for, should_spread
from loader.extract.choosing import choose_files
from loader.extract.extract import ExaminedFile, Extract
from loader.extract.group_sample import sample_groups
from loader.extract.known_rate import planning_rate
from loader.extract.notes import folded, lacking
from loader.extract.path_columns import refuse_contradictions
from loader.extract.settings import ExtractSettings, ResumeSettings
from loader.extract.side_by_side import side_by_side
from loader.extract.tables import files_of, nameless_of, open_table
from loader.formats.cuts import Cuts, cuts_of
from loader.formats.partitioned import PartitionedTable
from loader.formats.small_files import SMALL_FILE_BYTES
from loader.formats.windows import SIZED_FILES, Table
from loader.job import Pack, Shard
from loader.mapping.advice import AdviceSettings, advice_on
from loader.mapping.errors import in_file, located
from loader.mapping.mapping import FileMapping, map_file
from loader.mapping.target_dataset import dataset_of
from loader.model import SourceFile
from loader.records.row_reader import RowReader
from loader.shards.parts import part_folders
from loader.sources.stdin import StdinCopy

CHOSEN_BUCKETS = "group_buckets_chosen"
"""Plan setting: the number of buckets that the loader chose; 0 for none."""

CLOSELY_EXAMINED = 500
"""With at most this many files, the first rows of each are checked for notes to the user; with more files,
only those of the first."""

KEPT_PARQUET_TABLES = 64
"""With at most this many Parquet files, their footers are kept until they are read. With more, large files
are opened again, because the row groups of a large file take some 50 KB. Facts about a text file are small
but costly to find, so they are always kept."""

KEPT_COLUMN_CHUNKS = 2**15
"""With at most this many column chunks, footers of small files are kept too: 700 bytes each."""


def open_extract(
    settings: ExtractSettings, *, schema: Dataset | None = None, with_keys: bool = False
) -> Extract:
    """Open the files of an extract and decide how rows become records.

    Args:
        settings: The settings.
        schema: The dataset as the service describes it, instead of the package's description.
        with_keys: Whether records have their primary keys even if packing does not need them.

    Raises:
        NothingToLoad: No file, or no row.
        NothingNew: Every file was delivered before.
        SettingsError: A setting does not fit the files or the dataset.
        ExtractError: A file cannot be read or does not fit the dataset.
    """
    if schema is not None:
        settings = settings.with_schema(schema)
    kept = StdinCopy(settings.resume.checkpoint_dir)
    try:
        return _opened(settings, schema or dataset_of(settings.mapping.target), kept, with_keys=with_keys)
    except SettingsError as error:
        kept.close()
        raise located(error, settings.mapping.place_of) from error
    except BaseException:
        kept.close()
        raise


def _opened(given: ExtractSettings, dataset: Dataset | None, kept: StdinCopy, *, with_keys: bool) -> Extract:
    named, warnings = files_of(given.files, kept)
    chosen = choose_files(given.resume, given.files, named)
    warnings += chosen.notes
    try:
        buckets, bucket_rate = _buckets(given, dataset, chosen.files)
        settings = given.with_buckets(buckets)
        examiner = _Examiner(settings, dataset, with_keys=with_keys, files=len(chosen.files))
        examined = side_by_side(examiner.examine, chosen.files)
    except NothingToLoad as error:
        raise _without_rows(error, _unspread(given, dataset, chosen.files), chosen.files) from error
    files = tuple(each.file for each in examined)
    row_bytes = _row_bytes(examined)
    if not any(each.open().has_rows() for each in examined):
        raise EmptyExtract(
            "The extract has no rows.",
            where=", ".join(file.path for file in files),
            next_step="check whether its export has ended",
        )
    mappings = [each.mapping for each in examined]
    warnings += folded((each.file, note) for each in examined for note in each.notes)
    warnings += lacking(files, mappings)
    records = settings.records
    warnings += _too_many_shards(records.shard, buckets)
    rows = [file.rows for file in files]
    return Extract(
        files=files,
        dataset=dataset,
        warnings=tuple(dict.fromkeys(warnings)),
        total_rows=None if None in rows else sum(row for row in rows if row is not None),
        cuts=_cuts(settings, row_bytes, buckets),
        packing=PackingSettings(records.packs_groups, buckets, settings.max_records),
        shard=records.shard,
        plan_settings=_plan_settings(given, buckets),
        bucket_rate=bucket_rate,
        row_bytes=row_bytes,
        files_waiting=chosen.waiting,
        formats=tuple(each.words for each in examined),
        mappings=tuple(mappings),
        _examined=examined,
        _input=kept,
    )


def _without_rows(error: NothingToLoad, examiner: "_Examiner", files: Sequence[SourceFile]) -> LoaderError:
    """Return the error about a file without rows. If another file has rows, there is something to load."""

    def has_rows(file: SourceFile) -> bool:
        try:
            return examiner.examine(file).open().has_rows()
        except NothingToLoad:
            return False

    if not any(map(has_rows, files)):
        return error
    return ExtractError(
        "A file of the extract has no rows.",
        where=error.where,
        why="other files have rows",
        next_step="export it again, or leave it out",
    )


def _plan_settings(given: ExtractSettings, buckets: int | None) -> dict[str, Any]:
    """Return what determines the events besides the files: the user's settings, and automatic choices."""
    plan = dict(given.resume.plan_settings)
    if given.records.packs_groups and not isinstance(given.records.group_buckets, int):
        plan[CHOSEN_BUCKETS] = buckets or 0
    return plan


def _buckets(
    settings: ExtractSettings, dataset: Dataset | None, files: Sequence[SourceFile]
) -> tuple[int | None, float | None]:
    """Return the number of buckets: the user's, that of an earlier load, or a new choice.

    The second value is the rate behind the number, if it was chosen now.
    """
    named = settings.records.group_buckets
    if not settings.records.packs_groups or isinstance(named, int):
        return named if isinstance(named, int) else None, None
    earlier = None if settings.resume.restart else _earlier(settings.resume)
    stored = earlier.settings if earlier is not None else {}
    if CHOSEN_BUCKETS in stored and stored.get("group_buckets") == named:
        return int(stored[CHOSEN_BUCKETS]) or None, None
    sample = sample_groups(files, _unspread(settings, dataset, files).examine)
    if named == "auto" or should_spread(sample):
        rate = planning_rate(settings.lane_rate)
        return buckets_for(sample, rate), rate
    return None, None


def _unspread(settings: ExtractSettings, dataset: Dataset | None, files: Sequence[SourceFile]) -> "_Examiner":
    """Return what examines files with groups of any length and of all shards: the same for each shard."""
    sampled = replace(settings, records=replace(settings.records, group_buckets=1, shard=None))
    return _Examiner(sampled, dataset, with_keys=False, files=len(files))


def _earlier(resume: ResumeSettings) -> StoredLoad | None:
    """Return the load of this process's checkpoint, or that of another shard."""
    folders = [resume.checkpoint_dir, *(folder for _, folder in part_folders(resume.run_dir))]
    found = (present_load(folder.absolute()) for folder in folders)
    return next((load for load in found if load is not None), None)


def _too_many_shards(shard: Shard | None, buckets: int | None) -> list[str]:
    if shard is None or buckets is None or shard.of <= buckets:
        return []
    what = f"Only {buckets:,} of {shard.of:,} shards have events to send: there are {buckets:,} buckets."
    return [f"{what} Begin the load with fewer shards, or with --group-buckets {4 * shard.of}."]


def _row_bytes(examined: Sequence[ExaminedFile]) -> int:
    """Return the bytes of a row of the used columns: the largest figure of files spread over the extract."""
    last = len(examined) - 1
    sized = {len(examined) * sample // SIZED_FILES for sample in range(SIZED_FILES)} | {last}
    files = [examined[number] for number in sorted(sized)]
    return max(file.open().row_bytes(file.mapping.source_columns) for file in files)


def _cuts(settings: ExtractSettings, row_bytes: int, buckets: int | None) -> Cuts:
    records = settings.records
    return cuts_of(
        row_bytes,
        Pack.GROUP if records.packs_groups else Pack.ROW,
        buckets,
        settings.window_rows,
        1 if records.shard is None else records.shard.of,
    )


class _Examiner:
    """Examines files. Results that files with the same columns share are computed once.

    Args:
        settings: The settings, with the number of buckets that was chosen.
        dataset: The dataset, or None if its columns are unknown.
        with_keys: Whether records have their primary keys even if packing does not need them.
        files: Number of files of the extract.
    """

    def __init__(
        self, settings: ExtractSettings, dataset: Dataset | None, *, with_keys: bool, files: int
    ) -> None:
        self._settings = settings
        self._advice = _advice_settings(settings)
        self._dataset = dataset
        self._with_keys = with_keys
        self._files = files
        self._examines_closely = files <= CLOSELY_EXAMINED
        self._known: dict[object, tuple[FileMapping, RowReader]] = {}

    def examine(self, file: SourceFile) -> ExaminedFile:
        """Return the facts about a file that are needed before it is read."""
        table = self._open(file)
        path_columns = tuple(table.path_columns) if isinstance(table, PartitionedTable) else ()
        nameless = nameless_of(table)
        columns = (tuple(table.schema.items()), path_columns, tuple(nameless.items()))
        known = self._known.get(columns)
        if known is None:
            try:
                mapping = map_file(
                    self._settings.mapping,
                    self._dataset,
                    file,
                    table.schema,
                    path_columns=path_columns,
                    nameless=nameless,
                )
                reader = RowReader(self._settings.records, mapping, with_keys=self._with_keys)
            except SettingsError as error:
                if self._files == 1:
                    raise
                raise in_file(error, file) from error
            # Two threads may both compute this; the results are equal for the same columns.
            known = self._known.setdefault(columns, (mapping, reader))
        mapping, reader = known
        file = table.file
        refuse_contradictions(file.path, {*mapping.source_columns}.intersection(path_columns))
        return ExaminedFile(
            file=file,
            open=(lambda: table) if self._keeps(table) else partial(self._open, file),
            words=table.words,
            mapping=mapping,
            reader=reader,
            notes=(
                *table.advice,
                *advice_on(self._advice, table, mapping, closely=self._examines_closely or not file.number),
            ),
        )

    def _keeps(self, table: Table) -> bool:
        """Return whether the facts about a file are kept until it is read."""
        if self._files <= KEPT_PARQUET_TABLES or table.file.format != "parquet":
            return True
        few = self._files * len(table.schema) <= KEPT_COLUMN_CHUNKS
        return few and table.file.size_bytes <= SMALL_FILE_BYTES

    def _open(self, file: SourceFile) -> Table:
        return open_table(self._settings.files, self._settings.mapping, self._dataset, file)


def _advice_settings(settings: ExtractSettings) -> AdviceSettings:
    records = settings.records
    return AdviceSettings(
        epoch_ms=records.conversion.timestamps == "epoch_ms",
        has_time_zone=settings.has_time_zone,
        keys_are_groups=records.packs_groups
        and not settings.mapping.group_by
        and records.group_buckets is None,
    )
