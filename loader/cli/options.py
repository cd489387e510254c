"""The flags of ``load`` and ``plan``, generated from the job's settings: each setting has one flag.

Each setting of the table ``csv`` has a flag: ``--csv-separator`` and so on. Flags and the table of a job file
together make up the table; a flag wins. ``mapping`` exists in a job file only.
"""

import inspect
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from loader.errors import SettingsError
from loader.job import CsvSettings, Job
from loader.job.panels import EXTRACT, panel_of

TABLES = {"mapping", "defaults", "csv"}
"""Settings that are tables. They do not have a flag of their own."""

CSV_PREFIX = "csv_"
CSV_PANEL = "How CSV files are written"


METAVARS = {
    "max_errors": "N|N%",
    "max_errors_per_file": "N|N%",
    "rate": "EVENTS_PER_SECOND",
    "run_dir": "DIR",
    "keep": "N|DAYS",
    "shard": "K/N",
    "give_up_after": "DURATION",
    "group_by": "COLUMN",
    "filter": "SQL",
}


JobFile = Annotated[
    Path | None,
    typer.Option(
        metavar="JOB.toml",
        help="A job file: column mapping, and any setting below.",
        rich_help_panel=EXTRACT,
    ),
]


def with_job_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command(settings, **own options)`` a flag for each setting of the job.

    The settings that the user gave are passed as the dict ``settings``.
    """
    own = inspect.signature(command, eval_str=True).parameters
    flags = {
        name: _flag(name, field, panel_of(field))
        for name, field in Job.model_fields.items()
        if name not in TABLES and name != "extract"
    }
    csv_flags = {
        name: _flag(CSV_PREFIX + name, field, CSV_PANEL) for name, field in CsvSettings.model_fields.items()
    }

    def run(extract: list[str] | None, **options: Any) -> None:
        settings = {name: options.pop(name) for name in flags}
        settings["extract"] = extract
        settings["csv"] = _given({name: options.pop(CSV_PREFIX + name) for name in csv_flags})
        command(_given(settings), **options)

    extract = inspect.Parameter(
        "extract",
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=None,
        annotation=Annotated[
            list[str] | None,
            typer.Argument(help=Job.model_fields["extract"].description, show_default=False),
        ],
    )
    flags_of_all = (*flags.values(), *csv_flags.values())
    parameters = [extract, *flags_of_all, *[own[name] for name in own if name != "settings"]]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # read by typer
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run


def with_csv_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command(own options, csv)`` the flags of CSV files. It gets those given as the dict ``csv``."""
    own = inspect.signature(command, eval_str=True).parameters
    flags = {
        name: _flag(CSV_PREFIX + name, field, CSV_PANEL) for name, field in CsvSettings.model_fields.items()
    }

    def run(**options: Any) -> None:
        csv = _given({name: options.pop(CSV_PREFIX + name) for name in flags})
        command(csv=csv, **options)

    parameters = [*(own[name] for name in own if name != "csv"), *flags.values()]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # read by typer
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value not in (None, [], {})}


def _flag(name: str, field: FieldInfo, panel: str) -> inspect.Parameter:
    flag = "--" + name.replace("_", "-")
    option = typer.Option(
        f"{flag}/--no-{flag[2:]}" if field.default is True else flag,
        help=_help(field),
        rich_help_panel=panel,
        metavar=METAVARS.get(name),
        show_default=False,
    )
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[_type(field), option]
    )


def _help(field: FieldInfo) -> str:
    default = field.default.value if isinstance(field.default, Enum) else field.default
    if isinstance(default, (str, int, float)) and not isinstance(default, bool):
        return f"{field.description} [default: {default}]"
    return str(field.description)


def _type(field: FieldInfo) -> Any:
    """Return what typer parses; the job validates the rest."""
    annotation = field.annotation
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    if get_origin(annotation) is tuple:
        return list[str] | None
    if get_origin(annotation) is Literal:
        return annotation | None  # type: ignore[operator] # a Literal form
    kind = kinds[0] if kinds else annotation
    known = kind in (bool, int, float, str, Path) or (isinstance(kind, type) and issubclass(kind, Enum))
    return kind | None if known else str | None  # type: ignore[operator] # a plain type


def need_extract(job: Job, command: str) -> None:
    """Reject a job that does not name an extract.

    Raises:
        SettingsError: The job does not name an extract.
    """
    if not job.extract:
        raise SettingsError(
            "No extract was given.",
            next_step=f"name files, folders or a job file with an extract:\nscn-loader {command} --help",
        )
