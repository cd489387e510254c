"""``verify`` from end to end: open the checkpoint, ask the service, return the result."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from loader.aws.credentials import CredentialSource
from loader.checkpoint.plan import Plan
from loader.checkpoint.queries import Totals
from loader.checkpoint.verdicts import Verdict, Verdicts, open_verdicts
from loader.command_line import scn_loader
from loader.datasets import Dataset
from loader.errors import ExitCode, ExtractError, Interrupted, LoaderError, contained, contained_call
from loader.extract import open_extract, place_of_dataset
from loader.process.signals import GRACE_SECONDS, on_signals
from loader.service.client import SupplyChainClient, open_client
from loader.service.live_schema import read_dataset
from loader.verify.asking import VERIFY_DRAIN_SECONDS
from loader.verify.not_loaded import Cause, Failure, find_rows, read_failures, write_not_loaded
from loader.verify.session import VerifySession, VerifySettings
from loader.verify.stored_settings import StoredSettings, stored_plan, stored_settings


@dataclass(frozen=True, slots=True)
class NotLoaded:
    """Rows that are not in the data lake.

    Attributes:
        rows: Number of rows.
        left_out: Number of rows that are not in the files, because a later row of their key is loaded.
        causes: The causes, the most frequent first.
        problem: Why the files could not be written, or None.
    """

    rows: int
    left_out: int
    causes: Sequence[Cause]
    problem: LoaderError | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """The verification of a load's receipts.

    Attributes:
        run_dir: Its run directory.
        receipts: Accepted events; for an event that was refused as a whole, its accepted parts.
        counts: Number of receipts per verdict.
        calls: Requests made in this run.
        totals: The counts of the load.
        command: The command line of the load.
        not_loaded: The rows that are not in the data lake; None without such rows or before all is decided.
        error: The error that ended the run early, or None.
    """

    run_dir: Path
    receipts: int
    counts: Mapping[Verdict, int]
    calls: int
    totals: Totals
    command: str = ""
    not_loaded: NotLoaded | None = None
    error: LoaderError | None = None

    @property
    def undecided(self) -> int:
        """Number of receipts without a final verdict, including events that the service no longer keeps."""
        counts = self.counts
        return counts[Verdict.UNDECIDED] + counts[Verdict.IN_PROGRESS] + counts[Verdict.UNKNOWN]

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        if self.error is not None:
            return self.error.exit_code
        if self.counts[Verdict.FAILED] or self.counts[Verdict.MISSING]:
            return ExitCode.DELIVERED_WITH_FAILURES
        totals = self.totals
        is_whole = not (self.undecided or totals.events_in_doubt or totals.events_unprocessed)
        if totals.events_failed and is_whole:
            return ExitCode.DELIVERED_WITH_FAILURES
        return ExitCode.DELIVERED if is_whole else ExitCode.UNDECIDED


def together(shards: Sequence[Verification], run_dir: Path) -> Verification:
    """Combine the verifications of a load's shards (at least one)."""
    if len(shards) == 1:
        return replace(shards[0], run_dir=run_dir)
    counts: Counter[Verdict] = Counter()
    sums: Counter[str] = Counter()
    for each in shards:
        counts.update(each.counts)
        sums.update(asdict(each.totals))
    found = [each.not_loaded for each in shards if each.not_loaded is not None]
    not_loaded = NotLoaded(
        rows=sum(each.rows for each in found),
        left_out=sum(each.left_out for each in found),
        causes=[cause for each in found for cause in each.causes],
        problem=next((each.problem for each in found if each.problem is not None), None),
    )
    return Verification(
        run_dir=run_dir,
        receipts=sum(each.receipts for each in shards),
        counts=counts,
        calls=sum(each.calls for each in shards),
        totals=Totals(**{name: sums[name] for name in asdict(shards[0].totals)}),
        command=shards[0].command,
        not_loaded=not_loaded if found else None,
        error=next((each.error for each in shards if each.error is not None), None),
    )


def verify_run(
    run_dir: Path,
    settings: VerifySettings,
    given: Mapping[str, Any] | None = None,
    *,
    credentials: CredentialSource | None = None,
    watch: Callable[[int, int], None] = lambda _done, _all: None,
) -> Verification:
    """Verify the accepted events of a load. Call this from the main thread.

    Args:
        run_dir: The run directory.
        settings: How to verify.
        given: Region, profile and endpoint that replace those of the load.
        credentials: Credentials used for signing; looked up if not given.
        watch: Called from time to time with the number of decided receipts and of all receipts.

    Raises:
        LoaderError: No request could be sent.
    """
    return asyncio.run(
        verify(run_dir, settings, given, credentials=credentials, watch=watch, on_signals=True)
    )


async def verify(
    run_dir: Path,
    settings: VerifySettings,
    given: Mapping[str, Any] | None = None,
    *,
    credentials: CredentialSource | None = None,
    watch: Callable[[int, int], None] = lambda _done, _all: None,
    on_signals: bool = False,
) -> Verification:
    """Do the same as `verify_run` on the running event loop; ``on_signals``: whether signals stop it."""
    plan = stored_plan(run_dir)
    stored = stored_settings(run_dir, plan, given)
    with open_verdicts(run_dir) as verdicts:

        def watched() -> None:
            watch(verdicts.total - _left(verdicts), verdicts.total)

        error: LoaderError | None = None
        not_loaded: NotLoaded | None = None
        calls = 0
        if verdicts.total or verdicts.totals().events_failed:
            async with await open_client(stored.client, credentials=credentials, reads=True) as client:
                await client.ask_time()
                session = VerifySession(verdicts, client, stored.destination, settings, watched)
                with _stopped_by_signals(session) if on_signals else nullcontext(), contained():
                    error = await _asked(session)
                calls = session.calls
                if error is None and not _left(verdicts):
                    not_loaded = await _keep_failures(stored, plan, client, verdicts)
        return Verification(
            run_dir=run_dir,
            receipts=verdicts.total,
            counts=verdicts.counts(),
            calls=calls,
            totals=verdicts.totals(),
            command=plan.command,
            not_loaded=not_loaded,
            error=error,
        )


def _left(verdicts: Verdicts) -> int:
    """Return the number of receipts that have no verdict yet."""
    counts = verdicts.counts()
    return counts[Verdict.UNDECIDED] + counts[Verdict.IN_PROGRESS]


async def _asked(session: VerifySession) -> LoaderError | None:
    """Ask about all events; return the error that ended the questions early."""
    try:
        await session.run()
    except LoaderError as error:
        return error
    return None


def keep_refused(run_dir: Path) -> NotLoaded | None:
    """Write the known rows that are not in the data lake to files for correction. Makes no calls.

    Args:
        run_dir: The run directory of a load that planned all of its events.

    Returns:
        The rows; None without such rows.

    Raises:
        LoaderError: The rows cannot be found or written.
    """
    plan = stored_plan(run_dir)
    stored = stored_settings(run_dir, plan)
    with open_verdicts(run_dir) as verdicts:
        failures = read_failures(verdicts)
        if not failures:
            return None
        if stored.reads_schema:
            raise ExtractError(
                "The rows of a load with --live-schema cannot be found without the service.",
                where=str(run_dir),
                next_step=f"ask the service:\n{scn_loader('verify', run_dir)}",
            )
        return contained_call(_write_failures, stored, plan, None, verdicts, failures)


async def _keep_failures(
    stored: StoredSettings, plan: Plan, client: SupplyChainClient, verdicts: Verdicts
) -> NotLoaded | None:
    """Write the rows that are not in the data lake for correction; the verdicts stay if that fails."""
    failures = read_failures(verdicts)
    if not failures:
        return None
    try:
        schema = None
        if stored.reads_schema:
            place = place_of_dataset(stored.extract.mapping.target)
            schema = await read_dataset(client, stored.destination.instance_id, *place)
        return contained_call(_write_failures, stored, plan, schema, verdicts, failures)
    except LoaderError as error:
        return NotLoaded(0, 0, (), error)


def _write_failures(
    stored: StoredSettings,
    plan: Plan,
    schema: Dataset | None,
    verdicts: Verdicts,
    failures: Mapping[int, Sequence[Failure]],
) -> NotLoaded:
    with closing(open_extract(stored.extract, schema=schema, with_keys=True)) as extract:
        rows = find_rows(stored.destination, extract, plan, verdicts, failures)
        with closing(rows):
            found = NotLoaded(*rows.counts(), tuple(rows.causes()))
            write_not_loaded(rows, stored.extract.resume.checkpoint_dir.absolute(), extract)
            return found


def _stopped_by_signals(session: VerifySession) -> AbstractContextManager[None]:
    """Let signals stop the questions; verdicts so far are kept."""
    loop = asyncio.get_running_loop()

    def stop(reason: Interrupted) -> None:
        loop.call_soon_threadsafe(session.stop, reason)

    return on_signals(stop, lambda _reason: None, VERIFY_DRAIN_SECONDS + GRACE_SECONDS)
