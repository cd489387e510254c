"""Notes about many files: one sentence, short enough that a log line shows the fact at its end."""

from loader.extract.notes import folded
from loader.model import SourceFile
from loader.report.log_lines import MAX_TEXT_CHARS

FOLDER = "/data/warehouse=rotterdam-distribution-centre-number-2/year=2026/"


def notes_on(paths: list[str]) -> list[str]:
    """The same note on each file."""
    files = [SourceFile(number, path, "csv", 1, 0, "", 0, None) for number, path in enumerate(paths)]
    return folded((file, f"Columns left out of {file.path}: 'x'.") for file in files)


def test_others_are_named_below_the_folder_that_all_share() -> None:
    """The first path is whole; the others do not repeat its folder."""
    assert notes_on(["/in/a.csv", "/in/b.csv", "/in/c.csv", "/in/d.csv"]) == [
        "Columns left out of /in/a.csv, b.csv, c.csv and 1 more file: 'x'."
    ]
    assert notes_on(["s3://b/x/1.csv", "s3://b/y/1.csv"]) == [
        "Columns left out of s3://b/x/1.csv, y/1.csv: 'x'."
    ]


def test_long_paths_of_many_files_leave_room_for_the_fact() -> None:
    """5,000 files in deep folders: the columns are still in the sentence."""
    paths = [f"{FOLDER}month={n % 12 + 1:02}/reservation-export-part-{n:05}.csv" for n in range(5000)]
    (note,) = notes_on(paths)
    assert note.endswith("more files: 'x'.")
    assert len(note) < MAX_TEXT_CHARS - 50
