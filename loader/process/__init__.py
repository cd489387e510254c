"""The process around the work: its streams, the signals that stop it, threads that it does not wait for."""
