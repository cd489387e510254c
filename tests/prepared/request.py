"""What the prepared process is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MODULES = ("loader", "tests.faults.launcher", "loader.runners.worker", "tests.hostile.worker")
"""What a fork can become, as after ``python -m``."""

WORKER_NAME = "scn-worker"
"""Name of the process of a worker, as the kernel knows it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a process runs, and where.

    Attributes:
        module: One of ``MODULES``.
        arguments: The command line after the module.
        environment: All environment variables.
        folder: The working folder.
        new_session: Whether the process leads a session of its own.
    """

    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: str
    new_session: bool
