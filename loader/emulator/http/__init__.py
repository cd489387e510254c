"""The HTTP side of the emulator: server, signature check, answers, control endpoints."""
