"""Records of a text file that cannot be rows, and why."""

from dataclasses import dataclass, field

from loader.reject_code import RejectCode


@dataclass(frozen=True, slots=True)
class RecordFault:
    """Why a record cannot be a row.

    Attributes:
        code: Why, for machines.
        reason: Why, in words that hold no value.
        column: The column at fault; empty if it is the record as a whole.
    """

    code: RejectCode
    reason: str
    column: str = ""


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that cannot be a row.

    Attributes:
        index: Its position among the block's rows.
        fault: Why.
        text: The record, clipped.
        lines: How many lines of the file it takes up.
        left_out: Whether it is not a row to reject: it is counted, and left out.
    """

    index: int
    fault: RecordFault
    text: str = field(repr=False)
    lines: int = 1
    left_out: bool = False
