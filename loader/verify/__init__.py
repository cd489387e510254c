"""Check whether accepted events are loaded: ask the service about receipts, and map failures to rows."""
