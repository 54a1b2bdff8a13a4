"""Tools of the repository: the local runtime behind `make demo`."""
