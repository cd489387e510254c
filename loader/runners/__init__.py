"""The processes that run the shards of a load on this machine."""
