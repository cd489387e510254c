"""Every command and flag is there and explained, and the pages for users name no other one."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text

from loader.cli import app
from loader.cli.terminal.command_group import imported_commands, with_whole_paragraphs
from loader.job import CsvSettings, ExcelSettings, Job

ROOT = Path(__file__).parents[2]
COMMANDS: dict[str, Any] = dict(imported_commands(app))

CONTRACT = {
    "load": [
        "job",
        "event-type",
        "instance-id",
        "region",
        "profile",
        "endpoint-url",
        "group-by",
        "group-buckets",
        "pack",
        "timestamp-column",
        "rate",
        "burst",
        "max-in-flight",
        "max-errors",
        "on-failure",
        "run-dir",
        "restart",
        "retry-failed",
        "in-doubt",
        "summary-json",
        "progress",
        "log-format",
        "dry-run",
        "emulate",
    ],
    "plan": ["job", "event-type", "rate", "deadline", "round-trip-ms", "emit", "json", "values", "no-values"],
    "init": ["event-type", "output", "force"],
    "emulator": ["port", "dataset"],
    "status": [],
    "datasets": [],
}


@pytest.mark.parametrize("command", CONTRACT)
def test_the_commands_and_flags_of_the_contract_are_there(command):
    """Tests outside the project rely on these names."""
    flags = {
        flag
        for parameter in COMMANDS[command].params
        for flag in (*parameter.opts, *parameter.secondary_opts)
    }
    assert {f"--{name}" for name in CONTRACT[command]} <= flags


def test_every_setting_has_a_flag_and_every_flag_an_explanation():
    """Every setting except tables has a flag, and every flag has a help text."""
    parameters = {parameter.name: parameter for parameter in COMMANDS["load"].params}
    assert set(Job.model_fields) - {"mapping", "defaults", "csv", "excel"} <= set(parameters)
    assert {f"csv_{name}" for name in CsvSettings.model_fields} <= set(parameters)
    assert {f"excel_{name}" for name in ExcelSettings.model_fields} <= set(parameters)
    assert set(Job.model_fields) - {"mapping", "defaults", "csv", "excel"} <= {
        each.name for each in COMMANDS["plan"].params
    }
    for command in COMMANDS.values():
        for parameter in command.params:
            assert getattr(parameter, "help", None) or parameter.name == "until_stdin_ends"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_whole_text_of_each_help_is_shown(command):
    """Typer reads brackets in these texts as markup, and shows nothing in their place."""
    for parameter in COMMANDS[command].params:
        assert Text.from_markup(parameter.help or "").plain == (parameter.help or "")


def test_the_help_of_load_names_the_default_of_each_setting_that_has_one():
    """Without it, a reader cannot know what a load does if a flag is absent."""
    helps = {parameter.name: parameter.help for parameter in COMMANDS["load"].params}
    defaults = {
        "pack": "row",
        "give_up_after": "10m",
        "keep": "all",
        "unfinished": "stop",
        "csv_encoding": "auto",
    }
    for name, default in defaults.items():
        assert helps[name].endswith(f" Default: {default}.")


def test_init_names_every_format_it_reads():
    """The help of init lists all formats, including NDJSON."""
    (extract,) = (each for each in COMMANDS["init"].params if each.name == "extract")
    assert extract.help.startswith("Parquet, CSV, NDJSON or Excel files")


def test_help_names_the_exit_codes(ask):
    """A scheduler's owner finds them where he looks first."""
    answer = ask("load", "--help")
    assert answer.code == 0
    assert "130/143" in answer.out


def test_the_links_of_the_readme_lead_somewhere():
    """The documentation build does not look at the README."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("page", ["README.md", "docs/howto/installing.md"])
def test_every_extra_is_explained(page):
    """An extra that no page names is found by reading pyproject.toml only."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [name for name in extras["optional-dependencies"] if f"`{name}`" not in text] == []


def test_every_command_is_in_the_readme():
    """The README shows what the program can do."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"scn-loader ([a-z]+)\b", text)) >= COMMANDS.keys()


OTHER_PROGRAMS = {
    *("--cli-input-json", "--resource-arn", "--tags"),  # the AWS command line
    *("--blink-settings", "--headless", "--screenshot", "--hide-scrollbars", "--window-size"),  # Chromium
    "--now",  # systemctl
}
PAGES = ["README.md", "docs/concepts.md", "docs/inputs.md", "docs/troubleshooting.md", "docs/tutorial.md"]
PAGES += [str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "howto").glob("*.md")]


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_for_users_name_only_flags_that_exist(page):
    """What a reader copies works."""
    flags = {flag for command in COMMANDS.values() for parameter in command.params for flag in parameter.opts}
    flags |= {"--version", "--help", "--install-completion", "--show-completion"}
    mentioned = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (ROOT / page).read_text(encoding="utf-8")))
    assert mentioned <= flags | OTHER_PROGRAMS


COMMAND = re.compile(r"scn-loader (" + "|".join(COMMANDS) + r")\b([^`|#]*)")


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_the_pages_have_the_flags_that_they_name(page):
    """A flag of another command is refused, so each command is compared with its own."""
    text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", " ")
    for name, arguments in (found for line in text.splitlines() for found in COMMAND.findall(line)):
        flags = {flag for parameter in COMMANDS[name].params for flag in parameter.opts} | {"--help"}
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", arguments)) <= flags, f"{name}{arguments}"


def test_datasets_lists_all_and_shows_one(ask):
    """All 16 kinds of events can be looked up, by dataset or event type."""
    assert "scn.data.processheader" in ask("datasets").out
    shown = ask("datasets", "scn.data.reservation").out
    assert "reservation_detail_id" in shown
    assert ask("datasets", "inbound_order_line").out.count("\n") > 48
    assert ask("datasets", "nosuch").code == 2


def test_paragraphs_of_a_help_fill_the_terminal():
    """A line end of the source is not one of the terminal; lists and indented lines stay."""
    for command in imported_commands(app).values():
        for paragraph in str(command.help).split("\n\n"):
            assert "\n" not in paragraph or re.search(r"^[ *-]", paragraph, re.MULTILINE), paragraph
    assert (
        with_whole_paragraphs("One\ntwo.\n\n- a\n- b\n\nThree\nfour.")
        == "One two.\n\n- a\n- b\n\nThree four."
    )
