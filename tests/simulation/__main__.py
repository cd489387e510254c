"""Print the measures of every scenario with their bounds: ``python -m tests.simulation``."""

from tests.simulation.scenario import Expectation, scenarios


def bound(each: Expectation) -> str:
    """Return the range of an expectation as text."""
    if each.most == float("inf"):
        return f"≥ {each.least:g}"
    return f"≤ {each.most:g}" if each.least == 0.0 else f"{each.least:g}..{each.most:g}"


def main() -> None:
    """Run all scenarios and print one line per expectation, with the worst value over the seeds."""
    print("| scenario | measure | wanted | measured |\n|---|---|---|---|")
    for scenario in scenarios():
        runs = [scenario.run(seed) for seed in scenario.seeds]
        for number, each in enumerate(scenario.expectations):
            values = [run[each] for run in runs]
            worst = max(values) if each.least == 0.0 else min(values)
            name = scenario.name if number == 0 else ""
            print(f"| {name} | {each} | {bound(each)} | {worst:.4g} |")


if __name__ == "__main__":
    main()
