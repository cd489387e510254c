"""The rate controller: it learns the rate that the service allows."""
