"""Intensity mappings: how fast VMs write, from what a trace says of them."""
