"""Write docs/benchmarks.md: each command renews its own section and leaves the others as they are."""

from collections.abc import Mapping, Sequence

from benchmarks.environment import Environment
from benchmarks.folder import ROOT, bench_folder
from benchmarks.pictures import Bar, ComparisonPanel, bars, rates_over_time
from benchmarks.results import Figure, Measurement
from benchmarks.tables import figures_table, number, throughput_table

SECTIONS = ("throughput", "checkpoint", "quota", "noise", "shapes", "verify", "shards", "s3-copies")
UNITS_OF_TIME = ((86_400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))

SKELETON = """\
# Benchmarks

Written by `make bench`, `make bench-quota`, `make bench-noise`, `make bench-shapes`, `make bench-verify`,
`make bench-shards` and `make bench-s3`; do not edit. `benchmarks/README.md` in the repository describes them.

{sections}

## Not measured

* **The real service.** AWS does not publish its limits. Every number here is from a server on the same
  machine. In practice the service's limit determines the speed of a load long before this program does.
* **A real network.** Loopback has no delay and loses nothing; a single case has a delay of 300 ms.
* **Other machines.** One machine, one kernel, one version of Python, one core for the loader. Windows and
  macOS were not tested.
* **A cold disk.** The extracts had been read before, so they came from the page cache.
* **Long loads.** The longest load here ran for minutes. That memory does not grow for days is concluded
  from its small growth with the number of rows, not measured.
"""

HOW_TO_READ = (
    "Medians of the rounds. The time of a load is that of the whole command, from Parquet to checkpoint, "
    "including the start of Python. For peers only the sending counts, with rows that are already encoded. "
    "*Server's core* is the largest share of its core that nginx used."
)

HOW_COSTS_ARE_READ = (
    "Loads without write-ahead marks, without any checkpoint, and with a whole one take turns; a share is "
    "the median of the shares of the rounds. Without marks, a kill loses which events were sent; without a "
    "checkpoint, also which were accepted."
)


def replace_section(document: str, name: str, body: str) -> str:
    """Return a document with one section renewed.

    Args:
        document: The document; it must have the section's marks.
        name: Which section.
        body: What is to stand between its marks.

    Raises:
        ValueError: There is no such section.
    """
    begin, end = _marks(name)
    before, found, rest = document.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"the document has no section {name}")
    return f"{before}{begin}\n\n{body.strip()}\n\n{end}{after}"


def skeleton() -> str:
    """Return the document without measurements."""
    empty = "Not measured yet."
    sections = "\n\n".join("\n\n".join([_marks(name)[0], empty, _marks(name)[1]]) for name in SECTIONS)
    return SKELETON.format(sections=sections)


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- begin {name} -->", f"<!-- end {name} -->"


def say_environment(environment: Environment) -> str:
    """Return in one paragraph where and of what numbers were measured."""
    versions = ", ".join(f"{name} {version}" for name, version in environment.versions.items())
    pinned = "Client and server had a core each." if environment.pinned else "Nothing was pinned to a core."
    busy = ""
    if environment.busy:
        busy = (
            f" **Other programs used the machine** (load average {environment.load_before} before the "
            "run): the numbers are too low, and the ratios are rough."
        )
    return (
        f"Measured on {environment.date}, commit {environment.commit}, on {environment.machine}; "
        f"Python {environment.python}, {versions}. {pinned}{busy}"
    )


def write_throughput(
    environment: Environment, measurements: Sequence[Measurement], figures: Sequence[Figure], *, quick: bool
) -> None:
    """Renew the section on speed, and its picture."""
    speeds = sorted(measurements, key=lambda each: each.rows)
    picture = bars(
        "Rows per second, one core (logarithmic)",
        [Bar(each.name, each.rows, each.kind in ("row", "packed")) for each in speeds],
    )
    base = next(each for each in measurements if each.name.startswith("boto3"))
    body = "\n\n".join(
        [
            "## Speed",
            say_environment(environment),
            _say_versions(measurements),
            what_to_expect(measurements),
            "![Rows per second](pictures/throughput.svg)",
            throughput_table(measurements, base.name),
            HOW_TO_READ,
            "### Against the aims",
            figures_table(figures),
        ]
    )
    _write("throughput", body, {"throughput.svg": picture}, quick=quick)


def write_checkpoint(environment: Environment, figures: Sequence[Figure], *, quick: bool) -> None:
    """Renew the section on the cost of the checkpoint."""
    body = "\n\n".join(
        [
            "## What the checkpoint costs",
            say_environment(environment),
            HOW_COSTS_ARE_READ,
            figures_table(figures),
        ]
    )
    _write("checkpoint", body, {}, quick=quick)


def _say_versions(measurements: Sequence[Measurement]) -> str:
    """Return what the peers are made of: some have libraries of their own."""
    made_of = [
        " with ".join(f"{library} {version}" for library, version in each.versions.items())
        for each in measurements
        if each.kind == "peer"
    ]
    return f"Peers: {'; '.join(dict.fromkeys(made_of))}."


def what_to_expect(measurements: Sequence[Measurement], limit: int = 100, rows: int = 10_000_000) -> str:
    """Return in plain words what the numbers mean for a user.

    Args:
        measurements: What was measured.
        limit: A limit of the service, in events per second, as an example.
        rows: An extract, as an example.
    """
    row = next(each for each in measurements if each.kind == "row")
    packed = next(each for each in measurements if each.kind == "packed")
    filled = packed.rows / packed.requests
    return (
        f"**What to expect.** On one core of this machine the loader delivers about {number(row.rows)} rows "
        f"per second with one row per event, and {number(packed.rows)} packed. At this speed {rows:,} rows "
        f"take {duration(rows / row.rows)} or {duration(rows / packed.rows)}, if the service accepts them as "
        f"fast. It most likely does not. At a limit of {limit} events per second, for example, the same rows "
        f"take {duration(rows / limit)} with one row per event, with any client, and "
        f"{duration(rows / filled / limit)} with {filled:,.0f} rows per event. Then the packing determines "
        "the duration, not the speed of the client."
    )


def duration(seconds: float) -> str:
    """Return a time in words, in the largest unit of which it is more than one."""
    for length, unit in UNITS_OF_TIME:
        if seconds > length:
            return f"{number(seconds / length)} {unit}"
    return "a second"


def write_quota(
    environment: Environment,
    tables: Sequence[str],
    pictures: Mapping[str, tuple[str, Sequence[ComparisonPanel]]],
    *,
    quick: bool,
) -> None:
    """Renew the section on quotas, and its pictures.

    Args:
        environment: Where the run took place.
        tables: Its tables and remarks, in Markdown.
        pictures: Title and panels of each picture, by file name.
        quick: Whether it was only a trial of the benchmark itself.
    """
    drawn = {name: rates_over_time(title, panels) for name, (title, panels) in pictures.items()}
    shown = [f"![{title}](pictures/{name})" for name, (title, _) in pictures.items()]
    body = "\n\n".join(["## Holding a limit", say_environment(environment), *tables, *shown])
    _write("quota", body, drawn, quick=quick)


def _write(name: str, body: str, pictures: Mapping[str, str], *, quick: bool) -> None:
    # A trial must not overwrite what was measured.
    folder = bench_folder() / "quick" if quick else ROOT / "docs"
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    for file, picture in pictures.items():
        (folder / "pictures" / file).write_text(picture)
    page = folder / "benchmarks.md"
    document = page.read_text() if page.exists() else skeleton()
    page.write_text(replace_section(document, name, body))
