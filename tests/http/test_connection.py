"""One connection, on a transport that does what a test says."""

import asyncio
from dataclasses import dataclass, field

import pytest

from loader.http.fast.connection import MAX_BYTES_IN_ONE_WRITE, FastConnection
from loader.http.transport import TransportError
from tests.http.connection_steps import WHOLE
from tests.service.samples import RECEIPT

LARGE = b"x" * (3 * MAX_BYTES_IN_ONE_WRITE + 1)


@dataclass
class Owner:
    """Records its calls."""

    taken_back: list[FastConnection] = field(default_factory=list)
    forgotten: list[FastConnection] = field(default_factory=list)

    def write_soon(self, connection: FastConnection) -> None:
        asyncio.get_running_loop().call_soon(connection.write)

    def take_back(self, connection: FastConnection) -> None:
        self.taken_back.append(connection)

    def forget(self, connection: FastConnection) -> None:
        self.forgotten.append(connection)


class Pipe(asyncio.Transport):
    """A transport that keeps what is written, and asks for a pause after each write if it is narrow."""

    def __init__(self, *, is_narrow: bool = False, is_broken: bool = False) -> None:
        super().__init__()
        self.owner = Owner()
        self.connection = FastConnection(self.owner, 100)
        self.written: list[bytes] = []
        self.was_aborted = False
        self.is_narrow = is_narrow
        self.is_broken = is_broken
        self.connection.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.is_broken:
            raise RuntimeError("unable to perform operation; the handler is closed")  # as uvloop says
        self.written.append(bytes(data))
        if self.is_narrow:
            self.connection.pause_writing()

    def abort(self) -> None:
        self.was_aborted = True


async def test_small_request_is_one_write() -> None:
    """Head and body leave together, and the answer settles the request and frees the connection."""
    pipe = Pipe()
    waiter = pipe.connection.send(b"head", b"body", 1)
    assert pipe.written == []
    await asyncio.sleep(0)
    assert pipe.written == [b"headbody"]
    pipe.connection.data_received(WHOLE)
    assert (await waiter).body == RECEIPT
    assert pipe.owner.taken_back == [pipe.connection]
    assert pipe.connection.is_open
    pipe.connection.send(b"again", b"", 1)
    await asyncio.sleep(0)
    assert pipe.written == [b"headbody", b"again"]


async def test_large_body_follows_the_pace_of_the_system() -> None:
    """While the system asks for a pause nothing is written; in the end every byte is, once."""
    pipe = Pipe(is_narrow=True)
    pipe.connection.send(b"head", LARGE, 1)
    for writes in range(1, 6):
        assert len(pipe.written) == writes
        assert max(map(len, pipe.written)) <= MAX_BYTES_IN_ONE_WRITE
        pipe.connection.resume_writing()
    assert b"".join(pipe.written) == b"head" + LARGE


@pytest.mark.parametrize("resumes", [0, 1, 4])
async def test_answer_before_the_whole_request_went_out_ends_the_connection(resumes: int) -> None:
    """The answer counts, but the rest of the request must not run into the next one."""
    pipe = Pipe(is_narrow=True)
    waiter = pipe.connection.send(b"head", LARGE, 1)
    for _ in range(resumes):
        pipe.connection.resume_writing()
    pipe.connection.data_received(WHOLE)
    assert (await waiter).body == RECEIPT
    assert pipe.was_aborted
    assert not pipe.connection.is_open
    written = len(pipe.written)
    pipe.connection.resume_writing()
    assert len(pipe.written) == written


async def test_write_that_fails_is_in_doubt() -> None:
    """Whatever the event loop raises in writing ends the request in doubt, and the connection."""
    pipe = Pipe(is_broken=True)
    with pytest.raises(TransportError) as caught:
        await pipe.connection.send(b"head", b"body", 1)
    assert (caught.value.code, caught.value.may_have_been_accepted) == ("ConnectionLost", True)
    assert pipe.owner.taken_back == [pipe.connection]
    assert pipe.was_aborted
    assert not pipe.connection.is_open


@pytest.mark.parametrize("what", ["an answer", "its end", "a reset", "a cancellation"])
async def test_what_ends_a_connection_before_the_request_is_written_leaves_no_doubt(what: str) -> None:
    """An answer was to something else, and nothing is written any more: the event was not accepted."""
    pipe = Pipe()
    waiter = pipe.connection.send(b"head", b"body", 1)
    match what:
        case "an answer":
            pipe.connection.data_received(WHOLE)
        case "its end":
            pipe.connection.eof_received()
        case "a reset":
            pipe.connection.connection_lost(ConnectionResetError())
        case _:
            pipe.connection.cancel(waiter)
    with pytest.raises(TransportError) as caught:
        await waiter
    assert not caught.value.may_have_been_accepted
    assert pipe.written == []
    assert pipe.owner.taken_back == [pipe.connection]
    assert not pipe.connection.is_open


async def test_answer_that_came_before_the_request_is_its_answer() -> None:
    """On a new connection a server may answer first; only there, and only so much."""
    pipe = Pipe()
    pipe.connection.data_received(WHOLE[:10])
    pipe.connection.data_received(WHOLE[10:])
    assert (await pipe.connection.send(b"head", b"", 1)).body == RECEIPT
    flooded = Pipe()
    flooded.connection.data_received(b"x" * 20_000)
    assert flooded.was_aborted


async def test_loss_tells_how_far_the_answer_had_come() -> None:
    """A connection lost before and in the middle of an answer: both in doubt, under different names."""
    for begun, code in ((b"", "ConnectionLost"), (WHOLE[:30], "AnswerCutShort")):
        pipe = Pipe()
        waiter = pipe.connection.send(b"head", b"body", 1)
        await asyncio.sleep(0)
        if begun:
            pipe.connection.data_received(begun)
        pipe.connection.connection_lost(ConnectionResetError(104, "reset by peer"))
        with pytest.raises(TransportError) as caught:
            await waiter
        assert (caught.value.code, caught.value.message) == (code, "reset by peer")
        assert caught.value.may_have_been_accepted
        assert pipe.owner.forgotten == [pipe.connection]
