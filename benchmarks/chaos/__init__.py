"""Kills, freezes, flushes and restarts under load, then checks every promise of the engine from rows and witnesses."""
