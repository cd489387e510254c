"""Objects in S3 as files of an extract: the client, finding objects, and reading them in parts."""
