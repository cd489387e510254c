"""SQL expressions over the columns of one row: parsed by sqlglot, evaluated here by column.

Rules kept here:

1. A value gives its exact result, or its row fails. ``Evaluator`` checks every function and operator: if all
   inputs have a value, the result has a value too, unless SQL defines it as null (``NULL_BY_DEFINITION``).
2. Whole numbers and decimals are computed in 128 bits with a scale, and every step is checked. Nothing
   overflows silently, and digits are rounded only on request (``ROUND``, ``CAST ... AS DECIMAL(p, s)``).
3. If SQL engines disagree about a result, the row fails.
4. The result of an expression depends on its row only. Only the functions in ``FUNCTIONS`` exist.
"""
