"""Damage that any file can suffer: bytes cut off, flipped, lost, doubled, mixed up."""

from random import Random


def cut(chance: Random, content: bytes) -> bytes:
    """Keep the start."""
    return content[: chance.randrange(len(content))]


def beheaded(chance: Random, content: bytes) -> bytes:
    """Keep the end."""
    return content[chance.randrange(1, len(content)) :]


def flipped(chance: Random, content: bytes, first: int = 0, end: int | None = None) -> bytes:
    """Flip a bit or replace a byte, in one to eight places between ``first`` and ``end``."""
    damaged = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 8])):
        place = chance.randrange(first, end or len(content))
        damaged[place] = chance.choice([damaged[place] ^ (1 << chance.randrange(8)), 0, 255])
    return bytes(damaged)


def holed(chance: Random, content: bytes) -> bytes:
    """Fill a stretch with zeros, as a file system does after a crash."""
    start = chance.randrange(len(content))
    end = min(len(content), start + chance.choice([1, 16, 512, 4096]))
    return content[:start] + bytes(end - start) + content[end:]


def spliced(chance: Random, content: bytes) -> bytes:
    """Lose a stretch, or have it twice."""
    start, end = sorted((chance.randrange(len(content)), chance.randrange(len(content))))
    return content[:end] + content[start:] if chance.random() < 0.5 else content[:start] + content[end:]


def sprinkled(chance: Random, content: bytes) -> bytes:
    """Have bytes that mean something to somebody in a few places."""
    spoilers = [
        b"\0",
        b'"',
        b'""',
        b"\r",
        b"\n",
        b"\xff",
        b"\xc3",
        b",",
        b"\x1a",
        b"\xef\xbb\xbf",
        b"\\",
        b"'",
    ]
    for _ in range(chance.choice([1, 2, 10])):
        place = chance.randrange(len(content) + 1)
        content = content[:place] + chance.choice(spoilers) + content[place:]
    return content


def shuffled(chance: Random, content: bytes) -> bytes:
    """Have its blocks in another order."""
    size = chance.choice([7, 64, 512])
    blocks = [content[start : start + size] for start in range(0, len(content), size)]
    chance.shuffle(blocks)
    return b"".join(blocks)


KINDS = (cut, beheaded, flipped, holed, spliced, sprinkled, shuffled)
