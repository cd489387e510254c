"""A job's extract, from files to records: every row ends in one place."""

import datetime as dt
import gzip
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.errors import ExtractError, NothingToLoad, SettingsError
from loader.events.plan import SliceRecords
from loader.extract import open_extract
from loader.formats.cuts import Cuts
from loader.job import Job
from loader.model import MAX_EVENT_BYTES, RejectedRow
from loader.records.row_reader import BATCH_BYTES
from loader.reject_code import RejectCode
from loader.row_issues import MAX_VALUE_CHARS
from loader.stage_settings.extract import extract_settings
from tests.formats.workbooks import workbook


def load(job: Job) -> list[SliceRecords]:
    extract = open_extract(extract_settings(job))
    return [extract.records(window) for window in extract.slices()]


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def rejections(windows: list[SliceRecords]) -> list[tuple[int, str, str]]:
    return [(row.row, row.column, row.reason) for window in windows for row in window.rejected]


def test_rows_become_records(tmp_path: Path, job_of) -> None:
    """Keys in the dataset's order, texts as they were, missing values left out."""
    path = write(tmp_path / "x.csv", "tpartner_id,id,order_status\nV 1,007,\n V2,8,open\n")
    (window,) = load(job_of(extract=[path]))
    assert window.data == [
        b'{"id":"007","tpartner_id":"V 1"}',
        b'{"id":"8","order_status":"open","tpartner_id":" V2"}',
    ]
    assert window.groups == ["007|V 1", "8| V2"]
    assert window.rows == [0, 1]
    assert window.keys is None
    assert window.timestamps == [None, None]
    assert (window.rows_read, window.rows_filtered, window.files[0].last_of_file) == (2, 0, True)


def test_bad_rows_are_rejected_with_place_and_reason(tmp_path: Path, job_of) -> None:
    """The first column at fault names the reason; the value is kept, clipped, and out of the reason."""
    long_text = "secret " * 100
    path = write(
        tmp_path / "x.csv",
        f"id,tpartner_id,submitted_date\n1,V,{long_text}\n,V,2024-01-01\n3,V,2024-01-01\n4,V\n,,x\n",
    )
    (window,) = load(job_of(extract=[path], group_by="id", mapping={"company_id": {"constant": "C"}}))
    assert rejections([window]) == [
        (0, "submitted_date", "not ISO 8601, such as 2024-01-31T23:59:59Z"),
        (1, "id", "no value in a required column"),
        (
            3,
            "",
            (
                "2 fields where the file has 3 columns "
                '(csv.short_rows = "fill" treats missing fields at the end as empty)'
            ),
        ),
        (4, "id", "no value in a required column"),
    ]
    assert window.rows == [2]
    assert window.rejected[0].value == long_text[:200]
    assert window.rejected[2].value == "4,V"
    assert all("secret" not in repr(row) + row.reason for row in window.rejected)


def test_the_source_column_is_named(tmp_path: Path, job_of) -> None:
    """Users look for a value in their own file, so the reason names their column."""
    path = write(tmp_path / "x.csv", "PO #,V\n1,\n")
    job = job_of(extract=[path], mapping={"id": "PO #", "tpartner_id": "V"})
    assert [row.column for row in load(job)[0].rejected] == ["V"]


def test_group_columns_may_come_from_source_or_dataset(tmp_path: Path, job_of) -> None:
    """Several are joined; a missing part is empty; no part at all rejects the row."""
    path = write(tmp_path / "x.csv", "id,tpartner_id,Region\n1,V,north\n2,V,\n")
    job = job_of(
        extract=[path], group_by=["Region", "order_status"], mapping={"order_status": {"constant": "s"}}
    )
    assert load(job)[0].groups == ["north|s", "|s"]
    windows = load(job_of(extract=[path], group_by="Region"))
    assert windows[0].groups == ["north"]
    assert rejections(windows) == [(1, "", "no group: no value in Region")]


def test_groups_are_texts_of_the_converted_values(tmp_path: Path, job_of) -> None:
    """A timestamp in the group is the text that the record holds."""
    path = write(tmp_path / "x.csv", "id,tpartner_id,submitted_date\n1,V,2024-01-01\n")
    assert load(job_of(extract=[path], group_by="submitted_date"))[0].groups == ["2024-01-01T00:00:00Z"]


def test_groups_longer_than_the_service_takes(tmp_path: Path, job_of) -> None:
    """255 letters are a group; one more rejects the row, unless groups are buckets anyway."""
    path = write(tmp_path / "x.csv", f"id,tpartner_id\n{'é' * 255},V\n{'é' * 256},V\n")
    windows = load(job_of(extract=[path], group_by="id"))
    assert windows[0].rows == [0]
    assert "longer than 255 characters" in windows[0].rejected[0].reason
    assert load(job_of(extract=[path], group_by="id", group_buckets=4))[0].rows == [0, 1]


def test_events_may_be_dated(tmp_path: Path, job_of) -> None:
    """EventTimestamp is epoch seconds as decimal text; a row without one goes undated."""
    path = write(
        tmp_path / "x.csv",
        "id,tpartner_id,When\n1,V,2018-01-09T20:51:21.123Z\n2,V,\n3,V,soon\n4,V,1969-12-31T23:59:58.75Z\n",
    )
    windows = load(job_of(extract=[path], timestamp_column="When"))
    assert windows[0].timestamps == ["1515531081.123", None, "-1.25"]
    assert rejections(windows) == [(2, "When", "not ISO 8601, such as 2024-01-31T23:59:59Z")]


def test_a_dataset_column_may_date_events_by_its_own_rule(tmp_path: Path, job_of) -> None:
    """Its formats and zone count for both, record and event."""
    path = write(tmp_path / "x.csv", "id,tpartner_id,day\n1,V,02.01.1970\n")
    rule = {"column": "day", "formats": "%d.%m.%Y", "time_zone": "Europe/Berlin"}
    job = job_of(extract=[path], mapping={"submitted_date": rule}, timestamp_column="submitted_date")
    (window,) = load(job)
    assert window.timestamps == ["82800"]
    assert b'"submitted_date":"1970-01-01T23:00:00Z"' in window.data[0]


def test_records_larger_than_an_event(tmp_path: Path, job_of) -> None:
    """A record of exactly the limit passes; one byte more rejects its row with the size."""
    frame_bytes = len('{"id":"","tpartner_id":"V"}')
    fits, too_long = "x" * (MAX_EVENT_BYTES - frame_bytes), "é" * ((MAX_EVENT_BYTES - frame_bytes) // 2 + 1)
    path = write(tmp_path / "x.csv", f"id,tpartner_id\n1,V\n{fits},V\n{too_long},V\n4,V\n")
    windows = load(job_of(extract=[path], group_by="tpartner_id"))
    rows = [row for window in windows for row in window.rows]
    assert rows == [0, 1, 3]
    (rejected,) = rejections(windows)
    assert rejected[0] == 2
    assert "1,048,57" in rejected[2]


@pytest.mark.parametrize("char", ["x", "\0"])
def test_texts_larger_than_an_event(tmp_path: Path, job_of, char: str) -> None:
    """A cell that is too large alone rejects its row by the name of its column, before it is escaped."""
    too_long = char * (MAX_EVENT_BYTES + 1)
    path = write(tmp_path / "x.csv", f"id,tpartner_id,Status\n1,V,{too_long}\n2,V,{char}\n")
    windows = load(job_of(extract=[path], mapping={"order_status": "Status"}))
    assert [row for window in windows for row in window.rows] == [1]
    (rejected,) = (row for window in windows for row in window.rejected)
    assert (rejected.row, rejected.column) == (0, "Status")
    assert rejected.code is RejectCode.RECORD_TOO_LONG
    assert "a text with more than the 1,048,576 bytes" in rejected.reason
    assert rejected.value == char * MAX_VALUE_CHARS


def test_long_texts_are_converted_some_at_a_time(tmp_path: Path, job_of) -> None:
    """A window of long texts becomes records piece by piece; each row ends in its place all the same."""
    texts = [f'"{row}"'.ljust(BATCH_BYTES // 200, "é") for row in range(300)]
    lines = [f'{row},V,"{text.replace(chr(34), chr(34) * 2)}"\n' for row, text in enumerate(texts)]
    path = write(tmp_path / "x.csv", "id,tpartner_id,order_status\n" + "".join(lines))
    job = job_of(extract=[path], pack="group", group_by="tpartner_id")
    extract = replace(open_extract(extract_settings(job)), cuts=Cuts(300, 300, 300))
    windows = [extract.records(each) for each in extract.slices()]
    assert max(window.frame["size"].sum() for window in windows) > BATCH_BYTES
    assert [row for window in windows for row in window.rows] == [*range(300)]
    statuses = [orjson.loads(data)["order_status"] for window in windows for data in window.data]
    assert statuses == texts


def test_keys_tell_records_apart(tmp_path: Path, job_of) -> None:
    """Parts cannot run into each other, and are there only where packing needs them."""
    path = write(tmp_path / "x.csv", 'id,tpartner_id\n"1,2",3\n1,"2,3"\n1,"2,3"\n')
    (window,) = load(job_of(extract=[path], pack="group", group_by="id"))
    assert window.keys is not None
    assert window.keys[0] != window.keys[1] == window.keys[2]


def test_a_key_whose_parts_may_be_missing_still_tells_records_apart(tmp_path: Path, job_of) -> None:
    """A missing part is a part: elsewhere, or in place of a text, it makes another key."""
    names = ["tpartner_id", "order_id", "order_line_id", "package_id"]
    given = [(None, "a"), ("a", None), (None, "a"), (None, None), ("a", "a")]
    columns = dict(zip(names, [*zip(*given, strict=True)] * 2, strict=True))
    required = {name: ["1"] * len(given) for name in ("id", "shipment_id", "product_id", "lot_qty")}
    pl.DataFrame(required | columns).write_parquet(tmp_path / "x.parquet")
    arn = "arn:aws:scn:us-east-1:123456789012:instance/a1b2c3d4-5678-90ab-cdef-1234567890ab"
    job = job_of(
        extract=[str(tmp_path / "x.parquet")],
        event_type="scn.data.dataset",
        dataset_arn=f"{arn}/namespaces/asc/datasets/shipment_lot",
        operation="UPSERT",
        pack="group",
        group_by="id",
        ignore_unknown=True,
    )
    (window,) = load(job)
    keys = window.frame["key"].to_list()
    assert None not in keys
    assert [keys.index(key) for key in keys] == [0, 1, 0, 3, 4]


def test_numbers_nulls_and_timestamps_in_their_other_forms(tmp_path: Path, job_of) -> None:
    """JSON numbers, explicit nulls and epoch milliseconds, if the job asks for them."""
    header = "snapshot_date,site_id,product_id,on_hand_inventory,inv_condition,lot_number,company_id\n"
    path = write(tmp_path / "x.csv", header + "2024-01-01T00:00:00.5Z,S,P,007.50,ok,L,\n")
    job = job_of(
        event_type="scn.data.inventorylevel",
        extract=[path],
        numbers="number",
        nulls="null",
        timestamps="epoch_ms",
    )
    (window,) = load(job)
    assert window.data[0] == (
        b'{"snapshot_date":"1704067200500","site_id":"S","product_id":"P","company_id":null,'
        b'"on_hand_inventory":7.50,"inv_condition":"ok","lot_number":"L"}'
    )


def test_parquet_values_arrive_without_loss(tmp_path: Path, job_of) -> None:
    """Every supported type in a text column, and where it belongs."""
    path = tmp_path / "x.parquet"
    pl.DataFrame(
        {
            "id": pl.Series([2**63 - 1], dtype=pl.Int64),
            "tpartner_id": [Decimal("100.10")],
            "order_type": [True],
            "order_status": pl.Series(["open"], dtype=pl.Categorical),
            "submitted_date": [dt.datetime(2024, 7, 1, 2, 3, 4, 500_000, tzinfo=dt.UTC)],
            "source_update_dttm": [dt.date(2024, 7, 1)],
        }
    ).write_parquet(path)
    (window,) = load(job_of(extract=[str(path)], time_zone="Europe/Berlin"))
    assert orjson.loads(window.data[0]) == {
        "id": "9223372036854775807",
        "tpartner_id": "100.10",
        "order_type": "true",
        "order_status": "open",
        "submitted_date": "2024-07-01T02:03:04.5Z",
        "source_update_dttm": "2024-06-30T22:00:00Z",
    }


CELLS = st.one_of(st.none(), st.text(st.sampled_from("ab1.-\"',\né"), max_size=5), st.just("2024-01-01"))


@settings(max_examples=30)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=30),
    window_rows=st.integers(1, 12),
    parquet=st.booleans(),
)
def test_every_row_ends_in_exactly_one_place(
    rows: list[tuple[str | None, ...]],
    window_rows: int,
    parquet: bool,  # noqa: FBT001 - drawn
) -> None:
    """rows_read = records + rejected, each position once, and the records hold the rows' own texts."""
    names = ["id", "tpartner_id", "submitted_date", "order_status"]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.parquet" if parquet else "x.csv")
        if parquet:
            frame.write_parquet(path)
        else:
            frame.write_csv(path, quote_style="always")
        job = Job(
            event_type="scn.data.inboundorder",
            instance_id="a1b2c3d4-5678-90ab-cdef-1234567890ab",
            extract=(str(path),),
            window_rows=window_rows,
        )
        windows = load(job)
    places = [row for window in windows for row in window.rows]
    rejected: list[RejectedRow] = [row for window in windows for row in window.rejected]
    assert sorted(places + [row.row for row in rejected]) == list(range(len(rows)))
    assert sum(window.rows_read for window in windows) == len(rows)
    for window in windows:
        assert window.rows_read == len(window.data) + len(window.rejected)
        assert list(window.rows) == sorted(window.rows)
        assert [row.row for row in window.rejected] == sorted(row.row for row in window.rejected)
    for place, data in zip(places, [data for window in windows for data in window.data], strict=True):
        record = orjson.loads(data)
        for name in ("id", "tpartner_id", "order_status"):
            cell = rows[place][names.index(name)]
            assert record.get(name) == (cell if parquet else cell or None)


def test_several_files_of_both_formats(tmp_path: Path, job_of) -> None:
    """A window runs over the files; totals are known only if every file tells."""
    first = write(tmp_path / "a.csv", "id,tpartner_id\n1,V\n2,V\n3,V\n")
    pl.DataFrame({"tpartner_id": ["V"], "id": ["4"]}).write_parquet(tmp_path / "b.parquet")
    job = job_of(extract=[first, str(tmp_path / "b.parquet")], window_rows=2)
    extract = open_extract(extract_settings(job))
    windows = [extract.records(window) for window in extract.slices()]
    files = [[(file.file, file.first_row, file.last_of_file) for file in each.files] for each in windows]
    assert files == [[(0, 0, False)], [(0, 2, True), (1, 0, True)]]
    assert (extract.total_rows, extract.cuts.window_rows) == (None, 2)
    assert open_extract(extract_settings(job_of(extract=[str(tmp_path / "b.parquet")]))).total_rows == 1
    assert windows[1].data == [b'{"id":"3","tpartner_id":"V"}', b'{"id":"4","tpartner_id":"V"}']


def test_every_file_must_fit(tmp_path: Path, job_of) -> None:
    """The file that does not is named before the first is read."""
    good = write(tmp_path / "a.csv", "id,tpartner_id\n1,V\n")
    bad = write(tmp_path / "b.csv", "id,partner\n1,V\n")
    with pytest.raises(ExtractError) as caught:
        open_extract(extract_settings(job_of(extract=[good, bad])))
    assert caught.value.where == bad


def test_headers_without_rows_are_nothing_to_load(tmp_path: Path, job_of) -> None:
    """An extract without rows is distinguished from a success, in every format."""
    csv = write(tmp_path / "a.csv", "id,tpartner_id\n")
    pl.DataFrame(
        {"id": [], "tpartner_id": []}, schema=dict.fromkeys(("id", "tpartner_id"), pl.String)
    ).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(NothingToLoad):
        open_extract(extract_settings(job_of(extract=[csv, str(tmp_path / "b.parquet")])))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.ndjson", b"\n \n"),
        ("c.csv.gz", gzip.compress(b"", mtime=0)),
        ("c.csv", b"\xef\xbb\xbf"),
        ("c.xlsx", None),
    ],
)
@pytest.mark.parametrize("pack", ["row", "group"])
def test_a_file_without_rows_is_not_the_whole_extract(
    tmp_path: Path, job_of, name: str, content: bytes | None, pack: str
) -> None:
    """Alone there is nothing to load. Beside a file with rows there is something to load."""
    path = tmp_path / name
    if content is None:
        workbook(path, [("id", "tpartner_id")])
    else:
        path.write_bytes(content)
    good = write(tmp_path / "good.csv", "id,tpartner_id\n1,V\n")
    with pytest.raises(NothingToLoad):
        open_extract(extract_settings(job_of(extract=[str(path)], pack=pack)))
    for named in ([good, str(path)], [str(path), good]):
        with pytest.raises(ExtractError, match="has no rows") as caught:
            open_extract(extract_settings(job_of(extract=named, pack=pack)))
        assert caught.value.where == str(path)


@pytest.mark.parametrize(
    ("rule", "where"),
    [
        ({"constant": "soon"}, "mapping.submitted_date.constant"),
        ({"column": "id", "formats": "%H:%M"}, "mapping.submitted_date.formats"),
        ({"column": "id", "null_pattern": "(?=x)y"}, "mapping.submitted_date.null_pattern"),
    ],
)
def test_rules_that_cannot_be_kept(tmp_path: Path, job_of, rule: dict[str, str], where: str) -> None:
    """Constants, formats and patterns are tried before the load, not on its first row."""
    path = write(tmp_path / "x.csv", "id,tpartner_id\n1,V\n")
    with pytest.raises(SettingsError) as caught:
        open_extract(extract_settings(job_of(extract=[path], mapping={"submitted_date": rule, "id": "id"})))
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"filter": "cost * 2 > 1"}, "filter"),
        (
            {"mapping": {"order_status": {"expression": "cost * 2"}}},
            "mapping.order_status.expression",
        ),
        ({"group_by": ["plant"]}, "group_by"),
        ({"mapping": {"order_status": "plant"}}, "mapping.order_status"),
    ],
)
def test_a_setting_that_fits_some_files_only(tmp_path: Path, job_of, settings, where: str) -> None:
    """The error names the file that differs. If there is one file only, it is clear which."""
    settings = {"ignore_unknown": True, **settings}
    names = ("a.parquet", "b.parquet")
    for name, cost, more in zip(names, (1.5, "1,50"), ({"plant": "P"}, {}), strict=True):
        row = {"id": "1", "tpartner_id": "V", "cost": cost, **more}
        pl.DataFrame([row]).write_parquet(tmp_path / name)
    with pytest.raises(SettingsError) as caught:
        open_extract(extract_settings(job_of(extract=[str(tmp_path)], **settings)))
    assert caught.value.where == f"{where}, {tmp_path / 'b.parquet'}"
    with pytest.raises(SettingsError) as caught:
        open_extract(extract_settings(job_of(extract=[str(tmp_path / "b.parquet")], **settings)))
    assert caught.value.where.startswith(where)


def test_formats_for_text_are_a_mistake(tmp_path: Path, job_of) -> None:
    """A rule that would have no effect is refused."""
    path = write(tmp_path / "x.csv", "id,tpartner_id\n1,V\n")
    with pytest.raises(SettingsError, match="apply to timestamps"):
        open_extract(
            extract_settings(job_of(extract=[path], mapping={"id": {"column": "id", "formats": "%Y"}}))
        )


def test_warnings_say_what_deserves_a_look(tmp_path: Path, job_of) -> None:
    """Columns left out, ids that were floats, digits that epoch_ms cuts, packing that packs nothing."""
    path = tmp_path / "x.parquet"
    moment = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    pl.DataFrame(
        {"id": [1001.0], "tpartner_id": ["V"], "submitted_date": [moment], "Extra": ["x"]}
    ).write_parquet(path)
    job = job_of(extract=[str(path)], ignore_unknown=True, timestamps="epoch_ms", pack="group")
    warnings = open_extract(extract_settings(job)).warnings
    assert len(warnings) == 4
    assert "'Extra'" in warnings[0]
    assert "1001.0" in warnings[1]
    assert "epoch milliseconds" in warnings[2]
    assert "group_by" in warnings[3]
    clean = write(tmp_path / "y.csv", "id,tpartner_id\n1,V\n")
    assert open_extract(extract_settings(job_of(extract=[clean]))).warnings == ()


def test_records_may_be_made_in_any_thread_in_any_order(tmp_path: Path, job_of) -> None:
    """The records of a window depend on nothing but the window."""
    lines = "".join(f'{row},"V{row % 7}",2024-01-{row % 40:02}\n' for row in range(5_000))
    path = write(tmp_path / "x.csv", "id,tpartner_id,submitted_date\n" + lines)
    extract = open_extract(extract_settings(job_of(extract=[path], window_rows=300)))
    windows = list(extract.slices())
    alone = [extract.records(window) for window in windows]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(extract.records, reversed(windows)))
    assert [(each.number, each.frame.rows(), each.rejected) for each in alone] == [
        (each.number, each.frame.rows(), each.rejected) for each in together[::-1]
    ]


def test_names_that_mean_something_to_polars_are_names(tmp_path: Path, job_of) -> None:
    """A column called * or ^.*$ is that column and no pattern."""
    columns = {"id": ["1"], "*": ["V"], "^.*$": ["s"]}
    job_settings = {"mapping": {"tpartner_id": "*", "order_status": "^.*$"}, "group_by": ["^.*$", "*"]}
    pl.DataFrame(columns).write_parquet(tmp_path / "x.parquet")
    pl.DataFrame(columns).write_csv(tmp_path / "x.csv")
    for name in ("x.parquet", "x.csv"):
        (window,) = load(job_of(extract=[str(tmp_path / name)], **job_settings))
        assert window.data == [b'{"id":"1","order_status":"s","tpartner_id":"V"}']
        assert window.groups == ["s|V"]


def test_different_keys_have_different_texts(tmp_path: Path, job_of) -> None:
    """Quotes, backslashes and control characters in the parts of a key never make two keys one."""
    parts = ["a", '"', '""', 'a"', '"a', "\\", '\\"', "\\\\", "\x00", "u0000", "\n", "|", "1:a"]
    pairs = [(first, second) for first in parts for second in parts]
    frame = pl.DataFrame(pairs, schema={"id": pl.String, "tpartner_id": pl.String}, orient="row")
    frame.write_parquet(tmp_path / "x.parquet")
    (window,) = load(job_of(extract=[str(tmp_path / "x.parquet")], pack="group"))
    assert window.frame["key"].n_unique() == window.frame.height == len(pairs)


@pytest.mark.parametrize("dtype", [pl.Int64, pl.UInt32, pl.Int128, pl.String])
def test_whole_numbers_are_timestamps_by_their_formats(tmp_path: Path, job_of, dtype) -> None:
    """Numbers since 1970, and dates as ERPs pack them; without a format they are refused."""
    frame = pl.DataFrame(
        {"id": ["1", "2"], "tpartner_id": ["V", "V"], "seconds": [1_700_000_000, None], "day": [20240131, 1]},
    ).with_columns(pl.col("seconds", "day").cast(dtype))
    frame.write_parquet(tmp_path / "x.parquet")
    mapping = {
        "order_creation_date": {"column": "seconds", "formats": "epoch_s"},
        "submitted_date": {"column": "day", "formats": "%Y%m%d"},
    }
    job = job_of(extract=[str(tmp_path / "x.parquet")], mapping=mapping)
    (records,) = load(job)
    assert [orjson.loads(record) for record in records.data] == [
        {
            "id": "1",
            "tpartner_id": "V",
            "order_creation_date": "2023-11-14T22:13:20Z",
            "submitted_date": "2024-01-31T00:00:00Z",
        }
    ]
    assert [row.row for row in records.rejected] == [1]
    if dtype != pl.String:
        with pytest.raises(ExtractError) as refusal:
            open_extract(
                extract_settings(
                    job.model_copy(update={"mapping": {}, "ignore_unknown": True} | _named(job, mapping))
                )
            )
        assert "epoch_ms" in refusal.value.block()


def _named(job, mapping) -> dict[str, object]:
    rules = {name: type(job.mapping[name])(column=rule["column"]) for name, rule in mapping.items()}
    return {"mapping": rules}
