"""One run of a load: hands events over, records results, counts, ends."""
