"""Numbers of JSON and of workbooks have a decimal point, also where the texts beside them have a comma."""

from pathlib import Path

import orjson
import pytest

from loader.extract import open_extract
from loader.job import Job
from loader.stage_settings.extract import extract_settings
from tests.formats.workbooks import workbook

COMMAS = {"decimal": ",", "thousands": "."}
VALUES = [1.234, "1.234", 1234.5, "1.234,5", 7, "1,5"]
RIGHT = ["1.234", "1234", "1234.5", "1234.5", "7", "1.5"]


def loaded(job: Job) -> tuple[list[str | None], list[tuple[int, str]]]:
    """Return the quantities of the records; position and code of the rejected rows."""
    extract = open_extract(extract_settings(job))
    done = [extract.records(each) for each in extract.slices()]
    records = [orjson.loads(record) for each in done for record in each.data]
    return (
        [record.get("quantity") for record in records],
        [(row.row, row.code) for each in done for row in each.rejected],
    )


@pytest.fixture(params=["ndjson", "xlsx"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path: Path = tmp_path / f"x.{request.param}"
    rows = [(f"r{number}", "1", value) for number, value in enumerate(VALUES)]
    names = ("reservation_id", "reservation_detail_id", "quantity")
    if request.param == "xlsx":
        return workbook(path, [names, *rows])
    path.write_bytes(b"\n".join(orjson.dumps(dict(zip(names, row, strict=True))) for row in rows))
    return path


@pytest.mark.parametrize("by", ["mapping", "defaults"])
def test_a_number_keeps_its_value_beside_texts_with_commas(path: Path, by: str, job_of) -> None:
    """1.234 is not 1234, whether the rule is that of the column or of the job."""
    rule = (
        {"defaults": COMMAS}
        if by == "defaults"
        else {"mapping": {"quantity": {"column": "quantity"} | COMMAS}}
    )
    job = job_of(extract=[str(path)], event_type="scn.data.reservation", **rule)
    assert loaded(job) == (RIGHT, [])


def test_a_number_that_also_feeds_another_column_rejects_its_row(path: Path, job_of) -> None:
    """The filter needs the point and the rule the comma; numbers without either, and texts, are no doubt."""
    mapping = {"quantity": {"column": "quantity"} | COMMAS}
    job = job_of(
        extract=[str(path)], event_type="scn.data.reservation", mapping=mapping, filter="quantity <> '0'"
    )
    right = [value for value, source in zip(RIGHT, VALUES, strict=True) if not isinstance(source, float)]
    assert loaded(job) == (right, [(0, "NotANumber"), (2, "NotANumber")])
