"""The overview of a load of several shards."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.queries import RunEnd
from loader.command_line import CommandLine
from loader.errors import CheckpointError
from loader.report.figures import counted
from loader.report.trouble import Trouble, read_trouble
from loader.shards.whole import Whole, whole_load
from loader.status.overview import COMPLETED, LoadState, Overview, read_overview
from loader.status.relatives import child_of


def read_load(place: Path, now: float) -> Overview:
    """Return the overview of a run directory, with or without shards. A damaged one does not raise.

    Args:
        place: The run directory, or a checkpoint file of it.
        now: Epoch seconds.
    """
    if place.is_file():
        return read_overview(place, now)
    try:
        with whole_load(place.absolute()) as whole:
            return overview_of(whole, place, now)
    except CheckpointError as problem:
        return unreadable(place, problem)


def unreadable(place: Path, problem: CheckpointError) -> Overview:
    """Return the overview of a run directory whose checkpoints cannot be read."""
    run_dir = place.absolute()
    return Overview(run_dir, LoadState.UNREADABLE, run_dir / CHECKPOINT_NAME, problem=problem)


def overview_of(whole: Whole | None, place: Path, now: float) -> Overview:
    """Return the overview of a run directory whose shards are already read.

    Args:
        whole: Its load, if the load has shards.
        place: The run directory, or a checkpoint file of it.
        now: Epoch seconds.
    """
    if whole is None:
        return read_overview(place, now)
    run_dir = place.absolute()
    overview = read_overview(whole.place, now)
    if overview.plan is None:
        return overview
    state = _state(whole)
    began = [run.started_at for run in whole.runs if run.started_at is not None]
    ended = [run.ended_at for run in whole.runs if run.ended_at is not None]
    return replace(
        overview,
        run_dir=run_dir,
        checkpoint=run_dir / CHECKPOINT_NAME,
        kept=[],
        child=child_of(run_dir / CHECKPOINT_NAME, overview.load_id, overview.created_at or 0.0),
        state=state,
        plan=replace(overview.plan, command=_command(whole)),
        started_at=min(began, default=None),
        ended_at=max(ended, default=None) if state is not LoadState.RUNNING else None,
        last_run=_end(whole) if state in (LoadState.FINISHED, LoadState.STOPPED) else None,
        pid=next((run.pid for run in whole.runs if run.pid is not None), None),
        trouble=_trouble(whole),
        shards=_words(whole),
    )


def _trouble(whole: Whole) -> Trouble | None:
    """Return the trouble that a shard met last."""
    troubles = (read_trouble(run.run_dir) for run in whole.runs)
    return max((each for each in troubles if each is not None), key=lambda each: each.latest, default=None)


def _state(whole: Whole) -> LoadState:
    if any(run.pid is not None for run in whole.runs):
        return LoadState.RUNNING
    if any(run.end is None for run in whole.runs):
        return LoadState.KILLED
    is_finished = not whole.missing and not whole.stopped
    return LoadState.FINISHED if is_finished else LoadState.STOPPED


def _end(whole: Whole) -> RunEnd:
    ends = [run.end for run in whole.runs if run.end is not None]
    stopped = next((run.end for run in whole.stopped if run.end is not None), None)
    cause = stopped.cause if stopped is not None else COMPLETED
    if stopped is None and whole.missing:
        cause = f"{counted(len(whole.missing), 'shard')} of {whole.of:,} not begun"
    return RunEnd(
        cause=cause,
        exit_code=whole.exit_code,
        complete=cause == COMPLETED,
        attempts=sum(end.attempts for end in ends),
        throttled=sum(end.throttled for end in ends),
        retried=sum(end.retried for end in ends),
        seconds=max(end.seconds for end in ends),
    )


def _command(whole: Whole) -> str:
    """Return the command for the remaining work: that of the shard with the most serious end."""
    chosen = next(iter(whole.stopped), None)
    if chosen is not None or not whole.missing:
        return (chosen or whole.runs[0]).command
    command = whole.runs[0].command
    line = CommandLine.parsed(command) if command else None
    if line is None or line.value_of("--shard") is None:
        return command
    return line.having("--shard", str(whole.missing[0])).pasteable()


def _words(whole: Whole) -> str:
    """Return the number of shards in each state, in words."""
    states = Counter(_shard_states(whole))
    return f"{whole.of:,}: " + ", ".join(f"{number:,} {state}" for state, number in states.items())


def _shard_states(whole: Whole) -> Iterator[str]:
    for run in whole.runs:
        if run.pid is not None:
            yield "running"
        elif run.is_finished:
            yield "finished"
        else:
            yield "stopped" if run.end is not None else "killed"
    for _ in whole.missing:
        yield "not begun"
