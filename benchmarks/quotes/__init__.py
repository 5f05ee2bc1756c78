"""How often a quote is right: measured with answers of varied lengths and delays."""
