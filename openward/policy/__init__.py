"""Which tier a model belongs to, and why. Pure."""
