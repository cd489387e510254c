"""The target dataset of a load."""

from dataclasses import dataclass

from loader.command_line import scn_loader
from loader.datasets import Dataset, dataset_by_name, dataset_for_event_type, event_types
from loader.errors import SettingsError
from loader.job import DATASET_EVENT_TYPE
from loader.mapping.errors import did_you_mean

DATA_MODEL = "asc"
"""The namespace of the datasets of AWS's data model."""


@dataclass(frozen=True, slots=True)
class TargetDataset:
    """The dataset that the records of a load go to, as the user names it.

    Attributes:
        event_type: ``scn.data.*``.
        of_arn: Namespace and name of the dataset, for event type ``scn.data.dataset`` only.
    """

    event_type: str
    of_arn: tuple[str, str] | None = None

    @property
    def is_in_data_model(self) -> bool:
        """Whether it is a dataset of AWS's data model, some of whose columns the service fills in."""
        return self.event_type != DATASET_EVENT_TYPE or (self.of_arn or ("", ""))[0] == DATA_MODEL


def dataset_of(target: TargetDataset) -> Dataset | None:
    """Return the dataset of a load, or None if its columns are unknown (a custom dataset).

    Raises:
        SettingsError: The event type is unknown.
    """
    if target.event_type == DATASET_EVENT_TYPE:
        namespace, name = target.of_arn or ("", "")
        try:
            return dataset_by_name(name) if namespace == DATA_MODEL else None
        except KeyError:
            return None
    try:
        return dataset_for_event_type(target.event_type)
    except KeyError:
        raise SettingsError(
            f"The event type '{target.event_type}' does not exist.",
            where="event_type",
            next_step=f"{did_you_mean(target.event_type, event_types())}"
            f"List all of them:\n{scn_loader('datasets')}",
        ) from None


def place_of_dataset(target: TargetDataset) -> tuple[str, str]:
    """Return namespace and name of a load's dataset.

    Raises:
        SettingsError: The event type is unknown.
    """
    dataset = dataset_of(target)
    return target.of_arn or (DATA_MODEL, dataset.name if dataset else "")
