"""The job file: all its errors are reported at once, with their lines."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.errors import SettingsError
from loader.extract import open_extract
from loader.job import read_job
from loader.job.job_file import line_of
from loader.stage_settings.extract import extract_settings

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"

JOB = '''\
# A job file with everything that takes more than one line.
event_type = "scn.data.inboundorder"
extract = [
  "a.csv",
  "b.csv",  # mapping.id = 7
]
note = """
[mapping]
id = "not here"
"""

csv.separator = ";"

[mapping]
id = { column = "ID", trim = true }
"tpartner_id" = "V"

[mapping.order_status]
column = "Status"
null_words = [
  "n/a",
]
'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (["event_type"], 2),
        (["extract"], 3),
        (["extract", 1], 3),
        (["extract", 7], 3),
        (["note"], 7),
        (["csv", "separator"], 12),
        (["mapping"], 14),
        (["mapping", "id"], 15),
        (["mapping", "id", "trim"], 15),
        (["mapping", "tpartner_id", "column"], 16),
        (["mapping", "order_status"], 18),
        (["mapping", "order_status", "column"], 19),
        (["mapping", "order_status", "null_words", 0], 20),
        (["mapping", "nosuch"], 14),
        (["nosuch"], None),
        ([], None),
    ],
)
def test_the_line_of_a_setting(place: list[str | int], line: int | None) -> None:
    """Tables, dotted keys, inline tables, lists and texts of several lines: the line it begins on."""
    assert line_of(JOB, place) == line
    assert line_of(JOB.replace("\n", "\r\n"), place) == line


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "# a = 1", "\n", "[t{0}]", "[[list]]"]),
            st.sampled_from(['"x"', '["y",\n "z"]', '"""\na = 1\n"""', "{ b = 1 }", "'''\n[q]\n'''"]),
        ),
        max_size=6,
    )
)
def test_every_key_is_found_where_it_was_written(pieces: list[tuple[str, str]]) -> None:
    """Whatever stands around it, the line of a key is the one that begins with it."""
    lines: list[str] = []
    expected: dict[str, int] = {}
    for number, (before, value) in enumerate(pieces):
        lines += [*before.format(number).split("\n"), *f"key{number} = {value}".split("\n")]
        expected[f"key{number}"] = lines.index(f"key{number} = {value}".split("\n")[0]) + 1
    text = "\n".join(lines)
    for place in _places(tomllib.loads(text)):
        if str(place[-1]) in expected:
            assert line_of(text, place) == expected[str(place[-1])]


def _places(table: object) -> list[list[str | int]]:
    steps = table.items() if isinstance(table, dict) else enumerate(table) if isinstance(table, list) else ()
    return [[step, *rest] for step, inner in steps for rest in [[], *_places(inner)]]


def refusal(tmp_path: Path, text: str, **flags: Any) -> SettingsError:
    job_file = tmp_path / "job.toml"
    job_file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_job(job_file, **flags)
    return caught.value


def test_all_faults_are_told_with_their_lines(tmp_path: Path) -> None:
    """Wrong values, unknown keys and missing settings in one answer."""
    error = refusal(
        tmp_path,
        'event_type = "scn.data.shipment"\nspeed = 9\nrate = -1\n\n'
        '[mapping.id]\ncolumn = "ID"\nconstant = "1"\n\n'
        '[mapping]\nname = { column = "N", decimal = ";" }\nother = { columm = "N" }\n'
        'word = { column = "N", null_pattern = "(" }\n[defaults]\nthousands = "."\ndecimal = "."\n',
    )
    assert error.what == "8 settings cannot be used."
    lines = error.why.split("\n")
    assert len(lines) == 8
    expected = (
        "--instance-id: is required",
        "line 2: speed: this setting does not exist",
        "line 3: --rate: ",
        "line 5: mapping.id: give one of column, constant and expression",
        "line 10: mapping.name.decimal: ",
        "line 11: mapping.other.columm: this setting does not exist",
        "line 12: mapping.word: null_pattern is not a regular expression",
        "line 13: --defaults: decimal and thousands are both '.'",
    )
    for line, told in zip(lines, expected, strict=True):
        assert line.strip().startswith(told)


def test_what_a_flag_or_the_environment_got_wrong_has_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job file is not blamed for a setting that something else won over."""
    text = f'event_type = "scn.data.shipment"\ninstance_id = "{INSTANCE}"\nrate = 1\nburst = 1\n'
    monkeypatch.setenv("SCN_LOADER_BURST", "0")
    error = refusal(tmp_path, text, rate=-1)
    assert "line" not in error.why
    assert "--rate: " in error.why
    assert "--burst: " in error.why


def test_settings_that_contradict_each_other_have_a_line_too(tmp_path: Path) -> None:
    """The setting a contradiction names first is where it is."""
    text = f'event_type = "scn.data.shipment"\ninstance_id = "{INSTANCE}"\n\nburst = 5\n'
    assert refusal(tmp_path, text).why == "line 4: job: --burst needs --rate"


def test_broken_toml_has_its_line(tmp_path: Path) -> None:
    """What the parser says is kept."""
    assert "line 2" in refusal(tmp_path, 'event_type = "x"\nrate = = 1\n').why


def test_faults_found_in_the_extract_have_the_line_of_their_setting(tmp_path: Path) -> None:
    """A column that is not there is an error of the job file, on a line of it."""
    (tmp_path / "x.csv").write_text("id,tpartner_id\n1,V\n")
    job_file = tmp_path / "job.toml"
    head = f'extract = "x.csv"\nevent_type = "scn.data.inboundorder"\ninstance_id = "{INSTANCE}"\n'
    job_file.write_text(head + '[mapping]\nid = "Id"\n')
    with pytest.raises(SettingsError) as caught:
        open_extract(extract_settings(read_job(job_file)))
    assert caught.value.where == f"mapping.id, {tmp_path / 'x.csv'}, line 5 of {job_file}"
    job_file.write_text(head + 'filter = "SUM(id) > 1"\n[mapping]\nid = "Id"\n')
    with pytest.raises(SettingsError) as caught:
        open_extract(extract_settings(read_job(job_file)))
    assert f"line 6 of {job_file}" in caught.value.where
    job_file.write_text(head + '[mapping]\nid = "Id"\norder_stat = { constant = "x" }\n')
    with pytest.raises(SettingsError) as caught:
        open_extract(extract_settings(read_job(job_file)))
    assert f"line 5 of {job_file}: The file has no column 'Id'." in caught.value.why
    assert f"mapping.order_stat, line 6 of {job_file}: " in caught.value.why
