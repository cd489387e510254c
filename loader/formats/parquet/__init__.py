"""Parquet: footer checks and windows."""
