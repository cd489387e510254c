"""The page as one HTML document that makes no requests. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files

from loader.page.charts import limit_shares, over_time, stage_bar, window_map
from loader.page.model import Badge, CauseLine, FileList, LoadPage, NextStep, WindowCell
from loader.report import figures

SIGNS = {Badge.DONE: "✓", Badge.RUNNING: "▶", Badge.ATTENTION: "!", Badge.STOPPED: "■"}
"""A sign beside the colour, for readers who cannot see the colour."""


def to_html(page: LoadPage, *, live: bool = False) -> str:
    """Return the document.

    Args:
        page: The content.
        live: Whether the document reloads itself while it is open.
    """
    script = _file("live.js") if live else ""
    over = "no" if page.verdict is Badge.RUNNING else "yes"
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<link rel="icon" href="data:,">',
        f"<title>{escape(SIGNS[page.verdict])} {escape(page.headline)}</title>",
        f"<style>{_file('style.css')}</style>",
        "</head>",
        f'<body data-over="{over}">',
        "<main>",
        *_sections(page),
        "</main>",
        *_footer(page, live=live),
        f"<script>{script}</script>" if script else "",
        "</body>",
        "</html>",
    ]
    return "\n".join(line for line in lines if line) + "\n"


def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _sections(page: LoadPage) -> Iterator[str]:
    yield from _header(page)
    yield from _next_steps(page)
    yield from _figures(page)
    yield from _stages(page)
    yield from _over_time(page)
    yield from _windows(page.windows)
    yield from _causes("Rejected rows", "column", page.rejected)
    yield from _causes("Failed events", "code", page.failed)
    yield from _files(page.files)
    yield from _table("Settings", ("setting", "value"), page.settings, folded=True)
    yield from _table("Versions", ("", ""), page.versions, folded=True)


def _header(page: LoadPage) -> Iterator[str]:
    yield f'<header class="{page.verdict.value}">'
    yield f'<p class="sign" aria-hidden="true">{SIGNS[page.verdict]}</p>'
    yield f"<div><h1>{escape(page.headline)}</h1>"
    facts = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{_path(value)}</dd></div>" for name, value in page.facts
    )
    reasons = "".join(f"<p>{_path(reason)}</p>" for reason in page.reasons)
    yield f"{reasons}<dl>{facts}</dl></div></header>"


def _next_steps(page: LoadPage) -> Iterator[str]:
    yield "<section><h2>What to do next</h2><ul class=steps>"
    nothing = "nothing: the load is complete" if page.verdict is Badge.DONE else "nothing"
    for step in page.next_steps or [NextStep(nothing)]:
        command = f"<pre tabindex=0><code>{_command(step.command)}</code></pre>" if step.command else ""
        why = step.why[:1].upper() + step.why[1:]
        yield f"<li>{_path(why)}{':' if command else '.'}{command}</li>"
    yield "</ul></section>"


_OPTION = re.compile(r"--[a-z][a-z-]*")


def _command(text: str) -> str:
    """Return a command whose lines do not break inside the name of an option."""
    return _OPTION.sub(lambda found: f"<span class=whole>{found[0]}</span>", escape(text))


def _figures(page: LoadPage) -> Iterator[str]:
    yield '<section aria-label="Figures"><dl class="figures">'
    for figure in page.figures:
        note = f"<dd class=note>{escape(figure.note)}</dd>" if figure.note else ""
        yield f"<div><dt>{escape(figure.name)}</dt><dd>{escape(figure.value)}</dd>{note}</div>"
    yield "</dl></section>"


def _stages(page: LoadPage) -> Iterator[str]:
    if not page.stages:
        return
    yield "<section><h2>Stages</h2>"
    for stage in page.stages:
        yield f"<h3>{escape(stage.name)}</h3>{stage_bar(stage)}<ul class=key>"
        for class_, words, number in stage.parts:
            if number:
                mark = f'<span class="mark {class_}"></span>'
                yield f"<li>{mark}{escape(words)} <b>{figures.count(number)}</b></li>"
        yield "</ul>"
    yield "</section>"


def _over_time(page: LoadPage) -> Iterator[str]:
    svg = over_time(page.samples)
    if not svg:
        return
    yield "<section><h2>Over time</h2>"
    yield f'<div class=picture tabindex=0 role=group aria-label="Over time">{svg}</div>'
    shares = limit_shares(page.samples)
    if shares:
        yield '<ul class=key aria-label="What limited the load">'
        for class_, words, share in shares:
            yield f'<li><span class="mark {class_}"></span>{escape(words)} <b>{share}</b></li>'
        yield "</ul>"
    yield "</section>"


def _windows(windows: Sequence[WindowCell]) -> Iterator[str]:
    if not windows:
        return
    done, under_way, failed = (
        sum(getattr(cell, name) for cell in windows) for name in ("done", "open", "failed")
    )
    yield f"<section><h2>Windows</h2>{window_map(windows)}<ul class=key>"
    states = (
        ("accepted", "finished", done),
        ("busy", "unfinished", under_way),
        ("failed round", "with failed events", failed),
    )
    for class_, words, number in states:
        if number:
            yield f'<li><span class="mark {class_}"></span>{words} <b>{figures.count(number)}</b></li>'
    size = windows[0].last - windows[0].first + 1
    each = f"<li>each mark is {figures.counted(size, 'window')}</li>" if size > 1 else ""
    yield f"{each}</ul></section>"


def _causes(name: str, kind: str, causes: Sequence[CauseLine]) -> Iterator[str]:
    rows = [
        (
            figures.count(each.count),
            figures.printable(each.kind, 80),
            f"{figures.printable(each.reason, 300)}{_FIRST}{_joined(figures.printable(each.place, 300))}",
        )
        for each in causes
    ]
    yield from _table(name, ("count", kind, "reason and first place"), rows)


def _joined(place: str) -> str:
    """Return a place whose row number does not wrap away from its word."""
    return "\u00a0".join(place.rsplit(" ", 1))


_FIRST = "\n"
"""Separates a reason from the place below it."""


def _files(files: FileList) -> Iterator[str]:
    lines = [*files.lines, *([files.rest] if files.rest is not None else [])]
    rows = [
        (
            figures.printable(each.path, 200),
            figures.count(each.rows),
            figures.percent(each.share, 1.0),
            figures.count(each.rejected),
            figures.count(each.failed),
        )
        for each in lines
    ]
    name = "Files" if files.total == 1 else f"Files ({files.total:,})"
    note = f"In {figures.printable(files.folder, 300)}" if files.folder else ""
    yield from _table(name, ("file", "rows", "share", "rejected", "failed"), rows, note=note)


def _table(
    name: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, folded: bool = False, note: str = ""
) -> Iterator[str]:
    if not rows:
        return
    heading = f"<details><summary><h2>{escape(name)}</h2></summary>" if folded else f"<h2>{escape(name)}</h2>"
    label = escape(name, quote=True)
    heading += f"<p class=note>{_path(note)}</p>" if note else ""
    yield f'<section>{heading}<div class=table tabindex=0 role=group aria-label="{label}"><table>'
    if any(head):
        yield f"<thead><tr>{_heads(head, rows[0])}</tr></thead>"
    yield "<tbody>"
    yield from (f"<tr>{_cells(row)}</tr>" for row in rows)
    yield f"</tbody></table></div>{'</details>' if folded else ''}</section>"


_LONG_CHARS = 40
"""A longer text, or a path, may break anywhere; a short one, such as a column name, only between words."""

_NUMBERS = frozenset("0123456789,.%< ")


def _heads(names: Sequence[str], row: Sequence[str]) -> str:
    """Return the column names, each aligned like the cells below it."""
    pairs = zip(names, row, strict=True)
    return "".join(
        f'<th scope="col"{_class_of(cell) if set(cell) <= _NUMBERS else ""}>{escape(name)}</th>'
        for name, cell in pairs
    )


def _cells(cells: Iterable[str]) -> str:
    return "".join(f"<td{_class_of(cell)}>{_cell(cell)}</td>" for cell in cells)


def _cell(cell: str) -> str:
    text, _, place = cell.partition(_FIRST)
    return _path(text) + (f"<div class=note>{_path(place)}</div>" if place else "")


def _class_of(cell: str) -> str:
    if cell and set(cell) <= _NUMBERS:
        return " class=number"
    return " class=long" if "/" in cell or len(cell) > _LONG_CHARS else ""


def _path(text: str) -> str:
    """Return text that may break after a slash: a long path must not widen the page on a phone."""
    return escape(text).replace("/", "/<wbr>")


def _footer(page: LoadPage, *, live: bool) -> Iterator[str]:
    state = '<span id="live" role="status">live</span> · ' if live else ""
    made = f"Report of scn-loader, made {escape(page.made_at)}. This page has no values of rows."
    yield f"<footer>{state}{made}</footer>"
