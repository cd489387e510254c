"""Which load in a run directory a new load replaces. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Replacing:
    """Which loads a new load replaces, beside a finished load of the same job with other files.

    Attributes:
        restart: Any load, even if it cannot be read.
        again: A finished load, even if its files are the same.
        supersede: An unfinished load of the same job with other files.
    """

    restart: bool = False
    again: bool = False
    supersede: bool = False

    def starts_over(self, *, is_finished: bool) -> bool:
        """Return whether a load is replaced even if its plan is the same.

        Args:
            is_finished: Whether the load has nothing left to do.
        """
        return self.restart or (self.again and is_finished)


ONLY_FINISHED = Replacing()
"""Only a finished load of the same job with other files is replaced."""
