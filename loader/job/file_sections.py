"""The tables of a job file that say how files are read: the dialect of CSV files, the sheet of workbooks."""

import codecs
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from loader.job.sections import Section, Texts, one_or_many


def tab_by_name(value: object) -> object:
    r"""Accept ``tab`` or ``\t`` for the tab, which is hard to type on a command line."""
    return "\t" if value in ("tab", "\\t") else value


def one_character(value: str) -> str:
    """Return ``value`` if it is one character that may separate or enclose fields.

    Raises:
        ValueError: It is not.
    """
    if value not in ("", "auto") and (len(value) != 1 or value in "\r\n\0"):
        raise ValueError("should be one character other than a line end")
    return value


def known_encoding(value: str) -> str:
    """Return ``value`` if it is ``auto`` or a text encoding of Python.

    Raises:
        ValueError: It is neither.
    """
    if value == "auto":
        return value
    try:
        "a".encode(value)  # rejects codecs that are not for text, such as hex
        codecs.getincrementaldecoder(value)
    except (LookupError, UnicodeError):
        raise ValueError(
            f"'{value}' is not an encoding such as utf-8, utf-16-le, latin-1 or windows-1252"
        ) from None
    return value


EncodingName = Annotated[str, AfterValidator(known_encoding)]
Separator = Annotated[str, BeforeValidator(tab_by_name), AfterValidator(one_character), Field(min_length=1)]
OneCharacter = Annotated[str, AfterValidator(one_character)]
Positions = Annotated[tuple[Annotated[int, Field(ge=1)], ...], BeforeValidator(one_or_many)]


class CsvSettings(Section):
    """The dialect of CSV files. A setting with the value ``auto`` is detected in each file."""

    encoding: Annotated[
        EncodingName,
        Field(description="utf-8, utf-16-le, latin-1, windows-1252 or another encoding of Python."),
    ] = "auto"
    separator: Annotated[
        Separator,
        Field(description="One character between fields, or tab; auto detects , ; tab and |."),
    ] = "auto"
    quote: Annotated[
        OneCharacter,
        Field(description="One character around fields with separators or line ends; empty for none."),
    ] = '"'
    escape: Annotated[
        OneCharacter,
        Field(
            description="One character that makes the next separator, quote or line end part of a field; a "
            "quote inside quotes may always be doubled instead."
        ),
    ] = ""
    also_escaped: Annotated[
        str,
        Field(
            description="Other characters before which the escape is dropped, such as ' in an UNLOAD of "
            "Redshift. Before all others it is text.",
            pattern=r"^[^\r\n]*$",
        ),
    ] = ""
    comment: Annotated[
        str, Field(description="Lines that begin with this text are skipped.", pattern=r"^[^\r\n]*$")
    ] = ""
    header: Annotated[
        bool,
        Field(
            description="Whether the first line has the column names; else they are column_1, column_2, ..."
        ),
    ] = True
    skip_rows: Annotated[
        int, Field(description="Number of lines before the header to skip.", ge=0, le=1000)
    ] = 0
    columns: Annotated[
        Texts, Field(description="Names of all columns in file order, instead of the header's names.")
    ] = ()
    line_end: Annotated[
        Literal["auto", "lf", "crlf", "cr", "crcrlf"],
        Field(
            description="End of a record. Old Macs and some ERPs write a lone CR; crcrlf is a mistake of "
            "programs on Windows."
        ),
    ] = "auto"
    short_rows: Annotated[
        Literal["reject", "fill"],
        Field(description="Rows that end before the last column: fill treats missing fields as empty."),
    ] = "reject"
    surplus_fields: Annotated[
        Literal["auto", "drop", "reject"],
        Field(
            description="Empty fields after the last column: auto drops them if all of the first rows have "
            "the same number of them."
        ),
    ] = "auto"
    row_fields: Annotated[
        int,
        Field(
            description="Number of fields of each row, empty ones after the last column included; 0: as the "
            "header and the first rows show it.",
            ge=0,
        ),
    ] = 0
    empty_columns: Annotated[
        Positions,
        Field(
            description="Positions of columns without a name in which a value rejects its row, also if the "
            "first rows have one."
        ),
    ] = ()
    empty_rows: Annotated[
        Literal["skip", "reject"],
        Field(
            description="Rows of separators only, which spreadsheets write below a table: skip counts them "
            "as filtered."
        ),
    ] = "skip"
    repeated_names: Annotated[
        Literal["refuse", "number"],
        Field(description="A header with equal names: number renames them to name, name_2, name_3, ..."),
    ] = "refuse"
    blanks_after_quotes: Annotated[
        Literal["drop", "reject"], Field(description="Blanks around a quoted field, outside its quotes.")
    ] = "drop"
    row_like_texts: Annotated[
        Literal["reject", "accept"],
        Field(
            description="Texts of several lines that look like rows, as after an unclosed quote: accept "
            "treats them as texts."
        ),
    ] = "reject"

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> Self:
        given = [self.separator, self.quote, self.escape, self.comment[:1]]
        given = [character for character in given if character]
        if len(set(given)) < len(given):
            raise ValueError("separator, quote, escape and comment must begin with different characters")
        return self


class ExcelSettings(Section):
    """The sheet of Excel workbooks, and how it is read."""

    sheet: Annotated[
        str | None, Field(description="Name of the sheet; a workbook with a single visible sheet needs none.")
    ] = None
    header_row: Annotated[
        int, Field(description="Row that names the columns; those above are left out.", ge=1, le=10_000)
    ] = 1
    merged_cells: Annotated[
        Literal["reject", "fill"],
        Field(
            description="Rows with a cell that is merged with one above or beside it; fill takes the value "
            "of that cell."
        ),
    ] = "reject"
    as_text: Annotated[
        Texts,
        Field(
            description="Columns whose numbers and dates may be sent as texts. Without it such a row is "
            "rejected: Excel turns 000043 into 43."
        ),
    ] = ()
