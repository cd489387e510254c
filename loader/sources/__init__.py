"""The sources of bytes: discovery, local files, S3, standard input, compression, encodings."""
