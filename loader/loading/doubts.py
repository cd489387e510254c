"""The decision about events in doubt whose tokens have expired, before a run sends anything."""

import logging
import math
from dataclasses import dataclass

from loader.checkpoint import Checkpoint
from loader.command_line import scn_loader
from loader.errors import DecisionNeeded
from loader.job import InDoubt
from loader.model import SAFE_SECONDS
from loader.report.figures import counted
from loader.service.client import SupplyChainClient

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DoubtRule:
    """What happens to an event that may have been accepted and whose token has expired.

    Attributes:
        choice: The user's choice.
        may_repeat: Whether a repeated record is harmless. With APPEND it is not.
    """

    choice: InDoubt
    may_repeat: bool

    @property
    def skips(self) -> bool:
        """Whether the event fails without being sent again."""
        return self.choice is InDoubt.SKIP

    @property
    def may_resend(self) -> bool:
        """Whether the event may be sent again. If it is not skipped either, the user must decide."""
        return self.choice is InDoubt.RESEND or self.may_repeat


async def decide_doubts(rule: DoubtRule, checkpoint: Checkpoint, client: SupplyChainClient) -> None:
    """Apply or require the decision about events that may have been accepted and whose token has expired.

    Only APPEND adds a record twice. So typed events, UPSERT and DELETE are sent again without a decision.

    Raises:
        DecisionNeeded: The user must decide.
    """
    strays_since = checkpoint.disagreement.strays_since
    _log_disagreement(checkpoint)
    if strays_since is None and not checkpoint.progress.in_doubt_before(math.inf):
        return
    # The clock may have been changed since the last run, or the last run was on another machine.
    await client.ask_time()
    before = client.service_now() - SAFE_SECONDS
    doubtful = checkpoint.progress.in_doubt_before(before)
    if strays_since is not None:
        if strays_since < before and not rule.may_resend:
            raise _strays_need_decision(checkpoint)
        await checkpoint.drop_strays()
    if not doubtful:
        return
    if rule.skips:
        await checkpoint.skip_in_doubt(before)
    elif rule.may_resend:
        await checkpoint.resend_in_doubt(before)
    else:
        raise DecisionNeeded(
            f"{_expired(doubtful)}.",
            where=str(checkpoint.run_dir),
            why="APPEND adds a record again if its event is sent again after 8 hours",
            next_step="run the load again with --in-doubt resend (some records may be doubled) or "
            "--in-doubt skip (some may be missing); status shows both commands:\n"
            f"{scn_loader('status', checkpoint.run_dir)}",
        )


def _expired(events: int) -> str:
    tokens = "its token has" if events == 1 else "their tokens have"
    return f"{counted(events, 'event')} may have been accepted, and {tokens} expired"


def _log_disagreement(checkpoint: Checkpoint) -> None:
    found = checkpoint.disagreement
    if found.windows or found.in_doubt or found.strays_since is not None:
        log.warning(
            "The parts of the checkpoint do not agree, probably because the run directory was copied while a "
            "load used it. The counts were corrected by the receipts. Events in doubt: %d. Events that are "
            "planned and sent again: %d.",
            found.in_doubt,
            found.stray_events,
        )


def _strays_need_decision(checkpoint: Checkpoint) -> DecisionNeeded:
    return DecisionNeeded(
        f"{_expired(checkpoint.disagreement.stray_events)}.",
        where=str(checkpoint.run_dir),
        why="the parts of the checkpoint do not agree, and the rows of these events are unknown",
        next_step="restore a copy of the run directory that was made while no load ran, or run the load "
        "again with --in-doubt resend (some records may be doubled)",
    )
