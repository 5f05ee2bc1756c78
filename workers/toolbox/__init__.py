"""Tools: what agents may ask for. Each has a schema, a price, an effect and the permissions it demands."""
