"""What is wrong with a record of a text file: why it cannot be a row."""

from dataclasses import dataclass

from loader.reject_code import RejectCode


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record cannot be a row.

    Attributes:
        code: Why, for machines.
        reason: Why, in words that hold no value.
        column: The column at fault; empty if it is the record as a whole.
    """

    code: RejectCode
    reason: str
    column: str = ""
