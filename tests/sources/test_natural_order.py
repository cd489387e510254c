"""Files come in the order in which people count them."""

from pathlib import Path
from random import Random

import pytest

from loader.extract.find_files import find_files
from loader.sources.natural_order import natural_key


@pytest.mark.parametrize(
    "names",
    [
        ["part-1", "part-2", "part-10", "part-10b", "part-11"],
        ["2024-1-9.csv", "2024-1-10.csv", "2024-2-1.csv", "2024-10-1.csv"],
        ["a", "a1", "a01", "a2", "b"],
        ["day=2/part-0", "day=2/part-1", "day=10/part-0"],
        ["1", "1.5", "2", "10", "x", "٣"],
        ["", "a", "a/b", "a/c", "ab"],
    ],
)
def test_numbers_count_by_their_value(names: list[str]) -> None:
    """Digits are ASCII; a folder's files stay together."""
    mixed = Random(1).sample(names, len(names))
    if "a01" in names:  # equal but for zeros: by their text
        names = ["a", "a01", "a1", "a2", "b"]
    assert sorted(mixed, key=natural_key) == names


def test_a_folder_is_read_in_that_order(tmp_path: Path) -> None:
    """Windows run over the borders of files, so their order is the order of the rows."""
    for number in (10, 9, 1, 2):
        (tmp_path / f"day-{number}.csv").write_text(f"id\n{number}\n")
    for pattern in (str(tmp_path), str(tmp_path / "*.csv")):
        found = [Path(file.path).stem for file in find_files([pattern])]
        assert found == ["day-1", "day-2", "day-9", "day-10"]
