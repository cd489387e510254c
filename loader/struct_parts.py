"""The parts of structs, without their names: polars takes a name such as ``*`` or ``^id$`` for a pattern."""

from collections.abc import Sequence

import polars as pl


def struct_parts(structs: pl.Series) -> list[pl.Series]:
    """Return the parts of a column of structs in their order; their names are ``structs.struct.fields``."""
    names = [str(number) for number in range(len(structs.struct.fields))]
    numbered = structs.struct.rename_fields(names)
    return [part.alias("") for part in numbered.struct.unnest().get_columns()]


def struct_of(parts: Sequence[pl.Series], names: Sequence[str], name: str) -> pl.Series:
    """Return a column of structs with these parts."""
    numbered = pl.DataFrame({str(number): part for number, part in enumerate(parts)})
    return numbered.to_struct(name).struct.rename_fields(names)
