"""What an attempt waits for: byte budget, in-flight cap, user's ceiling, circuit breaker."""
