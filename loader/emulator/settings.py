"""The settings of an emulator: one validated, frozen object."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from loader.emulator.faults import FaultPlan
from loader.emulator.model.catalog import checked_dataset
from loader.model import TOKEN_LIFE_SECONDS

ACCESS_KEY_ID = "AKIAEMULATOREXAMPLE0"
"""The access key that the emulator accepts by default."""

SECRET_ACCESS_KEY = "loopback/emulator+knows/only-this-example"  # noqa: S105 - opens nothing but an emulator
"""The secret of ``ACCESS_KEY_ID``."""

# Room for MAX_EVENT_BYTES of data in which every character needs a six-character JSON escape.
_MAX_BODY_BYTES = 8 * 1_048_576


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class QuotaSettings(_Section):
    """The quota of Send calls (AWS does not publish one: docs/service.md 1.1).

    Attributes:
        rate: Calls per second; None means no limit.
        burst: Calls at once; default: one second's worth.
        per_second_window: Whether to count per second of the clock instead of filling a bucket evenly.
    """

    rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    burst: Annotated[int, Field(ge=1)] | None = None
    per_second_window: bool = False

    @property
    def capacity(self) -> float:
        """Number of calls that a full bucket, or one second, admits."""
        return float(self.burst) if self.burst is not None else max(1.0, self.rate or 1.0)


class EmulatorSettings(_Section):
    """The settings of an emulator.

    Attributes:
        host: A loopback address; other addresses are refused.
        port: TCP port; 0 picks a free one.
        certfile: PEM certificate chain; with ``keyfile`` the emulator serves TLS.
        keyfile: PEM key of the certificate.
        credentials: Known access keys and their secrets.
        session_token: The session token that requests must have; None for no token.
        region: The Region that signatures must have; None for any.
        verify_signatures: Whether to verify signatures (off for benchmarks).
        check_records: Whether records must conform to their dataset's schema (off for benchmarks).
        keep_records: Whether accepted records go into the lake (off for benchmarks).
        refused_values: By column, values for which a record is refused although it conforms to the schema.
        instance_ids: Known instances; empty means any.
        custom_keys: Primary keys of custom datasets, by ``namespace/name``. Without an entry, equal records
            count as the same record.
        datasets: Custom datasets with a known schema, as for CreateDataLakeDataset (``namespace``, ``name``,
            ``schema``). Records of other datasets are only checked for what a dataset cannot have.
        quota: The quota of Send calls.
        retry_hint: Header with the wait time for a throttled client.
        latency_seconds: Mean time from acceptance to the answer; throttled answers are sent at once.
        latency_jitter_seconds: The time is uniform between mean - jitter and mean + jitter.
        seed: Seed of latencies and failed loads.
        faults: The fault plan.
        clock_skew_seconds: Seconds by which the clock of signatures and ``Date`` is ahead of real time.
        token_life_seconds: How long a client token lives.
        load_seconds: How long an event of type ``scn.data.dataset`` stays IN_PROGRESS.
        fail_load_share: Share of the accepted events whose load fails, drawn with ``seed``: their records
            never reach the lake.
        failed_values: By column, values that make the load of their event fail.
        list_order: Order of ListDataIntegrationEvents, which AWS does not document. ``newest`` and ``oldest``
            count their pages from the start, so pages shift while events arrive; ``mixed`` is the order of
            the event ids.
        account_id: The AWS account in ARNs.
        instance_tags: Tags that every instance has from the start.
        ledger_path: SQLite file of the received calls; None keeps them in memory.
        lake_path: SQLite file of the records; None keeps them in memory.
        max_body_bytes: Longer request bodies are refused with 413.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    certfile: Path | None = None
    keyfile: Path | None = None
    credentials: Mapping[str, str] = Field(default={ACCESS_KEY_ID: SECRET_ACCESS_KEY}, repr=False)
    session_token: Annotated[str | None, Field(repr=False)] = None
    region: str | None = None
    verify_signatures: bool = True
    check_records: bool = True
    keep_records: bool = True
    refused_values: Mapping[str, frozenset[str]] = {}
    instance_ids: frozenset[str] = frozenset()
    custom_keys: Mapping[str, tuple[str, ...]] = {}
    datasets: tuple[Annotated[dict[str, Any], BeforeValidator(checked_dataset)], ...] = ()
    quota: QuotaSettings = QuotaSettings()
    retry_hint: Literal["none", "Retry-After", "x-amz-retry-after"] = "none"
    latency_seconds: Annotated[float, Field(ge=0)] = 0.0
    latency_jitter_seconds: Annotated[float, Field(ge=0)] = 0.0
    seed: int = 0
    faults: FaultPlan = FaultPlan()
    clock_skew_seconds: float = 0.0
    token_life_seconds: Annotated[float, Field(gt=0)] = TOKEN_LIFE_SECONDS
    load_seconds: Annotated[float, Field(ge=0)] = 0.0
    fail_load_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    failed_values: Mapping[str, frozenset[str]] = {}
    list_order: Literal["newest", "oldest", "mixed"] = "newest"
    account_id: Annotated[str, Field(pattern=r"^\d{12}$")] = "123456789012"
    instance_tags: Mapping[str, str] = {}
    ledger_path: Path | None = None
    lake_path: Path | None = None
    max_body_bytes: Annotated[int, Field(ge=1)] = _MAX_BODY_BYTES

    @field_validator("host")
    @classmethod
    def _loopback(cls, value: str) -> str:
        # The control endpoints are unsigned and the lake contains payloads, so only this machine may reach
        # them. A name could be any address, so only addresses are accepted.
        if not _is_loopback(value):
            raise ValueError("the emulator listens on loopback addresses only, such as 127.0.0.1 or ::1")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.certfile is None) != (self.keyfile is None):
            raise ValueError("certfile and keyfile need each other")
        if self.ledger_path is not None and self.ledger_path == self.lake_path:
            raise ValueError("ledger_path and lake_path must be different files")
        return self


def _is_loopback(text: str) -> bool:
    try:
        return ip_address(text).is_loopback
    except ValueError:
        return False
