"""``scn-loader emulator``: an emulator of the service on loopback, for rehearsals and tests."""

import os
import signal
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import Annotated

import orjson
import typer
from pydantic import ValidationError

from loader.command_line import scn_loader
from loader.errors import CheckpointWriteError, SettingsError

ANNOUNCEMENT = "The emulator listens on "


def emulator(
    *,
    port: Annotated[int, typer.Option(help="TCP port on 127.0.0.1; 0 picks a free one.")] = 8765,
    rate: Annotated[float | None, typer.Option(help="Calls per second to admit. Default: no quota.")] = None,
    burst: Annotated[
        int | None, typer.Option(help="Calls to admit at once after a pause. Default: one second of calls.")
    ] = None,
    latency_ms: Annotated[float, typer.Option(help="Mean response time in milliseconds.")] = 0.0,
    jitter_ms: Annotated[float, typer.Option(help="Spread of the response time in milliseconds.")] = 0.0,
    faults: Annotated[
        Path | None, typer.Option(help="A fault plan in TOML or JSON: what fails, and when.")
    ] = None,
    refuse_record_where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE",
            help="Refuse each event that holds a record with this value. Repeatable.",
        ),
    ] = None,
    load_seconds: Annotated[
        float, typer.Option(help="Seconds for which a dataset event stays IN_PROGRESS.", min=0)
    ] = 0.0,
    fail_load_share: Annotated[
        float, typer.Option(help="Share of accepted events whose load fails, from 0 to 1.", min=0, max=1)
    ] = 0.0,
    fail_load_where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE",
            help="Fail the load of each event that holds a record with this value. Repeatable.",
        ),
    ] = None,
    list_order: Annotated[
        str, typer.Option(help="Order of ListDataIntegrationEvents: newest, oldest or mixed.")
    ] = "newest",
    seed: Annotated[
        int, typer.Option(help="The same seed gives the same response times and failed loads.")
    ] = 0,
    lake: Annotated[
        Path | None, typer.Option(help="SQLite file for accepted records: one table per dataset.")
    ] = None,
    ledger: Annotated[Path | None, typer.Option(help="SQLite file with one row per call received.")] = None,
    dataset: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE.json",
            help="A custom dataset: namespace, name and schema as for CreateDataLakeDataset, or the output "
            "of 'aws supplychain get-data-lake-dataset'. Repeatable.",
        ),
    ] = None,
    verify_signatures: Annotated[
        bool, typer.Option(help="Require requests to be signed with the key shown at the start.")
    ] = True,
    until_stdin_ends: Annotated[bool, typer.Option("--until-stdin-ends", hidden=True)] = False,
) -> None:
    """Run the service's event API on this machine until Ctrl-C: same calls, same limits, same errors.

    The emulator listens on loopback only. Point a load or any AWS SDK at it with --endpoint-url. It prints
    the keys that it accepts at the start; they are valid for the emulator only.
    """
    from loader.emulator import (  # noqa: PLC0415 - aiohttp and botocore are slow to import, --help is not
        EmulatorSettings,
        FaultPlan,
        QuotaSettings,
        run_emulator,
    )

    def announce(url: str) -> None:
        typer.echo(f"{ANNOUNCEMENT}{url}")
        for access_key, secret in settings.credentials.items():
            typer.echo(f"AWS_ACCESS_KEY_ID={access_key} AWS_SECRET_ACCESS_KEY={secret}")

    try:
        settings = EmulatorSettings(
            quota=QuotaSettings(rate=rate, burst=burst),
            latency_seconds=latency_ms / 1000,
            latency_jitter_seconds=jitter_ms / 1000,
            seed=seed,
            lake_path=lake,
            ledger_path=ledger,
            verify_signatures=verify_signatures,
            datasets=tuple(orjson.loads(path.read_bytes()) for path in dataset or ()),
            refused_values=_values_by_column("--refuse-record-where", refuse_record_where or ()),
            load_seconds=load_seconds,
            fail_load_share=fail_load_share,
            failed_values=_values_by_column("--fail-load-where", fail_load_where or ()),
            list_order=list_order,
            faults=FaultPlan() if faults is None else FaultPlan.from_file(faults),
        )
    except (ValueError, OSError) as error:
        raise SettingsError(
            "The emulator cannot use these settings.",
            where=" ".join(str(path) for path in (faults, *(dataset or ())) if path is not None),
            why=_reason(error),
            next_step=f"see the settings:\n{scn_loader('emulator', '--help')}",
        ) from error
    if until_stdin_ends:
        Thread(target=_stop_when_stdin_ends, daemon=True).start()
    try:
        run_emulator(settings, port=port, announce=announce)
    except RuntimeError as error:
        if not isinstance(error.__cause__, (OSError, sqlite3.Error)):
            raise
        raise CheckpointWriteError(
            "The emulator could not write what it accepted, so it ended.",
            where=f"{lake or ''} {ledger or ''}".strip(),
            why=str(error.__cause__),
            next_step="free space on the disk, then run the same command again",
        ) from error
    except (OSError, sqlite3.DatabaseError) as error:
        place = error.filename if isinstance(error, OSError) else f"{lake or ''} {ledger or ''}".strip()
        raise SettingsError(
            "The emulator could not start.",
            where=str(place or f"port {port}"),
            why=str(error),
            next_step="choose another --port (0 picks a free one), --lake or --ledger",
        ) from error


def _values_by_column(flag: str, conditions: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return the values by column.

    Raises:
        ValueError: A condition is not of the form COLUMN=VALUE.
    """
    values: defaultdict[str, set[str]] = defaultdict(set)
    for condition in conditions:
        column, equals, value = condition.partition("=")
        if not column or not equals:
            raise ValueError(f"{flag} takes COLUMN=VALUE, not '{condition}'")
        values[column].add(value)
    return {column: frozenset(refused) for column, refused in values.items()}


def _reason(error: ValueError | OSError) -> str:
    if isinstance(error, ValidationError):
        problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        return "\n".join(problems)
    return str(error)


def _stop_when_stdin_ends() -> None:
    # When the parent process ends, for whatever reason, its end of the pipe closes.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
