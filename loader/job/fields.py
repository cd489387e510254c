"""The settings of a job as fields, one class for each panel of the help.

The text of a field is the help of its flag. A ``plan_setting`` determines the events: a resume must use the
value with which the load began.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, NoDecode

from loader.job.column_rule import ColumnRule, TextRule
from loader.job.file_sections import CsvSettings, ExcelSettings
from loader.job.keep import Keep
from loader.job.panels import DELIVERY, DESTINATION, EVENTS, EXTRACT, RUN, plan_setting, setting
from loader.job.sections import (
    Duration,
    Engine,
    InDoubt,
    MaxErrors,
    OnFailure,
    Pack,
    Texts,
    TimeZone,
    Unfinished,
)
from loader.job.shard import Shard
from loader.model import Operation

INSTANCE_ID_PATTERN = r"[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}"
"""Pattern of the service model 2024-01-01 (``UUID``)."""


class ExtractFields(BaseSettings):
    """The extract, and how to read its values."""

    extract: Annotated[
        Texts,
        setting(
            EXTRACT,
            "Parquet, CSV, NDJSON or Excel files, folders or globs, also s3://bucket/...; @LIST: a file that "
            "lists them; -: standard input.",
        ),
    ] = ()
    format: Annotated[
        Literal["auto", "parquet", "csv", "ndjson", "xlsx"],
        plan_setting(EXTRACT, "Format of the files; auto detects it from content and name."),
    ] = "auto"
    extract_profile: Annotated[
        str | None, setting(EXTRACT, "AWS profile for reading s3:// extracts; default: --profile.")
    ] = None
    mapping: Annotated[dict[str, ColumnRule], plan_setting(EXTRACT, "Dataset column = its source.")] = {}
    defaults: Annotated[
        TextRule, plan_setting(EXTRACT, "How to read texts, unless a column's mapping sets it.")
    ] = TextRule()
    filter: Annotated[
        str | None,
        plan_setting(EXTRACT, "SQL condition on source columns; rows for which it is not true are left out."),
    ] = None
    partitions: Annotated[
        bool,
        plan_setting(
            EXTRACT, "Read folders key=value in a file's path as columns of its rows (Hive, Spark)."
        ),
    ] = True
    delta_version: Annotated[
        int | None,
        setting(EXTRACT, "Version of a Delta table to read, instead of the newest one.", ge=0),
    ] = None
    csv: Annotated[CsvSettings, plan_setting(EXTRACT, "The dialect of CSV files.")] = CsvSettings()
    excel: Annotated[
        ExcelSettings, plan_setting(EXTRACT, "The sheet of Excel workbooks, and how it is read.")
    ] = ExcelSettings()
    ignore_unknown: Annotated[
        bool, plan_setting(EXTRACT, "Leave out columns that the dataset does not have, instead of refusing.")
    ] = False
    time_zone: Annotated[
        TimeZone, plan_setting(EXTRACT, "Zone of timestamps without a zone, such as Europe/Berlin.")
    ] = "UTC"


class DestinationFields(BaseSettings):
    """The instance and the dataset that the records go to."""

    event_type: Annotated[
        str, plan_setting(DESTINATION, "Event type: scn.data.* ('scn-loader datasets' lists them).")
    ]
    instance_id: Annotated[
        str,
        plan_setting(
            DESTINATION, "UUID of the AWS Supply Chain instance.", pattern=f"^{INSTANCE_ID_PATTERN}$"
        ),
    ]
    dataset_arn: Annotated[str | None, plan_setting(DESTINATION, "Target dataset, for scn.data.dataset.")] = (
        None
    )
    operation: Annotated[
        Operation | None, plan_setting(DESTINATION, "Operation on the records, for scn.data.dataset.")
    ] = None
    live_schema: Annotated[
        bool,
        plan_setting(
            DESTINATION,
            "Ask the instance for the dataset's columns and keys, instead of using the published AWS data "
            "model: for custom datasets, and for instances that differ from the model.",
        ),
    ] = False
    region: Annotated[
        str | None, setting(DESTINATION, "AWS Region; default: AWS_REGION, then the profile.")
    ] = None
    profile: Annotated[str | None, setting(DESTINATION, "AWS profile; default: AWS_PROFILE.")] = None
    endpoint_url: Annotated[
        str | None,
        setting(DESTINATION, "Use this endpoint: a VPC endpoint, or an emulator (http on loopback only)."),
    ] = None


class EventFields(BaseSettings):
    """The form of the events: groups, packing, JSON."""

    group_by: Annotated[
        Texts,
        plan_setting(
            EVENTS,
            "Column whose value is the eventGroupId. Rows of a group are delivered in order, groups in "
            "parallel. Repeatable. Default: the dataset's primary key.",
        ),
    ] = ()
    group_buckets: Annotated[
        Literal["auto"] | Annotated[int, Field(ge=1, le=1_000_000)] | None,
        plan_setting(
            EVENTS,
            "Spread the groups over N buckets; each group is in one bucket. auto chooses N for full events "
            "and enough lanes; it is the default of --pack group if groups are small.",
        ),
    ] = None
    pack: Annotated[
        Pack, plan_setting(EVENTS, "row: one record per event; group: records of a group share events.")
    ] = Pack.ROW
    max_records: Annotated[
        int | None, plan_setting(EVENTS, "Maximum number of records in one event.", ge=1)
    ] = None
    timestamp_column: Annotated[
        str | None,
        plan_setting(EVENTS, "Column for eventTimestamp; without it the service uses the time of receipt."),
    ] = None
    numbers: Annotated[
        Literal["string", "number"], plan_setting(EVENTS, "JSON form of numbers; AWS's examples use strings.")
    ] = "string"
    nulls: Annotated[
        Literal["omit", "null"], plan_setting(EVENTS, "Omit a column without a value, or send null.")
    ] = "omit"
    timestamps: Annotated[
        Literal["iso8601", "epoch_ms"], plan_setting(EVENTS, "Text form of timestamps.")
    ] = "iso8601"
    window_rows: Annotated[
        int | None,
        plan_setting(EVENTS, "Rows of a window, the unit of resume; default: by size.", ge=1, le=1_000_000),
    ] = None


class DeliveryFields(BaseSettings):
    """The rate, the limits and the rules of delivery."""

    rate: Annotated[
        float | None,
        setting(
            DELIVERY,
            "Maximum events per second. Default: the loader learns the limit.",
            gt=0,
            allow_inf_nan=False,
        ),
    ] = None
    forget_rate: Annotated[
        bool, setting(DELIVERY, "Start slowly instead of at the rate learned by the last load.")
    ] = False
    burst: Annotated[int | None, setting(DELIVERY, "Events that --rate allows at once.", ge=1)] = None
    max_in_flight: Annotated[
        int, setting(DELIVERY, "Maximum number of concurrent requests.", ge=1, le=4096)
    ] = 1000
    transport: Annotated[
        Literal["fast", "aiohttp"],
        setting(
            DELIVERY, "HTTP client; aiohttp costs more processor time, and is used behind a proxy anyway."
        ),
    ] = "fast"
    max_held_bytes: Annotated[int, setting(DELIVERY, "Maximum bytes of events in memory.", ge=1_048_576)] = (
        64 * 1_048_576
    )
    max_errors: Annotated[
        MaxErrors,
        NoDecode,
        setting(DELIVERY, "Stop when more than N rows, or N% after the first 100, were rejected or failed."),
    ] = MaxErrors()
    max_errors_per_file: Annotated[
        MaxErrors,
        NoDecode,
        setting(DELIVERY, "The same for each single file of the extract."),
    ] = MaxErrors()
    on_failure: Annotated[
        OnFailure, setting(DELIVERY, "After a failed event: continue its group, or hold the group back.")
    ] = OnFailure.CONTINUE
    drain_seconds: Annotated[
        float,
        setting(
            DELIVERY,
            "Seconds for which a stopping load waits for answers.",
            ge=0,
            le=86_400,
            allow_inf_nan=False,
        ),
    ] = 20.0

    give_up_after: Annotated[
        Duration,
        NoDecode,
        setting(
            DELIVERY,
            "Stop (resumable) if no event was accepted for this long despite attempts: 90s, 10m, 2h or "
            "never. Default: 10m.",
        ),
    ] = Duration(seconds=600.0)


class RunFields(BaseSettings):
    """The run directory, and the treatment of an earlier load in it."""

    run_dir: Annotated[
        Path | None,
        setting(
            RUN,
            "Folder of the checkpoint, or s3://BUCKET/PREFIX. Default: one per job, in scn-loader-runs.",
        ),
    ] = None
    shard: Annotated[
        Shard | None,
        NoDecode,
        setting(
            RUN,
            "Deliver part K of N of the groups, such as 2/4. With /4, K is the index in a Kubernetes or "
            "Batch job.",
        ),
    ] = None
    workers: Annotated[
        int | None,
        setting(
            RUN,
            "Deliver the load with N processes, each with a part of the groups.",
            ge=1,
            le=256,
        ),
    ] = None
    engine: Annotated[
        Engine, setting(RUN, "Run the processes of --workers on this machine, or as tasks of a Ray cluster.")
    ] = Engine.LOCAL
    ray_address: Annotated[
        str | None,
        setting(RUN, "The Ray cluster: HOST:PORT, or auto. Default: one on this machine for the load."),
    ] = None
    restart: Annotated[bool, setting(RUN, "Start over; the old checkpoint is kept under another name.")] = (
        False
    )
    again: Annotated[bool, setting(RUN, "Send already delivered files again, as new events.")] = False
    unfinished: Annotated[
        Unfinished,
        setting(
            RUN,
            "An unfinished load of other files in the run directory: resume it first, supersede it, or stop.",
        ),
    ] = Unfinished.STOP
    keep: Annotated[
        Keep,
        NoDecode,
        setting(
            RUN,
            "Remove earlier loads of the run directory beyond the latest N, or older than N days (90d); "
            "loads with failed events or events in doubt stay. Default: all.",
        ),
    ] = Keep()
    retry_failed: Annotated[bool, setting(RUN, "Deliver failed and held back events again.")] = False
    in_doubt: Annotated[
        InDoubt,
        setting(RUN, "Events that may have been accepted over 8 hours ago: stop and ask, resend, or skip."),
    ] = InDoubt.STOP
    dry_run: Annotated[bool, setting(RUN, "Do everything except sending; write nothing.")] = False
