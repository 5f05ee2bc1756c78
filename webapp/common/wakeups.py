"""The names of the Redis channels. What travels there is only speed: all of it may be lost."""

WAKE = "hartley:wake"  # JSON list of task ids that have new events
DELTA = "hartley:deltas"  # JSON list of [task, agent, text]: text as it streams, unnumbered
OUTPUT = "hartley:outputs"  # JSON list of [task, agent, step, tool, stream, text]: what tools print, unnumbered
ENDED = "hartley:ended"  # JSON list of task ids that have ended: stop what still runs for them, look at them again
