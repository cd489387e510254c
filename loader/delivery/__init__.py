"""Delivery of events: lanes, limits, retries and the dispatcher."""
