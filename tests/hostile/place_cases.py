"""Names of missing files, endless paths and other things than files; files that change during a read."""

import os
from pathlib import Path
from random import Random

from tests.hostile import parquet_cases, text_cases
from tests.hostile.case import Case, Make


def no_file(chance: Random, folder: Path) -> Case:
    """A folder, a pipe, a device or a link to nowhere in place of a file."""
    path = folder / "extract.csv"
    kind = chance.choice(["folder", "fifo", "device", "dangling", "itself", "through a file", "socket"])
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to(
            chance.choice(["/dev/null", "/dev/zero", "/dev/urandom", "/dev/full", "/proc/self/mem"])
        )
    elif kind == "dangling":
        path.symlink_to(folder / "nowhere")
    elif kind == "itself":
        path.symlink_to(path)
    elif kind == "through a file":
        (folder / "file").write_bytes(b"x")
        path = folder / "file" / "extract.csv"
    else:
        os.mknod(path, 0o140600)
    named = chance.choice([path, path, folder, folder / "*.csv"])
    return Case((str(named),), may_send=False)


def odd_name(chance: Random, folder: Path) -> Case:
    """A name with what no name should have; the file behind it is good."""
    good = text_cases.good(chance)
    name = chance.choice(
        [
            b"a\nb.csv",
            b"\x1b[2J.csv",
            b"\xff\xfe.csv",
            "\u202egpj.csv".encode(),
            b"[x].csv",
            b"*.csv",
            b"a'b\".csv",
        ]
    )
    path = folder / os.fsdecode(name)
    path.write_bytes(good)
    return Case((str(chance.choice([path, folder])),))


def odd_parquet_name(chance: Random, folder: Path) -> Case:
    """The same for Parquet."""
    name = chance.choice(
        [b"\xff\xfe.parquet", b"[x]*?.parquet", b"a\nb.parquet", b"%20.parquet", b"s3:x.parquet"]
    )
    path = folder / os.fsdecode(name)
    path.write_bytes(parquet_cases.good(chance))
    return Case((str(path),))


def nowhere(chance: Random, folder: Path) -> Case:
    """A name that cannot be one, or that nothing has."""
    names = [
        "x" * 300,
        "a\0b",
        "",
        "~nobody/x",
        "**",
        "[",
        "*" * 50,
        "../" * 500 + "nowhere",
        "/" + "d/" * 3000,
        "\ud800",
    ]
    name = chance.choice(names)
    return Case(
        (str(folder / name) if chance.random() < 0.7 and name else name or str(folder),), may_send=False
    )


def cyclic_links(chance: Random, folder: Path) -> Case:
    """Folders that hold themselves, twice, searched by a recursive glob."""
    (folder / "deep").mkdir()
    for name in ("one", "two"):
        (folder / "deep" / name).symlink_to(folder)
    has_file = chance.random() < 0.5
    if has_file:
        (folder / "deep" / "extract.csv").write_bytes(text_cases.good(chance))
    pattern = chance.choice(["**/*.csv", "**/**/*.csv", "**/deep/**/*.csv"])
    return Case((str(folder / pattern),), may_send=has_file)


def mixed_files(chance: Random, folder: Path) -> Case:
    """Good files among hostile ones: none is loaded without an error for the others."""
    good = folder / "a.csv"
    good.write_bytes(text_cases.good(chance))
    (folder / "bad").mkdir()
    bad = chance.choice([*text_cases.KINDS, *parquet_cases.KINDS, no_file])(chance, folder / "bad")
    return Case((str(good), *bad.extract), bad.settings, may_name_values=True)


def moved_away(chance: Random, folder: Path) -> Case:
    """It changes, grows, shrinks, vanishes or is replaced while it is read."""
    is_parquet = chance.random() < 0.5
    path = folder / ("extract.parquet" if is_parquet else "extract.csv")
    content = (parquet_cases if is_parquet else text_cases).good(chance)
    path.write_bytes(content)

    def shrink() -> None:
        os.truncate(path, chance.choice([0, 1, len(content) // 2]))

    def grow() -> None:
        with path.open("ab") as file:
            file.write(content)

    def replace() -> None:
        path.unlink()
        path.write_bytes(content[::-1])

    def overwrite() -> None:
        with path.open("r+b") as file:
            file.seek(len(content) // 3)
            file.write(b"\xff" * (len(content) // 3))

    def become_folder() -> None:
        path.unlink()
        path.mkdir()

    kinds = (shrink, grow, replace, overwrite, path.unlink, become_folder)
    settings = {"window_rows": chance.choice([1, 3, 1000])}
    return Case((str(path),), settings, chance.choice(kinds), chance.choice([0, 0, 1, 5]))


KINDS: tuple[Make, ...] = (
    no_file,
    odd_name,
    odd_parquet_name,
    nowhere,
    cyclic_links,
    mixed_files,
    moved_away,
    moved_away,
)
