"""Trials of the whole command, as in the fault tests."""

from tests.faults.conftest import new_trial, trial

__all__ = ["new_trial", "trial"]
