"""Detect the encoding of a text from its bytes.

Rules kept here:

1. The first of these that is present decides: a byte-order mark; the user's setting; NUL bytes where UTF-16
   has them; valid UTF-8. Other text is Windows-1252 if its bytes and words permit it.
2. A wrong encoding is never chosen silently. If UTF-8 were read as another encoding, each special letter
   would become two. So text that is mostly UTF-8 is read as UTF-8, and its invalid rows are rejected one by
   one. A file is rejected, so that the user sets its encoding, if it has bytes that Windows-1252 does not
   have, words of special letters only (Cyrillic, Greek, Chinese), or words with signs inside (Polish, DOS,
   old Macs).
3. The result is a function of the file's bytes and the setting. The checkpoint does not store it, because a
   resume compares the fingerprint of the file and the csv settings.
"""

import codecs
import re
from dataclasses import dataclass

from loader.errors import ExtractError
from loader.sources.transcoding import Readable

ASCII_BYTES = 64 * 2**20
"""Maximum number of bytes that are searched for the first byte that is not ASCII. The search takes under 0.1
s."""

STEP_BYTES = 2**20
"""Bytes that the search reads at a time."""

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16 LE: its mark begins with the mark of UTF-16 LE
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

NEED_MARK = ("utf-16", "utf-32")
"""Python's names of encodings whose byte order only a mark can show."""

_DISPLAY_NAMES = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "utf-32-le": "UTF-32 LE",
    "utf-32-be": "UTF-32 BE",
    "cp1252": "Windows-1252",
    "iso8859-1": "Latin-1",
}

NUL_SHARE = 0.1
"""Minimum share of ASCII characters in UTF-16 text. Separators, digits and line ends exceed it in any
script."""

_CHANCE_RATIO = 20
"""If at most one of this many items has a property, it has it by chance: for example, the two letters "É®" of
Windows-1252 are also the bytes of one UTF-8 character."""

NOT_ASCII = re.compile(rb"[\x80-\xff]+")
NOT_WINDOWS_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
FOREIGN_WORDS = (
    re.compile(rb"([\xa1-\xff])(?!\1)[\xa1-\xff]{3}"),  # four special letters in a row
    re.compile(
        rb"[A-Za-z][\x82-\x84\x86-\x89\x8b\x93\x94\x98\x9b\xa1-\xa9\xab\xac\xb1-\xb3\xb9\xbb-\xbf][A-Za-z]"
    ),
    re.compile(rb"[A-Za-z][\x8a\x8c\x8e\x9f][a-z]"),  # a special capital letter inside a word
)
"""Patterns that are rare in languages that use Windows-1252. The second one finds signs (ƒ ” £ ³) inside
words."""

FOREIGN_SHARE = 0.05
"""The file is rejected if the matches of FOREIGN_WORDS exceed this share of the runs of special letters."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding of a file.

    Attributes:
        codec: Python's name of the encoding.
        mark_bytes: Length of the byte-order mark at the start of the file.
        is_guess: Whether the encoding was chosen only because no other one fits better.
    """

    codec: str
    mark_bytes: int = 0
    is_guess: bool = False

    @property
    def words(self) -> str:
        """The name of the encoding for messages."""
        return _DISPLAY_NAMES.get(self.codec, self.codec)


def find_encoding(path: str, head: bytes, rest: Readable, setting: str) -> Encoding:
    """Return the encoding of a text.

    Args:
        path: The file, for errors.
        head: The first bytes of the file.
        rest: The bytes after ``head``. They are read only until a byte is not ASCII.
        setting: The user's setting: a name of Python's codecs, or ``auto``.

    Raises:
        ExtractError: The encoding is ambiguous, or differs from the setting.
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
    if b"\0" not in head:
        return None
    even, odd = head[::2].count(0), head[1::2].count(0)
    fewest = NUL_SHARE * (len(head) // 2)
    if odd > fewest and even <= odd // _CHANCE_RATIO and _has_its_line_ends(head, "utf-16-le"):
        return Encoding("utf-16-le")
    if even > fewest and odd <= even // _CHANCE_RATIO and _has_its_line_ends(head, "utf-16-be"):
        return Encoding("utf-16-be")
    return None


def _has_its_line_ends(head: bytes, codec: str) -> bool:
    """Return whether a text has a line end in an encoding, or no byte of one.

    A few lines of other text may have NUL bytes at even or odd places only.
    """
    has_bytes = b"\n" in head or b"\r" in head
    text = head.decode(codec, errors="replace") if has_bytes else ""
    return not has_bytes or "\n" in text or "\r" in text


def _with_letters(head: bytes, rest: Readable) -> tuple[bytes, bool]:
    """Return the first piece of the text that is not all ASCII, or the last one, and whether more follows."""
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
    if utf_8 > others // _CHANCE_RATIO:
        raise _unclear(path, "some of its letters are UTF-8 and others are not")
    if NOT_WINDOWS_1252.search(text):
        raise _unclear(path, "it is neither UTF-8 nor Windows-1252")
    if sum(len(word.findall(text)) for word in FOREIGN_WORDS) > FOREIGN_SHARE * len(runs):
        raise _unclear(path, "it is not UTF-8, and its words make no sense if they are read as Windows-1252")
    return Encoding("cp1252", is_guess=True)


def _without_cut_character(run: bytes) -> bytes:
    """Return the bytes without a UTF-8 character that the end of the sample cuts off."""
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
        "windows-1252, windows-1250, cp850, shift_jis or any other encoding of Python",
    )
