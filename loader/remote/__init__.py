"""A run directory in S3: its objects, the lease on it, copies of its checkpoints, working copies."""
