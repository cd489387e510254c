"""Parse regular CSV records with polars."""

import polars as pl


def parse_csv(records: bytes, columns: int, separator: str, quote: str, line_end: str) -> pl.DataFrame:
    """Return the fields of whole CSV records as text, in columns named "0", "1" and so on.

    An empty field is null; a quoted empty field is an empty text.

    Args:
        records: Whole records, without a header.
        columns: Number of fields that a record has.
        separator: One ASCII character.
        quote: One ASCII character, or empty for no quotes.
        line_end: One ASCII character; a carriage return before a line feed is dropped.

    Raises:
        polars.exceptions.PolarsError: A record has too many fields, or the text is not UTF-8 or not CSV.
            Too few fields raise nothing: polars fills them with nulls.
    """
    names = [str(number) for number in range(columns)]
    # A header of our own: otherwise polars could take the first bytes of the records for a byte-order mark or
    # for the magic number of a compressed file.
    header = (separator.join(names) + line_end).encode()
    # Without a line end, polars drops an empty surplus field of the last record.
    end = b"" if records.endswith(line_end.encode()) else line_end.encode()
    return pl.read_csv(
        b"".join((header, records, end)),
        schema=dict.fromkeys(names, pl.String),
        infer_schema=False,
        separator=separator,
        quote_char=quote or None,
        eol_char=line_end,
    )
