"""The model gateway, measured: streams at once, latency beside a peer, faults, hedging, breakers."""
