"""A job whose extract is a frame in memory."""

from collections.abc import Iterator
from contextlib import contextmanager

from loader.errors import SettingsError
from loader.extract.frames import Frame, stored_frame
from loader.job import Job, address_of, checkpoint_dir_of, run_dir_of


@contextmanager
def job_of_frame(job: Job, frame: Frame | None) -> Iterator[Job]:
    """Yield the job with a frame as its extract, or the job itself without a frame.

    Blocking. The file of the frame is removed at the end.

    Args:
        job: The settings; its extract must be empty if a frame is given.
        frame: The rows, or None.

    Raises:
        SettingsError: Both a frame and an extract are given, or the object is not a frame.
        ExtractError: The frame cannot be computed, or the file cannot be written.
    """
    if frame is None:
        yield job
        return
    if job.extract:
        raise SettingsError(
            "The job has an extract and a frame.",
            where=", ".join(job.extract),
            why="the rows come either from files or from the frame",
            next_step="leave out extract in the job, SCN_LOADER_EXTRACT in the environment, or the frame",
        )
    # The name of a run directory without a setting depends on the extract: the frame, not the file.
    run_dir = job.run_dir if address_of(job.run_dir) else run_dir_of(job)
    with stored_frame(frame, checkpoint_dir_of(job)) as path:
        yield job.model_copy(update={"extract": (path,), "run_dir": run_dir})
