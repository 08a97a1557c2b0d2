"""Parameter grids that resume."""
