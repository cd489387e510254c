"""Metrics of a load for monitoring: a file for Prometheus, a line for CloudWatch, OTLP for collectors."""

from loader.metrics.emf import emf_line
from loader.metrics.prometheus import MetricsFile

__all__ = ["MetricsFile", "emf_line"]
