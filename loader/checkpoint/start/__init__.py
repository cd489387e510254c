"""The opening of a checkpoint: find, compare, keep or replace it, and reconcile it after a killed run."""
