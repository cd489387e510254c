"""``--emulate`` takes nothing from the environment, and breaks on nothing in it."""

import os
from pathlib import Path

import pytest

from tests.prepared.starts import run


@pytest.mark.parametrize(
    "environment",
    [
        {
            "AWS_MAX_ATTEMPTS": "abc",
            "AWS_PROFILE": "no-such-profile",
            "AWS_CA_BUNDLE": "/nonexistent",
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_ENDPOINT_URL": "nonsense",
            "AWS_USE_FIPS_ENDPOINT": "maybe",
            "AWS_REGION": "no region!",
            "AWS_DATA_PATH": "/nonexistent",
            "HTTPS_PROXY": "http://",
            "HTTP_PROXY": "socks5://h",
        }
    ],
)
def test_a_rehearsal_does_not_break_on_the_environment(tmp_path: Path, environment: dict[str, str]) -> None:
    """Whatever AWS and proxy variables say, the rehearsal is delivered to its emulator."""
    (tmp_path / "x.csv").write_text("reservation_id,reservation_detail_id,product_id\nR1,1,p\nR2,2,q\n")
    command = ["load", "x.csv", "--event-type", "scn.data.reservation", "--emulate", "--progress", "none"]
    ended = run(
        command,
        cwd=tmp_path,
        env={
            **os.environ,
            "HOME": str(tmp_path),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            **environment,
        },
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert "all 2 events were accepted" in ended.stdout
