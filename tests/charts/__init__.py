"""Charts as arrays."""
