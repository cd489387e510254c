"""Read an extract: files to windows of rows, rows to records.

``open_extract`` is the entry point::

    extract = open_extract(settings)
    for rows in extract.slices():
        records = extract.records(rows)
"""

from loader.extract.extract import Extract
from loader.extract.file_ends import FileEnds
from loader.extract.find_files import find_files
from loader.extract.opening import open_extract
from loader.extract.tables import reopen_table
from loader.formats.windows import Slice, Table
from loader.mapping.target_dataset import place_of_dataset
from loader.sources.files import changed

__all__ = [
    "Extract",
    "FileEnds",
    "Slice",
    "Table",
    "changed",
    "find_files",
    "open_extract",
    "place_of_dataset",
    "reopen_table",
]
