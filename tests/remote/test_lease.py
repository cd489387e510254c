"""The lease: one holder at a time, whoever comes first, and the next one when it is stale."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Timer

import orjson
import pytest

from loader.errors import CheckpointCorrupt, CheckpointError, CheckpointLocked
from loader.remote.answers import ConditionFailed, Unreachable
from loader.remote.lease import Lease, read_lease
from loader.remote.objects import Objects
from loader.sources.s3.client import S3Client
from tests.remote.conftest import ADDRESS, PREFIX
from tests.remote.faulty_s3 import BUCKET, Fault, FaultyS3


@pytest.fixture
def objects(s3: FaultyS3) -> Objects:
    return Objects(ADDRESS, S3Client(None, None))


@pytest.fixture
def lease(objects: Objects) -> Callable[..., Lease]:
    def of(holder: str, seconds: float = 120.0) -> Lease:
        return Lease(objects, "", holder=holder, writer=f"{holder}:1", seconds=seconds)

    return of


def at_once(_words: str) -> None:
    raise AssertionError("there is nothing to wait for")


@pytest.mark.parametrize("is_stale", [False, True], ids=["new", "stale"])
def test_of_many_takers_one_gets_it(lease: Callable[..., Lease], *, is_stale: bool) -> None:
    """Of a lease that is not there, and of one that is stale."""
    if is_stale:
        lease("lost", seconds=-10.0).take(at_once)
    takers = [lease(f"taker-{number}") for number in range(6)]
    with ThreadPoolExecutor(6) as threads:
        tries = [threads.submit(taker.take, lambda _words: None, lambda: True) for taker in takers]
    errors = [each.exception() for each in tries]
    assert errors.count(None) == 1
    assert all(isinstance(error, CheckpointLocked) for error in errors if error is not None)
    takers[errors.index(None)].renew(3)


def test_a_holder_that_renews_is_left_alone(lease: Callable[..., Lease]) -> None:
    """The second runner watches for one renewal, and is then refused with what to run."""
    holder = lease("a")
    holder.take(at_once)
    told: list[str] = []
    timer = Timer(0.2, holder.renew, (7,))
    timer.start()
    with pytest.raises(CheckpointLocked) as refused:
        lease("b").take(told.append)
    timer.join()
    assert "takes over in 12" in told[0]
    block = refused.value.block()
    assert "renewed its lease 0 s ago" in block or "renewed its lease 1 s ago" in block
    assert f"scn-loader status {ADDRESS}" in block


def test_a_stale_lease_is_taken_by_the_clock_of_s3(lease: Callable[..., Lease], s3: FaultyS3) -> None:
    """Its horizon stays: what the lost runner may have sent is below it."""
    holder = lease("a")
    holder.take(at_once)
    holder.renew(41)
    s3.seconds_ahead = 121
    with pytest.raises(CheckpointLocked):
        lease("b").take(lambda _words: None, lambda: True)
    s3.seconds_ahead = 125
    taker = lease("b")
    left = taker.take(at_once)
    assert left is not None
    assert (left.body.holder, left.body.horizon, taker.horizon) == ("a", 41, 41)
    with pytest.raises(ConditionFailed):
        holder.renew(42)


def test_the_same_working_copy_does_not_wait(lease: Callable[..., Lease]) -> None:
    """A killed runner's machine resumes at once; a released lease is free for all."""
    lease("a").take(at_once)
    again = lease("a")
    killed = again.take(at_once)
    assert killed is not None
    assert not killed.is_live
    again.renew(9)
    again.release()
    left = lease("b").take(at_once)
    assert left is not None
    assert (left.body.is_released, left.body.horizon) == (True, 0)


def test_a_lost_answer_costs_no_lease(lease: Callable[..., Lease], s3: FaultyS3, objects: Objects) -> None:
    """The write has happened: the next one finds its own writer's object, and takes its place."""
    holder = lease("a")
    holder.take(at_once)
    lost: list[str] = []

    def lose_one(method: str, _key: str) -> Fault:
        if method == "PUT" and not lost:
            lost.append(method)
            return "lost"
        return None

    s3.faults = lose_one
    with pytest.raises(Unreachable):
        holder.renew(5)
    holder.renew(6)
    found = read_lease(objects, "")
    assert found is not None
    assert found.body.horizon == 6


@pytest.mark.parametrize("fault", ["503", "409", "cut", "lost"])
def test_temporary_and_permanent_faults_are_distinguished(
    lease: Callable[..., Lease], s3: FaultyS3, fault: str
) -> None:
    """A fault of the moment is Unreachable: whoever asks tries again."""
    holder = lease("a")
    holder.take(at_once)
    s3.faults = lambda method, _key: fault if method == "PUT" else None
    with pytest.raises(Unreachable):
        holder.renew(5)


@pytest.mark.parametrize("header", ["HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"])
def test_a_store_without_conditions_is_refused(
    lease: Callable[..., Lease], s3: FaultyS3, header: str
) -> None:
    """It would let two runners work on one run directory, and never say so."""
    s3.ignored_header = header
    with pytest.raises(CheckpointError, match="cannot be in this object store") as refused:
        lease("a").take(at_once)
    assert header.removeprefix("HTTP_").replace("_", "-").lower() in refused.value.why.lower()


WHOLE_BODY = {"holder": "a", "host": "m", "pid": 1, "since": 1.0, "seconds": 120.0, "horizon": 0}


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"[]", b"{}", b'{"holder": 1}', b"\xff"),
        *(
            orjson.dumps(WHOLE_BODY | wrong)
            for wrong in ({"seconds": "120"}, {"since": None}, {"horizon": 1.5}, {"of_later_versions": 1})
        ),
        orjson.dumps(WHOLE_BODY).replace(b"120.0", b"NaN"),
    ],
)
def test_an_object_that_is_not_a_lease_is_refused(
    lease: Callable[..., Lease], s3: FaultyS3, content: bytes
) -> None:
    """Nothing is overwritten."""
    s3.client.put_object(Bucket=BUCKET, Key=PREFIX + "lease.json", Body=content)
    with pytest.raises(CheckpointCorrupt):
        lease("a").take(at_once)
    assert s3.get(PREFIX + "lease.json") == content


def test_a_lease_names_its_holder(lease: Callable[..., Lease], s3: FaultyS3) -> None:
    """Host, process and since when: for whoever is refused."""
    lease("a").take(at_once)
    body = orjson.loads(s3.get(PREFIX + "lease.json"))
    assert body["pid"] > 0
    assert body["host"]
    assert body["since"] > 1.7e9


def test_a_runner_waits_until_the_lease_is_stale(lease: Callable[..., Lease], s3: FaultyS3) -> None:
    """A job that is started again takes over by itself."""
    lease("lost").take(at_once)
    told: list[str] = []
    timer = Timer(0.2, setattr, (s3, "seconds_ahead", 125.0))
    timer.start()
    left = lease("b").take(told.append)
    timer.join()
    assert left is not None
    assert left.body.holder == "lost"
    assert len(told) == 1


def test_a_full_disk_is_not_a_fault_of_s3(objects: Objects, s3: FaultyS3) -> None:
    """Trying again would not help, and the cause would be a wrong one."""
    s3.client.put_object(Bucket=BUCKET, Key=PREFIX + "copy", Body=b"x" * 2**20)
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError, match="No space left"):
        objects.download("copy", full)
