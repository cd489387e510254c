"""A Ray cluster of several raylets on this machine; ``make ray`` has an environment with Ray."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import new_trial, trial
from tests.faults.harness import ACCESS_KEY, ROOT
from tests.faults.leaks import SECRET

if find_spec("ray") is None:
    collect_ignore_glob = ["test_*"]

MACHINES = 3

__all__ = ["new_trial", "trial"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A head without processors for tasks, and three machines with one processor each."""
    from ray.cluster_utils import Cluster

    environment = {
        "HOME": str(tmp_path_factory.mktemp("home")),
        "PYTHONPATH": str(ROOT),
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        running = Cluster(initialize_head=True, head_node_args=machine(0))
        for number in range(MACHINES):
            add_machine(running, tmp_path_factory.mktemp(f"machine{number}"))
        running.wait_for_nodes()
        yield running
        running.shutdown()


def add_machine(cluster: Any, state: Path, **environment: str) -> Any:
    """Start a raylet with a state folder of its own, in which it has its working copies."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"XDG_STATE_HOME": str(state), **environment}.items():
            patch.setenv(name, value)
        added = cluster.add_node(**machine(1))
    cluster.wait_for_nodes()
    return added


def machine(cpus: int) -> dict[str, Any]:
    """Return the settings of a raylet."""
    return {"num_cpus": cpus, "object_store_memory": 80 * 2**20, "include_dashboard": False}
