"""A preview as the text that ``plan`` prints.

Pure. Values of the extract appear only on request, and without characters that control a terminal.
"""

from collections.abc import Iterable, Iterator, Sequence

from loader.model import TOKEN_LIFE_SECONDS
from loader.preview.model import ColumnPreview, FilePreview, Preview
from loader.report import figures

_LABEL_CHARS = 10
_LISTED = 12
"""Number of names, or of kinds of rejected rows, that are listed; --json lists all."""

SAMPLE_CHARS = 40

_BOUNDS = {"in flight": "calls in flight"}
"""Bounds of the time whose names are not words for people."""


def to_text(preview: Preview, *, with_values: bool) -> str:
    """Return the lines that ``plan`` prints, without a final line end.

    Args:
        preview: The preview.
        with_values: Whether to show values of the extract: samples and the names of groups.
    """
    parts = (
        [_headline(preview)],
        _files(preview, with_values=with_values),
        _rows(preview),
        _events(preview, with_values=with_values),
        _keys(preview),
        _packings(preview),
        _time(preview),
    )
    return "\n".join(line for part in parts for line in part)


def _headline(preview: Preview) -> str:
    counts = preview.counts
    text = f"Plan: {figures.counted(counts.records, 'record')} in {figures.counted(counts.events, 'event')}"
    return f"{text} of type {preview.event_type}; nothing was sent."


def _files(preview: Preview, *, with_values: bool) -> Iterator[str]:
    # With many files, the first ones are shown, and those that differ from all earlier ones.
    shown: set[tuple[object, ...]] = set()
    rest: list[FilePreview] = []
    for number, file in enumerate(preview.files):
        # Most files of one extract are alike: each fact is shown once.
        shape = (tuple((column.name, column.source) for column in file.columns), file.left_out)
        if number >= _LISTED and (shape in shown or len(shown) >= _LISTED):
            rest.append(file)
            continue
        rows = figures.counted(file.rows, "row")
        rejected = f", {figures.count(file.rejected)} rejected" if file.rejected else ""
        path = figures.printable(file.path)
        yield _line("file", f"{path}: {file.format}, {figures.size(file.size_bytes)}, {rows}{rejected}")
        if shape not in shown:
            shown.add(shape)
            yield from _columns(file, with_values=with_values)
    if rest:
        yield _line("", _more_files(rest))
    for warning in preview.warnings:
        yield _line("note", figures.printable(warning))


def _more_files(files: Sequence[FilePreview]) -> str:
    size, rows = sum(file.size_bytes for file in files), sum(file.rows for file in files)
    rejected = sum(file.rejected for file in files)
    count = figures.counted(len(files), "more file")
    text = f"and {count}: {figures.size(size)}, {figures.counted(rows, 'row')}"
    return text + (f", {figures.count(rejected)} rejected" if rejected else "")


def _columns(file: FilePreview, *, with_values: bool) -> Iterator[str]:
    width = max(len(column.name) for column in file.columns)
    for column in file.columns:
        yield _line("", f"{column.name:<{width}}  {column.type:<9} {_origin(column)}")
        if with_values:
            indent = f"{'':<{width}}    "
            yield from (_line("", indent + words) for words in _samples(column))
    if file.unfed:
        yield _line(
            "no source", f"{figures.counted(len(file.unfed), 'optional column')}: {_names(file.unfed)}"
        )


def _origin(column: ColumnPreview) -> str:
    origin = "a constant" if column.source is None else f"from '{figures.printable(column.source)}'"
    notes = ["required"] * column.required + ["key"] * column.is_key
    return origin + (f" ({', '.join(notes)})" if notes else "")


def _samples(column: ColumnPreview) -> Iterator[str]:
    same = [_sample(before) for before, after in column.samples if before == after]
    if same:
        yield f"unchanged, such as {', '.join(same)}"
    for before, after in column.samples:
        if before != after:
            yield f"{_sample(before)} -> {_sample(after)}"


def _sample(value: str | None) -> str:
    return "no value" if value is None else f"'{figures.printable(value, SAMPLE_CHARS)}'"


def _rows(preview: Preview) -> Iterator[str]:
    counts = preview.counts
    yield _line(
        "rows",
        f"{figures.count(counts.rows_read)} read: {figures.count(counts.records)} would become records, "
        f"{figures.count(counts.rows_rejected)} rejected, {figures.count(counts.rows_filtered)} filtered"
        f"{figures.of_unknown(counts.rows_filtered_unknown)}",
    )
    kinds = counts.rejected_kinds()
    for kind in kinds[:_LISTED]:
        column = f" in '{figures.printable(kind.column)}'" if kind.column else ""
        yield _line("rejected", f"{figures.count(kind.count)} x {figures.printable(kind.reason)}{column}")
        yield _line("", f"first: {_place(preview, kind.file, kind.row)}")
    if len(kinds) > _LISTED:
        yield _line("", f"and {figures.counted(len(kinds) - _LISTED, 'more reason')}: see --json")
    if counts.rows_rejected > 1 and not counts.records and len(kinds) == 1:
        yield _line("note", "the mapping looks wrong: every row is rejected for the same reason")


def _events(preview: Preview, *, with_values: bool) -> Iterator[str]:
    counts, lanes = preview.counts, preview.lanes
    if not counts.events:
        return
    mean = figures.size(counts.data_bytes // counts.events)
    yield _line(
        "events",
        f"{figures.count(counts.events)}, one call each, {mean} on average, "
        f"{figures.size(counts.data_bytes)} in all",
    )
    yield _line(
        "groups",
        f"{figures.count(lanes.count)}; the largest has "
        f"{figures.counted(lanes.longest_events, 'event')}, {counts.events / lanes.count:,.1f} on average",
    )
    if lanes.longest_events > 1:
        for lane in lanes.largest:
            name = f"'{figures.printable(lane.group, SAMPLE_CHARS)}', " if with_values else ""
            size = figures.counted(lane.events, "event")
            yield _line("", f"{size}: {name}from {_place(preview, lane.file, lane.row)} on")


def _keys(preview: Preview) -> Iterator[str]:
    repeats = preview.repeats
    if repeats is None:
        yield _line("keys", "unknown: repeated keys cannot be detected")
    elif not repeats.keys:
        yield _line("keys", "no primary key is repeated")
    else:
        keys = f"{figures.counted(repeats.keys, 'primary key')} of more than one record"
        extra = figures.counted(repeats.extra_records, "record")
        replace = "replaces an earlier one" if repeats.extra_records == 1 else "replace earlier ones"
        yield _line("keys", f"{keys}: {extra} {replace}")
        for key in repeats.first:
            places = (_place(preview, key.file, key.row), _place(preview, key.again_file, key.again_row))
            yield _line("", f"{places[0]}, again {places[1]}")


def _packings(preview: Preview) -> Iterator[str]:
    for position, packing in enumerate(preview.packings):
        words = "this job" if packing.is_chosen else _saving(packing.events, preview.counts.events)
        label = "" if position else "packing"
        yield _line(label, f"{packing.flags}: {figures.counted(packing.events, 'event')} ({words})")


def _saving(events: int, chosen_events: int) -> str:
    if events < chosen_events:
        return f"{figures.percent(chosen_events - events, chosen_events)} fewer calls"
    return (
        "as many calls" if events == chosen_events else f"{events / max(chosen_events, 1):,.1f} x the calls"
    )


def _time(preview: Preview) -> Iterator[str]:
    estimate = preview.estimate
    speed = estimate.speed
    round_trip = f"{speed.round_trip_seconds * 1000:,.0f} ms a call"
    rate = "an unknown rate (--rate sets one)"
    if speed.rate is not None:
        rate = f"{figures.rate(speed.rate)} events/s ({speed.rate_origin})"
    least = "at least " if speed.rate is None else "about "
    bound = _BOUNDS.get(estimate.limited_by, estimate.limited_by)
    yield _line("time", f"{least}{figures.duration(estimate.seconds)}, limited by the {bound}")
    yield _line("", f"at {rate}, {round_trip}, {speed.max_in_flight:,} calls at once")
    yield _line("", f"the longest lane alone needs {figures.duration(estimate.longest_lane_seconds)}")
    if estimate.deadline_seconds is not None:
        yield _line(
            "deadline", f"{figures.duration(estimate.deadline_seconds)}: {_fits(estimate.fits_deadline)}"
        )
    life = figures.duration(TOKEN_LIFE_SECONDS)
    yield _line("tokens", f"live {life}: {_fits(estimate.fits_token_life)}")
    if estimate.fits_token_life is False:
        yield _line("", "such a load is safe while it runs; after a long stop, events may need a decision")


def _fits(answer: bool | None) -> str:  # noqa: FBT001 - the answer is what it is about
    return {True: "it fits", False: "it does not fit", None: "unknown without a rate"}[answer]


def _place(preview: Preview, file: int, row: int) -> str:
    source = preview.files[file]
    return f"{figures.printable(source.path)} row {source.row_number(row):,}"


def _names(names: Iterable[str]) -> str:
    listed = [figures.printable(name) for name in names]
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    return ", ".join(listed[:_LISTED]) + more


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL_CHARS}}{text}"
