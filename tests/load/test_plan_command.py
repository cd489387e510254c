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
