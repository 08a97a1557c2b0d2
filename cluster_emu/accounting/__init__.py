"""Power and energy, the result tables."""
