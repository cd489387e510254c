"""Convert rows to records: values to exact texts, texts to JSON."""
