"""NDJSON extracts: every line ends in one place, every value arrives as it stands in the file."""

import cProfile
import gzip
import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader import exact_json
from loader.errors import ExtractError, LoaderError, NothingToLoad
from loader.events.plan import SliceRecords
from loader.extract import open_extract
from loader.extract.find_files import find_files
from loader.formats.bad_record import RecordFault
from loader.formats.ndjson.lines import KEY_TWICE, NO_OBJECT, NOT_UNICODE, NOT_UTF_8, read_line
from loader.formats.ndjson.table import HEAD_BYTES, NdjsonTable
from loader.job import Job
from loader.stage_settings.extract import extract_settings
from tests.formats.slices import slices_of


def load(job: Job) -> list[SliceRecords]:
    extract = open_extract(extract_settings(job))
    return [extract.records(window) for window in extract.slices()]


def write(path: Path, *lines: str) -> str:
    path.write_text("".join(line + "\n" for line in lines))
    return str(path)


def rejections(windows: list[SliceRecords]) -> list[tuple[int, str, str]]:
    return [(row.row, row.column, row.reason) for window in windows for row in window.rejected]


def test_objects_become_records(tmp_path: Path, job_of) -> None:
    """Digits stay unchanged, even if no float can represent them; a missing key and null have no value."""
    path = write(
        tmp_path / "x.ndjson",
        '{"id": 007.50, "tpartner_id": "V"}'.replace("007.50", "12345678901234567890123"),
        '{"tpartner_id": "W\\u00e9", "id": "007", "order_status": null}',
        "",
        '{"id": 1.10, "tpartner_id": 1E+2, "order_status": true, "incoterm": ""}',
    )
    (window,) = load(job_of(extract=[path]))
    assert window.data == [
        b'{"id":"12345678901234567890123","tpartner_id":"V"}',
        '{"id":"007","tpartner_id":"W\u00e9"}'.encode(),
        b'{"id":"1.10","order_status":"true","tpartner_id":"1E+2","incoterm":""}',
    ]
    assert window.rows == [0, 1, 2]
    assert window.files[0].last_of_file


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"[1]", NO_OBJECT),
        (b'"text"', NO_OBJECT),
        (b'{"a": 1} {"a": 2}', NO_OBJECT),
        (b'{"a": NaN}', NO_OBJECT),
        (b'{"a": -Infinity}', NO_OBJECT),
        (b'{"a": 01}', NO_OBJECT),
        (b'{"a": "x\ty"}', NO_OBJECT),
        (b'{"a": ' + b"[" * 100_000, NO_OBJECT),
        (b'{"a": 1, "a": 2}', KEY_TWICE),
        (b'{"a": {"b": 1, "b": 2}}', KEY_TWICE),
        (b'{"a": "\xff"}', NOT_UTF_8),
        (b'{"a": "\\ud800"}', NOT_UNICODE),
        (b'{"\\uDFFF": 1}', NOT_UNICODE),
    ],
)
def test_a_line_that_is_not_an_object_is_rejected(line: bytes, fault: RecordFault) -> None:
    """What the RFC forbids is not an object, even where Python's own reader takes it."""
    assert read_line(line) == fault


def test_bad_lines_are_rejected_with_their_place(tmp_path: Path, job_of) -> None:
    """A line that is not an object, or is nested too deeply in a column that is sent; others go on."""
    path = write(
        tmp_path / "x.jsonl",
        '{"id": "1", "tpartner_id": "V", "extra": {"any": [1]}}',
        "secret, no JSON",
        f'{{"id": {"[" * 101}"secret"{"]" * 101}, "tpartner_id": "V"}}',
        f'{{"id": "4", "tpartner_id": {"[" * 100}{{"secret": 1}}{"]" * 100}, "extra": 1}}',
        '{"id": "5", "tpartner_id": "V"}',
    )
    (window,) = load(job_of(extract=[path], ignore_unknown=True))
    nested = "nested more than 100 levels deep"
    assert rejections([window]) == [(1, "", NO_OBJECT.reason), (2, "id", nested), (3, "tpartner_id", nested)]
    assert window.rows == [0, 4]
    assert window.rejected[0].value == "secret, no JSON"
    assert all("secret" not in repr(row) for row in window.rejected)


NESTED = [
    ('{"b":1.10,"a":[1e400,-0,12345678901234567890123,true,null,"x\\"\\u00e4"]}', True),
    ("[]", True),
    ("{}", True),
    ('[{"qty": 1.0}, [2]]', True),
    ('"plain"', False),
    ("1.10", False),
]


@pytest.mark.parametrize(("value", "is_nested"), NESTED)
def test_nested_values_are_json_text(tmp_path: Path, job_of, value: str, is_nested) -> None:
    """As a Parquet struct is: no digit, member or order is lost, by the standard library's reader."""
    flat = '{"id": "0", "tpartner_id": "V", "order_status": "open"}'
    path = write(tmp_path / "x.ndjson", flat, f'{{"id": 1.50, "tpartner_id": {value}, "order_status": true}}')
    (window,) = load(job_of(extract=[path]))
    assert rejections([window]) == []
    record = json.loads(window.data[1])
    assert (record["id"], record["order_status"]) == ("1.50", "true")
    if is_nested:
        sent, meant = (
            json.loads(text, parse_float=Decimal, parse_int=Decimal)
            for text in (record["tpartner_id"], value)
        )
        assert sent == meant
        assert " " not in record["tpartner_id"].replace('x"', "")
    else:
        assert record["tpartner_id"] == value.strip('"')


def test_nested_values_are_rejected_in_columns_of_numbers(tmp_path: Path, job_of) -> None:
    """In a column of another type than text they reject their row."""
    path = write(
        tmp_path / "x.ndjson",
        '{"reservation_id": "R", "reservation_detail_id": "1", "quantity": 1}',
        '{"reservation_id": "R", "reservation_detail_id": "2", "quantity": {"value": 1}}',
        '{"reservation_id": "R", "reservation_detail_id": "3", "quantity": [1]}',
    )
    (window,) = load(job_of(extract=[path], event_type="scn.data.reservation"))
    assert [row for row, _, _ in rejections([window])] == [1, 2]


def test_keys_that_come_late(tmp_path: Path, job_of) -> None:
    """A column of the dataset is taken; any other key rejects its row, unless it may be left out."""
    first = '{"id": "1", "tpartner_id": "V", "pad": "%s"}' % ("x" * 1000)
    many = [first] * (HEAD_BYTES // len(first) + 2)
    late = '{"id": "2", "tpartner_id": "V", "order_status": "open"}'
    unknown = '{"id": "3", "tpartner_id": "V", "colour": "red", "pad": null}'
    without_value = '{"id": "4", "tpartner_id": "V", "colour": null}'
    path = write(tmp_path / "x.ndjson", *many, late, unknown, without_value)
    job = job_of(extract=[path], mapping={"company_id": "pad"})
    windows = load(job)
    assert rejections(windows) == [
        (
            len(many) + 1,
            "colour",
            "a key that is not in the file's first rows and is not a column of the dataset",
        )
    ]
    data = [record for window in windows for record in window.data]
    assert data[-2:] == [
        b'{"id":"2","order_status":"open","tpartner_id":"V"}',
        b'{"id":"4","tpartner_id":"V"}',
    ]
    windows = load(job.model_copy(update={"ignore_unknown": True}))
    assert rejections(windows) == []
    assert sum(len(window.data) for window in windows) == len(many) + 3


def test_late_keys_of_a_custom_dataset_are_never_left_out(tmp_path: Path, job_of) -> None:
    """The columns of such a dataset are unknown, so a late key may be one of them."""
    path = write(tmp_path / "x.ndjson", *['{"a": "%s"}' % ("x" * 2**20)] * 5, '{"a": "1", "b": "2"}')
    job = job_of(
        event_type="scn.data.dataset",
        dataset_arn="arn:aws:scn:us-east-1:123456789012:instance/a1b2c3d4-5678-90ab-cdef-1234567890ab"
        "/namespaces/default/datasets/mine",
        operation="APPEND",
        group_by="a",
        extract=[path],
        ignore_unknown=True,
    )
    assert [(row, column) for row, column, _ in rejections(load(job))][-1] == (5, "b")


def test_a_column_that_needs_values_must_be_in_the_first_rows(tmp_path: Path, job_of) -> None:
    """What can be refused is refused before anything is sent; so is a misspelt name in the mapping."""
    path = write(tmp_path / "x.ndjson", '{"id": "1"}')
    with pytest.raises(ExtractError):
        open_extract(extract_settings(job_of(extract=[path])))


@pytest.mark.parametrize(
    ("text", "error"), [("\n \n", NothingToLoad), ("[1]\n{\n}\n", ExtractError)], ids=["blank", "no object"]
)
def test_a_file_without_objects_is_refused(tmp_path: Path, job_of, text: str, error: type[Exception]) -> None:
    """An array over many lines is the mistake to expect; the error says what to do about it."""
    (tmp_path / "x.ndjson").write_text(text)
    with pytest.raises(error):
        open_extract(extract_settings(job_of(extract=[str(tmp_path / "x.ndjson")])))


def test_a_line_without_end_is_refused(tmp_path: Path, job_of) -> None:
    """Memory is bounded, whatever is in the file."""
    path = tmp_path / "x.ndjson.gz"
    path.write_bytes(gzip.compress(b'{"id": "1", "tpartner_id": "V"}\n' + b'{"id":' + b"1" * 12 * 2**20, 1))
    with pytest.raises(ExtractError, match="too long"):
        load(job_of(extract=[str(path)]))


@pytest.mark.parametrize("name", ["x.ndjson", "x.JSONL", "x.json", "x.dat"])
def test_ndjson_is_known_by_name_or_content(tmp_path: Path, name: str) -> None:
    """The names people use, and a brace at the start under any other name; the user's word wins."""
    (tmp_path / name).write_bytes(b'\xef\xbb\xbf{"a": 1}\n')
    assert find_files([str(tmp_path / name)])[0].format == "ndjson"
    assert find_files([str(tmp_path / name)], named_format="csv")[0].format == "csv"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.none() | st.text(max_size=5), min_size=1, max_size=30),
    window_rows=st.integers(1, 9),
    block_bytes=st.integers(1, 200),
    data=st.data(),
)
def test_windows_are_cut_by_position(tmp_path: Path, values, window_rows, block_bytes, data) -> None:
    """Whatever is read at a time, with blank lines or without, each wanted window holds its rows."""
    ends = data.draw(st.lists(st.sampled_from(["\n", "\r\n", "\n\n", "\n \t\n"]), min_size=30, max_size=30))
    lines = (json.dumps({"a": value}) + end for value, end in zip(values, ends, strict=False))
    text = "".join(lines)
    path = tmp_path / "x.ndjson"
    path.write_bytes((text if data.draw(st.booleans()) else text.rstrip()).encode())
    wanted = data.draw(st.sets(st.integers(0, 30)))
    table = NdjsonTable(find_files([str(path)])[0], block_bytes=block_bytes)
    read = slices_of([table], ("a",), window_rows, wanted=wanted.__contains__)
    windows = {rows.window: piece for rows in read for piece in rows.pieces}
    starts = range(0, len(values), window_rows)
    assert {number: window.frame["a"].to_list() for number, window in windows.items()} == {
        number: values[start : start + window_rows] for number, start in enumerate(starts) if number in wanted
    }
    assert all(window.last_of_file == (number == len(starts) - 1) for number, window in windows.items())


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("supplier.id", ["000043", None, None, "REJECTED"]),
        ("supplier.rating", ["4.50", None, None, "REJECTED"]),
        ("items[0].qty", ["1.10", None, None, None]),
        ("items[1].tags", ['["a","b"]', None, None, None]),
        ("CAST(items[0].qty AS DECIMAL(9, 3)) * 2", ["2.200", None, None, None]),
        ("COALESCE(supplier.id, 'none')", ["000043", "none", "none", "REJECTED"]),
    ],
)
def test_expressions_step_into_nested_values(tmp_path: Path, job_of, expression: str, expected) -> None:
    """Members and elements keep their digits; a missing one has no value."""
    path = write(
        tmp_path / "x.ndjson",
        '{"id":"1","tpartner_id":"V","supplier":{"id":"000043","rating":4.50},'
        '"items":[{"qty":1.10},{"tags":["a","b"]}]}',
        '{"id":"2","tpartner_id":"V","supplier":{"id":null},"items":[]}',
        '{"id":"3","tpartner_id":"V"}',
        '{"id":"4","tpartner_id":"V","supplier":"000044"}',
    )
    rule = {"order_status": {"expression": expression}}
    (window,) = load(job_of(extract=[path], mapping=rule, ignore_unknown=True))
    found = {json.loads(record)["id"]: json.loads(record).get("order_status") for record in window.data}
    assert [found.get(row, "REJECTED") for row in "1234"] == expected


def test_many_paths_parse_each_text_once(tmp_path: Path, job_of) -> None:
    """The cost of expressions does not grow with the square of their paths; bad steps fail as alone."""
    path = write(
        tmp_path / "x.ndjson",
        '{"id":"1","tpartner_id":"V","d":' + json.dumps({f"k{number}": number for number in range(50)}) + "}",
        '{"id":"2","tpartner_id":"V","d":"7"}',
        '{"id":"3","tpartner_id":"V"}',
    )
    mapping = {
        "order_status": {"expression": " || ".join(f"d.k{number}" for number in range(50))},
        "order_type": {"expression": "COALESCE(d.k7, d.none, 'x')"},
    }
    with cProfile.Profile() as profile:
        (window,) = load(job_of(extract=[path], mapping=mapping, ignore_unknown=True))
    found = {each["id"]: each for each in map(json.loads, window.data)}
    assert found["1"]["order_status"] == "".join(map(str, range(50)))
    assert (found["1"]["order_type"], found["3"]["order_type"]) == ("7", "x")
    assert [row.row for row in window.rejected] == [1]
    parsed = [each.callcount for each in profile.getstats() if each.code is exact_json.read.__code__]
    assert sum(parsed) < 20  # the three lines, when they are sampled and read, and the values of d


def test_expressions_step_into_lists_of_parquet_too(tmp_path: Path, job_of) -> None:
    """The same path reads the same value, where the type says that there is a list of structs."""
    frame = pl.DataFrame({"id": ["1", "2"], "tpartner_id": "V", "items": [[{"qty": 7}], []]})
    frame.write_parquet(tmp_path / "x.parquet")
    rule = {"order_status": {"expression": "CAST(items[0].qty AS VARCHAR)"}}
    job = job_of(extract=[str(tmp_path / "x.parquet")], mapping=rule, ignore_unknown=True)
    (window,) = load(job)
    assert [json.loads(record).get("order_status") for record in window.data] == ["7", None]
    bad = {"order_status": {"expression": "items[-1].qty"}}
    with pytest.raises(LoaderError, match="expression"):
        load(job_of(extract=[str(tmp_path / "x.parquet")], mapping=bad, ignore_unknown=True))
