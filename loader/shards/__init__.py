"""The shards of one load: several checkpoints in a run directory, which belong together."""
