"""Remove earlier loads of a run directory by the rule of ``--keep``, and log the removal."""

import logging
import time
from contextlib import suppress
from pathlib import Path

from loader.checkpoint.earlier.retention import remove_earlier_loads
from loader.checkpoint.start.lock import lock_run_dir
from loader.errors import CheckpointError
from loader.job import Keep

log = logging.getLogger(__name__)


def remove_earlier(run_dir: Path, keep: Keep, now: float) -> None:
    """Remove the loads that the rule does not keep. A failure is only logged.

    The caller has locked the directory.

    Args:
        run_dir: The run directory.
        keep: The rule.
        now: Epoch seconds.
    """
    removed = remove_earlier_loads(run_dir, keep, now)
    if removed.loads:
        log.info(
            "Earlier loads were removed by --keep %s.",
            str(keep),
            extra={"loads": removed.loads, "rows_rejected": removed.rows_rejected},
        )
    if removed.problem:
        log.warning("Earlier loads cannot be removed by --keep %s: %s", str(keep), removed.problem)


def remove_earlier_unless_held(run_dir: Path, keep: Keep) -> None:
    """Remove the loads that the rule does not keep, unless another process has locked the directory."""
    if keep.is_all or not run_dir.exists():
        return
    with suppress(CheckpointError), lock_run_dir(run_dir, patience_seconds=0.0):
        remove_earlier(run_dir, keep, time.time())
