"""Load hostile inputs one by one and judge each: ``python -m tests.hostile.worker FOLDER NUMBER...``.

Everything is real: the files, the load as the command runs it (``run_to_end``), sockets, an emulator in a
thread of this process. A process of its own, because a hostile input may end it, and its memory is measured.
One line of JSON goes to stdout before each case and one after it.
"""

import asyncio
import logging
import os
import resource
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from loader.cli.terminal.panic_filter import without_panics
from loader.delivery.rate.memory import RateMemory, Remembered
from loader.emulator import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Emulator, EmulatorSettings, running_emulator
from loader.emulator.store.ledger import ACCEPTED, REPLAYED
from loader.errors import ExitCode, LoaderError
from loader.job import read_job
from loader.loading.api import run_to_end
from loader.loading.observers import Ending, Observers
from loader.report import render_error
from tests.hostile.case import MARKER, Case
from tests.hostile.kinds import make_case, name_of

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"

ADDRESS_SPACE_BYTES = 8 * 2**30
"""What a worker may map: an allocation without measure fails here and not on the whole machine."""

KNOWN_RATE = 20_000.0
"""Events per second that these loads find remembered: each would spend a second or two on a cold start."""

CASE_SECONDS = 20.0
"""Most processor time of a load, the emulator's included: the inputs are small or refused early."""

REFUSALS = {ExitCode.REFUSED, ExitCode.NOTHING_TO_LOAD}
ENDINGS = {
    ExitCode.DELIVERED,
    ExitCode.DELIVERED_WITH_FAILURES,
    ExitCode.REFUSED,
    ExitCode.TOO_MANY_ERRORS,
    ExitCode.STOPPED_RESUMABLE,
    ExitCode.NOTHING_TO_LOAD,
}


@dataclass
class Verdict:
    """The result of a case.

    Attributes:
        number: The case.
        kind: Its kind.
        code: Exit code.
        said: The error block, or empty.
        wrong: Violations, as sentences.
        seconds: Processor time of the load.
        peak_mebibytes: Peak memory of the case, without the memory of earlier cases.
    """

    number: int
    kind: str
    code: int = -1
    said: str = ""
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0
    peak_mebibytes: int = 0


def judge(number: int, folder: Path, emulator: Emulator, at_start: int) -> Verdict:
    """Make a case, load it and judge the result; ``at_start`` is the memory of this process in MiB before."""
    verdict = Verdict(number, name_of(number))
    case = make_case(number, folder)
    attempts_before, accepted_before = emulator.summary()["attempts"], _accepted(emulator)
    complaints = os.fstat(2).st_size
    resident_before = _memory("VmRSS")
    _forget_peak()
    began = time.process_time()
    log = folder / "log"
    try:
        with without_panics(), _logged(log):  # as in the command
            ending = _load(case, folder, emulator.url)
    except LoaderError as error:
        verdict.code, verdict.said = error.exit_code, render_error(error, color=False)
        verdict.wrong += _wrong_refusal(error)
    except BaseException as error:  # noqa: BLE001 - a panic of polars is not an Exception
        verdict.wrong.append(f"a traceback: {type(error).__name__}: {str(error)[:300]}")
    else:
        verdict.code = ending.summary.exit_code
        verdict.said = render_error(ending.error, color=False) if ending.error is not None else ""
        verdict.wrong += _wrong_ending(ending, _accepted(emulator) - accepted_before)
    verdict.seconds = time.process_time() - began
    # What earlier cases left behind is not this one's: allocators give memory back late.
    verdict.peak_mebibytes = _memory("VmHWM") - resident_before + at_start
    sent = emulator.summary()["attempts"] - attempts_before
    if sent and verdict.code in REFUSALS:
        verdict.wrong.append(f"{sent} events were sent by a load that was refused")
    if sent and not case.may_send:
        verdict.wrong.append(f"{sent} events were sent of an extract without a row")
    if os.fstat(2).st_size > complaints:
        verdict.wrong.append("something was written to stderr past the log")
    if verdict.peak_mebibytes > case.most_mebibytes:
        verdict.wrong.append(f"it took {verdict.peak_mebibytes} MiB")
    if verdict.seconds > CASE_SECONDS:
        verdict.wrong.append(f"it took {verdict.seconds:.0f} s")
    if not case.may_name_values and MARKER in verdict.said + log.read_text(errors="replace"):
        verdict.wrong.append("a value of a row was shown")
    return verdict


def _load(case: Case, folder: Path, url: str) -> Ending:
    job = read_job(
        extract=list(case.extract),
        event_type="scn.data.reservation",
        instance_id=INSTANCE,
        endpoint_url=url,
        run_dir=folder / "run",
        **case.settings,
    )
    left = case.after_events
    mischief = case.mischief

    def on_result(_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0 and mischief is not None:
            mischief()

    def opened(_: Path, __: str) -> None:
        if case.after_events == 0 and mischief is not None:
            mischief()

    return run_to_end(job, Observers(on_result=on_result, opened=opened))


def _wrong_refusal(error: LoaderError) -> Iterator[str]:
    if error.exit_code not in REFUSALS:
        yield f"it was refused with exit code {error.exit_code!r}"
    if not error.what.endswith(".") or not (error.where or error.why or error.next_step):
        yield f"the error says too little: {error.block()}"
    if "panick" in error.block():
        yield f"the error speaks of a panic: {error.block()}"


def _wrong_ending(ending: Ending, accepted: int) -> Iterator[str]:
    summary = ending.summary
    yield from summary.violations()
    if summary.exit_code not in ENDINGS:
        yield f"it ended with exit code {summary.exit_code!r}"
    if summary.events_accepted != accepted:
        yield f"{accepted} events were accepted, {summary.events_accepted} are in the summary"
    if ending.error is not None:
        yield from (each for each in _wrong_refusal(ending.error) if "exit code" not in each)


def _accepted(emulator: Emulator) -> int:
    """Return how many events got a receipt: two cases may be the same load."""
    verdicts = emulator.summary()["verdicts"]
    return int(verdicts.get(ACCEPTED, 0) + verdicts.get(REPLAYED, 0))


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _memory(name: str) -> int:
    """Return a figure of this process's memory in MiB: resident now (VmRSS) or at its peak (VmHWM)."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) // 1024


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    handler = logging.FileHandler(path)
    logging.getLogger("loader").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("loader").removeHandler(handler)
        handler.close()


@contextmanager
def _emulator() -> Iterator[Emulator]:
    """Run an emulator in a thread for as long as the context lasts."""
    ready: list[Emulator] = []
    started, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        async with running_emulator(EmulatorSettings()) as emulator:
            loops.append(asyncio.get_running_loop())
            ready.append(emulator)
            started.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    started.wait()
    try:
        yield ready[0]
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join()


def _say(**what: object) -> None:
    sys.stdout.write(orjson.dumps(what).decode() + "\n")
    sys.stdout.flush()


def main(folder: Path, numbers: Sequence[int]) -> None:
    """Judge cases in a folder, with an environment that has the emulator's keys and nothing else."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ |= {"AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY}
    logging.getLogger("loader").propagate = False
    with _emulator() as emulator:
        RateMemory(emulator.url, ACCESS_KEY_ID, INSTANCE).remember(Remembered(KNOWN_RATE), time.time())
        at_start = _memory("VmRSS")
        for number in numbers:
            case_folder = folder / str(number)
            case_folder.mkdir()
            _say(begins=number)
            _say(verdict=asdict(judge(number, case_folder, emulator, at_start)))
            shutil.rmtree(case_folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(number) for number in sys.argv[2:]])
