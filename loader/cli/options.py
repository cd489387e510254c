"""The flags of ``load`` and ``plan``, generated from the job's settings: each setting has one flag.

Each setting of the tables ``csv`` and ``excel`` has a flag: ``--csv-separator`` and so on. Flags and the
table of a job file together make up the table; a flag wins. ``mapping`` exists in a job file only.
"""

import inspect
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from loader.command_line import scn_loader
from loader.errors import SettingsError
from loader.job import CsvSettings, ExcelSettings, Job
from loader.job.panels import EXTRACT, panel_of

TABLES = {"mapping", "defaults", "csv", "excel"}
"""Settings that are tables. They do not have a flag of their own."""

FILE_TABLES: Mapping[str, tuple[type[BaseModel], str]] = {
    "csv": (CsvSettings, "How CSV files are written"),
    "excel": (ExcelSettings, "How Excel workbooks are read"),
}
"""Tables of a job file whose settings have flags with their name in front, and the panel of these flags."""

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
    file_flags = _file_flags()

    def run(extract: list[str] | None, **options: Any) -> None:
        settings = {name: options.pop(name) for name in flags}
        settings["extract"] = extract
        settings |= _file_settings(options)
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
    flags_of_all = (*flags.values(), *file_flags)
    parameters = [extract, *flags_of_all, *[own[name] for name in own if name != "settings"]]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # read by typer
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run


def with_file_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command(own options, files)`` the flags of CSV files and workbooks.

    The settings that the user gave are passed as the dict ``files``, with a dict for each of ``FILE_TABLES``.
    """
    own = inspect.signature(command, eval_str=True).parameters

    def run(**options: Any) -> None:
        files = _file_settings(options)
        command(files=files, **options)

    parameters = [*(own[name] for name in own if name != "files"), *_file_flags()]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # read by typer
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run


def _file_flags() -> list[inspect.Parameter]:
    return [
        _flag(f"{table}_{name}", field, panel)
        for table, (section, panel) in FILE_TABLES.items()
        for name, field in section.model_fields.items()
    ]


def _file_settings(options: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Take the settings of CSV files and workbooks out of the options, as a dict for each table."""
    return {
        table: _given({name: options.pop(f"{table}_{name}") for name in section.model_fields})
        for table, (section, _) in FILE_TABLES.items()
    }


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
    if default != "" and isinstance(default, (str, int, float)) and not isinstance(default, bool):
        return f"{field.description} Default: {default}."
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
            next_step=f"name files, folders or a job file with an extract:\n{scn_loader(command, '--help')}",
        )
