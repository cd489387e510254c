"""Why an SQL expression cannot be used, or one of its functions with the types it is given."""


class SqlFault(Exception):
    """An expression that cannot be used; its text is shown to the user and holds no value of a row.

    Args:
        why: What is wrong with it.
        cure: What to write instead.
    """

    def __init__(self, why: str, cure: str = "") -> None:
        super().__init__(why)
        self.why, self.cure = why, cure


class TooMuchText(SqlFault):
    """The texts that a step makes of some rows are too large together; of fewer rows they may not be."""
