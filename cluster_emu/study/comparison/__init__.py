"""Paired comparisons of transfer strategies."""
