"""The limits that delay an attempt: byte budget, in-flight cap, user's ceiling, circuit breakers."""
