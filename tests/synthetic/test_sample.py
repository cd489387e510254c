"""``scn-loader sample``: valid rows of every dataset, the same for the same seed."""

import csv
import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet
import pytest

from loader import Job, plan
from loader.datasets import (
    NEVER_SEND,
    Dataset,
    dataset_by_name,
    dataset_for_event_type,
    datasets,
    event_types,
)
from loader.errors import SettingsError
from loader.synthetic import RowSettings, group_column, synthetic_rows, write_sample

LINES = dataset_by_name("inbound_order_line")


@pytest.mark.parametrize("dataset", datasets(), ids=lambda dataset: dataset.name)
def test_rows_of_every_dataset_are_valid(dataset: Dataset):
    """All keys differ, no required value is missing, and no column is one that the service fills in."""
    (frame,) = synthetic_rows(dataset, RowSettings(rows=200, groups=7))
    assert frame.height == frame.select(dataset.primary_key).n_unique() == 200
    assert not NEVER_SEND & set(frame.columns)
    assert frame.null_count().sum_horizontal().item() == 0
    assert group_column(dataset) in frame.columns
    if group_column(dataset) not in dataset.primary_key:
        assert frame[group_column(dataset)].n_unique() <= 7


@pytest.mark.parametrize("event_type", event_types())
def test_a_load_takes_every_row(tmp_path: Path, event_type: str):
    """A plan of the rows rejects none, so every value fits its column."""
    path = tmp_path / "rows.csv"
    write_sample(dataset_for_event_type(event_type), RowSettings(rows=50), path)
    job = Job(extract=[str(path)], event_type=event_type, instance_id="8928ae12-15e5-4441-825d-ec2184f0a43a")
    counts = plan(job).counts
    assert (counts.records, counts.rows_rejected) == (50, 0)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".ndjson"])
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, suffix: str):
    """Two files of one seed are equal; another seed gives another file; all formats hold the same values."""
    paths = [tmp_path / f"{number}{suffix}" for number in range(3)]
    for path, seed in zip(paths, (5, 5, 6), strict=True):
        write_sample(LINES, RowSettings(rows=1_200, groups=10, seed=seed), path)
    first, second, other = (path.read_bytes() for path in paths)
    assert first == second != other
    assert read(paths[0])[:3] == read_reference()[:3]


def read(path: Path) -> list[dict[str, str]]:
    """Read a sample with a reader that is not ours."""
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".ndjson":
        return [json.loads(line) for line in path.read_text().splitlines()]
    rows: list[dict[str, str]] = pyarrow.parquet.read_table(path).to_pylist()
    return rows


def read_reference() -> list[dict[str, str]]:
    """The rows as frames."""
    return next(synthetic_rows(LINES, RowSettings(rows=1_200, groups=10, seed=5))).to_dicts()


def test_skew_makes_group_n_a_share_of_one_nth():
    """With skew 1 the largest group is about twice the second; with skew 0 all are alike."""
    column = group_column(LINES)
    sizes = {}
    for skew in (0.0, 1.0):
        frames = synthetic_rows(LINES, RowSettings(rows=60_000, groups=20, skew=skew))
        counts: Counter[str] = Counter()
        for frame in frames:
            counts.update(frame[column].to_list())
        sizes[skew] = [count for _, count in counts.most_common()]
        assert len(sizes[skew]) == 20
        assert sum(sizes[skew]) == 60_000
    assert sizes[0.0][0] < 1.2 * sizes[0.0][-1]
    assert 1.8 < sizes[1.0][0] / sizes[1.0][1] < 2.2
    assert 17 < sizes[1.0][0] / sizes[1.0][-1] < 23


def test_rows_do_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch):
    """Row n is the same whatever is made with it: a longer sample begins with the shorter one."""
    short = next(synthetic_rows(LINES, RowSettings(rows=10, groups=5)))
    long = next(synthetic_rows(LINES, RowSettings(rows=300, groups=5)))
    assert long.head(10).equals(short)


@pytest.mark.parametrize(("name", "why"), [("rows.txt", "format"), ("there.csv", "exists")])
def test_what_cannot_be_written_is_refused(tmp_path: Path, name: str, why: str):
    """A name without a known ending, and a file that exists, are refused; the file is left as it is."""
    path = tmp_path / name
    if why == "exists":
        path.write_text("precious")
    with pytest.raises(SettingsError, match=why):
        write_sample(LINES, RowSettings(rows=1), path)
    assert [each.name for each in tmp_path.iterdir()] == ([name] if why == "exists" else [])
    if why == "exists":
        assert path.read_text() == "precious"
        write_sample(LINES, RowSettings(rows=1), path, overwrite=True)
        assert len(read(path)) == 1
