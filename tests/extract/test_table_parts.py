"""Files of a table without its metadata are read with a note; a file that lists deleted rows is refused."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loader.errors import ExtractError
from loader.extract import open_extract
from loader.stage_settings.extract import extract_settings
from tests.extract.fixtures import JobMaker

ROWS = {"id": ["a"], "tpartner_id": ["t"]}


def written(path: Path, columns: Mapping[str, Sequence[object]], *keys: str) -> None:
    """Write a Parquet file whose metadata has some keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(dict(columns))
    pq.write_table(table.replace_schema_metadata(dict.fromkeys(keys, "{}")), path)


@pytest.mark.parametrize(
    ("kind", "columns", "keys"),
    [
        ("Iceberg", ROWS, ["iceberg.schema"]),
        ("Hudi", ROWS, ["org.apache.hudi.bloomfilter"]),
        ("Hudi", ROWS, ["hoodie_min_record_key"]),
        ("Paimon", {**ROWS, "_SEQUENCE_NUMBER": [1], "_VALUE_KIND": [3]}, []),
    ],
)
def test_files_of_a_table_are_noted_once(
    kind: str, columns: Mapping[str, Sequence[object]], keys: Sequence[str], tmp_path: Path, job_of: JobMaker
):
    """The note names the kind of table once for all files, also for files in folders key=value."""
    for number in range(3):
        written(tmp_path / "t" / f"status={number}" / "data.parquet", columns, *keys)

    extract = open_extract(extract_settings(job_of(extract=[str(tmp_path / "t")], ignore_unknown=True)))

    notes = [each for each in extract.warnings if "was written as a part of" in each]
    assert len(notes) == 1
    assert f"an Apache {kind} table" in notes[0]
    assert extract.total_rows == 3


@pytest.mark.parametrize(
    ("columns", "keys"),
    [
        (ROWS, ["parquet.avro.schema", "org.apache.spark.version"]),
        ({**ROWS, "_hoodie_commit_time": ["1"]}, []),  # an export keeps Hudi's columns
        ({**ROWS, "_VALUE_KIND": [0]}, []),
        (ROWS, ["delete-type"]),
    ],
)
def test_other_files_are_not_noted(
    columns: Mapping[str, Sequence[object]], keys: Sequence[str], tmp_path: Path, job_of: JobMaker
):
    """Keys of other writers, and columns that exported rows have, say nothing."""
    written(tmp_path / "a.parquet", columns, *keys)

    extract = open_extract(
        extract_settings(job_of(extract=[str(tmp_path / "a.parquet")], ignore_unknown=True))
    )

    assert not [each for each in extract.warnings if "part of" in each]


def test_a_file_of_deleted_rows_is_refused(tmp_path: Path, job_of: JobMaker):
    """An equality delete of Iceberg has columns of the table, and would load what was deleted."""
    written(tmp_path / "t" / "1.parquet", ROWS, "iceberg.schema")
    written(tmp_path / "t" / "2.parquet", ROWS, "iceberg.schema", "delete-type", "delete-field-ids")

    with pytest.raises(ExtractError, match="lists deleted rows") as caught:
        open_extract(extract_settings(job_of(extract=[str(tmp_path / "t")])))

    assert caught.value.where.endswith("2.parquet")
