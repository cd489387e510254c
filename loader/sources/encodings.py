"""Find the encoding of a text by its bytes.

Rules kept here:

1. A byte-order mark decides; then the user's setting; then NUL bytes where UTF-16 has them; then whether
   it is UTF-8. What is left is Windows-1252, if it can be.
2. A silent error must not happen. UTF-8 read as another encoding would turn every
   letter into two, so text that is mostly UTF-8 is UTF-8, and its other rows are rejected one by one.
   Bytes that Windows-1252 does not have, words in which letter after letter is a special one (Cyrillic,
   Greek, Chinese) and words with signs inside (Polish, DOS, old Macs) are refused: the user knows.
3. The answer is a function of the file's bytes and the setting. So it needs no place of its own in the
   checkpoint: the fingerprint of the file and the csv settings are compared when a load is resumed.
"""

import codecs
import re
from dataclasses import dataclass

from loader.errors import ExtractError
from loader.sources.transcoding import Readable

ASCII_BYTES = 64 * 2**20
"""Maximum distance of the search for the first byte that is not ASCII; it takes under 0.1 s."""

STEP_BYTES = 2**20

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

NEED_MARK = ("utf-16", "utf-32")
"""Python names that leave the order of bytes to the mark."""

_WORDS = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "utf-32-le": "UTF-32 LE",
    "utf-32-be": "UTF-32 BE",
    "cp1252": "Windows-1252",
    "iso8859-1": "Latin-1",
}

NUL_SHARE = 0.1
"""Least share of UTF-16 units that are ASCII: separators, digits and line ends come to more in any script."""

_FEW = 20
"""One UTF-8 character (such as "É®") among this many others is an accident."""

NOT_ASCII = re.compile(rb"[\x80-\xff]+")
NOT_WINDOWS_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
FOREIGN_WORDS = (
    re.compile(rb"([\xa1-\xff])(?!\1)[\xa1-\xff]{3}"),  # four special letters in a row
    re.compile(
        rb"[A-Za-z][\x82-\x84\x86-\x89\x8b\x93\x94\x98\x9b\xa1-\xa9\xab\xac\xb1-\xb3\xb9\xbb-\xbf][A-Za-z]"
    ),
    re.compile(rb"[A-Za-z][\x8a\x8c\x8e\x9f][a-z]"),  # a capital letter
)
"""What words of the languages of Windows-1252 hardly ever have; second: signs such as ƒ ” £ ³ inside."""

FOREIGN_SHARE = 0.05
"""If more than this share of the words with special letters is foreign, the encoding is rejected."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding of a file.

    Attributes:
        codec: Python's name of it.
        mark_bytes: Length of the byte-order mark at the start of the file.
        is_guess: Whether it was chosen only because no other one fits better.
    """

    codec: str
    mark_bytes: int = 0
    is_guess: bool = False

    @property
    def words(self) -> str:
        """Its name as people write it."""
        return _WORDS.get(self.codec, self.codec)


def find_encoding(path: str, head: bytes, rest: Readable, setting: str) -> Encoding:
    """Return the encoding of a text.

    Args:
        path: The file, for errors.
        head: Its first bytes.
        rest: What follows them; read only while all is ASCII.
        setting: The user's setting: a name that Python knows, or ``auto``.

    Raises:
        ExtractError: It is ambiguous, or differs from the setting.
    """
    marked = next((Encoding(codec, len(mark)) for mark, codec in MARKS if head.startswith(mark)), None)
    name = setting if setting == "auto" else _codec(setting)
    if marked is not None:
        if name not in ("auto", marked.codec) and not (
            name in NEED_MARK and marked.codec.startswith(name + "-")
        ):
            raise _unclear(
                path, f"it begins with the byte-order mark of {marked.words}, but the setting is {setting}"
            )
        return marked
    wide = _utf_16_by_nul(head)
    if name == "utf-16" and wide is not None:
        return wide
    if name in NEED_MARK:
        raise _unclear(path, f"it has no byte-order mark, so {name}-le or {name}-be must be set")
    if name != "auto":
        return Encoding(name)
    return wide or _by_letters(path, *_with_letters(head, rest))


def _codec(setting: str) -> str:
    name = codecs.lookup(setting).name
    return "utf-8" if name == "utf-8-sig" else name


def _utf_16_by_nul(head: bytes) -> Encoding | None:
    even, odd = head[::2].count(0), head[1::2].count(0)
    fewest = NUL_SHARE * (len(head) // 2)
    if odd > fewest and even <= odd // _FEW:
        return Encoding("utf-16-le")
    if even > fewest and odd <= even // _FEW:
        return Encoding("utf-16-be")
    return None


def _with_letters(head: bytes, rest: Readable) -> tuple[bytes, bool]:
    """Return the first piece of the text that is not all ASCII, or its last one, and whether more follows."""
    piece, seen_bytes = head, len(head)
    while piece.isascii() and seen_bytes < ASCII_BYTES and (more := rest.read(STEP_BYTES)):
        piece, seen_bytes = more, seen_bytes + len(more)
    return piece, bool(rest.read(1))


def _by_letters(path: str, text: bytes, more_follows: bool) -> Encoding:  # noqa: FBT001 - the name explains it
    if text.isascii():
        return Encoding("utf-8")
    runs = NOT_ASCII.findall(text)
    if more_follows and runs and text.endswith(runs[-1]):
        runs[-1:] = filter(None, [_without_cut_character(runs[-1])])
    utf_8 = sum(1 for run in runs if _is_utf_8(run))
    others = len(runs) - utf_8
    if others <= utf_8:
        return Encoding("utf-8")
    if utf_8 > others // _FEW:
        raise _unclear(path, "some of its letters are UTF-8 and others are not")
    if NOT_WINDOWS_1252.search(text):
        raise _unclear(path, "it is neither UTF-8 nor Windows-1252")
    if sum(len(word.findall(text)) for word in FOREIGN_WORDS) > FOREIGN_SHARE * len(runs):
        raise _unclear(path, "it is not UTF-8, and as Windows-1252 its words would make no sense")
    return Encoding("cp1252", is_guess=True)


def _without_cut_character(run: bytes) -> bytes:
    """Leave out a UTF-8 character that the end of the sample cuts."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(run)
    except UnicodeDecodeError:
        return run
    return run.removesuffix(decoder.getstate()[0])


def _is_utf_8(run: bytes) -> bool:
    try:
        run.decode()
    except UnicodeDecodeError:
        return False
    return True


def _unclear(path: str, why: str) -> ExtractError:
    return ExtractError(
        "The encoding of the CSV file is not clear.",
        where=path,
        why=why,
        next_step="set encoding in the [csv] table of the job file, or with --csv-encoding: utf-8, "
        "windows-1252, windows-1250, cp850, shift_jis or any other that Python knows",
    )
