"""Mapping: what feeds what, and the words for what does not fit."""

import polars as pl
import pytest

from loader.errors import ExtractError, SettingsError
from loader.job import Job
from loader.mapping.mapping import FileMapping, map_file
from loader.mapping.target_dataset import dataset_of
from loader.model import SourceFile
from loader.stage_settings.extract import mapping_settings, target_dataset

FILE = SourceFile(0, "/data/x.csv", "csv", 10, 0, "f", 0, None)
INSTANCE_ARN = "arn:aws:scn:eu-west-1:123456789012:instance/a1b2c3d4-5678-90ab-cdef-1234567890ab"


def settle(job: Job, schema: dict[str, pl.DataType] | str) -> FileMapping:
    if isinstance(schema, str):
        schema = dict.fromkeys(schema.split(), pl.String())
    return map_file(mapping_settings(job), dataset_of(target_dataset(job)), FILE, schema)


def names(mapping: FileMapping) -> list[str]:
    return [column.name for column in mapping.columns]


def test_columns_of_the_datasets_own_names_need_no_mapping(job_of) -> None:
    """They are taken in the dataset's order, with the dataset's types."""
    mapping = settle(job_of(), "tpartner_id id order_status submitted_date")
    assert names(mapping) == ["id", "order_status", "tpartner_id", "submitted_date"]
    assert {column.name: column.type for column in mapping.columns}["submitted_date"] == "timestamp"
    assert mapping.key == ("id", "tpartner_id")
    assert [column.name for column in mapping.group] == ["id", "tpartner_id"]


def test_a_mapping_entry_wins(job_of) -> None:
    """A source column that an entry names is not also taken under its own name."""
    job = job_of(mapping={"tpartner_id": "order_status", "id": {"constant": "1"}})
    mapping = settle(job, "order_status company_id")
    assert [(column.name, column.rule.column) for column in mapping.columns] == [
        ("id", None),
        ("company_id", "company_id"),
        ("tpartner_id", "order_status"),
    ]
    assert mapping.source_columns == ("company_id", "order_status")


def test_columns_that_feed_nothing_are_told_with_near_names(job_of) -> None:
    """The error lists what is missing and what is left over, and what each might be."""
    with pytest.raises(ExtractError) as caught:
        settle(
            job_of(),
            {
                "ID": pl.String(),
                "Order-Status": pl.String(),
                "zzz": pl.String(),
                "connection_id": pl.String(),
            },
        )
    error = caught.value
    assert "required columns without a source: 'id', 'tpartner_id'" in error.why
    assert "'ID' (near: id)" in error.why
    assert "'Order-Status' (near: order_status)" in error.why
    assert "'zzz'" in error.why
    assert "'connection_id' (the service fills it in)" in error.why
    assert "SCN_RESERVED_NO_VALUE_PROVIDED" in error.next_step
    assert "ignore_unknown" in error.next_step


def test_the_rest_may_be_left_out(job_of) -> None:
    """ignore_unknown leaves columns out, and says which; what groups or dates events counts as used."""
    job = job_of(ignore_unknown=True)
    assert settle(job, "id tpartner_id Extra connection_id").left_out == ("Extra", "connection_id")
    job = job_of(group_by="Extra", timestamp_column="When")
    mapping = settle(job, "id tpartner_id Extra When")
    assert mapping.left_out == ()
    assert mapping.source_columns == ("id", "tpartner_id", "Extra", "When")


def test_a_missing_required_column_is_never_ignored(job_of) -> None:
    """ignore_unknown is about source columns only."""
    with pytest.raises(ExtractError) as caught:
        settle(job_of(ignore_unknown=True), "id Extra")
    assert "'tpartner_id'" in caught.value.why
    assert "Extra" not in caught.value.why


@pytest.mark.parametrize(
    ("settings", "where", "hint"),
    [
        ({"mapping": {"order_stat": "id"}}, "mapping.order_stat", "order_status"),
        ({"mapping": {"order_status": "Idd"}}, "mapping.order_status, /data/x.csv", "'id'"),
        ({"mapping": {"connection_id": {"constant": "x"}}}, "mapping.connection_id", ""),
        ({"group_by": "tpartnerid"}, "group_by", "tpartner_id"),
        ({"timestamp_column": "idd"}, "timestamp_column", "'id'"),
        ({"event_type": "scn.data.inboundordr"}, "event_type", "scn.data.inboundorder"),
    ],
)
def test_settings_that_name_what_does_not_exist(
    job_of, settings: dict[str, object], where: str, hint: str
) -> None:
    """The setting is named, and the nearest name is suggested."""
    with pytest.raises(SettingsError) as caught:
        settle(job_of(**settings), "id tpartner_id")
    assert caught.value.where == where
    assert hint in caught.value.next_step


def test_constants_alone_are_no_load(job_of) -> None:
    """A mapping that reads nothing of the file is a mistake."""
    constants = {name: {"constant": "1"} for name in ("id", "tpartner_id")}
    with pytest.raises(SettingsError, match="no column of the file"):
        settle(job_of(mapping=constants, ignore_unknown=True), "Extra")


@pytest.mark.parametrize(
    ("column", "dtype", "why"),
    [
        ("submitted_date", pl.Int64(), "whole numbers"),
        ("submitted_date", pl.Boolean(), "true and false"),
        ("submitted_date", pl.Time(), "times of day"),
        ("submitted_date", pl.List(pl.String), "lists"),
        ("id", pl.Binary(), 'binary = "utf8"'),
        ("id", pl.Struct({"a": pl.List(pl.Binary)}), "Struct"),
        ("id", pl.Object(), "Object"),
    ],
)
def test_types_that_cannot_feed_a_column(job_of, column: str, dtype: pl.DataType, why: str) -> None:
    """Bytes without a rule, and numbers for dates, are refused before anything is sent."""
    schema: dict[str, pl.DataType] = {"id": pl.String(), "tpartner_id": pl.String(), column: dtype}
    with pytest.raises(ExtractError) as caught:
        settle(job_of(), schema)
    assert why in caught.value.why
    assert f"'{column}'" in caught.value.what


def dataset_job(job_of, namespace: str, name: str, **settings: object) -> Job:
    arn = f"{INSTANCE_ARN}/namespaces/{namespace}/datasets/{name}"
    job: Job = job_of(event_type="scn.data.dataset", dataset_arn=arn, operation="APPEND", **settings)
    return job


def test_a_dataset_of_aws_by_its_arn(job_of) -> None:
    """scn.data.dataset with a known dataset has its columns and its key."""
    job = dataset_job(job_of, "asc", "company")
    dataset = dataset_of(target_dataset(job))
    assert dataset is not None
    assert dataset.name == "company"
    assert names(settle(job, "description id")) == ["id", "description"]


def test_a_custom_dataset_takes_columns_as_they_are(job_of) -> None:
    """Its schema is not known, so types come from the file, and the group must be named."""
    job = dataset_job(job_of, "default", "my_data", group_by="key", mapping={"renamed": "Old Name"})
    schema: dict[str, pl.DataType] = {
        "key": pl.String(),
        "n": pl.Int64(),
        "x": pl.Float32(),
        "d": pl.Decimal(10, 2),
        "t": pl.Datetime("us"),
        "day": pl.Date(),
        "yes": pl.Boolean(),
        "connection_id": pl.String(),
        "Old Name": pl.String(),
    }
    mapping = settle(job, schema)
    assert {column.name: column.type for column in mapping.columns} == {
        "renamed": "string",
        "key": "string",
        "n": "int",
        "x": "double",
        "d": "double",
        "t": "timestamp",
        "day": "timestamp",
        "yes": "string",
        "connection_id": "string",
    }
    assert mapping.key == ()
    with pytest.raises(SettingsError, match="group_by is required"):
        settle(dataset_job(job_of, "default", "my_data"), "key")


def test_names_no_dataset_can_have(job_of) -> None:
    """The names of a custom dataset's columns are checked before the service would."""
    job = dataset_job(job_of, "default", "my_data", group_by="key")
    with pytest.raises(ExtractError) as caught:
        settle(job, {"key": pl.String(), "Unit Price": pl.String()})
    assert "'Unit Price'" in caught.value.why
    ignoring = dataset_job(job_of, "default", "my_data", group_by="key", ignore_unknown=True)
    assert settle(ignoring, {"key": pl.String(), "Unit Price": pl.String()}).left_out == ("Unit Price",)
    with pytest.raises(SettingsError):
        settle(dataset_job(job_of, "default", "d", group_by="key", mapping={"Bad": "key"}), "key")


def test_an_unlisted_dataset_of_aws_still_never_gets_its_connection_id(job_of) -> None:
    """Namespace asc may hold datasets this package does not list."""
    job = dataset_job(job_of, "asc", "brand_new", group_by="key")
    with pytest.raises(ExtractError) as caught:
        settle(job, "key connection_id")
    assert "the service fills it in" in caught.value.why
