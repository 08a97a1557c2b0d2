"""Drains of hosts, and advice on them."""
