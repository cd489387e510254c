"""Show the status of a load's accepted events, for ``verify`` and ``load --verify``."""

import re
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from loader.cli.errors import show_error
from loader.cli.terminal.corrected_load import standing_of
from loader.cli.terminal.in_s3 import LocalRunDir
from loader.errors import Interrupted, SettingsError
from loader.report.json_text import json_text
from loader.shards.division import present_division
from loader.status.next_steps import Step, loading_steps, status_step
from loader.status.overview import read_overview

if TYPE_CHECKING:
    from loader.aws.credentials import CredentialSource
    from loader.verify.api import Verification
    from loader.verify.session import VerifySettings

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


@dataclass(frozen=True, slots=True)
class OtherService:
    """The service that is asked, where it differs from that of the load.

    Attributes:
        given: Region, profile and endpoint that replace those of the load.
        credentials: Credentials used for signing; looked up if not given.
    """

    given: Mapping[str, Any] = field(default_factory=dict)
    credentials: "CredentialSource | None" = None


def show_verification(
    here: LocalRunDir,
    settings: "VerifySettings",
    service: OtherService,
    value_flags: Collection[str],
    *,
    as_json: bool = False,
    debug: bool = False,
) -> "Verification":
    """Verify a load, print the result and the next step, and return the result.

    Args:
        here: The run directory of the load.
        settings: How the service is asked.
        service: The service, where it differs from that of the load.
        value_flags: The flags of ``load`` that take a value.
        as_json: Whether to print one JSON object.
        debug: Whether to print the traceback of an error.

    Raises:
        LoaderError: No request could be sent.
    """
    from loader.verify.api import together, verify_run  # noqa: PLC0415 - slow to import, --help is not
    from loader.verify.text import to_json, to_text  # noqa: PLC0415 - the same

    run_dir = here.path.absolute()  # so that printed commands run in any folder
    watch = _say if sys.stderr.isatty() else _say_nothing
    shards: list[Verification] = []
    for folder in _folders(run_dir):
        found = verify_run(folder, settings, service.given, credentials=service.credentials, watch=watch)
        shards.append(found)
        if found.error is not None:
            if not isinstance(found.error, Interrupted):
                show_error(found.error, debug=debug)
            break
    whole = together(shards, run_dir)
    if as_json:
        typer.echo(here.named(json_text(to_json(whole)).decode()))
        return whole
    for found in shards:
        steps = loading_steps(standing_of(read_overview(found.run_dir, time.time()), value_flags))
        text = to_text(found, [*_rest(found), *steps] if len(shards) == 1 else steps)
        typer.echo(here.named(text))
    if len(shards) > 1:
        text = to_text(whole, list(_rest(whole)))
        typer.echo(here.named(f"All {len(shards):,} shards together: {text}"))
    return whole


def _rest(found: "Verification") -> Iterator[Step]:
    """Yield the step that shows the events of a load that were not accepted, if there are any."""
    if found.totals.events_total > found.totals.events_accepted:
        yield status_step(str(found.run_dir))


def _folders(run_dir: Path) -> Sequence[Path]:
    """Return the folders of a load's checkpoints: one, or one for each shard."""
    division = present_division(run_dir)
    if division is None:
        return [run_dir]
    if division.missing:
        missing = ", ".join(str(shard) for shard in division.missing)
        typer.echo(f"Shards that have not begun are not verified: {missing}.", err=True)
    return [part.run_dir for part in division.parts]


def duration_seconds(text: str) -> float:
    """Return a duration such as ``90s``, ``10m`` or ``2h`` in seconds.

    Raises:
        SettingsError: The text is not a duration.
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([smhd]?)", text.strip().lower(), re.ASCII)
    if match is None:
        raise SettingsError(
            "The duration cannot be used.",
            where=f"'{text}'",
            why="it is not of the form 90s, 10m or 2h",
            next_step="give a duration such as 30m",
        )
    return float(match[1]) * _UNITS[match[2]]


def _say_nothing(_done: int, _total: int) -> None:
    pass


def _say(done: int, total: int) -> None:
    sys.stderr.write(f"\r{done:,} of {total:,} receipts decided")
    sys.stderr.flush()
