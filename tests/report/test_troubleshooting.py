"""docs/troubleshooting.md has an entry for every code that the loader can show."""

import ast
import re
from pathlib import Path

import pytest

from loader.checkpoint.doubt import LOST_ANSWER, SKIPPED
from loader.delivery.outcomes.settlement import INTERRUPTED_CODE, ON_HOLD_CODE, TOKEN_TOO_OLD_CODE
from loader.errors import ExitCode
from loader.model import OutcomeKind
from loader.reject_code import RejectCode
from loader.service.outcomes import CODES
from loader.service.path_faults import WAY_FAULTS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
ENTRIES = {
    cells[1].strip(): [cell.strip() for cell in cells[2:-1]]
    for line in PAGE.splitlines()
    if line.startswith("|") and len(cells := re.split(r"(?<!\\)\|", line)) > 3
}
EVENT_CODES = {LOST_ANSWER, SKIPPED, INTERRUPTED_CODE, ON_HOLD_CODE, TOKEN_TOO_OLD_CODE}


def refusals(*folders: str) -> set[str]:
    """Return the first sentence of each error about settings that modules of some folders raise."""
    paths = [path for folder in folders for path in (ROOT / "loader" / folder).rglob("*.py")]
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    calls = [
        node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "SettingsError"
    ]
    return {str(call.args[0].value).rstrip(".") for call in calls if isinstance(call.args[0], ast.Constant)}


@pytest.mark.parametrize("sentence", sorted(refusals("aws", "http")))
def test_errors_of_the_environment_have_an_entry(sentence: str) -> None:
    """What is wrong with credentials, settings of AWS, proxy or certificates has the same words there."""
    assert all(ENTRIES[sentence])


def transport_codes() -> set[str]:
    """Return every code that the transports raise, as their source has it."""
    found: set[str] = set()
    for path in (ROOT / "loader" / "http").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"TransportError\(\s*\"([A-Z]\w+)\"", source))
        found |= set(re.findall(r"\(\S+, \"([A-Z][A-Za-z]+)\"(?:, \w+)?\),", source))
        found |= set(re.findall(r"(?:return|else|code =) \"([A-Z][A-Za-z]+)\"", source))
    return found


@pytest.mark.parametrize("code", sorted({code for codes in CODES.values() for code in codes} | EVENT_CODES))
def test_codes_of_the_service_and_of_events_have_an_entry(code: str) -> None:
    """Each says what happens and what to do."""
    assert all(ENTRIES[f"`{code}`"])


@pytest.mark.parametrize("code", sorted(WAY_FAULTS))
def test_entries_of_the_way_say_what_the_code_says(code: str) -> None:
    """Meaning, exit code and advice stand on the page as the block of the error has them."""
    fault = WAY_FAULTS[code]
    means, happens, advice = ENTRIES[f"`{code}`"]
    assert means == fault.means
    assert advice.lower().rstrip(".") == fault.advice.lower().rstrip(".")
    assert ("stops" in happens) == (fault.kind is OutcomeKind.BLOCKED)
    assert ("exit code 4" in happens) == fault.needs_setting
    assert ("content" in happens) == fault.may_be_content


@pytest.mark.parametrize("code", sorted(RejectCode))
def test_codes_of_rejected_rows_have_an_entry(code: RejectCode) -> None:
    """Each is explained."""
    assert all(ENTRIES[f"`{code}`"])


@pytest.mark.parametrize("code", list(ExitCode))
def test_exit_codes_have_an_entry(code: ExitCode) -> None:
    """Each says what to do."""
    assert all(ENTRIES[str(int(code))])


def test_every_fault_of_the_transports_has_a_row() -> None:
    """A code that a transport raises is in the table, so that its meaning and advice are shown."""
    found = transport_codes()
    assert {"ConnectFailed", "Timeout", "TlsFailed", "ProxyRefused", "CertificateNotTrusted"} <= found
    assert found <= set(WAY_FAULTS)
