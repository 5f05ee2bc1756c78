"""A tool's limits over all worker processes: calls per minute, calls at once, and a breaker."""
