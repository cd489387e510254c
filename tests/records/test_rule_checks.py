"""Placeholders and defaults: what stands in a record where a cell says nothing."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from loader.datasets import NO_VALUE
from loader.errors import SettingsError
from loader.extract import open_extract
from loader.job import ColumnRule, Job, TextRule
from loader.stage_settings.extract import extract_settings


def records(job: Job) -> tuple[list[bytes], list[tuple[int, str]]]:
    extract = open_extract(extract_settings(job))
    windows = [extract.records(window) for window in extract.slices()]
    rejected = [(row.row, row.column) for window in windows for row in window.rejected]
    return [data for window in windows for data in window.data], rejected


def csv(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "x.csv"
    path.write_text(text)
    return [str(path)]


def test_a_placeholder_stands_only_where_there_is_no_value(tmp_path: Path, job_of) -> None:
    """A null and a null word take it; values, the empty text among them, do not."""
    path = tmp_path / "x.parquet"
    pl.DataFrame({"id": ["1", "2", "3", "4"], "tpartner_id": [None, "n/a", "V", ""]}).write_parquet(path)
    rule = {"column": "tpartner_id", "placeholder": NO_VALUE, "null_words": "n/a"}
    data, rejected = records(job_of(extract=[str(path)], mapping={"tpartner_id": rule}))
    assert rejected == []
    assert data == [
        b'{"id":"1","tpartner_id":"SCN_RESERVED_NO_VALUE_PROVIDED"}',
        b'{"id":"2","tpartner_id":"SCN_RESERVED_NO_VALUE_PROVIDED"}',
        b'{"id":"3","tpartner_id":"V"}',
        b'{"id":"4","tpartner_id":""}',
    ]


def test_a_bad_value_is_never_covered_by_a_placeholder(tmp_path: Path, job_of) -> None:
    """A cell that is not a timestamp rejects its row; only the empty one takes the placeholder."""
    extract = csv(tmp_path, "id,tpartner_id,submitted_date\n1,V,soon\n2,V,\n")
    rule = {"column": "submitted_date", "placeholder": "1900-01-01 00:00:00"}
    data, rejected = records(job_of(extract=extract, mapping={"submitted_date": rule}))
    assert rejected == [(0, "submitted_date")]
    assert data == [b'{"id":"2","tpartner_id":"V","submitted_date":"1900-01-01T00:00:00Z"}']


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("placeholder", "arrives"),
    [
        ("1900-01-01 00:00:00", "1900-01-01T00:00:00Z"),
        ("9999-12-31 23:59:59", "9999-12-31T23:59:59Z"),
    ],
)
def test_timestamp_placeholders_arrive_as_aws_writes_them(
    tmp_path: Path, job_of, zone: str, placeholder: str, arrives: str
) -> None:
    """Neither the zone nor the formats of the cells move a placeholder."""
    extract = csv(tmp_path, "id,tpartner_id,When\n1,V,\n")
    rule = {"column": "When", "placeholder": placeholder, "time_zone": zone, "formats": "%d.%m.%Y"}
    data, _ = records(job_of(extract=extract, mapping={"submitted_date": rule}))
    assert data == [b'{"id":"1","tpartner_id":"V","submitted_date":"%s"}' % arrives.encode()]


def test_a_placeholder_of_the_wrong_type_is_refused(tmp_path: Path, job_of) -> None:
    """A word in place of a time would be refused by the service for every such row."""
    extract = csv(tmp_path, "id,tpartner_id,submitted_date\n1,V,\n")
    rule = {"column": "submitted_date", "placeholder": NO_VALUE}
    with pytest.raises(SettingsError, match="placeholder for 'submitted_date'") as caught:
        open_extract(extract_settings(job_of(extract=extract, mapping={"submitted_date": rule})))
    assert caught.value.where == "mapping.submitted_date.placeholder"


def test_defaults_are_for_cells_that_no_rule_speaks_of(tmp_path: Path, job_of) -> None:
    """[defaults] reaches columns without an entry and groups; a rule of its own wins; constants stay."""
    extract = csv(tmp_path, "id,tpartner_id,order_status,Site\n 1 ,-, n/a ,-\n2, V ,-, -\n")
    job = job_of(
        extract=extract,
        defaults={"trim": True, "null_words": ["-"]},
        mapping={
            "order_status": {"column": "order_status", "null_words": ["n/a"]},
            "tpartner_id": {"column": "tpartner_id", "null_words": [], "trim": False},
            "company_id": {"constant": "-"},
        },
        group_by=["id", "Site"],
    )
    (window,) = (
        open_extract(extract_settings(job)).records(window)
        for window in open_extract(extract_settings(job)).slices()
    )
    assert window.groups == ["1|", "2|"]
    assert window.data == [
        b'{"id":"1","company_id":"-","tpartner_id":"-"}',
        b'{"id":"2","company_id":"-","order_status":"-","tpartner_id":" V "}',
    ]


def test_defaults_apply_by_the_type_of_the_column() -> None:
    """Number marks reach numbers, formats timestamps; who gives one mark gives both."""
    defaults = TextRule(decimal=",", thousands=".", negative="trailing", formats=["%d.%m.%Y"], trim=True)
    rule = ColumnRule(column="a")
    number = rule.with_defaults(defaults, "double")
    assert (number.decimal, number.thousands, number.negative) == (",", ".", "trailing")
    assert (number.formats, number.trim, number.reads_numbers) == ((), True, True)
    text = rule.with_defaults(defaults, "string")
    assert (text.reads_numbers, text.formats, text.trim) == (False, (), True)
    assert rule.with_defaults(defaults, "timestamp").formats == ("%d.%m.%Y",)
    own = ColumnRule(column="a", decimal=".").with_defaults(defaults, "double")
    assert (own.decimal, own.thousands, own.negative) == (".", None, "trailing")


def test_all_faults_of_a_mapping_are_told_at_once(tmp_path: Path, job_of) -> None:
    """Names first, then rules: each list is complete."""
    extract = csv(tmp_path, "id,tpartner_id,a\n1,V,x\n")
    names = {"id": "Idd", "order_stat": "a", "order_status": {"expression": "SUM(a)"}, "connection_id": "a"}
    with pytest.raises(SettingsError, match="4 settings cannot be used") as caught:
        open_extract(extract_settings(job_of(extract=extract, mapping=names, ignore_unknown=True)))
    for told in (
        "mapping.id",
        "mapping.order_stat",
        "mapping.order_status.expression",
        "mapping.connection_id",
    ):
        assert told in caught.value.why
    rules = {
        "submitted_date": {"column": "a", "formats": ["%Q"]},
        "order_status": {"column": "a", "decimal": ","},
    }
    with pytest.raises(SettingsError, match="2 settings cannot be used") as caught:
        open_extract(extract_settings(job_of(extract=extract, mapping=rules, ignore_unknown=True)))


@pytest.mark.parametrize("settings", [{}, {"time_zone": "UTC"}])
def test_times_without_a_zone_are_told(tmp_path: Path, job_of, settings: dict[str, str]) -> None:
    """If a zone is assumed in Parquet or text, a note reports it, unless the user set the zone."""
    parquet = tmp_path / "x.parquet"
    moment = dt.datetime(2024, 1, 2)  # noqa: DTZ001 - naive on purpose
    pl.DataFrame({"id": ["1"], "tpartner_id": ["V"], "submitted_date": [moment]}).write_parquet(parquet)
    local = csv(tmp_path, "id,tpartner_id,submitted_date\n1,V,2024-01-02T10:00:00Z\n2,V,2024-01-02 10:00\n")
    for extract in ([str(parquet)], local):
        warnings = [
            text
            for text in open_extract(extract_settings(job_of(extract=extract, **settings))).warnings
            if "UTC" in text
        ]
        assert len(warnings) == (0 if settings else 1)
        assert settings or "(submitted_date)" in warnings[0]
    rule = {"column": "submitted_date", "time_zone": "Asia/Tokyo"}
    assert (
        open_extract(extract_settings(job_of(extract=local, mapping={"submitted_date": rule}))).warnings == ()
    )
    zoned = csv(tmp_path, "id,tpartner_id,submitted_date\n1,V,2024-01-02T10:00:00Z\n2,V,\n")
    assert open_extract(extract_settings(job_of(extract=zoned))).warnings == ()
