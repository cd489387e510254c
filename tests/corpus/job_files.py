"""Job files that map the columns of a file by position, as a user would write them."""

import json
from collections.abc import Mapping
from pathlib import Path

from loader.datasets import dataset_for_event_type

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"
ARN = f"arn:aws:scn:us-east-1:123456789012:instance/{INSTANCE}/namespaces/default/datasets/x"
SHIPMENT = dataset_for_event_type("scn.data.shipment")
GROUP = "g"

TEXT_COLUMNS = tuple(
    column.name for column in SHIPMENT.columns if column.type == "string" and not column.required
)
"""Optional text columns of the dataset that has most of them."""


def custom_job(path: Path, columns: Mapping[str, str], csv: Mapping[str, object]) -> str:
    """Return a job for a dataset whose columns are not known: each takes the type of its source column.

    Args:
        path: The file.
        columns: Names of source columns by the names that they get.
        csv: How the file is written, as far as it must be said.
    """
    target = f"scn.data.dataset\ndataset_arn = {_quoted(ARN)}\noperation = {_quoted('APPEND')}"
    return _job(path, target, {GROUP: None}, columns, csv, group_by=GROUP)


def text_job(path: Path, columns: Mapping[str, str], csv: Mapping[str, object]) -> str:
    """Return a job that sends source columns as text: see ``custom_job``. Names are those of TEXT_COLUMNS."""
    constants = dict.fromkeys(column.name for column in SHIPMENT.columns if column.required)
    return _job(path, "scn.data.shipment", constants, columns, csv, group_by="id")


def _job(
    path: Path,
    target: str,
    constants: Mapping[str, None],
    columns: Mapping[str, str],
    csv: Mapping[str, object],
    *,
    group_by: str,
) -> str:
    event_type, *more = target.split("\n")
    lines = [
        f"extract = {_quoted(str(path))}",
        f"event_type = {_quoted(event_type)}",
        *more,
        f"instance_id = {_quoted(INSTANCE)}",
        'region = "us-east-1"',
        f"group_by = {_quoted(group_by)}",
        "ignore_unknown = true",
        "[defaults]",
        'binary = "hex"',
        *(["[csv]"] if csv else []),
        *(f"{name} = {json.dumps(value)}" for name, value in csv.items()),
        "[mapping]",
        *(f'{name} = {{ constant = "all" }}' for name in constants),
        *(f"{name} = {_quoted(source)}" for name, source in columns.items()),
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text).replace("\x7f", "\\u007f") if text.isascii() else _quoted_unicode(text)


def _quoted_unicode(text: str) -> str:
    # TOML has no surrogate pairs: what is not ASCII stands as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
