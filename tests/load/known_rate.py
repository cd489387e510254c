"""What loads of a test find remembered: a cold start would be most of their time."""

import time

from loader.delivery.rate.memory import RateMemory, Remembered
from loader.emulator import ACCESS_KEY_ID

KNOWN_RATE = 1000.0
"""Events per second."""


def know_rate(endpoint_url: str, instance_id: str) -> None:
    """Remember a rate, in the state folder of this process, for loads with the emulator's key."""
    RateMemory(endpoint_url, ACCESS_KEY_ID, instance_id).remember(Remembered(KNOWN_RATE), time.time())
