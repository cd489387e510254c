"""SVG elements as text. The page around a picture defines the CSS classes."""

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr


def element(name: str, content: str = "", **attributes: object) -> str:
    """Return one element; an underscore in an attribute's name becomes a hyphen, ``class_`` is ``class``."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}={quoteattr(_number(value))}"
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def text(x: float, y: float, content: str, class_: str, anchor: str = "start") -> str:
    """Return a line of text that begins at, ends at or is centred on x."""
    return element("text", escape(content), x=x, y=y, class_=class_, text_anchor=anchor)


def title(content: str) -> str:
    """Return the title of the enclosing element, for pointers and screen readers."""
    return element("title", escape(content))


def points(pairs: Iterable[tuple[float, float]]) -> str:
    """Return coordinates in the form of a polyline."""
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in pairs)


def _number(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
