"""Reads pages of the web: what is asked goes through the guard, what comes is taken apart in processes of its own."""
