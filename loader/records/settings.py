"""Settings of records."""

from dataclasses import dataclass
from typing import Literal

from loader.job import Shard
from loader.mapping.errors import PlaceOf


@dataclass(frozen=True, slots=True)
class Conversion:
    """The settings that say what values look like in a record.

    Attributes:
        time_zone: Zone of timestamps that name none, unless a column's rule names another.
        timestamps: ``iso8601`` or ``epoch_ms``.
        numbers: ``string`` or ``number``: whether numbers must also be JSON numbers.
    """

    time_zone: str
    timestamps: str
    numbers: str


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """How rows become records.

    Attributes:
        conversion: The form of values.
        nulls: Whether a column without a value is left out of the record (``omit``) or sent as null.
        packs_groups: Whether an event may hold several records, so that their primary keys are needed.
        group_buckets: Number of buckets that groups are spread over, None if groups keep their names, or
            ``auto`` if the number is not chosen yet.
        shard: The shard that is read, or None for the whole load.
        place_of: Returns line and file of a setting, for errors.
    """

    conversion: Conversion
    nulls: Literal["omit", "null"]
    packs_groups: bool
    group_buckets: int | Literal["auto"] | None
    shard: Shard | None
    place_of: PlaceOf
