"""The section of docs/reliability.md on public files; it stays when the rest of the page is rewritten."""

from pathlib import Path

HEADING = "## Public files"
NEXT = "\n## "


def section_of(page: Path) -> str:
    """Return the section of a page, or an empty text if it has none."""
    if not page.exists():
        return ""
    _, heading, after = page.read_text(encoding="utf-8").partition(HEADING)
    return (heading + after.partition(NEXT)[0]).rstrip()


def with_section(page: str, section: str, before: str) -> str:
    """Return a page with the section in front of another heading, in place of an older section."""
    text, heading, after = page.partition(HEADING)
    if heading:
        text += NEXT.lstrip() + after.partition(NEXT)[2]
    start, next_heading, rest = text.partition(before)
    return f"{start.rstrip()}\n\n{section.strip()}\n\n{next_heading}{rest}".rstrip() + "\n"
