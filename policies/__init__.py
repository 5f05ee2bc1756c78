"""What may happen: Rego modules, the engine that asks them, and the shape of what they are asked. Knows no Django."""
