"""The emulator on the wire: server, signature check, answers, control endpoints."""
