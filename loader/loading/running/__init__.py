"""One run of a load: it hands events over, records results, counts, and concludes."""
