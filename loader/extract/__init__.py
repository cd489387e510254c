"""Files to windows of rows to records: everything that reads an extract.

The only part of the loader that knows polars. ``open_extract`` is its front door::

    extract = open_extract(job)
    for window in extract.windows():
        records = extract.records(window)
"""

import os

# Read by polars when it is first imported, hence here, before any module below imports it. Two threads
# read faster than a load can send; more only cost memory, for each brings an allocator arena of its own
# (measured on a Parquet file with row groups of 1M rows: 183 MB resident with 2 threads, 248 with 16).
os.environ.setdefault("POLARS_MAX_THREADS", "2")
# Read by polars' allocator at the same moment: freed memory goes back to the system after 0.2 s. Resident
# memory falls by 30 to 50 MB, at no cost that can be told from noise.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:200,muzzy_decay_ms:0")

from loader.sources.files import changed, find_files
from loader.mapping.mapping import place_of_dataset
from loader.extract.extract import Extract, open_extract
from loader.formats.tables import reopen_table
from loader.formats.windows import Table, Window

__all__ = [
    "Extract",
    "Table",
    "Window",
    "changed",
    "find_files",
    "open_extract",
    "place_of_dataset",
    "reopen_table",
]
