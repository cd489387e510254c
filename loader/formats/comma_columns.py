"""Columns whose texts have a decimal comma, in files that also contain numbers: JSON and workbooks. Pure.

Such a number has a decimal point. The rule of its column would read the number 1.234 as 1234, so the number
is written with a comma first.
"""

from dataclasses import dataclass

from loader.formats.bad_record import RecordFault
from loader.reject_code import RejectCode


@dataclass(frozen=True, slots=True)
class CommaColumns:
    """The source columns with a decimal comma.

    Attributes:
        names: Their names.
        shared: Those that also feed a text, an expression or another column without a decimal comma, where
            the number must keep its point.
    """

    names: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()

    def written(self, name: str, number: str) -> str:
        """Return a number as the rule of its column reads it."""
        return number.replace(".", ",") if name in self.names else number

    def fault(self, name: str, number: str) -> RecordFault | None:
        """Return why a number cannot be used in a column, or None."""
        if name not in self.shared or "." not in number:
            return None
        reason = 'a number with a decimal point in a column with decimal = "," that also feeds another column'
        return RecordFault(RejectCode.NOT_A_NUMBER, reason, name)


NO_COMMAS = CommaColumns()
