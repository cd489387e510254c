"""Copies with archives against the checkpoint: whatever a load went through, the restored one is equal."""

import asyncio
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from loader.checkpoint import Checkpoint, Replacing, RunEnd, open_checkpoint
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.verdicts import Verdict, open_verdicts
from loader.model import EventResult, EventState, Part, PartResult, PartState, RejectedRow
from loader.reject_code import RejectCode
from loader.remote.copies.archived import forget_list
from loader.remote.pace import ArchiveSizes
from tests.checkpoint.sample_loads import Clock, event, load_plan, put_aside, window_plan
from tests.remote.archived_loads import archives_in, content, copier_of, placed, restored
from tests.remote.memory_objects import MemoryObjects
from tests.thoroughness import examples

MEMORY = Path("/dev/shm")

SIZES = [ArchiveSizes(1, 1), ArchiveSizes(500, 500), ArchiveSizes(1, 2**20), ArchiveSizes(2**40, 2**40)]
"""An archive for each window, for two, more the larger the load is, and none."""


class CopiesAgainstCheckpoint(RuleBasedStateMachine):
    """A load that does anything a load can do, copied now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.top = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.objects = MemoryObjects()
        self.machines = 0
        self.windows: dict[int, int] = {}
        self.begun: set[int] = set()
        self.has_copy = False
        self.checkpoint = self.opened()
        self.copier = copier_of(self.objects, self.folder)

    def teardown(self) -> None:
        self.checkpoint.close()
        self.runner.close()
        shutil.rmtree(self.top)

    @property
    def folder(self) -> Path:
        return self.top / f"machine{self.machines}"

    def opened(self, **options: Any) -> Checkpoint:
        return open_checkpoint(self.folder, load_plan(), clock=self.clock, **options)

    def begin(self, window: int) -> None:
        """Plan a window once in a run: always the same, every third one with a rejected row."""
        if window not in self.begun:
            row = window * 8 + self.windows[window]
            rejected = [RejectedRow(0, row, "quantity", RejectCode.NOT_A_TEXT, "it is no text", "x")]
            rows = rejected if window % 3 == 0 else ()
            self.checkpoint.begin_slice(placed(window_plan(window, self.windows[window], rejected=rows)))
            self.begun.add(window)

    @rule(events=st.integers(0, 8))
    def plan(self, events: int) -> None:
        """Plan the next window."""
        number = len(self.windows)
        self.windows[number] = events
        self.begin(number)

    @precondition(lambda self: any(self.windows.values()))
    @rule(
        data=st.data(),
        state=st.sampled_from([EventState.ACCEPTED, EventState.ACCEPTED, *EventState]),
        odd=st.booleans(),
        all_of_it=st.booleans(),
    )
    def answer(self, data: st.DataObject, state: EventState, *, odd: bool, all_of_it: bool) -> None:
        """Answer events of a window: with receipts that are UUIDs or not, or with refusals."""
        window = data.draw(st.sampled_from([number for number, events in self.windows.items() if events]))
        self.begin(window)
        indexes = list(range(self.windows[window]))
        if not all_of_it:
            indexes = data.draw(st.lists(st.sampled_from(indexes), min_size=1, unique=True))
        for index in indexes:
            if state is EventState.ACCEPTED:
                receipt = f"receipt {self.clock.now}" if odd else str(uuid.uuid4())
                self.checkpoint.record(EventResult(event(window, index), state, receipt, attempts=1))
            else:
                self.checkpoint.record(put_aside(window, index, state))

    @precondition(lambda self: any(self.windows.values()))
    @rule(data=st.data(), state=st.sampled_from(PartState))
    def divide(self, data: st.DataObject, state: PartState) -> None:
        """Record a part of an event."""
        window = data.draw(st.sampled_from([number for number, events in self.windows.items() if events]))
        self.begin(window)
        receipt = str(uuid.uuid4()) if state is PartState.ACCEPTED else None
        self.checkpoint.record_part(event(window, 0), PartResult(Part(0, 1), state, "t" * 64, receipt))

    @rule(thorough=st.booleans(), sizes=st.sampled_from(SIZES))
    def copy(self, sizes: ArchiveSizes, *, thorough: bool) -> None:
        """Copy what is durable: what is restored elsewhere is equal."""
        self.runner.run(self.checkpoint.flush())
        self.copier._sizes = sizes
        self.copier.copy(self.clock, thorough=thorough)
        path = restored(self.objects, self.top / "restored")
        assert content(path) == content(self.folder / CHECKPOINT_NAME)
        shutil.rmtree(path.parent)
        self.has_copy = True

    @rule(polite=st.booleans(), retry_failed=st.booleans(), lost=st.sampled_from(["", "list", "archive"]))
    def change_process(self, lost: str, *, polite: bool, retry_failed: bool) -> None:
        """The next process on this machine goes on, perhaps without its list, or without an archive in S3."""
        if polite:
            self.checkpoint.finish(RunEnd("stopped", 5, complete=False))
        else:
            self.checkpoint.close()
        if lost == "list":
            forget_list(self.folder)
        self.begun = set()
        self.checkpoint = self.opened(retry_failed=retry_failed)
        self.copier = copier_of(self.objects, self.folder)
        if lost == "archive":
            for name in sorted(archives_in(self.objects))[:1]:
                del self.objects.kept[name]
        self.copy(SIZES[0], thorough=True)

    @precondition(lambda self: self.has_copy)
    @rule(retry_failed=st.booleans())
    def change_machine(self, *, retry_failed: bool) -> None:
        """A machine without anything goes on from the copy."""
        self.checkpoint.close()
        self.machines += 1
        restored(self.objects, self.folder)
        self.begun = set()
        self.checkpoint = self.opened(retry_failed=retry_failed)
        planned = content(self.folder / CHECKPOINT_NAME)["windows"]
        self.windows = {row[0]: self.windows[row[0]] for row in planned}
        self.copier = copier_of(self.objects, self.folder)

    @rule(data=st.data())
    def verify(self, data: st.DataObject) -> None:
        """Verdicts on some of what was accepted."""
        self.checkpoint.close()
        with open_verdicts(self.folder) as verdicts:
            for receipt in list(verdicts.receipts())[:5]:
                verdicts.record(receipt, data.draw(st.sampled_from(Verdict)), "why")
            verdicts.flush()
        self.begun = set()
        self.checkpoint = self.opened()

    @rule()
    def restart(self) -> None:
        """Another load in the same run directory begins with no archive."""
        self.checkpoint.close()
        self.windows, self.begun = {}, set()
        self.checkpoint = self.opened(replacing=Replacing(restart=True))
        self.copier = copier_of(self.objects, self.folder)
        self.copy(SIZES[0], thorough=True)
        assert archives_in(self.objects) == set()


TestCopiesAgainstCheckpoint = CopiesAgainstCheckpoint.TestCase
TestCopiesAgainstCheckpoint.settings = settings(
    max_examples=examples(12, 300), stateful_step_count=25, deadline=None
)
