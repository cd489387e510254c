"""An Airflow DAG that loads a folder every night. The exit code of the load decides the state of the task.

Set the variables ``SCN_FOLDER``, ``SCN_RUN_DIR`` and ``SCN_JOB`` for the worker, and AWS credentials as for
any AWS SDK. The run directory must be on a disk that all attempts can access.
"""

import os
import subprocess
from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

NOTHING_TO_LOAD = 9
RESUMABLE = (5, 130, 143)


@task(retries=3, retry_delay=timedelta(seconds=float(os.environ.get("SCN_RETRY_SECONDS", "300"))))
def load() -> None:
    """Run the load; an attempt after a stop resumes it."""
    command = ["scn-loader", "load", os.environ["SCN_FOLDER"], "--job", os.environ["SCN_JOB"]]
    command += ["--run-dir", os.environ["SCN_RUN_DIR"], "--unfinished", "resume"]
    command += ["--progress", "none", "--log-format", "json"]
    code = subprocess.run(command, check=False).returncode  # noqa: S603 - the command is ours
    if code == NOTHING_TO_LOAD:
        raise AirflowSkipException("There is nothing to load.")
    if code in RESUMABLE or code < 0:  # negative: killed by a signal
        raise AirflowException(f"The load stopped with exit code {code}; the next attempt resumes it.")
    if code != 0:
        raise AirflowFailException(f"The load needs a person: exit code {code}. See: scn-loader status")


@dag(schedule="0 2 * * *", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False)
def scn_nightly() -> None:
    """Load the files that are new since the last run."""
    load()


nightly = scn_nightly()
