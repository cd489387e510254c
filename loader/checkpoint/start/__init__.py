"""Open a checkpoint: find, compare, resume or replace it, and reconcile it after a killed run."""
