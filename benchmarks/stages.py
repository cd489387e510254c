"""``make bench-stages``: where the time of a load goes, in CPU time per event.

    python -m benchmarks.stages [--quick] [--against RESULTS.json] [--record "what was tried" --verdict kept]

``--against`` shows an earlier run beside this one; ``--record`` also adds that comparison to stages.md.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.cases import library_load
from benchmarks.environment import Environment, look_around
from benchmarks.extracts import extract
from benchmarks.folder import EVENT_TYPE, INSTANCE, KEYS, REGION, ROOT, bench_folder
from benchmarks.measure import Workbench
from benchmarks.processes import two_cores
from benchmarks.report import replace_section, say_environment
from benchmarks.results import write_json
from benchmarks.servers import MissingProgramError, running_nginx
from benchmarks.tables import markdown_table

PAGE = ROOT / "benchmarks" / "stages.md"

WHOLE, UNEXPLAINED = "whole load", "not explained"

CHANGED_SHARE, CHANGED_MICROSECONDS = 0.05, 0.2
"""A stage that changed by less is left out of a record: runs differ by as much by themselves."""

MOST_EVENTS = 50_000


@dataclass(frozen=True, slots=True)
class Profile:
    """CPU time by stage, in microseconds.

    Attributes:
        name: ``one row per event`` or ``packed``.
        rows_per_event: Rows in an event, on average.
        per_event: Microseconds by stage.
    """

    name: str
    rows_per_event: float
    per_event: Mapping[str, float]


def main() -> int:
    """Run what the arguments ask for; 2 if something is missing."""
    parser = argparse.ArgumentParser(description="where the time of a load goes")
    parser.add_argument("--quick", action="store_true", help="few rows: only shows that it works")
    parser.add_argument("--against", type=Path, help="JSON of an earlier run, to be shown beside this one")
    parser.add_argument("--record", help="what was tried: add the comparison to stages.md")
    parser.add_argument("--verdict", choices=["kept", "not kept"], default="kept", help="what became of it")
    options = parser.parse_args()
    if options.record and not options.against:
        parser.error("--record goes with --against")
    cores = two_cores()
    environment = look_around(cores)
    print(say_environment(environment), file=sys.stderr)
    if cores.client is not None:
        os.sched_setaffinity(0, {cores.client})
    sizes = (5_000, 50_000) if options.quick else (100_000, 500_000)
    try:
        with (
            running_nginx(core=cores.server) as server,
            TemporaryDirectory(prefix="stages-", dir=bench_folder()) as folder,
        ):
            bench = Workbench(server, cores, Path(folder))
            profiles = [
                profile(bench, rows, packed=packed) for rows, packed in zip(sizes, (False, True), strict=True)
            ]
    except MissingProgramError as error:
        print(error, file=sys.stderr)
        return 2
    earlier = read_profiles(json.loads(options.against.read_text())) if options.against else []
    path = write_json("stages", environment, quick=options.quick, profiles=profiles)
    print("\n\n".join(f"### {each.name}\n\n{stage_table(each, earlier)}" for each in profiles))
    print(f"\nKept as {path.name}.", file=sys.stderr)
    if not options.quick:
        write_page(environment, profiles, earlier, options.record, options.verdict)
    return 0


def profile(bench: Workbench, rows: int, *, packed: bool) -> Profile:
    """Return where the time of a load of so many rows goes."""
    # Imported here: what is above stays small, as long as nothing is measured that way in this process.
    from benchmarks.stage_times import STAGES, time_stages  # noqa: PLC0415
    from loader.job import Job, Pack  # noqa: PLC0415

    os.environ.update(KEYS)
    job = Job(
        extract=(str(extract(rows)),),
        event_type=EVENT_TYPE,
        instance_id=INSTANCE,
        region=REGION,
        endpoint_url=bench.server.url,
        pack=Pack.GROUP if packed else Pack.ROW,
        group_buckets=64 if packed else None,
    )
    timed = time_stages(job, bench.run_dir(), MOST_EVENTS)
    done = library_load(bench, extract(rows), bench.run_dir(), *(["--packed"] if packed else []))
    per_event = {stage: timed.seconds[stage] / timed.events * 1e6 for stage in STAGES}
    explained = sum(per_event.values())
    whole = done["cpu_seconds"] / done["events"] * 1e6
    return Profile(
        "packed" if packed else "one row per event",
        timed.rows / timed.events,
        per_event | {UNEXPLAINED: whole - explained, WHOLE: whole},
    )


def read_profiles(document: Mapping[str, list[Mapping[str, object]]]) -> list[Profile]:
    """Return the profiles of an earlier run."""
    return [Profile(**each) for each in document["profiles"]]  # type: ignore[arg-type] # written by write_json


def stage_table(profile: Profile, earlier: Sequence[Profile] = ()) -> str:
    """Return the table of one profile, beside the earlier one of the same name if there is one."""
    before = next((each for each in earlier if each.name == profile.name), None)
    whole = profile.per_event[WHOLE]
    head = ["stage", "us per event", "share", "us per row"] + (["us per event before"] if before else [])
    return markdown_table(
        head,
        [
            [
                stage,
                f"{spent:.2f}",
                f"{spent / whole:.0%}",
                f"{spent / profile.rows_per_event:.3f}",
                *([f"{before.per_event.get(stage, 0.0):.2f}"] if before else []),
            ]
            for stage, spent in profile.per_event.items()
        ],
    )


def changes(now: Sequence[Profile], before: Sequence[Profile]) -> list[str]:
    """Return what changed from one run to another, a sentence for each stage that did."""
    found = []
    for each in now:
        old = next((other for other in before if other.name == each.name), None)
        for stage, spent in each.per_event.items() if old is not None else ():
            was = old.per_event.get(stage, 0.0) if old is not None else 0.0
            if abs(spent - was) > max(CHANGED_MICROSECONDS, CHANGED_SHARE * was):
                found.append(f"{each.name}, {stage}: {was:.2f} -> {spent:.2f} us")
    return found


def write_page(
    environment: Environment,
    profiles: Sequence[Profile],
    earlier: Sequence[Profile],
    tried: str | None,
    verdict: str,
) -> None:
    """Renew the profile in stages.md; add what was tried to its list.

    Args:
        environment: Where the run took place.
        profiles: What it found.
        earlier: What an earlier run found.
        tried: What lies between the two; None adds nothing to the list.
        verdict: The decision about it.
    """
    document = PAGE.read_text()
    tables = [f"### {each.name}\n\n{stage_table(each)}" for each in profiles]
    document = replace_section(document, "profile", "\n\n".join([say_environment(environment), *tables]))
    if tried:
        found = "; ".join(changes(profiles, earlier)) or "no change that can be told from noise"
        document = document.rstrip() + f"\n| {tried} | {found} | {verdict} | {environment.commit} |\n"
    PAGE.write_text(document)


if __name__ == "__main__":
    sys.exit(main())
