"""Ids that the service gives out: random UUIDs, as the service model's pattern asks for."""

from random import Random

# Seeded by the operating system once: asking it for every id would cost more than the rest of an answer.
_random = Random()  # noqa: S311 - names things, guards nothing

# RFC 9562, section 5.4: four bits of version, 0100, and two of variant, 10; the rest is chance. Written out
# because two ids go into every answer, and uuid.UUID takes three times as long.
_CHANCE = ~(0xF << 76 | 0b11 << 62)
_VERSION_4 = 0x4 << 76 | 0b10 << 62

_MADE_AT_ONCE = 256
_ready: list[str] = []


def new_id() -> str:
    """Return a new id: a UUID of version 4."""
    if not _ready:
        # Made in a row, they cost half of what each does between two pieces of other work.
        _ready.extend(_made() for _ in range(_MADE_AT_ONCE))
    return _ready.pop()


def _made() -> str:
    digits = f"{_random.getrandbits(128) & _CHANCE | _VERSION_4:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
