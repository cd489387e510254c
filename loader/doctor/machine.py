"""Checks of this machine: versions, optional packages, run directory, free disk, open files."""

import os
import platform
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from loader.doctor.check import Check, CheckState
from loader.job import address_of, local_path
from loader.process.limits import FILES_BESIDE_CONNECTIONS
from loader.report import figures

PACKAGES = ("polars", "orjson", "aiohttp", "uvloop", "botocore")
"""Packages whose versions the version check shows."""

LOW_DISK_BYTES = 1 * 2**30
"""A checkpoint needs about 16 bytes per event; copies of standard input and of rejected rows need their
size."""


def machine_checks(run_dir: Path, max_in_flight: int) -> Iterator[Check]:
    """Yield the checks of this machine.

    Args:
        run_dir: Folder for the run directories of loads.
        max_in_flight: Maximum number of connections of a load.
    """
    yield _versions()
    yield from _extras()
    if (address := address_of(run_dir)) is not None:
        yield Check("run directory", CheckState.SKIPPED, f"{address} is checked at the start of a load")
        run_dir = local_path(run_dir)  # where a load works on it
    else:
        yield _run_dir(run_dir)
    yield _disk(run_dir)
    yield _open_files(max_in_flight)


def _versions() -> Check:
    found = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    python = f"scn-loader {_version('scn-loader')}, Python {platform.python_version()} on {sys.platform}"
    return Check("versions", CheckState.OK, f"{python}, {found}")


def _extras() -> Iterator[Check]:
    """Yield a check for each optional dependency that the package metadata names."""
    wanted: dict[str, list[str]] = {}
    for requirement in requires("scn-loader") or ():
        name, _, marker = requirement.partition(";")
        if "extra ==" in marker:
            extra = marker.partition("extra ==")[2].strip(" '\")")
            wanted.setdefault(extra, []).append(_bare_name(name))
    for extra, packages in sorted(wanted.items()):
        missing = [package for package in packages if _version(package) == MISSING]
        found = "not installed" if missing else ", ".join(f"{each} {_version(each)}" for each in packages)
        next_step = f"pip install 'scn-loader[{extra}]'" if missing else ""
        yield Check(f"extra [{extra}]", CheckState.SKIPPED if missing else CheckState.OK, found, next_step)


MISSING = "missing"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return MISSING


def _bare_name(requirement: str) -> str:
    """Return the name of a requirement such as ``ray[default]>=2``."""
    end = next((at for at, character in enumerate(requirement) if character in "[<>=!~ ("), None)
    return requirement[:end]


def _run_dir(run_dir: Path) -> Check:
    next_step = "With --run-dir, name a folder that this user may write to."
    if os.path.lexists(run_dir) and not os.path.isdir(run_dir):  # noqa: PTH112 - a folder of no access is there too
        return Check("run directory", CheckState.FAILED, f"{run_dir.absolute()} is not a folder", next_step)
    folder = _existing(run_dir)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check("run directory", CheckState.FAILED, f"{folder}: {error.strerror or error}", next_step)
    return Check("run directory", CheckState.OK, f"{folder} can be written to")


def _disk(run_dir: Path) -> Check:
    folder = _existing(run_dir)
    try:
        free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        return Check("free disk", CheckState.FAILED, f"{folder}: {error.strerror or error}")
    found = f"{figures.size(free_bytes)} at {folder}"
    if free_bytes < LOW_DISK_BYTES:
        return Check("free disk", CheckState.WARNING, found, "Free space, or use --run-dir on another disk.")
    return Check("free disk", CheckState.OK, found)


def _open_files(max_in_flight: int) -> Check:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max_in_flight + FILES_BESIDE_CONNECTIONS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        return Check(
            "open files",
            CheckState.WARNING,
            f"at most {hard:,}, but a load may need {wanted:,}",
            f"Raise the limit (ulimit -Hn), or load with --max-in-flight {max(1, hard // 2)}.",
        )
    limit = "no limit" if hard == resource.RLIM_INFINITY else f"at most {hard:,}"
    return Check("open files", CheckState.OK, limit)


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    path = folder.absolute()
    while not os.path.isdir(path) and path != path.parent:  # noqa: PTH112 - a folder of no access is there too
        path = path.parent
    return path
