"""``scn-loader plan`` as a scheduler runs it: a process, and its exit code."""


def test_a_scheduler_reads_the_exit_code(scn_loader, tmp_path):
    """0 would be sent, 2 would be refused, 8 does not fit, 9 nothing to load; nothing is left behind."""
    path = tmp_path / "r.csv"
    event_type = ("--event-type", "scn.data.reservation")
    for content, flags, code in (
        ("reservation_id,reservation_detail_id\n1,1\n2,1\n", ("--rate", "1", "--deadline", "1h"), 0),
        ("reservation_id,reservation_detail_id\n1,1\n2,1\n", ("--rate", "1", "--deadline", "1s"), 8),
        ("reservation_id\n1\n", (), 2),
        ("reservation_id,reservation_detail_id\n", (), 9),
    ):
        path.write_text(content)
        done = scn_loader("plan", path, *event_type, *flags)
        assert done.returncode == code, done.stdout + done.stderr
        assert bool(done.stdout) is (code in (0, 8))
    assert list((tmp_path / "cwd").iterdir()) == []


def test_a_folder_of_many_files_is_readable(scn_loader, tmp_path):
    """The first files are listed, and the others are counted in one line; so is a note about all files."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(300):
        text = f"reservation_id,reservation_detail_id,reservation_date\n{number},1,2024-01-01 10:00:00\n"
        (folder / f"part-{number}.csv").write_text(text)
    done = scn_loader("plan", folder, "--event-type", "scn.data.reservation")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Plan: 300 records in 300 events")
    assert len(lines) < 60
    assert sum(line.startswith("file ") for line in lines) == 12
    assert any("and 288 more files" in line and "288 rows" in line for line in lines)
    assert sum("without a zone" in line for line in lines) <= 1


def test_a_load_of_many_files_is_readable(scn_loader, tmp_path):
    """What holds of all files is logged once, and their events hold rows of many."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(300):
        (folder / f"part-{number}.csv").write_text(f"reservation_id,reservation_detail_id\n{number},1\n")
    flags = ("--emulate", "--pack", "group", "--group-buckets", "2", "--run-dir", tmp_path / "run")
    done = scn_loader("load", folder, "--event-type", "scn.data.reservation", *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all 2 events were accepted" in done.stdout
    assert len((done.stdout + done.stderr).splitlines()) < 60
    status = scn_loader("status", tmp_path / "run")
    assert len(status.stdout.splitlines()) < 30
