"""What runs the shards of a load: processes of this machine."""
