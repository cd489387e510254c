"""Settings come from flags, environment, job file and defaults, and what is wrong is said plainly."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import ExitCode, SettingsError
from loader.job import Job, MaxErrors, read_job, run_dir_of

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"
ARN = f"arn:aws:scn:us-east-1:123456789012:instance/{INSTANCE}/namespaces/asc/datasets/product"


def test_flags_win_over_environment_over_job_file_over_defaults(tmp_path, monkeypatch):
    """The four origins, in their order."""
    job_file = tmp_path / "job.toml"
    job_file.write_text(
        'event_type = "scn.data.shipment"\nrate = 1\nburst = 2\nmax_in_flight = 3\nextract = "a.csv"\n'
    )
    monkeypatch.setenv("SCN_LOADER_RATE", "10")
    monkeypatch.setenv("SCN_LOADER_BURST", "20")
    job = read_job(job_file, instance_id=INSTANCE, rate=100.0)
    assert (job.rate, job.burst, job.max_in_flight, job.drain_seconds) == (100, 20, 3, 20)
    assert job.extract == (str(tmp_path / "a.csv"),)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"event_type": "scn.data.shipment"}, "--instance-id: is required"),
        ({"event_type": "scn.data.shipment", "instance_id": INSTANCE.upper()}, "UUID in lower case"),
        ({"event_type": "scn.data.shipment", "instance_id": INSTANCE, "rate": -1}, "--rate: "),
        ({"event_type": "scn.data.shipment", "instance_id": INSTANCE, "burst": 5}, "--burst needs"),
        ({"event_type": "scn.data.dataset", "instance_id": INSTANCE}, "needs --dataset-arn"),
        ({"event_type": "scn.data.shipment", "instance_id": INSTANCE, "dataset_arn": ARN}, "need event type"),
        (
            {
                "event_type": "scn.data.dataset",
                "instance_id": INSTANCE.replace("8928", "0000"),
                "dataset_arn": ARN,
                "operation": "UPSERT",
            },
            "name different instances",
        ),
        ({"event_type": "scn.data.shipment", "instance_id": INSTANCE, "time_zone": "Mars"}, "'Mars' is not"),
        (
            {"event_type": "scn.data.shipment", "instance_id": INSTANCE, "time_zone": "localtime"},
            "'localtime' is not",
        ),
        (
            {"event_type": "scn.data.shipment", "instance_id": INSTANCE, "speed": 9},
            "this setting does not exist",
        ),
        ({"event_type": "scn.data.shipment", "instance_id": INSTANCE, "max_errors": "few"}, "--max-errors: "),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(settings, said):
    """Each problem is reported with the flag's name, and ends with exit code 2."""
    with pytest.raises(SettingsError) as caught:
        read_job(**settings)
    assert said in caught.value.block()
    assert caught.value.exit_code == ExitCode.REFUSED


@pytest.mark.parametrize(
    "text", ["rate = ", "mapping = 3\n", "\xff\xfe", '[mapping]\nid = {column = "a", constant = "b"}']
)
def test_a_broken_job_file_is_refused(tmp_path, text):
    """Bad TOML and bad tables give one block that names the file."""
    job_file = tmp_path / "job.toml"
    job_file.write_text(text, encoding="latin-1")
    with pytest.raises(SettingsError) as caught:
        read_job(job_file, event_type="scn.data.shipment", instance_id=INSTANCE)
    assert str(job_file) in caught.value.block()


def test_a_missing_job_file_is_refused(tmp_path):
    """A mistyped --job is never taken for an empty one."""
    with pytest.raises(SettingsError, match="cannot be read"):
        read_job(tmp_path / "nosuch.toml")


def test_the_run_directory_follows_the_plan_and_not_the_delivery():
    """The same command finds its checkpoint again, also with another rate; another mapping does not."""
    common: dict[str, Any] = {
        "event_type": "scn.data.shipment",
        "instance_id": INSTANCE,
        "extract": ("a.csv",),
    }
    job = read_job(**common)
    assert run_dir_of(read_job(**common, rate=5)) == run_dir_of(job)
    assert run_dir_of(read_job(**common, mapping={"id": "ID"})) != run_dir_of(job)


def test_settings_of_the_plan_are_json_values():
    """What the checkpoint stores compares equal after a round trip through JSON."""
    import orjson

    job = read_job(event_type="scn.data.shipment", instance_id=INSTANCE, mapping={"id": "ID"}, group_by="id")
    assert orjson.loads(orjson.dumps(job.plan_settings())) == job.plan_settings()
    assert "rate" not in job.plan_settings()


rules = st.fixed_dictionaries(
    {"column": st.just("c")},
    optional={
        "decimal": st.sampled_from([".", ","]),
        "null_words": st.sampled_from([[], ["-"]]),
        "negative": st.sampled_from(["leading", "trailing"]),
        "trim": st.booleans(),
        "formats": st.sampled_from([[], ["%Y%m%d"]]),
    },
)


@given(rules, rules)
def test_a_job_from_its_stored_settings_reads_texts_alike(rule, defaults):
    """A rule keeps what was given, also where it equals the default: the job's defaults hold for the rest."""
    import orjson

    del defaults["column"]
    job = read_job(
        event_type="scn.data.shipment", instance_id=INSTANCE, mapping={"id": rule}, defaults=defaults
    )
    stored = orjson.loads(orjson.dumps(job.plan_settings()))
    again = Job(**{name: value for name, value in stored.items() if name != "service"})
    for column_type in ("string", "double", "timestamp"):
        read = [each.mapping["id"].with_defaults(each.defaults, column_type) for each in (job, again)]
        assert read[0] == read[1]
        assert read[0].reads_numbers == read[1].reads_numbers


def test_what_shapes_events_does_not_depend_on_the_help_page():
    """A resume must use the same of these, wherever the help page lists them."""
    job = read_job(event_type="scn.data.shipment", instance_id=INSTANCE)
    of_the_run = {"extract", "extract_profile", "region", "profile", "endpoint_url", "run_dir", "restart"}
    of_the_run |= {"retry_failed", "in_doubt", "dry_run", "rate", "forget_rate", "burst", "max_in_flight"}
    of_the_run |= {"transport", "max_held_bytes", "max_errors", "max_errors_per_file", "on_failure"}
    of_the_run |= {
        "drain_seconds",
        "give_up_after",
        "again",
        "unfinished",
        "shard",
        "workers",
        "engine",
        "ray_address",
        "keep",
        "delta_version",
    }
    assert job.plan_settings().keys() == (type(job).model_fields.keys() - of_the_run) | {"service"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"event_type": "scn.data.shipment"}, "--instance-id: is required"),
        ({"event_type": "scn.data.shipment", "instance_id": INSTANCE, "rate": -1}, "--rate: "),
        (
            {"event_type": "scn.data.shipment", "instance_id": INSTANCE, "rat": 1},
            "rat: this setting does not exist",
        ),
        ({"event_type": "scn.data.shipment", "instance_id": INSTANCE, "burst": 1}, "--burst needs"),
        ({"event_type": "scn.data.shipment", "instance_id": "SECRET"}, "should be a UUID"),
    ],
)
def test_a_job_made_in_python_refuses_settings_as_the_command_does(settings, said):
    """One block of ours, with no value in it; not pydantic's error."""
    with pytest.raises(SettingsError) as refused:
        Job(**settings)
    assert said in refused.value.block()
    assert "SECRET" not in refused.value.block()


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_max_errors_by_number_counts_rows_and_events_together(rejected, rows, failed, settled):
    """More than N is too many, however many were seen."""
    limit = MaxErrors(count=10)
    assert limit.exceeded(rejected=rejected, rows=rows, failed=failed, settled=settled) == (
        rejected + failed > 10
    )


def test_max_errors_by_share_waits_for_a_sample():
    """Two bad rows at the start do not stop a load at 1 %."""
    limit = MaxErrors.model_validate("1%")
    assert not limit.exceeded(rejected=2, rows=50, failed=0, settled=0)
    assert limit.exceeded(rejected=2, rows=100, failed=0, settled=0)
    assert limit.exceeded(rejected=0, rows=1000, failed=3, settled=200)
    assert not limit.exceeded(rejected=1, rows=100, failed=2, settled=200)


def test_env_gives_max_errors_as_text(monkeypatch):
    """SCN_LOADER_MAX_ERRORS is written like the flag."""
    monkeypatch.setenv("SCN_LOADER_MAX_ERRORS", "2.5%")
    job = Job(event_type="scn.data.shipment", instance_id=INSTANCE)
    assert job.max_errors == MaxErrors(share=0.025)


def test_the_csv_table_is_made_of_flags_and_job_file(tmp_path):
    """A flag changes one entry of the table and leaves the others to the job file."""
    job_file = tmp_path / "job.toml"
    job_file.write_text('[csv]\nquote = "~"\nseparator = ","\n')
    job = read_job(
        job_file,
        csv={"separator": "tab"},
        event_type="scn.data.shipment",
        instance_id=INSTANCE,
    )
    assert (job.csv.separator, job.csv.quote, job.csv.encoding) == ("\t", "~", "auto")
    assert job.plan_settings()["csv"]["separator"] == "\t"
