"""The copies of a checkpoint in S3: a head, and the archives to which it refers."""
