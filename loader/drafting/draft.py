"""Draft a job file: match names, examine a sample, and write the found and the missing sources."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from loader.datasets import Dataset
from loader.drafting.guesses import Conventions, Guess, conventions_of, guess, guess_type
from loader.drafting.job_text import ColumnDraft, ExtractDraft, job_text
from loader.drafting.known_fields import system_of
from loader.drafting.matching import Match, match_names
from loader.drafting.sampling import ExtractSample, sample_of
from loader.drafting.systems import SYSTEMS
from loader.errors import SettingsError
from loader.formats.unnamed import unnamed
from loader.job import ColumnRule, Job, run_dir_of
from loader.mapping.target_dataset import dataset_of
from loader.mapping.type_compatibility import refusal
from loader.stage_settings.extract import file_settings, target_dataset

MOST_GUESSED = 100
"""Maximum number of unmapped source columns whose type is guessed. A column of texts with digits takes 0.2
s."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A job file that was drafted.

    Attributes:
        text: The file, in TOML.
        columns: The dataset columns that it maps.
        needed: Required dataset columns for which no source was found.
        unused: Source columns that it does not map.
    """

    text: str
    columns: tuple[str, ...]
    needed: tuple[str, ...]
    unused: tuple[str, ...]


def draft_job(job: Job, folder: Path | str = ".") -> Draft:
    """Return a job file for the extract of a job.

    Args:
        job: The settings. The extract, the target and the settings of CSV files and workbooks are written.
        folder: Folder of the job file. The extract is named relative to it.

    Raises:
        SettingsError: The event type is unknown, or the columns of its dataset are unknown.
        NothingToLoad: No file was found, or the extract has no row.
        ExtractError: The file cannot be read.
    """
    dataset = dataset_of(target_dataset(job))
    if dataset is None:
        raise SettingsError(
            "The columns of this dataset are unknown, so they cannot be guessed.",
            where="event_type",
            next_step="write the job file by hand; plan and load check it with --live-schema",
        )
    files = file_settings(job)
    sample = sample_of(files, run_dir_of(job))
    sources = sample.frame.columns
    names = [column.name for column in dataset.columns]
    matches = match_names(sources, names)
    conventions = _conventions(matches, dataset, sample)
    drafts = [_column(match, dataset, sample, conventions) for match in matches]
    columns = [draft for draft in drafts if draft is not None]
    used = {column.source for column in columns}
    mapped = {column.name for column in columns}
    unused = [
        _unused(name, sample, conventions, is_guessed=number < MOST_GUESSED)
        for number, name in enumerate(name for name in sources if name not in used)
    ]
    extract = ExtractDraft(files, job.destination, sample.notes)
    text = job_text(extract, dataset, Path(folder), columns=columns, unused=unused)
    return Draft(
        text=text,
        columns=tuple(column.name for column in columns),
        needed=tuple(each.name for each in dataset.columns if each.required and each.name not in mapped),
        unused=tuple(draft.source for draft in unused),
    )


def _conventions(matches: Sequence[Match], dataset: Dataset, sample: ExtractSample) -> Conventions:
    """Return how the extract writes numbers and dates, from the columns that match by name."""
    system = system_of(sample.frame.columns, SYSTEMS)
    known = conventions_of((), system)
    types = {column.name: column.type for column in dataset.columns}
    series = ((unnamed(sample.frame, match.source), types[match.column]) for match in matches)
    guesses = [(each, kind, guess(each, kind, known)) for each, kind in series if kind != "string"]
    return conventions_of((each for each in guesses if each[-1].fits), system)


def _column(
    match: Match, dataset: Dataset, sample: ExtractSample, conventions: Conventions
) -> ColumnDraft | None:
    """Return the draft of one column, or None if the values of the source do not fit the column."""
    column = dataset.column(match.column)
    assert column is not None
    series = unnamed(sample.frame, match.source)
    if refusal(series.dtype, column.type, ColumnRule(column=match.source)) is not None:
        return None
    guessed = guess(series, column.type, conventions)
    if match.is_guess and (not guessed.fits or _is_nested(series)):
        return None
    return ColumnDraft(column.name, column.type, match.source, guessed, match.is_guess, match.reason)


def _is_nested(series: pl.Series) -> bool:
    """Return whether a column contains objects or arrays. Their content cannot be guessed from its name."""
    if series.dtype != pl.String:
        return series.dtype.is_nested()
    return bool(series.str.contains(r"^[{\[]").any())


def _unused(name: str, sample: ExtractSample, conventions: Conventions, *, is_guessed: bool) -> ColumnDraft:
    series = unnamed(sample.frame, name)
    column_type, guessed = guess_type(series, conventions) if is_guessed else ("string", Guess())
    return ColumnDraft("", column_type, name, guessed, is_guess=True)
