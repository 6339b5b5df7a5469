"""The deployed system on this machine: LocalStack without containers, and the functions as processes."""
