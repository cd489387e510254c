"""The target dataset of a job."""

from loader.command_line import scn_loader
from loader.datasets import Dataset, dataset_by_name, dataset_for_event_type, event_types
from loader.errors import SettingsError
from loader.job import DATASET_EVENT_TYPE, Job
from loader.mapping.errors import did_you_mean


def dataset_of(job: Job) -> Dataset | None:
    """Return the dataset of a job, or None if its columns are unknown (a custom dataset).

    Raises:
        SettingsError: The event type is unknown.
    """
    if job.event_type == DATASET_EVENT_TYPE:
        namespace, name = job.dataset_of_arn or ("", "")
        try:
            return dataset_by_name(name) if namespace == "asc" else None
        except KeyError:
            return None
    try:
        return dataset_for_event_type(job.event_type)
    except KeyError:
        raise SettingsError(
            f"The event type '{job.event_type}' does not exist.",
            where="event_type",
            next_step=f"{did_you_mean(job.event_type, event_types())}"
            f"List all of them:\n{scn_loader('datasets')}",
        ) from None


def place_of_dataset(job: Job) -> tuple[str, str]:
    """Return namespace and name of a job's dataset.

    Raises:
        SettingsError: The event type is unknown.
    """
    dataset = dataset_of(job)
    return job.dataset_of_arn or ("asc", dataset.name if dataset else "")
