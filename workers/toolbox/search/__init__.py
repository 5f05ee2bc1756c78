"""Searching the web: what each provider is asked and how its answer is read, and the order in which they are tried."""
