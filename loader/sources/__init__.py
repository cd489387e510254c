"""Where bytes come from: discovery, local files, S3, standard input, compression, encodings."""
