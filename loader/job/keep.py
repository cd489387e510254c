"""The rule for keeping earlier loads of a run directory: the latest N, those of the last N days, or all."""

import re
from typing import Annotated, Self

from pydantic import Field, model_serializer, model_validator

from loader.job.sections import Section

DAY_SECONDS = 86_400.0


class Keep(Section):
    """The rule of ``--keep``: ``N`` loads, ``Nd`` for N days, or ``all``.

    Attributes:
        loads: Number of earlier loads to keep; None for no limit.
        days: Age in days, from its end, up to which an earlier load is kept; None for no limit.
    """

    loads: Annotated[int | None, Field(ge=0)] = None
    days: Annotated[int | None, Field(ge=0)] = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            return value
        text = value.strip().lower()
        match = re.fullmatch(r"(\d{1,6})\s*(d|day|days)?", text, re.ASCII)
        if text != "all" and match is None:
            raise ValueError("give a number of loads such as 30, a number of days such as 90d, or all")
        return {} if match is None else {"days" if match[2] else "loads": int(match[1])}

    @property
    def is_all(self) -> bool:
        """Whether the rule keeps all loads."""
        return self == type(self)()

    @model_serializer
    def _as_text(self) -> str:
        return str(self)

    def __str__(self) -> str:
        """Return the rule in the form of the flag."""
        if self.days is not None:
            return f"{self.days}d"
        return "all" if self.loads is None else str(self.loads)

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Return the rule from the text that ``str`` returned."""
        return cls.model_validate(text)
