"""What each column of a dataset is made of, and whether the types fit."""
