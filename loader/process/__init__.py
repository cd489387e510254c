"""The process: its standard streams, the signals that stop it, and threads that do not delay its end."""
