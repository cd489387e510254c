"""The model of the service: operations, shapes, errors and datasets."""
