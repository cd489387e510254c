"""Tries each file in a process of its own: another reader may crash or hang on it."""

import multiprocessing
import shutil
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from tests.corpus.trial import Verdict, kind_of, try_file

TRIAL_SECONDS = 1800.0
"""Longest time of a file's trial, the other reader included."""

ENDING_SECONDS = 10.0
"""How long a process may take to remove its folder."""

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.corpus.trial"])


def try_apart(path: Path, corpus: Path) -> Verdict:
    """Try a file of a corpus."""
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=_try, args=(path, corpus, sender))
    process.start()
    sender.close()
    try:
        if receiver.poll(TRIAL_SECONDS):
            verdict: Verdict = receiver.recv()
            process.join(ENDING_SECONDS)
            return verdict
        why = f"the trial took over {TRIAL_SECONDS:.0f} s"
    except EOFError:
        process.join()
        why = f"the trial ended with {process.exitcode}"
    finally:
        process.kill()
        process.join()
    return Verdict(str(path.relative_to(corpus)), kind_of(path), wrong=[why])


def _try(path: Path, corpus: Path, sender: Connection) -> None:
    folder = Path(tempfile.mkdtemp(prefix="corpus-"))
    try:
        sender.send(try_file(path, str(path.relative_to(corpus)), folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
