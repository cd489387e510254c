"""How fast the rate grows while its limit is not known, or not well: events per second, per accepted event.

Growing by a number of events per second with each *accepted* event makes the growth exponential, and slows it
by itself where answers are late or lanes are few: what was not accepted proves nothing.
"""

START_GAIN, FASTER_GAIN, FASTER_RATE = 1.0, 2.0, 200.0
"""At first the rate grows by a factor of e per second, from FASTER_RATE on twice as fast: a low limit is not
overshot by far, and 5,000/s is reached within five seconds."""

RETURN_GAIN = 3.0
"""The same on the way back to a limit that was known before an outage, or in an earlier load."""

FIRST_GAIN, FIRST_EPOCHS = 0.3, 3
"""Near a limit after so few epochs: the first estimates are rough."""

SEEK_GAIN, SEEK_GAIN_RATE, LEAST_GAIN = 0.2, 100.0, 0.05
"""Near a limit: 20 % per second at SEEK_GAIN_RATE, and less at higher rates, with the square root. Of two
loads under one limit the slower one grows faster and catches up, as in CUBIC (RFC 9438)."""

MAX_GAIN = 1.0
GAIN_PER_RATE = 0.025
"""No single answer moves the rate by more than this share."""

PROMPT_SECONDS = 0.05
"""Throttles that are answered later than this slow the growth down: what grows meanwhile is overshoot."""


def start_gain(rate: float) -> float:
    """Return the gain while nothing is known about the limit."""
    return min(START_GAIN + rate / FASTER_RATE, FASTER_GAIN)


def seek_gain(rate: float, limit: float, epochs: int, reaction_seconds: float) -> float:
    """Return the gain near a limit.

    The further the rate is beyond the limit without being throttled, the faster: the limit has moved.

    Args:
        rate: Events per second now.
        limit: Events per second as last estimated.
        epochs: Congestion epochs so far.
        reaction_seconds: How long throttles take to be answered.
    """
    gain = FIRST_GAIN
    if epochs >= FIRST_EPOCHS:
        gain = min(max(SEEK_GAIN * (SEEK_GAIN_RATE / rate) ** 0.5, LEAST_GAIN), FIRST_GAIN)
    gain += max(rate / limit - 1.0, 0.0)
    gain *= min(1.0, PROMPT_SECONDS / reaction_seconds)
    return min(gain, MAX_GAIN, GAIN_PER_RATE * rate)
