"""Whatever is handed over as an extract: it is loaded, or refused or stopped with a clear block."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from loader.errors import ExitCode
from tests.faults.harness import Trial
from tests.faults.reliability import HOSTILE, HOSTILE_KIND
from tests.hostile.case import COLUMNS
from tests.hostile.forged_parquet import Forgery
from tests.hostile.kinds import COMMON, RARE, make_case, name_of
from tests.hostile.worker import CASE_SECONDS, REFUSALS, Verdict
from tests.hostile.workers import judge_all

FEW, MANY = 36, 5_000

TRIED = (
    "Damaged, inconsistent, endless and odd files, and paths that are not files: at most "
    f"{CASE_SECONDS:.0f} s of processor time and "
    "500 MiB each (800 for pages that unpack to 64), nothing sent of what is refused, no value shown"
)

Record = Callable[[str, object], None]


def _count(verdicts: Iterable[Verdict], record_property: Record) -> None:
    counts: Counter[str] = Counter()
    for each in verdicts:
        counts["hostile"] += 1
        counts[f"{HOSTILE_KIND}{each.kind}|{_end(each)}"] += 1
    record_property("counts", dict(counts))


def _end(verdict: Verdict) -> str:
    if verdict.wrong:
        return "wrong"
    if verdict.code in REFUSALS:
        return "refused"
    loaded = verdict.code in (ExitCode.DELIVERED, ExitCode.DELIVERED_WITH_FAILURES)
    return "loaded" if loaded else "stopped"


def _wrong(verdicts: Iterable[Verdict]) -> list[str]:
    return [f"{each.number} ({each.kind}): {sentence}" for each in verdicts for sentence in each.wrong]


@pytest.mark.timeout(900)
@pytest.mark.tried(TRIED, keeps=HOSTILE)
def test_hostile_extracts_do_no_harm(tmp_path: Path, record_property: Record) -> None:
    """Two of each common kind and one of each rare; some load, and some are refused."""
    numbers = sorted({*range(FEW), *_numbers_of_all_kinds()})
    verdicts = judge_all(numbers, tmp_path)
    _count(verdicts, record_property)
    wrong = _wrong(verdicts)
    assert not wrong, "\n".join(wrong)
    assert len(verdicts) == len(numbers)
    assert {"loaded", "refused", "stopped"} == {_end(each) for each in verdicts}
    assert {each.kind for each in verdicts} == {name_of(number) for number in range(MANY)}


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.tried(TRIED, keeps=HOSTILE)
def test_thousands_of_hostile_extracts_do_no_harm(tmp_path: Path, record_property: Record) -> None:
    """Others of the same kinds."""
    verdicts = judge_all(range(FEW, FEW + MANY), tmp_path)
    _count(verdicts, record_property)
    wrong = _wrong(verdicts)
    assert not wrong, "\n".join(wrong)
    assert len(verdicts) == MANY


def _numbers_of_all_kinds() -> list[int]:
    """Return the first number of each kind."""
    first: dict[str, int] = {}
    for number in range(20 * len(COMMON + RARE)):
        first.setdefault(name_of(number), number)
    return sorted(first.values())


async def _run(trial: Trial, number: int) -> None:
    """Run the whole command on a case, as a user does."""
    folder = trial.folder / "case"
    folder.mkdir()
    case = make_case(number, folder)
    if any("\0" in name for name in case.extract):
        return  # no command line can hold it
    settings = {name: value for name, value in case.settings.items() if value is not False}
    trial.settings |= settings | {"extract": case.extract}
    async with trial.service() as emulator:
        ended = await trial.run(emulator.url)
        attempts = emulator.summary()["attempts"]
    assert ended.code in {0, 1, 2, 3, 5, 9}, ended.words  # 5: a file that is damaged further on
    assert "Traceback" not in ended.words
    assert "panicked" not in ended.words
    if ended.code in REFUSALS:
        assert ended.err.count("error: ") == 1
        assert attempts == 0


@pytest.mark.tried("Some of them with the whole command", keeps=HOSTILE)
async def test_the_command_itself_stands_hostile_extracts(new_trial: Callable[[], Trial]) -> None:
    """A file that lies about its rows, ragged rows and folders that hold themselves."""
    for name in ("parquet: lying", "text: ragged", "place: cyclic links"):
        number = next(number for number in range(100) if name_of(number) == name)
        await _run(new_trial(), number)


@pytest.mark.soak
@pytest.mark.parametrize("number", _numbers_of_all_kinds())
@pytest.mark.tried("One of each kind with the whole command", keeps=HOSTILE)
async def test_the_command_stands_each_kind(trial: Trial, number: int) -> None:
    """One of each kind."""
    await _run(trial, number)


def test_an_honest_forgery_is_a_good_file(tmp_path: Path) -> None:
    """Without a fault, the forged files are sound: polars reads back what was written."""
    import polars as pl

    rows = [(f"R{number}", str(number), "x" * number) for number in range(40)]
    for codec in ("none", "snappy", "gzip", "zstd", "brotli"):
        path = tmp_path / f"{codec}.parquet"
        path.write_bytes(Forgery(rows, codec).content())
        assert pl.read_parquet(path).rows() == rows
        assert pl.read_parquet_schema(path) == dict.fromkeys(COLUMNS, pl.String)


def test_a_worker_that_dies_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A case whose worker cannot start is reported as wrong, and the next case is still judged."""
    monkeypatch.setenv("PATH", "")
    folder = tmp_path / "share0" / "0"
    folder.mkdir(parents=True)  # in the way of case 0: its worker fails
    from tests.hostile.workers import _judge_until_death

    verdicts = _judge_until_death([0, 1], tmp_path / "share0")
    assert [each.number for each in verdicts] == [0]
    assert "ended the process with code 1" in verdicts[0].wrong[0]
