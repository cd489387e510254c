"""The colours of the page, read from its style sheet, and the contrast between two of them (WCAG 2.2)."""

import re

LIGHT, DARK = "light", "dark"


def palettes(style: str) -> dict[str, dict[str, str]]:
    """Return the variables of the light and the dark palette."""
    dark = re.search(r"prefers-color-scheme:dark\)\{:root\{(.*?)\}\}", style, re.DOTALL)
    light = re.search(r":root\{(.*?)\}", style, re.DOTALL)
    assert light is not None
    assert dark is not None
    return {LIGHT: _variables(light[1]), DARK: _variables(light[1]) | _variables(dark[1])}


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _variables(text: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+):(#[0-9a-f]{3,6})", text))


def _luminance(colour: str) -> float:
    digits = colour[1:]
    if len(digits) == 3:
        digits = "".join(2 * each for each in digits)
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
