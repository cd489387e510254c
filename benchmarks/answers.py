"""What a server answered and when: nginx's access log, or the emulator's ledger."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

OK, THROTTLED = 200, 429


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        at: Epoch seconds.
        status: HTTP status.
        instance_id: The instance the request named: tells apart loads that share a server.
    """

    at: float
    status: int
    instance_id: str


def read_access_log(text: str) -> list[Answer]:
    """Return the answers of an access log in the format ``bench`` of `nginx_config`."""
    answers = []
    for line in text.splitlines():
        at, status, path = line.split(" ", 2)
        answers.append(Answer(float(at), int(status), instance_of(path)))
    return answers


def instance_of(path: str) -> str:
    """Return the instance that the path of a Send call names, or "" if it names none."""
    _, found, rest = path.partition("/instance/")
    return rest.split("/", 1)[0] if found else ""


def read_ledger(path: Path) -> list[Answer]:
    """Return the answers in an emulator's ledger; calls that were neither accepted nor throttled are 0."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger:
        rows = ledger.execute("SELECT at, verdict, instance_id FROM attempts ORDER BY seq").fetchall()
    statuses = {"accepted": OK, "replayed": OK, "throttled": THROTTLED}
    return [Answer(at, statuses.get(verdict, 0), instance_id) for at, verdict, instance_id in rows]
