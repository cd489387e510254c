"""Map source columns to the columns of a dataset, and check that the types fit."""
