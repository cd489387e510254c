"""The rate controller: learns the rate that the service allows."""
