"""Scenarios as data: a TOML file describes the service, the loads, and the expected measures.

    about = "one sentence"
    seconds = 60                     duration of a run in virtual time
    seeds = [1]                      one run each; the expectations hold for every run

    [service]                        limiter: "token-bucket", "window", "nginx"; quota: [[from, events/s]];
                                     burst in events; and the fields of world.Service
    [load]                           starts: [0.0], one loader each; and the fields of LoaderPlan

    [[expect]]                       measure, from, to, min, max

Measures, over the seconds from..to:
    accepted    accepted events, as a share of the events that the quota allows
    throttled   throttled attempts, as a share of all attempts
    throttles   number of throttled attempts
    failed      attempts that failed otherwise, as a share of all attempts
    fairness    Jain's index of the loaders' accepted events: 1 if equal, 1/n if one loader has all
    rate        the highest allowed rate, as a share of the quota
    in_flight   the highest in-flight cap at the end
"""

import tomllib
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loader.delivery.rate.controller import RateController
from tests.simulation.quotas import NginxQuota, Quota, QuotaSchedule, TokenBucketQuota, WindowQuota
from tests.simulation.simulated_loader import LoaderPlan, SimulatedLoader, new_governor
from tests.simulation.world import Service, World

FOLDER = Path(__file__).parent / "scenarios"


@dataclass(frozen=True, slots=True)
class Expectation:
    """A measure that must lie in a range.

    Attributes:
        measure: One of MEASURES.
        begins: First second of the measurement.
        ends: Last second of the measurement, excluded.
        least: Lower bound.
        most: Upper bound.
    """

    measure: str
    begins: float
    ends: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.measure} {self.begins:g}-{self.ends:g} s"

    def is_met_by(self, value: float) -> bool:
        """Return whether a measured value is in the range."""
        return self.least <= value <= self.most


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario file.

    Attributes:
        name: Name of the file without its suffix.
        about: Purpose of the scenario.
        seconds: Duration of a run in virtual time.
        seeds: Seeds of the random numbers, one run each.
        expectations: Bounds of the measures, for each run.
    """

    name: str
    about: str
    seconds: float
    seeds: tuple[int, ...]
    expectations: tuple[Expectation, ...]
    _service: dict[str, Any]
    _load: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> "Scenario":
        """Read a scenario file."""
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        expectations = tuple(
            Expectation(
                each["measure"], each["from"], each["to"], each.get("min", 0.0), each.get("max", float("inf"))
            )
            for each in data["expect"]
        )
        seeds = tuple(data.get("seeds", [1]))
        return cls(
            path.stem,
            data["about"],
            data["seconds"],
            seeds,
            expectations,
            data["service"],
            data.get("load", {}),
        )

    @property
    def quota(self) -> float:
        """The highest quota in events per second."""
        return max(float(quota) for _, quota in self._service["quota"])

    def run(self, seed: int) -> dict[Expectation, float]:
        """Return the measured values."""
        return self.measure(seed, self.expectations)

    def measure(
        self,
        seed: int,
        expectations: Iterable[Expectation],
        new_controller: Callable[[LoaderPlan], RateController] = new_governor,
    ) -> dict[Expectation, float]:
        """Return the values of other expectations, or with another rate controller."""
        service = self._new_service()
        world = World(service, self._plans(), seed=seed, new_controller=new_controller)
        world.run(self.seconds)
        return {
            each: MEASURES[each.measure](world.loaders, service.schedule, each.begins, each.ends)
            for each in expectations
        }

    def _new_service(self) -> Service:
        settings = dict(self._service)
        schedule = QuotaSchedule(
            tuple((float(since), float(quota)) for since, quota in settings.pop("quota"))
        )
        quota = new_quota(settings.pop("limiter"), schedule, settings.pop("burst", 0.0))
        return Service(schedule, quota, **settings)

    def _plans(self) -> list[LoaderPlan]:
        settings = {key: _tuples(value) for key, value in self._load.items()}
        starts = settings.pop("starts", (0.0,))
        return [LoaderPlan(start=start, **settings) for start in starts]


def new_quota(limiter: str, schedule: QuotaSchedule, burst: float) -> Quota:
    """Return a limiter by its name in scenario files."""
    if limiter == "token-bucket":
        return TokenBucketQuota(schedule, burst)
    if limiter == "nginx":
        return NginxQuota(schedule, burst)
    if limiter == "window":
        return WindowQuota(schedule)
    raise ValueError(f"unknown limiter {limiter}")


def scenarios() -> list[Scenario]:
    """Return all scenarios, by name."""
    return [Scenario.read(path) for path in sorted(FOLDER.glob("*.toml"))]


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value


def _count(times: list[float], begins: float, ends: float) -> int:
    return bisect_left(times, ends) - bisect_left(times, begins)  # times are in order


def _accepted(loaders: list[SimulatedLoader], schedule: QuotaSchedule, begins: float, ends: float) -> float:
    accepted = sum(_count(loader.accepted_at, begins, ends) for loader in loaders)
    return accepted / schedule.events(begins, ends)


def _throttles(loaders: list[SimulatedLoader], _: QuotaSchedule, begins: float, ends: float) -> float:
    return float(sum(_count(loader.throttled_at, begins, ends) for loader in loaders))


def _throttled(loaders: list[SimulatedLoader], schedule: QuotaSchedule, begins: float, ends: float) -> float:
    throttled = _throttles(loaders, schedule, begins, ends)
    accepted = sum(_count(loader.accepted_at, begins, ends) for loader in loaders)
    return throttled / max(throttled + accepted, 1.0)


def _failed(loaders: list[SimulatedLoader], _: QuotaSchedule, begins: float, ends: float) -> float:
    failed = sum(_count(loader.failed_at, begins, ends) for loader in loaders)
    accepted = sum(_count(loader.accepted_at, begins, ends) for loader in loaders)
    return failed / max(failed + accepted, 1.0)


def _fairness(loaders: list[SimulatedLoader], _: QuotaSchedule, begins: float, ends: float) -> float:
    accepted = [_count(loader.accepted_at, begins, ends) for loader in loaders]
    return sum(accepted) ** 2 / (len(accepted) * sum(each**2 for each in accepted))


def _rate(loaders: list[SimulatedLoader], schedule: QuotaSchedule, begins: float, ends: float) -> float:
    return max(
        rate / schedule.at(when) for loader in loaders for when, rate in loader.rates if begins <= when < ends
    )


def _in_flight(loaders: list[SimulatedLoader], _: QuotaSchedule, __: float, ___: float) -> float:
    return float(max(loader.cap.limit for loader in loaders))


MEASURES: dict[str, Callable[[list[SimulatedLoader], QuotaSchedule, float, float], float]] = {
    "accepted": _accepted,
    "throttled": _throttled,
    "throttles": _throttles,
    "failed": _failed,
    "fairness": _fairness,
    "rate": _rate,
    "in_flight": _in_flight,
}
