"""The shards of one load: several checkpoints in one run directory."""
