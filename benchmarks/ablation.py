"""What each rule of the rate controller is worth: ``python -m benchmarks.ablation``.

    python -m benchmarks.ablation [--only NAME ...] [--all] [--workers N] [--scores FILE]

The scenarios of the simulation run with the governor, with plain AIMD and plain CUBIC, and with the governor
without each of its rules. The command writes the table of docs/governor.md if it ran every rule. With
``--scores`` it appends each score to a file and does not repeat the runs whose scores are there, so that a
long run may be interrupted or split. Delete the file when the code of the controller has changed.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from benchmarks.ablated_rules import RULES
from loader.delivery.rate.controller import RateController
from tests.simulation.plain_controllers import PlainAimd, PlainController, PlainCubic
from tests.simulation.scenario import Expectation, Scenario, scenarios
from tests.simulation.simulated_loader import LoaderPlan, new_governor

PAGE = Path(__file__).parents[1] / "docs" / "governor.md"
BEGIN, END = "<!-- begin ablation -->", "<!-- end ablation -->"

GOVERNOR = "the governor"

LARGE_QUOTA = 1000.0
"""Scenarios with a higher quota take most of the time; they run with ``--all`` only."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a controller achieved in a scenario, with the first of its seeds.

    Attributes:
        scenario: The scenario's name.
        accepted: Accepted events of the whole run as a share of the quota.
        throttled: Throttled share of the attempts of the whole run.
        fairness: Jain's index over the second half; 1 for one load.
        missed: Number of the scenario's expectations that were not met.
    """

    scenario: str
    accepted: float
    throttled: float
    fairness: float
    missed: int


def _plain(kind: type[PlainController], plan: LoaderPlan) -> RateController:
    return kind(now=plan.start)


SIBLINGS: dict[str, Callable[[LoaderPlan], RateController]] = {
    "plain AIMD": partial(_plain, PlainAimd),
    "plain CUBIC": partial(_plain, PlainCubic),
}


def main() -> int:
    """Run what the arguments ask for, print the table, and write it if it is complete."""
    parser = argparse.ArgumentParser(description="what each rule of the rate controller is worth")
    parser.add_argument("--only", nargs="+", choices=[*SIBLINGS, *RULES], help="some rules")
    parser.add_argument("--all", action="store_true", help="also the scenarios with high quotas")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--scores", type=Path, help="file that keeps the scores of finished runs")
    options = parser.parse_args()
    chosen = [each for each in scenarios() if options.all or each.quota <= LARGE_QUOTA]
    variants = [GOVERNOR, *(options.only or [*SIBLINGS, *RULES])]
    jobs = [(variant, scenario) for variant in variants for scenario in chosen]
    known = {} if options.scores is None else read_scores(options.scores)
    missing = [job for job in jobs if (job[0], job[1].name) not in known]
    with ProcessPoolExecutor(options.workers) as pool:
        for (variant, scenario), score in zip(missing, pool.map(run, missing), strict=True):
            known[variant, scenario.name] = score
            print(variant, score, file=sys.stderr, flush=True)
            if options.scores is not None:
                append_score(options.scores, variant, score)
    scores = {variant: [known[variant, each.name] for each in chosen] for variant in variants}
    table = "\n".join(table_lines(scores))
    print(table)
    if options.only is None:
        write(PAGE, table)
    return 0


def read_scores(path: Path) -> dict[tuple[str, str], Score]:
    """Return the scores of a file by variant and scenario; none if there is no file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    scores = [json.loads(line) for line in lines]
    return {(each["variant"], each["score"]["scenario"]): Score(**each["score"]) for each in scores}


def append_score(path: Path, variant: str, score: Score) -> None:
    """Append a score to a file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"variant": variant, "score": asdict(score)}) + "\n")


def run(job: tuple[str, Scenario]) -> Score:
    """Run a scenario with a controller."""
    variant, scenario = job
    if variant in RULES:
        with RULES[variant].taken_out():
            return measure(scenario, new_governor)
    return measure(scenario, SIBLINGS.get(variant, new_governor))


def measure(scenario: Scenario, new_controller: Callable[[LoaderPlan], RateController]) -> Score:
    """Return the score of a controller."""
    end = scenario.seconds
    accepted = Expectation("accepted", 0.0, end, 0.0, float("inf"))
    throttled = Expectation("throttled", 0.0, end, 0.0, float("inf"))
    fairness = Expectation("fairness", end / 2.0, end, 0.0, float("inf"))
    wanted = [accepted, throttled, fairness, *scenario.expectations]
    values = scenario.measure(scenario.seeds[0], wanted, new_controller)
    missed = sum(not each.is_met_by(values[each]) for each in scenario.expectations)
    return Score(scenario.name, values[accepted], values[throttled], values[fairness], missed)


def table_lines(scores: dict[str, list[Score]]) -> list[str]:
    """Return the table: one line per controller, with its differences to the governor."""
    base = scores[GOVERNOR]
    lines = [
        (
            "| without | module | accepted, mean | worst scenario | throttled, mean | most more "
            "| Jain, least | bounds missed |"
        ),
        "|---|---|---:|---|---:|---|---:|---:|",
    ]
    for variant, mine in scores.items():
        lost = max(zip(base, mine, strict=True), key=lambda pair: pair[0].accepted - pair[1].accepted)
        wasted = max(zip(base, mine, strict=True), key=lambda pair: pair[1].throttled - pair[0].throttled)
        lines.append(
            f"| {variant} | {RULES[variant].module if variant in RULES else ''} "
            f"| {_mean([each.accepted for each in mine]):.1%} | {_change(lost, 'accepted')} "
            f"| {_mean([each.throttled for each in mine]):.1%} | {_change(wasted, 'throttled')} "
            f"| {min(each.fairness for each in mine):.2f} | {sum(each.missed for each in mine)} |"
        )
    return lines


def write(page: Path, table: str) -> None:
    """Write the table between the marks of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")


def _change(pair: tuple[Score, Score], measure: str) -> str:
    before, after = (getattr(each, measure) for each in pair)
    return f"{pair[0].scenario}: {after - before:+.1%}" if abs(after - before) >= 0.0005 else ""


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    sys.exit(main())
