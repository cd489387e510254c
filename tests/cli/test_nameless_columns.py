"""Columns without a name in the header: left out if empty, never silently dropped with a value."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loader.errors import ExitCode
from tests.formats.workbooks import workbook

TYPE = ("--event-type", "scn.data.reservation")
IDS = "reservation_id,reservation_detail_id"


def planned(
    ask: Callable[..., Any], *arguments: object
) -> tuple[int, list[str], int, list[tuple[str, int, str]]]:
    """Return the plan of an extract: exit code, notes, rows that become records, rejected rows."""
    answer = ask("plan", *arguments, *TYPE, "--json")
    assert answer.err == ""
    told = json.loads(answer.out)
    rejected = [(kind["code"], kind["row"], kind["reason"]) for kind in told["rejected"]]
    return answer.code, told["warnings"], told["records"], rejected


@pytest.mark.parametrize(
    ("header", "row", "columns"),
    [
        (f"{IDS},", "{0},1,", "Column 3"),
        (f"{IDS}, ", '{0},1,"" ', "Column 3"),
        (f",{IDS}", ",{0},1", "Column 1"),
        ("reservation_id,,reservation_detail_id,,", "{0},,1, ,", "Columns 2, 4, 5"),
        (f"{IDS},", "{0},1", None),  # the header alone ends with a separator
    ],
)
def test_an_empty_column_without_a_name_is_left_out(ask, tmp_path, header, row, columns):
    """Report writers end each line with a separator; a note says what is left out."""
    path = tmp_path / "a.csv"
    path.write_text("\n".join([header, *(row.format(number) for number in range(5))]) + "\n")
    code, notes, records, rejected = planned(ask, path)
    assert (code, records, rejected) == (ExitCode.DELIVERED, 5, [])
    assert [note.partition(" of ")[0] for note in notes] == ([columns] if columns else [])


def test_csv_columns_may_leave_out_the_empty_end_of_a_row(ask, tmp_path):
    """A file without a header whose rows end with a separator has one column more than names."""
    path = tmp_path / "a.csv"
    path.write_text("1,1,\n2,1,\n")
    names = ("--no-csv-header", "--csv-columns", "reservation_id", "--csv-columns", "reservation_detail_id")
    assert planned(ask, path, *names)[2] == 2
    path.write_text("1,1,x\n2,1,\n")
    refused = ask("plan", path, *TYPE, *names)
    assert refused.code == ExitCode.REFUSED
    assert "csv.columns has 2 names, but the file has 3 columns" in refused.err


@pytest.mark.parametrize(
    ("text", "column", "row"),
    [
        (f",{IDS}\n0,1,1\n1,2,1\n", "(column 1)", 1),  # the index of pandas
        (f"{IDS},\n1,1,\n,,\n2,1,x\n", "(column 3)", 3),  # an empty row counts, as in every position
    ],
)
def test_a_value_without_a_name_in_the_first_rows_refuses_the_file(ask, tmp_path, text, column, row):
    """The user decides what it means; the error says where the first one is."""
    path = tmp_path / "a.csv"
    path.write_text(text)
    refused = ask("plan", path, *TYPE)
    assert refused.code == ExitCode.REFUSED
    said = " ".join(refused.err.split())
    assert f"'{column}' (no name in the header, but a value in row {row})" in said


@pytest.mark.parametrize("in_quotes", [False, True], ids=["read by polars", "read record by record"])
def test_a_later_value_without_a_name_rejects_its_row(ask, tmp_path, in_quotes):
    """Behind the first rows and also with ignore_unknown, because the note says that there is no value."""
    rows = [f"{number},1,{'x' if number == 4000 else ''}\n" for number in range(5000)]
    rows[4500] = '4500,"1"",2",\n' if in_quotes else rows[4500]
    path = tmp_path / "a.csv"
    path.write_text(f"{IDS},\n" + "".join(rows))
    reason = "column 3 has a value but no name in the header"
    for more in ((), ("--ignore-unknown",)):
        code, _, records, rejected = planned(ask, path, *more)
        assert (code, records) == (ExitCode.DELIVERED_WITH_FAILURES, 4999)
        assert rejected == [("WrongFieldCount", 4001, reason)]


@pytest.mark.parametrize("command", ["plan", "init"])
def test_a_filled_column_without_a_name_that_is_left_out_is_named_with_its_row(ask, tmp_path, command):
    """A separator without quotes in row 3 shifts the values behind it: nothing else points there."""
    path, job = tmp_path / "a.csv", tmp_path / "job.toml"
    path.write_text(f"{IDS},status,colour,\n1,1,open,red,\n2,1,open,red,\n3,1,half, open,red\n")
    note = f"(column 5) of {path} has no name in the header, but a value in row 3. It is left out."
    if command == "init":
        assert ask("init", path, *TYPE, "-o", job).code == ExitCode.DELIVERED
        assert f"# - {note}" in job.read_text()
        return
    _, notes, records, _ = planned(ask, path, "--ignore-unknown")
    assert records == 3
    assert [each.startswith(note) for each in notes] == [True, False]
    assert notes[1] == f"Columns left out of {path}: 'colour'."


def test_small_files_of_a_folder_are_examined_together(ask, tmp_path):
    """Some have the column, one has a late value in it: one note, and one rejected row."""
    for number in range(8):
        end = "," if number % 2 else ""
        rows = [f"{number}-{row},1{end}\n" for row in range(2500 if number == 3 else 5)]
        if number == 3:
            rows[2400] = "late,1,x\n"
        (tmp_path / f"{number}.csv").write_text(f"{IDS}{end}\n" + "".join(rows))
    _, notes, records, rejected = planned(ask, tmp_path)
    assert len(notes) == 1
    assert "1.csv, 3.csv, 5.csv and 1 more file" in notes[0]
    assert (records, [row for _, row, _ in rejected]) == (7 * 5 + 2499, [2401])


def test_a_mapped_column_without_a_name_keeps_its_values(ask, tmp_path):
    """A job may name such a column by its position; then its values are values."""
    path = tmp_path / "a.csv"
    path.write_text(f"{IDS},\n" + "".join(f"{row},1,{'s' if row == 3000 else ''}\n" for row in range(3500)))
    job = tmp_path / "job.toml"
    job.write_text(f'extract = "{path}"\n[mapping]\nsite_id = "(column 3)"\n')
    assert planned(ask, "--job", job) == (ExitCode.DELIVERED, [], 3500, [])


def test_init_does_not_draft_an_empty_column_without_a_name(ask, tmp_path):
    """It needs no ignore_unknown then, which would hide other columns later."""
    path = tmp_path / "a.csv"
    path.write_text(f"{IDS},\n1,1,\n")
    job = Path(tmp_path / "job.toml")
    assert ask("init", path, *TYPE, "-o", job).code == ExitCode.DELIVERED
    assert "ignore_unknown" not in job.read_text()
    assert "(column" not in job.read_text()
    assert planned(ask, "--job", job)[2] == 1


def test_an_empty_column_of_a_sheet_is_left_out_too(ask, tmp_path):
    """Sheets have empty columns between others. A value below the first rows rejects its row."""
    rows = [["reservation_id", None, "reservation_detail_id"]]
    rows += [[f"R{row}", "note" if row == 300 else None, "1"] for row in range(320)]
    path = workbook(tmp_path / "a.xlsx", rows)
    _, notes, records, rejected = planned(ask, path)
    assert ([note.partition(" of ")[0] for note in notes], records) == (["Column 2"], 319)
    assert rejected == [("WrongFieldCount", 302, "column 2 has a value but no name in the header")]
    rows[3][1] = "note"
    refused = ask("plan", workbook(tmp_path / "b.xlsx", rows), *TYPE)
    assert "but a value in row 4" in " ".join(refused.err.split())
