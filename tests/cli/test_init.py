"""``scn-loader init``: a job file to start from, which loads where names match."""

import io
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from loader.errors import ExitCode

SAMPLES = Path(__file__).parents[2] / "sample_data"
RESERVATION = ("--event-type", "scn.data.reservation")


def test_files_without_rows_are_passed_over(ask, tmp_path):
    """The first night of a folder may have a header only; without any row the draft is refused."""
    header = "reservation_id,reservation_detail_id\n"
    (tmp_path / "a.csv").write_text(header)
    (tmp_path / "b.csv").write_text(header + "1,2\n")
    written = ask("init", tmp_path / "a.csv", tmp_path / "b.csv", *RESERVATION, "-o", "ab.toml")
    assert (written.code, written.err) == (ExitCode.DELIVERED, "")
    assert "2 columns mapped" in written.out
    assert ask("init", tmp_path / "a.csv", *RESERVATION).code == ExitCode.NOTHING_TO_LOAD


@pytest.mark.parametrize("command", ["init", "plan", "load"])
def test_without_an_event_type_the_list_of_them_is_the_next_command(ask, tmp_path, command):
    """A newcomer does not know the names: the command that lists them is printed, and runs."""
    path = tmp_path / "a.csv"
    path.write_text("reservation_id\n1\n")
    refused = ask(command, path)
    assert (refused.code, refused.out) == (ExitCode.REFUSED, "")
    assert "--event-type: is required" in refused.err
    first, *_ = [line.strip() for line in refused.err.splitlines() if line.strip().startswith("scn-loader ")]
    listed = ask(*shlex.split(first)[1:])
    assert listed.code == ExitCode.DELIVERED
    assert "scn.data.reservation" in listed.out


def test_what_it_writes_loads_without_an_edit(ask, tmp_path):
    """Names spelled otherwise, a foreign date format, words for no value: every row becomes a record."""
    path = tmp_path / "Bookings.csv"
    path.write_text(
        "Reservation #,RESERVATION DETAIL ID,SKU No,Quantity,Reservation Date,Colour\n"
        '1,1,007,5,31.12.2025,"red"\n1,2,008,pending,01.01.2026,\n2,1,009,7.25,not yet,blue\n'
    )
    written = ask("init", path, *RESERVATION)
    assert (written.code, written.err) == (ExitCode.DELIVERED, "")
    job = Path("Bookings.toml")
    told = tomllib.loads(job.read_text())
    assert told["mapping"] == {
        "reservation_id": "Reservation #",
        "reservation_detail_id": "RESERVATION DETAIL ID",
        "product_id": "SKU No",
        "quantity": {"column": "Quantity", "null_words": "pending"},
        "reservation_date": {"column": "Reservation Date", "formats": "%d.%m.%Y", "null_words": "not yet"},
    }
    assert told["ignore_unknown"] is True
    assert "# guess: name, formats, words for no value" in job.read_text()
    planned = ask("plan", "--job", job, "--values")
    assert planned.code == ExitCode.DELIVERED, planned.out + planned.err
    assert "'31.12.2025' -> '2025-12-31T00:00:00Z'" in planned.out
    assert "'007'" in planned.out


@pytest.mark.parametrize(
    ("name", "event_type"),
    [
        ("inventory_levels.parquet", "scn.data.inventorylevel"),
        ("outbound_order_lines.csv", "scn.data.outboundorderline"),
    ],
)
def test_an_extract_with_the_own_names_needs_no_guess(ask, name, event_type):
    """No line is marked, and nothing is missing."""
    written = ask("init", SAMPLES / name, "--event-type", event_type, "-o", "job.toml")
    assert "Required, but not found" not in written.out
    mapping = Path("job.toml").read_text().partition("[mapping]")[2]
    assert "guess" not in mapping
    assert ask("plan", "--job", "job.toml").code == ExitCode.DELIVERED


def test_a_dataset_of_the_data_model_is_drafted_by_its_arn(ask):
    """The master data that has no event type of its own: the file names dataset, operation and instance."""
    instance = "8928ae12-15e5-4441-825d-ec2184f0a43a"
    arn = f"arn:aws:scn:us-east-1:123456789012:instance/{instance}/namespaces/asc/datasets/product"
    target = ("--event-type", "scn.data.dataset", "--dataset-arn", arn, "--operation", "UPSERT")
    assert ask("init", SAMPLES / "products.csv", *target, "-o", "job.toml").code == ExitCode.DELIVERED
    assert ask("plan", "--job", "job.toml").code == ExitCode.DELIVERED
    custom = [text.replace("/asc/", "/default/") for text in target]
    assert ask("init", SAMPLES / "products.csv", *custom, "-o", "other.toml").code == ExitCode.REFUSED


def test_what_is_needed_is_told_and_values_stay_in_the_extract(ask, tmp_path):
    """A real export: what is missing is marked, and of its values only words and formats are written."""
    shutil.copy(SAMPLES / "scms_delivery_history.csv", tmp_path / "scms.csv")
    event_type = ("--event-type", "scn.data.inboundorderline")
    written = ask("init", tmp_path / "scms.csv", *event_type, "-o", tmp_path / "scms.toml")
    assert "Required, but not found: product_id, quantity_submitted." in written.out
    text = (tmp_path / "scms.toml").read_text()
    assert 'order_id = "PO / SO #"  # guess: name' in text
    assert "# NEEDED: product_id = " in text
    dates = '{ column = "PO Sent to Vendor Date", formats = "%m/%d/%y", null_words = ["N/A - From RDC", '
    assert f'#   {dates}"Date Not Captured"] }}' in text
    assert "Nevirapine" not in text
    refused = ask("plan", "--job", tmp_path / "scms.toml")
    assert refused.code == ExitCode.REFUSED
    assert "product_id" in refused.err


def test_a_file_that_is_there_is_kept(ask, tmp_path):
    """Hours of somebody's work are not overwritten, unless asked for."""
    extract, job = tmp_path / "r.csv", tmp_path / "r.toml"
    extract.write_text("reservation_id,reservation_detail_id\n1,1\n")
    job.write_text("mine")
    refused = ask("init", extract, *RESERVATION, "-o", job)
    assert (refused.code, job.read_text()) == (ExitCode.REFUSED, "mine")
    assert "--force" in refused.err
    assert ask("init", extract, *RESERVATION, "-o", job, "--force").code == ExitCode.DELIVERED
    assert tomllib.loads(job.read_text())["extract"] == "r.csv"


def test_standard_input_is_drafted_as_job_toml(ask, monkeypatch):
    """A file called -.toml would be taken for a flag; the job reads standard input again."""
    text = b"reservation_id,reservation_detail_id\n1,1\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert ask("init", "-", *RESERVATION).code == ExitCode.DELIVERED
    assert [path.name for path in Path().iterdir() if path.suffix == ".toml"] == ["job.toml"]
    assert tomllib.loads(Path("job.toml").read_text())["extract"] == "-"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert ask("plan", "--job", "job.toml").code == ExitCode.DELIVERED


REFUSALS = {
    "no row": ("r.csv", "a,b\n", "scn.data.reservation", ExitCode.NOTHING_TO_LOAD, "no rows"),
    "nothing at all": ("r.csv", "", "scn.data.reservation", ExitCode.NOTHING_TO_LOAD, "empty"),
    "no such event type": ("r.csv", "a\n1\n", "scn.data.reservations", ExitCode.REFUSED, "Did you mean"),
    "no Parquet": ("r.parquet", "a\n1\n", "scn.data.reservation", ExitCode.REFUSED, "PAR1"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_what_cannot_be_drafted_leaves_no_file(ask, tmp_path, what):
    """Refused in one block, with the exit codes of a load."""
    name, content, event_type, code, said = REFUSALS[what]
    path = tmp_path / name
    path.write_text(content)
    answer = ask("init", path, "--event-type", event_type, "-o", "job.toml")
    assert answer.code == code, answer.err
    assert said in answer.err
    assert not Path("job.toml").exists()


def test_odd_names_are_written_so_that_they_are_read_back(ask, tmp_path):
    """Quotes, backslashes and line ends in a header neither break the file nor end a comment."""
    path = tmp_path / 'a "b" \\ c.csv'
    path.write_text('reservation_id,reservation_detail_id,"a ""b""\nextract = 1","\\d"\n1,1,2,3\n')
    assert ask("init", path, *RESERVATION, "-o", "job.toml").code == ExitCode.DELIVERED
    assert ask("plan", "--job", "job.toml").code == ExitCode.DELIVERED


EKPO = """EKPO-EBELN;EBELP;MATNR;MENGE;NETPR;WERKS;EINDT;LIFNR
4500000001;00010;000000000000000043;1.234,50;12,00-;1000;00000000;0000100
4500000001;00020;POST;2,00;7,25;1000;20240131;0000100
"""


def test_an_export_of_sap_needs_no_edit(ask, tmp_path):
    """Fields by what they hold, each with its reason; marks, a minus behind, dates of zeros; codes stay."""
    path = tmp_path / "ekpo.csv"
    path.write_text("Purchase order items, 2024\n" + EKPO)
    flags = ("--csv-separator", ";", "--csv-skip-rows", "1")
    written = ask("init", path, "--event-type", "scn.data.inboundorderline", "-o", "job.toml", *flags)
    assert (written.code, written.err) == (ExitCode.DELIVERED, "")
    text = Path("job.toml").read_text()
    told = tomllib.loads(text)
    assert told["csv"] == {"separator": ";", "skip_rows": 1}
    assert told["mapping"] == {
        "id": "EBELP",
        "order_id": "EKPO-EBELN",
        "tpartner_id": "LIFNR",
        "product_id": "MATNR",
        "to_site_id": "WERKS",
        "cost": {"column": "NETPR", "decimal": ",", "negative": "trailing"},
        "quantity_submitted": {"column": "MENGE", "decimal": ",", "thousands": "."},
        "expected_delivery_date": {"column": "EINDT", "formats": "%Y%m%d", "null_words": "00000000"},
    }
    assert 'product_id = "MATNR"  # guess: name (SAP MATNR, material)' in text
    planned = ask("plan", "--job", "job.toml", "--values")
    assert planned.code == ExitCode.DELIVERED, planned.out + planned.err
    assert "'12,00-' -> '-12.00'" in planned.out
    assert "'000000000000000043'" in planned.out


def test_an_object_feeds_nothing_by_its_name(ask, tmp_path):
    """What an object or array holds is not what its name says of a single value; the own name is taken."""
    path = tmp_path / "x.ndjson"
    path.write_text('{"reservation_id": {"a": 1}, "Reservation Detail ID": ["1"], "Quantity": "1"}\n')
    written = ask("init", path, *RESERVATION, "-o", "job.toml")
    assert written.code == ExitCode.DELIVERED
    told = tomllib.loads(Path("job.toml").read_text())["mapping"]
    assert told == {"reservation_id": "reservation_id", "quantity": "Quantity"}


def test_a_text_column_gets_no_words_for_no_value(ask, tmp_path):
    """Among numbers, POST is a stock code: as a suggestion for a text column it is not taken out."""
    path = tmp_path / "x.csv"
    path.write_text("reservation_id,reservation_detail_id,product\nR,1,22423\nR,2,POST\nR,3,85123\n")
    assert ask("init", path, *RESERVATION, "-o", "job.toml").code == ExitCode.DELIVERED
    lines = [line for line in Path("job.toml").read_text().splitlines() if "product_id = " in line]
    assert len(lines) == 1
    assert "POST" not in lines[0]


def test_what_is_needed_has_a_suggestion_where_a_source_is_near(ask, tmp_path):
    """A source that shares a telling word of the data model is named, and nothing is mapped to it."""
    path = tmp_path / "po.csv"
    path.write_text("PO No,Line,Material Number,Order Qty,Ship Loc,Vendor Name\n1,1,M1,5,S1,V\n")
    ask("init", path, "--event-type", "scn.data.inboundorderline", "-o", "job.toml")
    text = Path("job.toml").read_text()
    assert '# NEEDED: tpartner_id = "Vendor Name"  # string; a similar name' in text
    assert '# NEEDED: quantity_submitted = "Order Qty"  # double; a similar name' in text
    assert '# NEEDED: id = ""  # string' in text
    assert "tpartner_id" not in tomllib.loads(text)["mapping"]
