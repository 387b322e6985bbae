"""The service under load, faults and bad input."""
