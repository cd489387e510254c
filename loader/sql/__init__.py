"""SQL expressions over the columns of one row: parsed by sqlglot, evaluated here column by column.

Rules kept here:

1. A value that is there gives its exact value, or its row fails. ``Evaluator`` checks every function and
   operator: where all inputs hold a value, the result holds one too, unless SQL defines it as null
   (``NULL_BY_DEFINITION``).
2. Whole numbers and decimals are computed in 128 bits with a scale, and every step is checked: nothing wraps,
   no digit is rounded unless the expression says so (``ROUND``, ``CAST ... AS DECIMAL(p, s)``).
3. Where SQL engines disagree about a value, the row fails.
4. What an expression gives is a function of its row. Only functions of ``FUNCTIONS`` exist.
"""
