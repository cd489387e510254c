"""Events to outcomes: lanes, limits, retries and the dispatcher."""
