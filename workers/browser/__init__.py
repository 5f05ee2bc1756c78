"""The process that owns a real browser, for the tool `browser`. It has no secret but the one by which workers ask it."""
