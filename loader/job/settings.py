"""The settings of a load. The priority is: flags, ``SCN_LOADER_*``, the job file, the defaults."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, PrivateAttr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from loader.job.fields import (
    INSTANCE_ID_PATTERN,
    DeliveryFields,
    DestinationFields,
    EventFields,
    ExtractFields,
    RunFields,
)
from loader.job.job_file import FieldPath, JobFileSource, line_of
from loader.job.panels import shapes_events
from loader.job.refusal import ENV_PREFIX, settings_error
from loader.job.run_address import address_of, address_problems
from loader.job.sections import Engine, Pack
from loader.job.shard import Shard
from loader.model import Destination

DATASET_EVENT_TYPE = "scn.data.dataset"

FEWEST_TASKS = 2
"""A load of one shard is one process, wherever it runs."""

DATASET_ARN = (
    r"arn:aws:scn:[a-z0-9\-]+:[0-9]{12}:instance/(?P<instance>" + INSTANCE_ID_PATTERN + ")"
    r"/namespaces/(?P<namespace>[^/]+)/datasets/(?P<dataset>[^/]+)"
)
"""Pattern of the service model 2024-01-01 (``DatasetIdentifier``)."""


class Job(RunFields, DeliveryFields, EventFields, DestinationFields, ExtractFields):
    """All settings of a load.

    Raises:
        SettingsError: A setting is missing or cannot be used.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    _job_file: Path | None = PrivateAttr(default=None)
    _rehearsals: dict[tuple[str | None, str | None], bool] = PrivateAttr(default_factory=dict)

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
        """Order the sources, taking ``job_file`` and ``fallback`` out of the arguments.

        The environment is left out if it has no setting: looking for each takes milliseconds.
        """
        flags = dict(init_settings.init_kwargs) if isinstance(init_settings, InitSettingsSource) else {}
        job_file, fallback = flags.pop("job_file", None), flags.pop("fallback", {})
        has_variables = any(name.upper().startswith(ENV_PREFIX) for name in os.environ)
        return (
            InitSettingsSource(settings_cls, init_kwargs=flags),
            *((env_settings,) if has_variables else ()),
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

    @field_validator("region")
    @classmethod
    def _region_name(cls, value: str | None) -> str | None:
        name = (value or "").strip()  # a line end often comes with a value from a file
        if name and not re.fullmatch(r"[A-Za-z0-9-]{1,63}", name):
            raise ValueError("should be the name of a Region, such as eu-west-1")
        return name or None

    @field_validator("endpoint_url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        try:
            urlsplit(value or "")
        except ValueError:  # an unclosed bracket
            raise ValueError("should be a URL, such as https://scn.eu-west-1.amazonaws.com") from None
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
                yield "--dataset-arn and --instance-id name different instances"
        elif self.dataset_arn is not None or self.operation is not None:
            yield f"--dataset-arn and --operation need event type {DATASET_EVENT_TYPE}"
        if self.group_buckets == "auto" and self.pack is not Pack.GROUP:
            yield "--group-buckets auto needs --pack group"
        if self.burst is not None and self.rate is None:
            yield "--burst needs --rate"
        yield from self._problems_of_shards()
        if (address := address_of(self.run_dir)) is not None:
            yield from address_problems(address)
        # Paths may have any bytes; other texts go into JSON and requests, so they must be UTF-8.
        for name in [name for name, value in self if name != "extract" and any(map(_is_odd, _texts(value)))]:
            yield f"--{name.replace('_', '-')} contains bytes that are not UTF-8"

    def _problems_of_shards(self) -> Iterator[str]:
        if self.shard is not None and self.workers is not None:
            yield "--workers excludes --shard: its processes are the shards"
        if self.workers is not None and "-" in self.extract:
            yield "--workers cannot divide standard input; write it to a file first"
        if self.engine is Engine.RAY and (self.workers or 1) < FEWEST_TASKS:
            yield "--engine ray needs --workers N, with N from 2: each of them is a task"
        if self.ray_address is not None and self.engine is not Engine.RAY:
            yield "--ray-address goes only with --engine ray"
        shard = self.shard or (Shard(number=1, of=self.workers) if self.workers is not None else None)
        if shard is not None and self.rate is not None:
            yield from shard.ceiling_problems(self.rate, self.burst)

    @property
    def destination(self) -> Destination:
        """The parts of a request that are the same for every event."""
        return Destination(self.instance_id, self.event_type, self.dataset_arn, self.operation)

    @property
    def dataset_of_arn(self) -> tuple[str, str] | None:
        """Namespace and name of the dataset in ``dataset_arn``, or None."""
        match = re.fullmatch(DATASET_ARN, self.dataset_arn or "")
        return (match["namespace"], match["dataset"]) if match else None

    @property
    def is_rehearsal(self) -> bool:
        """Whether the endpoint is on this machine. The environment and the profile may name it.

        The first answer for an endpoint is kept, because it must not change during a load.
        """
        from loader.aws.endpoint import is_on_this_machine  # noqa: PLC0415 - botocore is slow to import

        named = self.profile, self.endpoint_url
        if named not in self._rehearsals:
            self._rehearsals[named] = is_on_this_machine(*named)
        return self._rehearsals[named]

    def read_from(self, job_file: Path | None) -> Self:
        """Store the job file, for errors that are found later."""
        self._job_file = job_file
        return self

    def place_of(self, setting: FieldPath) -> str:
        """Return line and file of a setting, or an empty text if it is not from a job file."""
        if self._job_file is None:
            return ""
        line = line_of(self._job_file.read_text(encoding="utf-8"), setting)
        return f"line {line} of {self._job_file}" if line is not None else ""

    def plan_settings(self) -> dict[str, Any]:
        """Return the settings that determine events as JSON values. A resume must use the same ones."""
        shaping = {name for name, field in Job.model_fields.items() if shapes_events(field)}
        # A rehearsal on loopback and the real load never share a checkpoint.
        service = {"service": "loopback" if self.is_rehearsal else "aws"}
        return self.model_dump(mode="json", include=shaping) | service


def _texts(value: object) -> Iterator[str]:
    """Yield the texts in a setting, including nested ones."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, BaseModel):
        yield from _texts(dict(value))
    elif isinstance(value, Mapping):
        yield from _texts([*value, *value.values()])
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _is_odd(text: str) -> bool:
    """Return whether a text has half a surrogate pair: Python decodes bytes that are not UTF-8 to these."""
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)
