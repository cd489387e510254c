"""One line in CloudWatch's embedded metric format, for logs that CloudWatch collects (Lambda, Batch, ECS)."""

from collections.abc import Mapping

import orjson

from loader.metrics.instruments import INSTRUMENTS
from loader.report import Snapshot
from loader.report.log_lines import iso

NAMESPACE = "ScnLoader"

_UNITS = {"By": "Bytes", "s": "Seconds", "{event}/s": "Count/Second"}
"""UCUM units in CloudWatch's names. All other units are counts."""


def emf_line(
    now: Snapshot, labels: Mapping[str, str], *, epoch_ms: int, exit_code: int, load: str | None
) -> str:
    """Return the metrics of a load that ended.

    Args:
        now: Its state at the end.
        labels: The dimensions.
        epoch_ms: When it ended, in epoch milliseconds.
        exit_code: Its exit code.
        load: Its id.
    """
    values = {each.name: each.value(now) for each in INSTRUMENTS}
    known = {name: value for name, value in values.items() if value is not None}
    units = {each.name: _UNITS.get(each.unit, "Count") for each in INSTRUMENTS}
    metrics = [{"Name": name, "Unit": units[name]} for name in known]
    directive = {"Namespace": NAMESPACE, "Dimensions": [sorted(labels)], "Metrics": metrics}
    document = {
        "_aws": {"Timestamp": epoch_ms, "CloudWatchMetrics": [directive]},
        "time": iso(epoch_ms / 1000),
        "level": "INFO",
        "message": "metrics",
        "load": load,
        **labels,
        **known,
        "exit_code": exit_code,
    }
    return orjson.dumps(document).decode()
