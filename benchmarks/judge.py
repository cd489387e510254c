"""Whether a measurement may be reported: not if the server, and not the client, set its pace. Pure."""

from collections.abc import Sequence

from benchmarks.results import Measurement

BUSY_SHARE = 0.9
"""Share of its core from which on the server may have kept the client waiting."""

NEAR_CEILING = 0.5
"""Share of what wrk gets from the same server from which on the client is too near to it."""


def server_bound(measurements: Sequence[Measurement]) -> list[str]:
    """Return a sentence for each measurement that the server held back; ceilings are meant to be."""
    found = []
    for each in measurements:
        if each.kind == "ceiling":
            continue
        if each.server_share >= BUSY_SHARE:
            found.append(f"{each.name}: the server used {each.server_share:.0%} of its core")
            continue
        ceiling = ceiling_of(each, measurements)
        if ceiling is not None and each.requests > NEAR_CEILING * ceiling.requests:
            found.append(
                f"{each.name}: {each.requests:,.0f} requests/s are too near to what the server can do, "
                f"{ceiling.requests:,.0f} ({ceiling.name})"
            )
    return found


def ceiling_of(measurement: Measurement, among: Sequence[Measurement]) -> Measurement | None:
    """Return what wrk got with requests of the same kind: small ones, or full events."""
    name = WRK_PACKED if measurement.kind == "packed" else WRK_ROW
    return next((each for each in among if each.name == name), None)


WRK_ROW = "wrk, one row per request"
WRK_PACKED = "wrk, full events"
