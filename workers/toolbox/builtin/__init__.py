"""The tools that Hartley brings."""
