"""Checks of a machine before a load: versions, configuration, connection to the service, disk and limits."""

from loader.doctor.check import Check, CheckState
from loader.doctor.machine import machine_checks
from loader.doctor.service import service_checks

__all__ = ["Check", "CheckState", "machine_checks", "service_checks"]
