"""Settings of the mapping of an extract's columns."""

from collections.abc import Mapping
from dataclasses import dataclass

from loader.job import ColumnRule, TextRule
from loader.mapping.errors import PlaceOf
from loader.mapping.target_dataset import TargetDataset


@dataclass(frozen=True, slots=True)
class MappingSettings:
    """Which source column is the source of which dataset column, and which rows are left out.

    Attributes:
        target: The dataset that the records go to.
        rules: The source of each mapped dataset column, by its name.
        defaults: How texts are read, unless a column's rule sets it.
        filter: An SQL condition on source columns that rows must satisfy, or None.
        ignore_unknown: Whether columns that the dataset does not have are left out instead of refused.
        group_by: The columns whose values form the group; empty for the primary key.
        timestamp_column: The column with the timestamp of the events, or None.
        place_of: Returns line and file of a setting, for errors.
    """

    target: TargetDataset
    rules: Mapping[str, ColumnRule]
    defaults: TextRule
    filter: str | None
    ignore_unknown: bool
    group_by: tuple[str, ...]
    timestamp_column: str | None
    place_of: PlaceOf
