"""Excel workbooks (.xlsx, .xlsm): one sheet of one, as rows."""
