"""The settings of a load. Flags win over ``SCN_LOADER_*``, the job file and the defaults, in that order.

The text beside a setting is the help of its flag. Each ``plan_setting`` shapes the events: a resume must use
the ones the load began with.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import orjson
from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from loader.job.column_rule import ColumnRule, TextRule
from loader.job.job_file import JobFileSource, Place, line_of
from loader.job.panels import (
    DELIVERY,
    DESTINATION,
    EVENTS,
    EXTRACT,
    RUN,
    plan_setting,
    setting,
    shapes_events,
)
from loader.job.refusal import ENV_PREFIX, settings_error
from loader.job.sections import (
    CsvSettings,
    Duration,
    InDoubt,
    MaxErrors,
    OnFailure,
    Pack,
    Texts,
    TimeZone,
    Unfinished,
    located,
)
from loader.model import Destination, Operation

DATASET_EVENT_TYPE = "scn.data.dataset"

# Patterns of the service model 2024-01-01 (UUID, DatasetIdentifier).
INSTANCE_ID = r"[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}"
DATASET_ARN = (
    r"arn:aws:scn:[a-z0-9\-]+:[0-9]{12}:instance/(?P<instance>" + INSTANCE_ID + ")"
    r"/namespaces/(?P<namespace>[^/]+)/datasets/(?P<dataset>[^/]+)"
)


class Job(BaseSettings):
    """Everything a load needs to know.

    Raises:
        SettingsError: A setting is missing or cannot be used.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    extract: Annotated[
        Texts,
        setting(
            EXTRACT,
            "Parquet, CSV or NDJSON files, folders or globs, also s3://bucket/...; @LIST for a file that "
            "lists them; - for standard input.",
        ),
    ] = ()
    format: Annotated[
        Literal["auto", "parquet", "csv", "ndjson"],
        plan_setting(EXTRACT, "What the files are; auto goes by content and name."),
    ] = "auto"
    extract_profile: Annotated[
        str | None, setting(EXTRACT, "AWS profile to read s3:// extracts with; else --profile.")
    ] = None
    mapping: Annotated[
        dict[str, ColumnRule], plan_setting(EXTRACT, "Dataset column = where it comes from.")
    ] = {}
    defaults: Annotated[
        TextRule, plan_setting(EXTRACT, "How texts are read where a column's mapping does not say.")
    ] = TextRule()
    filter: Annotated[
        str | None,
        plan_setting(EXTRACT, "SQL condition on source columns; rows where it is not true are left out."),
    ] = None
    partitions: Annotated[
        bool,
        plan_setting(
            EXTRACT, "Take folders key=value of a file's path as columns of its rows (Hive, Spark)."
        ),
    ] = True
    csv: Annotated[CsvSettings, plan_setting(EXTRACT, "The dialect of CSV files.")] = CsvSettings()
    ignore_unknown: Annotated[
        bool, plan_setting(EXTRACT, "Leave out columns the dataset does not have, instead of refusing.")
    ] = False
    time_zone: Annotated[
        TimeZone, plan_setting(EXTRACT, "Zone of timestamps that name none, such as Europe/Berlin.")
    ] = "UTC"

    event_type: Annotated[str, plan_setting(DESTINATION, "scn.data.* ('scn-loader datasets' lists them).")]
    instance_id: Annotated[
        str, plan_setting(DESTINATION, "UUID of the AWS Supply Chain instance.", pattern=f"^{INSTANCE_ID}$")
    ]
    dataset_arn: Annotated[str | None, plan_setting(DESTINATION, "Target, for scn.data.dataset.")] = None
    operation: Annotated[
        Operation | None, plan_setting(DESTINATION, "What to do with the records, for scn.data.dataset.")
    ] = None
    live_schema: Annotated[
        bool,
        plan_setting(
            DESTINATION,
            "Ask the instance for the dataset's columns and keys, instead of using the AWS data model as "
            "published: for custom datasets, and where an instance differs.",
        ),
    ] = False
    region: Annotated[str | None, setting(DESTINATION, "AWS Region; else AWS_REGION or the profile's.")] = (
        None
    )
    profile: Annotated[str | None, setting(DESTINATION, "AWS profile; else AWS_PROFILE.")] = None
    endpoint_url: Annotated[
        str | None,
        setting(DESTINATION, "Another endpoint: a VPC endpoint, or an emulator (http only on loopback)."),
    ] = None

    group_by: Annotated[
        Texts,
        plan_setting(
            EVENTS,
            "Column whose value is the eventGroupId: rows of a group are delivered in order, groups in "
            "parallel. May be given several times. Default: the dataset's primary key.",
        ),
    ] = ()
    group_buckets: Annotated[
        Literal["auto"] | Annotated[int, Field(ge=1, le=1_000_000)] | None,
        plan_setting(
            EVENTS,
            "Spread the groups over N buckets; a group stays in one. auto chooses N so that events are full "
            "and there are enough lanes: the default of --pack group where groups are small.",
        ),
    ] = None
    pack: Annotated[
        Pack, plan_setting(EVENTS, "row: one record per event; group: records of a group share events.")
    ] = Pack.ROW
    max_records: Annotated[int | None, plan_setting(EVENTS, "Most records in one event.", ge=1)] = None
    timestamp_column: Annotated[
        str | None,
        plan_setting(EVENTS, "Column for eventTimestamp; without it the service takes the time of receipt."),
    ] = None
    numbers: Annotated[
        Literal["string", "number"], plan_setting(EVENTS, "JSON form of numbers; AWS's examples use strings.")
    ] = "string"
    nulls: Annotated[
        Literal["omit", "null"], plan_setting(EVENTS, "Leave a column without value out, or send null.")
    ] = "omit"
    timestamps: Annotated[
        Literal["iso8601", "epoch_ms"], plan_setting(EVENTS, "Text form of timestamps.")
    ] = "iso8601"
    window_rows: Annotated[
        int | None,
        plan_setting(EVENTS, "Rows planned and resumed in one piece; chosen by size.", ge=1, le=1_000_000),
    ] = None

    rate: Annotated[
        float | None,
        setting(
            DELIVERY,
            "Events per second never to be exceeded; without it the service's limit is learned.",
            gt=0,
            allow_inf_nan=False,
        ),
    ] = None
    forget_rate: Annotated[
        bool, setting(DELIVERY, "Start slowly instead of at the rate learned by the last load.")
    ] = False
    burst: Annotated[int | None, setting(DELIVERY, "Events that --rate lets go at once.", ge=1)] = None
    max_in_flight: Annotated[int, setting(DELIVERY, "Most requests under way at once.", ge=1, le=4096)] = 1000
    transport: Annotated[
        Literal["fast", "aiohttp"],
        setting(
            DELIVERY, "HTTP client; aiohttp costs more processor time, and is used behind a proxy anyway."
        ),
    ] = "fast"
    max_held_bytes: Annotated[
        int, setting(DELIVERY, "Most bytes of events held in memory.", ge=1_048_576)
    ] = 64 * 1_048_576
    max_errors: Annotated[
        MaxErrors,
        NoDecode,
        setting(DELIVERY, "Stop when more rows than N, or N% once 100 were seen, were rejected or failed."),
    ] = MaxErrors()
    max_errors_per_file: Annotated[
        MaxErrors,
        NoDecode,
        setting(DELIVERY, "The same for each file of the extract by itself."),
    ] = MaxErrors()
    on_failure: Annotated[
        OnFailure, setting(DELIVERY, "After a failed event: continue its group, or hold the group back.")
    ] = OnFailure.CONTINUE
    drain_seconds: Annotated[
        float, setting(DELIVERY, "How long a stopping load waits for answers.", ge=0, allow_inf_nan=False)
    ] = 20.0

    give_up_after: Annotated[
        Duration,
        NoDecode,
        setting(
            DELIVERY,
            "Stop, to be resumed, when no event was accepted for this long although attempts were made: 90s, "
            "10m, 2h or never. [default: 10m]",
        ),
    ] = Duration(seconds=600.0)

    run_dir: Annotated[
        Path | None,
        setting(RUN, "Folder of the checkpoint. Default: one for each job, in ./scn-loader-runs."),
    ] = None
    restart: Annotated[bool, setting(RUN, "Start over; the old checkpoint is kept under another name.")] = (
        False
    )
    again: Annotated[
        bool, setting(RUN, "Send files again that this job delivered before, as new events.")
    ] = False
    unfinished: Annotated[
        Unfinished,
        setting(
            RUN,
            "An unfinished load of other files in the run directory: resume it first, supersede it, or stop.",
        ),
    ] = Unfinished.STOP
    retry_failed: Annotated[bool, setting(RUN, "Deliver again what failed or was held back.")] = False
    in_doubt: Annotated[
        InDoubt,
        setting(RUN, "Events perhaps accepted over 8 hours ago: stop and ask, resend, or skip them."),
    ] = InDoubt.STOP
    dry_run: Annotated[bool, setting(RUN, "Do everything but send; nothing is written.")] = False

    _job_file: Path | None = PrivateAttr(default=None)

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except ValidationError as error:
            given = settings.keys() - {"job_file", "fallback"}
            job_file = settings.get("job_file")
            raise settings_error(error, job_file, given, type(self).model_fields) from error

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources, taking ``job_file`` and ``fallback`` out of the arguments."""
        flags = dict(init_settings.init_kwargs) if isinstance(init_settings, InitSettingsSource) else {}
        job_file, fallback = flags.pop("job_file", None), flags.pop("fallback", {})
        return (
            InitSettingsSource(settings_cls, init_kwargs=flags),
            env_settings,
            JobFileSource(settings_cls, job_file),
            InitSettingsSource(settings_cls, init_kwargs=fallback),
        )

    @field_validator("dataset_arn")
    @classmethod
    def _arn_pattern(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(DATASET_ARN, value):
            raise ValueError(
                "should look like arn:aws:scn:REGION:ACCOUNT:instance/ID/namespaces/NAMESPACE/datasets/NAME"
            )
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = list(self._contradictions())
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _contradictions(self) -> Iterator[str]:
        if self.event_type == DATASET_EVENT_TYPE:
            if self.dataset_arn is None or self.operation is None:
                yield f"event type {DATASET_EVENT_TYPE} needs --dataset-arn and --operation"
            arn = re.fullmatch(DATASET_ARN, self.dataset_arn or "")
            if arn is not None and arn["instance"] != self.instance_id:
                yield "--dataset-arn names another instance than --instance-id"
        elif self.dataset_arn is not None or self.operation is not None:
            yield f"--dataset-arn and --operation go only with event type {DATASET_EVENT_TYPE}"
        if self.group_buckets == "auto" and self.pack is not Pack.GROUP:
            yield "--group-buckets auto goes only with --pack group"
        if self.burst is not None and self.rate is None:
            yield "--burst goes only with --rate"

    @property
    def destination(self) -> Destination:
        """The parts of a request that are the same for every event."""
        return Destination(self.instance_id, self.event_type, self.dataset_arn, self.operation)

    @property
    def dataset_of_arn(self) -> tuple[str, str] | None:
        """Namespace and name of the dataset that ``dataset_arn`` points at, if there is one."""
        match = re.fullmatch(DATASET_ARN, self.dataset_arn or "")
        return (match["namespace"], match["dataset"]) if match else None

    @property
    def _is_on_loopback(self) -> bool:
        host = (urlsplit(self.endpoint_url or "").hostname or "").rstrip(".")
        return host == "localhost" or host.startswith("127.") or host == "::1"

    def read_from(self, job_file: Path | None) -> Self:
        """Remember the file that the job was read from, for errors found later."""
        self._job_file = job_file
        return self

    def place_of(self, setting: Place) -> str:
        """Return line and file of a setting, or an empty text if it does not come from a job file."""
        if self._job_file is None:
            return ""
        line = line_of(self._job_file.read_text(encoding="utf-8"), setting)
        return f"line {line} of {self._job_file}" if line is not None else ""

    def plan_settings(self) -> dict[str, Any]:
        """Return the settings that shape events, as JSON values: a resume must use the same."""
        shaping = {name for name, field in Job.model_fields.items() if shapes_events(field)}
        # A rehearsal on loopback and the real load never share a checkpoint.
        service = {"service": "loopback" if self._is_on_loopback else "aws"}
        return self.model_dump(mode="json", include=shaping) | service

    def default_run_dir(self) -> Path:
        """Return the run directory of this job: the same command finds the same one again."""
        identity = orjson.dumps(
            [self.plan_settings(), [located(name, Path.cwd()) for name in self.extract]],
            option=orjson.OPT_SORT_KEYS,
        )
        name = f"{self.event_type.rpartition('.')[2]}-{hashlib.sha256(identity).hexdigest()[:8]}"
        return Path("scn-loader-runs") / name
