"""The demonstration: a simulated town with a known truth, and a report page that anyone can open."""
