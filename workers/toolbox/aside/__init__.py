"""Work on what others wrote that may take long, take much memory or crash a library: each piece in a process of its own."""
