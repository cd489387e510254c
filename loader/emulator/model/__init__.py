"""What the model of the service says: operations, shapes, errors and datasets."""
