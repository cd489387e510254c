"""Records of a text file that cannot become rows, and the reasons."""

from dataclasses import dataclass, field

from loader.reject_code import RejectCode


@dataclass(frozen=True, slots=True)
class RecordFault:
    """The reason why a record cannot become a row.

    Attributes:
        code: The reason as a code.
        reason: The reason in words, without values.
        column: The column that caused it; empty if the whole record did.
    """

    code: RejectCode
    reason: str
    column: str = ""


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that cannot become a row.

    Attributes:
        index: Its position among the block's rows.
        fault: The reason.
        text: The record, clipped.
        lines: Number of its lines in the file.
        left_out: Whether it is left out and counted as filtered, instead of rejected.
    """

    index: int
    fault: RecordFault
    text: str = field(repr=False)
    lines: int = 1
    left_out: bool = False
