"""``load --emulate``: run an emulator in its own process for the duration of the load."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loader.cli.emulator import ANNOUNCEMENT
from loader.command_line import scn_loader
from loader.errors import NothingNew, SettingsError
from loader.job import Job, address_of, run_dir_of
from loader.job.sections import STANDARD_INPUT
from loader.private_files import check_files, make_private_folder, with_sidecars
from loader.process.daemon_thread import in_daemon_thread

if TYPE_CHECKING:
    from loader.aws.credentials import FixedCredentials
    from loader.loading.opening import LoadParts
    from loader.service.client import SupplyChainClient
    from loader.service.settings import ClientSettings

REHEARSAL = {"instance_id": "00000000-0000-4000-8000-000000000000"}
"""Settings of a rehearsal that the job leaves out."""

LAKE_NAME = "lake.sqlite"
STOP_SECONDS = 10.0

NOT_STARTED = "http://127.0.0.1"
"""URL of an emulator that has not started: the plan needs only its host."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A load into an emulator on this machine.

    Attributes:
        job: The job that loads into it.
        key: The key that signs its calls. A rehearsal must not sign with a real key. The real key stays in
            the environment, because reading the extract from S3 may need it.
        parts: Functions that open the parts of the load.
    """

    job: Job
    key: "FixedCredentials"
    parts: "LoadParts"


@contextmanager
def emulated(job: Job) -> Iterator[Rehearsal]:
    """Yield the rehearsal of a job; its emulator runs until the context ends.

    The emulator starts when the load opens its client: an extract that cannot be loaded is refused earlier,
    and a dry run opens none. Workers open clients of their own, so for them the extract is opened here first.

    The lake is in the run directory, where users can inspect it and a resumed rehearsal finds it.

    Args:
        job: The job to rehearse.

    Raises:
        SettingsError: The emulator did not start.
        LoaderError: The extract of a load with workers cannot be loaded.
    """
    from loader.loading.opening import LoadParts  # noqa: PLC0415 - polars is slow to import, --help is not
    from loader.service.client import open_client  # noqa: PLC0415 - the same

    run_dir = run_dir_of(job)
    profile = os.environ.pop("AWS_PROFILE", None)
    has_workers = (job.workers or 1) > 1 and not job.dry_run
    with ExitStack() as stack:
        start = cache(partial(_begin, stack, run_dir, restart=job.restart))

        async def open_client_of_emulator(settings: "ClientSettings", **options: Any) -> "SupplyChainClient":
            access = replace(settings.access, endpoint_url=await in_daemon_thread(start, "emulator"))
            return await open_client(replace(settings, access=access), **options)

        rehearsed = job.model_copy(
            update={
                "endpoint_url": NOT_STARTED,
                "profile": None,
                "extract_profile": job.extract_profile or job.profile or profile,
                "region": job.region or "us-east-1",
                "run_dir": job.run_dir if address_of(job.run_dir) else run_dir,
            }
        )
        if has_workers:
            _refuse_unusable(rehearsed)
            rehearsed = rehearsed.model_copy(update={"endpoint_url": start()})
        yield Rehearsal(rehearsed, emulator_key(), LoadParts(open_client=open_client_of_emulator))


def _refuse_unusable(job: Job) -> None:
    """Open the extract of a job and close it again. Standard input can be read only once, by the load.

    Raises:
        LoaderError: It cannot be loaded.
    """
    if job.live_schema or STANDARD_INPUT in job.extract:
        return
    from loader.extract import open_extract  # noqa: PLC0415 - polars is slow to import, --help is not
    from loader.stage_settings.extract import extract_settings  # noqa: PLC0415 - the same

    with suppress(NothingNew):  # a result of the load, not a refusal
        open_extract(extract_settings(job)).close()


def _begin(stack: ExitStack, run_dir: Path, *, restart: bool) -> str:
    """Start the emulator of a rehearsal, which the stack ends, and return its URL."""
    lake = run_dir / LAKE_NAME
    _prepare(run_dir, lake)
    if restart:
        for part in with_sidecars(lake):
            part.unlink(missing_ok=True)
    return stack.enter_context(_emulator(lake))


@contextmanager
def emulated_again(run_dir: Path) -> Iterator[str]:
    """Start an emulator with the lake of an earlier rehearsal, which has the accepted events; yield its URL.

    Raises:
        SettingsError: The emulator did not start.
    """
    with _emulator(run_dir / LAKE_NAME) as url:
        yield url


def emulator_key() -> "FixedCredentials":
    """Return the key that signs the calls of a rehearsal."""
    # These imports are slow; --help does not need them.
    from loader.aws.credentials import FixedCredentials  # noqa: PLC0415
    from loader.aws.signing import Credentials  # noqa: PLC0415
    from loader.emulator import ACCESS_KEY_ID, SECRET_ACCESS_KEY  # noqa: PLC0415

    return FixedCredentials(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY))


def _prepare(run_dir: Path, lake: Path) -> None:
    try:
        make_private_folder(run_dir)
        check_files(with_sidecars(lake))
    except OSError as error:
        raise SettingsError(
            "The run directory cannot be used.",
            where=str(error.filename or run_dir),
            why=error.strerror or str(error),
            next_step="name another one with --run-dir",
        ) from error


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the emulator's process: without AWS settings, which it does not need."""
    return {
        name: value for name, value in environment.items() if not name.startswith(("AWS_", "SCN_LOADER_"))
    }


@contextmanager
def _emulator(lake: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "loader", "emulator", "--port", "0", "--until-stdin-ends"]
    # The emulator has its own session: Ctrl-C stops the load, which still needs answers to requests in
    # flight.
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*command, "--lake", str(lake)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=_without_secrets(os.environ),
        start_new_session=True,
    )
    with process:
        try:
            line = process.stdout.readline() if process.stdout is not None else ""
            if not line.startswith(ANNOUNCEMENT):
                raise SettingsError(
                    "The emulator did not start.",
                    next_step=f"see why:\n{scn_loader('emulator', '--port', '0', '--lake', lake)}",
                )
            yield line.removeprefix(ANNOUNCEMENT).strip()
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
