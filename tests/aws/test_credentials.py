"""As whom to sign: botocore's chain with real files and processes, and renewal."""

import asyncio
import io
import json
import logging
import math
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loader.aws import credential_chain
from loader.aws.credential_chain import FoundCredentials, find_credentials
from loader.aws.credentials import FixedCredentials, RenewingCredentials, open_credentials
from loader.aws.signing import Credentials
from loader.errors import ServiceStopped, SettingsError
from tests.http.scripted_server import ScriptedServer, Step, answer, read_request, silence

NOW = 1_800_000_000.0
HOUR = 3600.0


# The chain, with the real botocore.


def test_keys_of_the_environment_are_used_without_their_line_end(
    aws_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys in the environment are found, without the line end they were pasted with."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret/env\n")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token==")
    found = find_credentials(None, "us-east-1")
    assert found == FoundCredentials(Credentials("AKIDENV", "secret/env", "token=="), math.inf)


def test_a_given_profile_wins_over_keys_in_the_environment(
    aws_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The given profile wins over keys in the environment; AWS_PROFILE does not, as in botocore."""
    (aws_files / "credentials").write_text(
        "[default]\naws_access_key_id=AKIDDEF\naws_secret_access_key=one\n"
        "[other]\naws_access_key_id=AKIDOTHER\naws_secret_access_key=two\n"
    )
    assert find_credentials(None, None).credentials == Credentials("AKIDDEF", "one")
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert find_credentials(None, None).credentials == Credentials("AKIDOTHER", "two")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "three")
    assert find_credentials(None, None).credentials.access_key == "AKIDENV"
    assert find_credentials("other", None).credentials.access_key == "AKIDOTHER"


def credential_process(folder: Path, expires_in_seconds: float | None) -> Path:
    """Write a profile whose helper process counts its runs, and gives a new key on each."""
    counter = folder / "runs"
    expiry = "None" if expires_in_seconds is None else f"time.time() + {expires_in_seconds}"
    script = folder / "helper.py"
    script.write_text(
        f"""
import datetime, json, pathlib, time
counter = pathlib.Path({str(counter)!r})
run = int(counter.read_text()) + 1 if counter.exists() else 1
counter.write_text(str(run))
answer = {{"Version": 1, "AccessKeyId": f"AKID{{run}}", "SecretAccessKey": "s", "SessionToken": "t"}}
expiry = {expiry}
if expiry:
    answer["Expiration"] = datetime.datetime.fromtimestamp(expiry, datetime.timezone.utc).isoformat()
print(json.dumps(answer))
"""
    )
    (folder / "config").write_text(
        f"[default]\nregion=us-east-1\ncredential_process={sys.executable} {script}\n"
    )
    return counter


def test_helper_process_tells_the_expiry(aws_files: Path) -> None:
    """The end of temporary credentials is known, whatever botocore calls it."""
    credential_process(aws_files, HOUR)
    found = find_credentials(None, None)
    assert found.credentials == Credentials("AKID1", "s", "t")
    assert found.expires_at == pytest.approx(time.time() + HOUR, abs=60)


async def test_helper_process_is_run_again_on_refusal(aws_files: Path) -> None:
    """A refusal of credentials makes the whole chain run again, and gives new ones."""
    credential_process(aws_files, HOUR)
    source = await open_credentials(None, None)
    assert source.current.access_key == "AKID1"
    await source.refresh()
    assert source.current.access_key == "AKID2"
    await source.close()


async def test_keys_rotated_in_a_file_are_seen(aws_files: Path) -> None:
    """Someone who puts new keys into the profile during a load does not have to start it again."""
    profile = aws_files / "credentials"
    profile.write_text("[default]\naws_access_key_id=AKIDOLD\naws_secret_access_key=one\n")
    source = await open_credentials(None, None)
    assert (source.current.access_key, source.renew_at) == ("AKIDOLD", math.inf)
    profile.write_text("[default]\naws_access_key_id=AKIDNEW\naws_secret_access_key=two\n")
    await source.refresh()
    assert source.current == Credentials("AKIDNEW", "two")


def test_without_credentials_the_error_says_what_to_do(aws_files: Path) -> None:
    """Without credentials the error says what was looked for and what to do, with exit code 2."""
    with pytest.raises(SettingsError, match="No AWS credentials") as caught:
        find_credentials(None, "us-east-1")
    assert all(method in caught.value.why for method in ("env", "sso", "iam-role"))
    assert "AWS_ACCESS_KEY_ID" in caught.value.next_step
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "config",
    [
        "[default]\ncredential_process=false\n",
        "[default]\ncredential_process=echo not-json\n",
        '[default]\ncredential_process=echo {"Version":2}\n',
        "[default]\ncredential_process=/no/such/file\n",
        "[default]\naws_access_key_id=AKID\n",
        "[default]\nrole_arn=arn:aws:iam::123456789012:role/r\nsource_profile=nobody\n",
        "[default]\nsso_account_id=1\nsso_role_name=r\nsso_region=us-east-1\nsso_start_url=https://h.example\n",
    ],
)
def test_configured_credentials_that_do_not_work(aws_files: Path, config: str) -> None:
    """Whatever is wrong with what is configured, it is an error of settings with a reason."""
    (aws_files / "config").write_text(config)
    with pytest.raises(SettingsError, match="could not be used") as caught:
        find_credentials(None, "us-east-1")
    assert caught.value.why
    assert "default" in caught.value.where


@pytest.mark.parametrize("key", ["", "  ", "two words", "line\nbreak", "umläut", "\x00"])
def test_a_key_that_cannot_be_a_header_is_refused_and_not_shown(key: str) -> None:
    """A key that could not be sent in a header is refused, and not repeated."""
    with pytest.raises(SettingsError, match="damaged") as caught:
        credential_chain._key_text(key)
    assert key.strip() == "" or key not in caught.value.block()


def test_credentials_that_are_over(aws_files: Path) -> None:
    """A helper that gives out expired credentials is an error of settings."""
    credential_process(aws_files, -60)
    with pytest.raises(SettingsError) as caught:
        find_credentials(None, None)
    assert "expired" in caught.value.why


def mfa_profile(folder: Path, endpoint: str) -> None:
    """Write a profile for a role that needs a code."""
    (folder / "config").write_text(
        "[default]\nregion=us-east-1\nrole_arn=arn:aws:iam::123456789012:role/r\nsource_profile=base\n"
        f"mfa_serial=arn:aws:iam::123456789012:mfa/me\nendpoint_url={endpoint}\n"
        "[profile base]\naws_access_key_id=AKID\naws_secret_access_key=s\n"
    )


def test_a_renewal_never_asks_for_a_code(aws_files: Path) -> None:
    """A role with MFA cannot be assumed again in mid-load: the reason says so, nothing waits for input."""
    mfa_profile(aws_files, "http://127.0.0.1:1")
    with pytest.raises(SettingsError) as caught:
        find_credentials(None, None, may_prompt=False)
    assert "MFA" in caught.value.why


def test_a_code_is_never_read_from_the_extract(aws_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal, the first line of the extract on standard input would be sent as the code."""
    with suppress(OSError), Path("/dev/tty").open("rb"):
        pytest.skip("this process has a terminal")
    mfa_profile(aws_files, "http://127.0.0.1:1")
    extract = io.StringIO("reservation_id\n1\n")
    monkeypatch.setattr(sys, "stdin", extract)
    with pytest.raises(SettingsError, match="could not be used") as caught:
        find_credentials(None, None)
    assert "MFA" in caught.value.why
    assert extract.tell() == 0


def instance_metadata(expires_at: float) -> Step:
    """Answer as the metadata service of an EC2 instance does."""
    expiry = datetime.fromtimestamp(expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    role = {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "AccessKeyId": "AKIDROLE",
        "SecretAccessKey": "s",
        "Token": "t",
        "Expiration": expiry,
    }

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(reader, 0)
        if request.method == "PUT":
            body = b"session-token"
        elif request.target.rstrip("/").endswith("security-credentials"):
            body = b"my-role"
        else:
            body = json.dumps(role).encode()
        await answer(200, body).act(reader, writer)

    return Step(act, reads=False, keeps_open=True)


async def test_credentials_of_an_instance_role_are_found(
    aws_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an instance with a role its credentials are found, with their end."""
    expires_at = float(int(time.time() + 6 * HOUR))
    async with ScriptedServer([instance_metadata(expires_at)]) as metadata:
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{metadata.port}")
        source = await open_credentials(None, "us-east-1")
    assert source.current == Credentials("AKIDROLE", "s", "t")
    assert source.expires_at == expires_at


async def test_silent_instance_metadata(aws_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A metadata service that says nothing holds up the start for seconds, and the loop not at all."""
    async with ScriptedServer([silence()]) as metadata:
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{metadata.port}")
        async with asyncio.timeout(30):
            with pytest.raises(SettingsError, match="No AWS credentials"):
                await open_credentials(None, "us-east-1")
        assert metadata.connections  # it was asked, and answered from this same loop


# Renewal, with a look-up that does what a plan says.


@dataclass
class PlannedLookUp:
    """Gives or raises what is planned, one after the other; the last one is repeated."""

    plan: list[FoundCredentials | Exception]
    calls: int = 0
    threads: set[int] = field(default_factory=set)
    before: Callable[[], object] = lambda: None

    def __call__(self) -> FoundCredentials:
        self.threads.add(threading.get_ident())
        step = self.plan[min(self.calls, len(self.plan) - 1)]
        self.calls += 1
        self.before()
        if isinstance(step, Exception):
            raise step
        return step


def found(name: str, expires_at: float = math.inf) -> FoundCredentials:
    """Credentials with a name and an end."""
    return FoundCredentials(Credentials(name, "s", "t"), expires_at)


FAILURE = SettingsError("no", why="the helper failed")


async def settled(source: RenewingCredentials) -> None:
    """Wait until no renewal is under way."""
    if source._renewal is not None:
        await asyncio.wait([source._renewal])


@pytest.mark.parametrize(
    ("life_seconds", "renewed_after_seconds"),
    [(math.inf, math.inf), (HOUR, 2700.0), (1800.0, 900.0), (600.0, 300.0), (40.0, 30.0), (-5.0, 30.0)],
)
def test_keys_are_renewed_fifteen_minutes_before_their_end(
    life_seconds: float, renewed_after_seconds: float
) -> None:
    """Fifteen minutes before the end, or half-way if that is later, and not in a tight loop."""
    source = RenewingCredentials(found("A", NOW + life_seconds), PlannedLookUp([FAILURE]), NOW)
    assert source.renew_at == NOW + renewed_after_seconds


async def test_renewal_goes_on_in_the_background() -> None:
    """Within the last fifteen minutes attempts go on with the old key until the new one is there."""
    release = threading.Event()
    look_up = PlannedLookUp([found("B", NOW + 2 * HOUR)], before=release.wait)
    source = RenewingCredentials(found("A", NOW + HOUR), look_up, NOW)
    for _ in range(5):
        await source.renew(source.renew_at)
    assert source.current.access_key == "A"
    release.set()
    await settled(source)
    assert source.current.access_key == "B"
    assert (look_up.calls, source.expires_at) == (1, NOW + 2 * HOUR)
    assert threading.get_ident() not in look_up.threads


async def test_just_before_the_end_attempts_wait() -> None:
    """In the last minute nothing is signed with a key that would run out on the way."""
    look_up = PlannedLookUp([found("B", NOW + 2 * HOUR)])
    source = RenewingCredentials(found("A", NOW + HOUR), look_up, NOW)
    await asyncio.gather(*(source.renew(NOW + HOUR - 30) for _ in range(50)))
    assert (source.current.access_key, look_up.calls) == ("B", 1)


async def test_failed_renewal_is_tried_again_later(caplog: pytest.LogCaptureFixture) -> None:
    """A renewal that fails is logged once and tried again after a pause; nothing raises."""
    look_up = PlannedLookUp([FAILURE, FAILURE, found("B", NOW + 2 * HOUR)])
    source = RenewingCredentials(found("A", NOW + HOUR), look_up, NOW)
    due = source.renew_at
    for failures in (1, 2):
        await source.renew(due)
        await settled(source)
        assert (source.current.access_key, source.renew_at) == ("A", due + 30)
        await source.renew(due + 29)
        assert look_up.calls == failures
        due += 30
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "the helper failed" in warnings[0]
    await source.renew(due)
    await settled(source)
    assert source.current.access_key == "B"


async def test_same_credentials_again_do_not_spin() -> None:
    """A source that gives the same credentials until shortly before their end is not asked all the time."""
    same = found("A", NOW + HOUR)
    look_up = PlannedLookUp([same])
    source = RenewingCredentials(same, look_up, NOW)
    for second in range(3540):  # up to the last minute
        await source.renew(NOW + second)
        await settled(source)
    assert 2 <= look_up.calls <= 10


async def test_many_refusals_share_one_look_up() -> None:
    """Requests that were under way together are refused together; one look-up answers for all."""
    look_up = PlannedLookUp([found("B", NOW + HOUR)])
    source = RenewingCredentials(found("A"), look_up, NOW)
    await asyncio.gather(*(source.refresh() for _ in range(50)))
    assert (source.current.access_key, look_up.calls) == ("B", 1)


async def test_refused_and_not_renewed_stops_the_load() -> None:
    """If the service refuses the credentials and there are no others, the load stops, resumable."""
    look_up = PlannedLookUp([FAILURE])
    source = RenewingCredentials(found("A"), look_up, NOW)
    results = await asyncio.gather(*(source.refresh() for _ in range(20)), return_exceptions=True)
    assert all(isinstance(result, ServiceStopped) for result in results)
    assert look_up.calls == 1
    error = results[0]
    assert isinstance(error, ServiceStopped)
    assert (error.exit_code, error.why) == (4, "the helper failed")
    assert "same command" in error.next_step


async def test_look_up_without_end() -> None:
    """A helper that hangs ends in an error after the limit, and does not keep the loop from closing."""
    release = threading.Event()
    look_up = PlannedLookUp([found("B")], before=release.wait)
    source = RenewingCredentials(found("A"), look_up, NOW, timeout_seconds=0.05)
    with pytest.raises(ServiceStopped) as caught:
        await source.refresh()
    assert "took longer than" in caught.value.why
    release.set()


async def test_close_ends_a_renewal() -> None:
    """A source can be closed while a renewal hangs."""
    release = threading.Event()
    source = RenewingCredentials(
        found("A", NOW + HOUR), PlannedLookUp([found("B")], before=release.wait), NOW
    )
    await source.renew(source.renew_at)
    async with asyncio.timeout(5):
        await source.close()
    release.set()
    assert source.current.access_key == "A"


async def test_waiting_attempt_can_be_cancelled_alone() -> None:
    """Cancelling an attempt that waits for new credentials does not cancel the renewal."""
    release = threading.Event()
    look_up = PlannedLookUp([found("B", NOW + 2 * HOUR)], before=release.wait)
    source = RenewingCredentials(found("A", NOW + HOUR), look_up, NOW)
    waiting = asyncio.create_task(source.renew(NOW + HOUR))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    release.set()
    await settled(source)
    assert source.current.access_key == "B"


def test_hanging_look_up_does_not_hold_up_the_exit() -> None:
    """The program can end while a look-up waits for an answer that never comes."""
    release = threading.Event()

    async def give_up() -> None:
        source = RenewingCredentials(found("A"), PlannedLookUp([found("B")], before=release.wait), NOW)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await source.refresh()

    asyncio.run(give_up())  # would never return if it waited for the thread
    release.set()


async def test_fixed_credentials_stay() -> None:
    """Fixed credentials never ask for renewal, and a refusal changes nothing."""
    source = FixedCredentials(Credentials("A", "s"))
    await source.renew(NOW)
    await source.refresh()
    await source.close()
    assert (source.current.access_key, source.renew_at) == ("A", math.inf)
