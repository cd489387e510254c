"""Generate rows of any dataset of the AWS data model, for rehearsals, benchmarks and tests."""

from loader.synthetic.files import write_sample
from loader.synthetic.rows import RowSettings, group_column, synthetic_rows

__all__ = ["RowSettings", "group_column", "synthetic_rows", "write_sample"]
