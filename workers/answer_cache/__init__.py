"""Answers that were paid for once: the exact cache, and calls that are under way."""
