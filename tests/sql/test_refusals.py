"""Errors for expressions that cannot be used: the true reason, and what to use instead."""

import polars as pl
import pytest

from loader.sql.evaluation import Evaluation
from loader.sql.fault import SqlFault


@pytest.mark.parametrize(
    ("sql", "why", "cure"),
    [
        ("SUM(n)", "'sum' depends on more than the values of its row", ""),
        ("ROW_NUMBER() OVER (ORDER BY n)", "depends on more than the values of its row", ""),
        ("EXISTS (SELECT 1)", "depends on more than the values of its row", ""),
        ("DATE_TRUNC('day', n)", "'date_trunc' is not a function of expressions", ""),
        ("NVL(n, 1)", "'nvl' is not a function of expressions", "Use COALESCE. "),
        ("LENGHT(n)", "'lenght' is not a function of expressions", "Use LENGTH. "),
        ("n << 1", "'n << 1' is not supported in an expression", ""),
        ("CAST(n AS FOO)", "the type 'FOO' is not supported", ""),
        ("CAST(n AS INT(11))", "'INT' is not supported with a number in parentheses", ""),
        ("CAST(n AS TIMESTAMP(2))", "it may have 0, 3 or 6 digits", ""),
    ],
)
def test_an_expression_is_refused_with_its_true_reason(sql: str, why: str, cure: str) -> None:
    """An unknown function is not one that depends on other rows. A type keeps its name."""
    frame = pl.DataFrame({"n": ["2024-01-01"]})
    with pytest.raises(SqlFault) as refused:
        Evaluation(sql).of(frame)
    assert why in refused.value.why
    assert refused.value.cure.startswith(cure)
