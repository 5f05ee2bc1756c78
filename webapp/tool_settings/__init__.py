"""What who operates the platform says of its tools: on or off, prices, limits."""
