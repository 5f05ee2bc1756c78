"""What money costs, and whether it is kept together."""
