"""Opening a checkpoint: find, compare, keep or replace it, and reconcile what a dead run left."""
