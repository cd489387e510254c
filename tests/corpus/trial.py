"""One file of the corpus: planned, drafted, compared with another reader, and judged."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.corpus import text_source
from tests.corpus.arrow_values import NoForm
from tests.corpus.command import Run, faults_of, run
from tests.corpus.comparing import compare
from tests.corpus.duckdb_reader import duckdb_reads
from tests.corpus.job_files import TEXT_COLUMNS, custom_job, text_job
from tests.corpus.parquet_source import read_parquet
from tests.corpus.source import Row, Source, Unreadable

PLANNED = (0, 1)
REFUSED = 2
NO_ROWS = 9
ENDINGS = (*PLANNED, REFUSED, NO_ROWS)

TOO_LONG = {"ValueTooLong", "RecordTooLong"}
"""Codes of rows that are too long for an event: the comparison does not measure them."""

MOST_CELLS = 6_000_000
"""Files with more values than this are not compared."""

MOST_DROPPED = 12
"""How many columns that the loader refuses are left out, one after the other."""


@dataclass
class Verdict:
    """The result of a file.

    Attributes:
        file: The file, by its place in the corpus.
        kind: Parquet, CSV or NDJSON; with ``packed`` if it is compressed.
        code: Exit code of the last plan.
        reason: The error block in one line, if the file was refused.
        reader: The other reader, or the reason why no reader can read the file.
        rows: Rows that the plan read.
        rejected: Rows that it rejected.
        values: Values that are equal.
        columns_refused: Columns that were left out, with the loader's reason.
        wrong: Violations, as sentences.
        differs: Where loader and other reader differ without a wrong value, as sentences.
        seconds: The longest run.
    """

    file: str
    kind: str
    code: int = -1
    reason: str = ""
    reader: str = ""
    rows: int = 0
    rejected: int = 0
    values: int = 0
    columns_refused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def outcome(self) -> str:
        """The class of the result."""
        if self.wrong:
            return "wrong"
        if self.code in PLANNED:
            return "loaded, rows rejected" if self.rejected else "loaded"
        if self.code == NO_ROWS:
            return "no rows"
        return "refused, read by others" if not self.reader.startswith("none") else "refused, read by none"


def kind_of(path: Path) -> str:
    """Return what a file is, by its name."""
    name = path.name.lower()
    packed = ", packed" if name.endswith((".gz", ".zst", ".bz2", ".xz")) else ""
    if re.search(r"\.(parquet|parq|pq)$", name):
        return "Parquet"
    return ("NDJSON" if re.search(r"\.(ndjson|jsonl)\b", name) else "CSV") + packed


def try_file(path: Path, name: str, folder: Path) -> Verdict:
    """Try a file.

    Args:
        path: The file.
        name: Its name in the corpus.
        folder: An empty folder.
    """
    verdict = Verdict(name, kind_of(path))
    _draft(path, folder, verdict)
    try:
        if verdict.kind == "Parquet":
            _try_parquet(path, folder, verdict)
        elif verdict.kind.startswith("NDJSON"):
            _try_ndjson(path, folder, verdict)
        else:
            _try_csv(path, folder, verdict)
    except Unreadable as error:
        verdict.reader = f"none ({error})"
        plan = _plan(custom_job(path, {}, {}), folder, verdict)
        if plan is not None:
            verdict.differs.append("the loader reads what no other reader does")
    return verdict


def _draft(path: Path, folder: Path, verdict: Verdict) -> None:
    words = ("init", str(path), "--event-type", "scn.data.shipment", "--output", "draft.toml")
    draft = run(words, folder)
    _judge_run(draft, verdict, (0, REFUSED, NO_ROWS))


def _judge_run(of: Run, verdict: Verdict, codes: Sequence[int] = ENDINGS) -> None:
    verdict.wrong += [each for each in faults_of(of, codes) if each not in verdict.wrong]
    verdict.seconds = max(verdict.seconds, of.seconds)


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan of the loader.

    Attributes:
        types: Type of each column of the records.
        words: How the file is written, in the loader's words.
        rows: Rows read.
        rejected: Number of rejected rows by code.
        records: The records, in row order.
    """

    types: Mapping[str, str]
    words: str
    rows: int
    rejected: Mapping[str, int]
    records: Sequence[Mapping[str, str]]


def _plan(job: str, folder: Path, verdict: Verdict) -> Plan | None:
    """Plan a job, judge the run, and return the plan if there is one."""
    job_file, emitted = folder / "job.toml", folder / "events.ndjson"
    job_file.write_text(job, encoding="utf-8")
    emitted.unlink(missing_ok=True)
    # Without time per call: a plan that takes over 8 hours would end with another exit code.
    words = ("plan", "--job", job_file.name, "--json", "--emit", emitted.name, "--round-trip-ms", "0")
    planned = run(words, folder)
    _judge_run(planned, verdict)
    verdict.code, verdict.reason = planned.code, planned.reason
    if planned.code not in PLANNED:
        return None
    told: dict[str, Any] = json.loads(planned.stdout)
    with emitted.open("rb") as lines:
        records = [json.loads(json.loads(line)["data"]) for line in lines]
    rejected: Counter[str] = Counter()
    for kind in told["rejected"]:
        rejected[kind["code"]] += kind["count"]
    plan = Plan(
        {column["name"]: column["type"] for file in told["files"] for column in file["columns"]},
        told["files"][0]["format"],
        told["rows_read"],
        rejected,
        records,
    )
    verdict.rows, verdict.rejected = plan.rows, told["rows_rejected"]
    if told["rows_read"] != told["rows_filtered"] + told["rows_rejected"] + len(records):
        verdict.wrong.append("the rows of the plan do not add up")
    return plan


def _try_parquet(path: Path, folder: Path, verdict: Verdict) -> None:
    source = read_parquet(path)
    verdict.reader = source.reader
    positions = {name: at for at, name in reversed(list(enumerate(source.names)))}  # the first of a name
    plan = _plan(custom_job(path, {f"c{at}": name for name, at in positions.items()}, {}), folder, verdict)
    if plan is not None:
        _compare_columns(source, plan, {f"c{at}": at for at in positions.values()}, verdict)
    left = dict(list(positions.items())[: len(TEXT_COLUMNS)])
    for _ in range(MOST_DROPPED):
        named = dict(zip(TEXT_COLUMNS, left, strict=False))
        plan = _plan(text_job(path, named, {}), folder, verdict) if named else None
        if plan is not None:
            _compare_columns(source, plan, {name: left[named[name]] for name in named}, verdict)
            return
        refused = next((name for name in named if _names(verdict.reason, name, named[name])), None)
        if refused is None:
            return
        verdict.columns_refused.append(verdict.reason)
        del left[named[refused]]


def _names(reason: str, *columns: str) -> bool:
    return any(f"'{column}'" in reason for column in columns)


def _compare_columns(source: Source, plan: Plan, columns: Mapping[str, int], verdict: Verdict) -> None:
    """Compare a plan of a Parquet file with another reader, column by column."""
    if source.count * len(columns) > MOST_CELLS:
        verdict.differs.append("too large to compare")
        return
    taken: dict[str, Sequence[Any]] = {}
    for name, at in columns.items():
        try:
            taken[name] = source.column(at, plan.types[name])
        except NoForm as error:
            verdict.differs.append(f"accepted, without a form: {error}")
    rows = [Row(values) for values in zip(*taken.values(), strict=True)] if taken else []
    if taken:
        _judge_rows(rows, plan, list(taken), verdict)


def _judge_rows(rows: Sequence[Row], plan: Plan, columns: Sequence[str], verdict: Verdict) -> None:
    found = compare(rows, plan.records, columns)
    verdict.values += found.values
    too_long = sum(count for code, count in plan.rejected.items() if code in TOO_LONG)
    if len(rows) != plan.rows:
        text = f"{plan.rows} rows read, {len(rows)} by the other reader"
        is_open_question = "broken quotes" in found.rejected_for
        (verdict.differs if is_open_question else verdict.wrong).append(text)
    for column, (count, first) in found.unequal.items():
        verdict.wrong.append(f"{count} values of {column} ({plan.types[column]}) differ: {first}")
    if found.unmatched:
        verdict.wrong.append(f"a record is none of the rows left: {found.unmatched}")
    elif found.rejected_in_vain > too_long:
        codes = ", ".join(f"{code} {count}" for code, count in sorted(plan.rejected.items()))
        verdict.differs.append(f"{found.rejected_in_vain} rows are rejected that are readable ({codes})")
    verdict.differs += [
        f"{count} rows are accepted that hold a value {why}" for why, count in found.accepted_in_spite.items()
    ]


def _try_ndjson(path: Path, folder: Path, verdict: Verdict) -> None:
    names, objects = text_source.read_ndjson(_unpacked(path))
    verdict.reader = "json" if names else "none (no objects)"
    columns = {f"c{at}": name for at, name in enumerate(names)}
    plan = _plan(custom_job(path, columns, {}), folder, verdict)
    if plan is not None:
        _judge_rows([text_source.ndjson_row(row, names) for row in objects], plan, list(columns), verdict)


def _try_csv(path: Path, folder: Path, verdict: Verdict) -> None:
    content = _unpacked(path)
    told: dict[str, object] = {}
    head = _plan_head(path, folder, verdict, told)
    if head is None:
        verdict.reader = "DuckDB" if duckdb_reads(path) else "none (DuckDB)"
        return
    dialect = text_source.Dialect.of(head.words)
    records = list(text_source.read_csv(content, dialect))
    verdict.reader = "csv"
    header = records[0] if records else None
    if header is None:
        verdict.reader = "none (csv: broken header)"
        header = []
    names = [name.strip() or f"(column {at})" for at, name in enumerate(header, start=1)]
    columns = {f"c{at}": name for at, name in enumerate(names)}
    plan = _plan(custom_job(path, columns, told), folder, verdict)
    if plan is None and len(set(names)) < len(names):
        verdict.columns_refused.append(verdict.reason)
        plan = _plan(custom_job(path, {}, told | {"columns": list(columns)}), folder, verdict)
    if plan is not None and len(records) * len(columns) <= MOST_CELLS:
        rows = [text_source.csv_row(record, header) for record in records[1:]]
        _judge_rows(rows, plan, list(columns), verdict)


def _plan_head(path: Path, folder: Path, verdict: Verdict, told: dict[str, object]) -> Plan | None:
    """Plan a CSV file as one without a header, which shows the dialect that the loader detects.

    If the loader asks for a setting, a usual value is used and added to ``told``.
    """
    for _ in range(3):
        plan = _plan(custom_job(path, {}, told | {"header": False}), folder, verdict)
        if plan is not None:
            return plan
        answer = {"The separator of": ("separator", ","), "The encoding": ("encoding", "latin-1")}
        asked = next((each for words, each in answer.items() if verdict.reason.startswith(words)), None)
        if asked is None or asked[0] in told:
            return None
        verdict.columns_refused.append(verdict.reason)
        told[asked[0]] = asked[1]
    return None


def _unpacked(path: Path) -> bytes:
    try:
        return text_source.unpacked(path)
    except Exception as error:
        raise Unreadable(f"{type(error).__name__} while unpacking") from error
