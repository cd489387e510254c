"""Slow start: the growth of the rate while the limit is unknown or uncertain.

A gain is the increase in events per second for each *accepted* event. The growth is therefore exponential,
and it slows down when answers are late or lanes are few. Only accepted events are evidence that a rate is
allowed.
"""

START_GAIN, FASTER_GAIN, FASTER_RATE = 1.0, 2.0, 200.0
"""Gain in START: the rate grows by a factor of e per second at first, and twice as fast from FASTER_RATE on.
The slow beginning limits the overshoot of a low limit; the faster part reaches 5,000/s within five
seconds."""

RETURN_GAIN = 3.0
"""Gain on the return to a limit that is known from before an outage or from an earlier load."""

FIRST_GAIN, FIRST_EPOCHS = 0.3, 3
"""Gain near a limit during the first FIRST_EPOCHS congestion epochs, when estimates are rough."""

SEEK_GAIN, SEEK_GAIN_RATE, LEAST_GAIN = 0.2, 100.0, 0.05
"""Gain near a limit: 20 % per second at SEEK_GAIN_RATE, falling with the square root of the rate, and at
least LEAST_GAIN. The slower of two loads under one limit grows faster and catches up, as in CUBIC (RFC
9438)."""

MAX_GAIN = 1.0
GAIN_PER_RATE = 0.025
"""Upper bounds of the gain: absolute, and as a fraction of the rate, so that one answer changes the rate only
slightly."""

PROMPT_SECONDS = 0.05
"""Throttle latency above which the growth slows down, because growth before the answer arrives is
overshoot."""


def start_gain(rate: float) -> float:
    """Return the gain while the limit is unknown; ``rate`` is in events per second."""
    return min(START_GAIN + rate / FASTER_RATE, FASTER_GAIN)


def seek_gain(rate: float, limit: float, epochs: int, reaction_seconds: float) -> float:
    """Return the gain near a limit.

    The gain increases with the distance above the limit, because an unthrottled rate there shows that the
    limit has increased.

    Args:
        rate: Current events per second.
        limit: Latest estimate in events per second.
        epochs: Congestion epochs so far.
        reaction_seconds: Mean latency of throttles.
    """
    gain = FIRST_GAIN
    if epochs >= FIRST_EPOCHS:
        gain = min(max(SEEK_GAIN * (SEEK_GAIN_RATE / rate) ** 0.5, LEAST_GAIN), FIRST_GAIN)
    gain += max(rate / limit - 1.0, 0.0)
    gain *= min(1.0, PROMPT_SECONDS / reaction_seconds)
    return min(gain, MAX_GAIN, GAIN_PER_RATE * rate)
